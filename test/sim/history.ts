/**
 * What is true, from the bytes in the store alone: every log entry at the moment it landed. The
 * name's life is one list of points, one for each entry; each holds all documents as of then.
 *
 *   points   nothing │ entries of the first generation … tombstone │ entries of the second …
 *
 * From it follow the rules that answers are held against:
 *   - an acknowledged write is in the entry its acknowledgement names, and in the name's life
 *   - a strong read shows exactly one point, none older than what was acknowledged before it began
 *   - an eventual read shows exactly one point, none older than its bound allows
 *   - a write refused for certain is in no entry; one sent once is in at most one
 *   - in every manifest the living rows of all segments are those of the point at its floor
 */
import { decodeBatch } from "../../src/format/batch.ts";
import { widenVectors } from "../../src/format/vector-element.ts";
import { type OpenedWalEntry, openWalEntry } from "../../src/format/wal.ts";
import { entryFault } from "../../src/namespace/invariants.ts";
import { zeroHash } from "../../src/namespace/state.ts";
import { attachmentKey, generationRoot, sequenceOfWalKey } from "../../src/store/keys.ts";
import type { OracleDocument } from "../oracle/brute-force.ts";
import { syncDigest } from "../sync-digest.ts";
import { ManifestCheck } from "./manifest-check.ts";
import type { World } from "./world.ts";

export type Documents = ReadonlyMap<number, OracleDocument>;

export interface Point {
  readonly generation: string;
  /** Entries below belong to it. */
  readonly next: number;
  readonly exists: boolean;
  readonly documents: Documents;
  /** Tags of the writes its last entry holds. */
  readonly writes: ReadonlySet<number>;
}

export interface ReadWindow {
  /** The oldest point it may show. */
  readonly first: number;
  /**
   * The owner answered: what it has shown, nobody may take back. Without it the log may show an
   * entry that its writer, and the owner, have not heard of yet.
   */
  readonly isFirm: boolean;
}

const nowhere: Point = {
  generation: "",
  next: 0,
  exists: false,
  documents: new Map(),
  writes: new Set(),
};

export class History {
  readonly points: Point[] = [nowhere];
  readonly #world: World;
  readonly manifests: ManifestCheck;
  /** Of the newest entry. */
  #hash: Uint8Array = zeroHash;
  /** Index of the newest point known to be acknowledged, and when it became so. */
  #acknowledged = 0;
  readonly #acknowledgements: { readonly atMs: number; readonly index: number }[] = [];
  /** Entries each write appears in. */
  readonly #appearances = new Map<number, number>();

  constructor(world: World) {
    this.#world = world;
    this.manifests = new ManifestCheck(world);
  }

  get last(): Point {
    return this.points.at(-1) as Point;
  }

  /** An object landed. */
  async stored(key: string, bytes: Uint8Array): Promise<void> {
    const [, generation, sequence] = /\/n\/([^/]+)\/wal\/([0-9a-f]{16})$/.exec(key) ?? [];
    if (generation !== undefined && sequence !== undefined) {
      await this.#entry(generation, sequenceOfWalKey(key) ?? 0, bytes);
    } else if (key.includes("/manifest/")) {
      await this.manifests.check(key, bytes);
    }
  }

  async #entry(generation: string, sequence: number, bytes: Uint8Array): Promise<void> {
    const { last } = this;
    const continues = last.generation === generation && last.next === sequence && last.exists;
    const begins = !last.exists && sequence === 0 && this.pointAt(generation, 1) === undefined;
    if (!continues && !begins) {
      const known = this.pointAt(generation, sequence + 1) !== undefined;
      const over = this.points.some((p) => p.generation === generation && !p.exists);
      if (!known && !over) {
        this.#world.violate("gap", `entry ${sequence} of ${generation} follows ${last.next}`);
      }
      return;
    }
    const entry = await openWalEntry(bytes, { generation, sequence }, syncDigest);
    const hash = begins ? zeroHash : this.#hash;
    const fault = entryFault({ generation, next: sequence, hash, ended: false }, entry);
    if (fault !== undefined) this.#world.violate("chain", `entry ${sequence}: ${fault}`);
    this.#hash = entry.hash;
    if (entry.members.length === 0) this.#world.faults.saw("slot: fence entry");
    if (entry.members.length > 1) this.#world.faults.saw("slot: several members");
    const documents = new Map(begins ? [] : last.documents);
    const writes = new Set<number>();
    const exists = await this.#fold(generation, entry, documents, writes);
    const generations = new Set(this.points.map((point) => point.generation));
    if (begins && generations.size > 1) this.#world.faults.saw("namespace: made again");
    if (!exists) this.#world.faults.saw("namespace: deleted");
    for (const write of writes) {
      this.#appearances.set(write, (this.#appearances.get(write) ?? 0) + 1);
    }
    const next = sequence + 1;
    this.points.push({
      generation,
      next,
      exists,
      documents: exists ? documents : new Map(),
      writes,
    });
  }

  async #fold(
    generation: string,
    entry: OpenedWalEntry,
    documents: Map<number, OracleDocument>,
    writes: Set<number>,
  ): Promise<boolean> {
    const { memory } = this.#world.store;
    const root = generationRoot("default", generation);
    for (const member of entry.members) {
      if (member.kind === "tombstone") return false;
      for (const chunk of member.chunks) {
        if (chunk.kind === "part") this.#world.faults.saw("commit: attachment");
        const bytes =
          chunk.kind === "inline"
            ? chunk.bytes
            : (await memory.get(attachmentKey(root, chunk.id)))?.bytes;
        if (bytes === undefined) {
          this.#world.violate("attachment", `entry ${entry.sequence} names a missing attachment`);
          continue;
        }
        const batch = decodeBatch(bytes);
        batch.ids.forEach((id, row) => {
          if (row >= batch.upserts) documents.delete(Number(id));
          else documents.set(Number(id), documentAt(batch, row));
        });
        // A write of deletes alone carries no tag.
        const tags = batch.attributes.find(({ name }) => name === "w")?.values ?? [];
        for (const tag of tags) writes.add(Number(tag));
      }
    }
    return true;
  }

  indexAt(generation: string, next: number): number {
    return this.points.findLastIndex((p) => p.generation === generation && p.next === next);
  }

  pointAt(generation: string, next: number): Point | undefined {
    return this.points[this.indexAt(generation, next)];
  }

  /** The writer was told that entry `sequence` holds its write. */
  writeAcknowledged(generation: string, sequence: number, tag: number | undefined): void {
    const index = this.indexAt(generation, sequence + 1);
    const point = this.points[index];
    if (point === undefined || (tag !== undefined && !point.writes.has(tag))) {
      this.#world.violate("lost write", `write ${tag} is not in entry ${sequence}`);
      return;
    }
    this.#acknowledge(index);
  }

  /** A deletion that began in the window was acknowledged. */
  removeAcknowledged(window: ReadWindow): void {
    const index = this.points.findIndex((p, at) => at >= window.first && !p.exists);
    if (index < 0) this.#world.violate("lost delete", "no tombstone for a deletion");
    else this.#acknowledge(index);
  }

  /** The write was refused for certain. */
  writeRefused(tag: number | undefined, reason: string): void {
    if (tag !== undefined && this.#appearances.has(tag)) {
      this.#world.violate("refused and applied", `write ${tag} was refused: ${reason}`);
    }
  }

  writeSentOnce(tag: number | undefined): void {
    const times = tag === undefined ? 0 : (this.#appearances.get(tag) ?? 0);
    if (times > 1) this.#world.violate("applied twice", `write ${tag} is in ${times} entries`);
  }

  beginRead(): ReadWindow {
    return { first: this.#acknowledged, isFirm: false };
  }

  /** May show what was newest `ageMs` before it began; anything, if that is unknown. */
  beginStaleRead(ageMs: number | undefined): ReadWindow {
    const sinceMs = this.#world.scheduler.nowMs - (ageMs ?? Infinity);
    const known = this.#acknowledgements.findLast(({ atMs }) => atMs <= sinceMs);
    return { first: known?.index ?? 0, isFirm: false };
  }

  /** The read must agree with one point of its window, which ends now. */
  explain(
    window: ReadWindow,
    what: string,
    complaint: (point: Point) => string | undefined,
  ): boolean {
    let wrong: string | undefined;
    for (let index = window.first; index < this.points.length; index++) {
      wrong = complaint(this.points[index] as Point);
      if (wrong === undefined) {
        if (window.isFirm) this.#acknowledge(index);
        return true;
      }
    }
    const span = `points ${window.first} to ${this.points.length - 1}`;
    this.#world.violate(what, `none of ${span} explains it; the last: ${wrong}`);
    return false;
  }

  #acknowledge(index: number): void {
    if (index <= this.#acknowledged) return;
    this.#acknowledged = index;
    this.#acknowledgements.push({ atMs: this.#world.scheduler.nowMs, index });
  }
}

function documentAt(batch: ReturnType<typeof decodeBatch>, row: number): OracleDocument {
  const attributes: Record<string, OracleDocument["attributes"][string]> = {};
  for (const { name, values } of batch.attributes) {
    const value = values[row] ?? null;
    if (value !== null) attributes[name] = value;
  }
  const vector = widenVectors(batch.vectors.slice(row * batch.dims, (row + 1) * batch.dims));
  return { id: Number(batch.ids[row]), vector, attributes };
}
