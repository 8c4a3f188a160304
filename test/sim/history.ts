/**
 * What is true, from the bytes in the store alone: every log entry at the moment it landed. The
 * name's life is one list of points, one for each entry; each holds all documents as of then.
 *
 *   points   nothing │ entries of the first generation … tombstone │ entries of the second …
 *
 * A branch begins with its parent's point, and is a name's life like any other from there.
 *
 * From it follow the rules that answers are held against:
 *   - an acknowledged write is in the entry its acknowledgement names, and in the name's life
 *   - a strong read shows exactly one point, none older than what was acknowledged before it began
 *   - an eventual read shows exactly one point, none older than its bound allows
 *   - a write refused for certain is in no entry; one under a key is in at most one of a life
 *   - a write decided from documents saw those that were there right before it (rewrites.ts)
 *   - once an operator has skipped an entry, the log is what it is without it
 *   - times never fall along the log, so that a time is one point
 *   - in every manifest the living rows of all segments are those of the point at its floor
 */
import { encodeHex } from "../../src/bytes/hex.ts";
import type { Batch } from "../../src/document/batch.ts";
import { decodeBatch } from "../../src/format/batch.ts";
import { openSkip } from "../../src/format/skip.ts";
import { type ChunkRef, type OpenedWalEntry, type WalBatch } from "../../src/format/wal.ts";
import { entryFault } from "../../src/namespace/invariants.ts";
import { zeroHash } from "../../src/namespace/state.ts";
import { attachmentKey, generationRoot, sequenceOfSkipKey } from "../../src/store/keys.ts";
import type { OracleDocument } from "../oracle/brute-force.ts";
import { syncDigest } from "../sync-digest.ts";
import { ChangeHistory } from "./change-history.ts";
import {
  applyBatch,
  type Change,
  nowhere,
  type Point,
  type ReadWindow,
  retentionAfter,
} from "./point.ts";
import { rewriteFault } from "./rewrites.ts";
import type { World } from "./world.ts";

export type { Documents, Point, ReadWindow } from "./point.ts";

export class History {
  readonly points: Point[] = [nowhere];
  readonly changes: ChangeHistory;
  readonly #world: World;
  /** Index of the newest point known to be acknowledged, and when it became so. */
  /** The point that knows the newest skip. */
  #skippedAt = 0;
  #acknowledged = 0;
  readonly #acknowledgements: { readonly atMs: number; readonly index: number }[] = [];
  /** What each entry did to the documents, by "<generation>/<sequence>" of where it is stored. */
  readonly #changes = new Map<string, Change>();
  /** "<generation>/<sequence>" of entries an operator went on without. */
  readonly #skipped = new Set<string>();
  /** The life that the log names as its next one. */
  #successor: string | undefined;
  /** Entries each write appears in. */
  readonly #appearances = new Map<number, number>();
  /** The entry of each key, by "<generation>/<key>". */
  readonly #keys = new Map<string, number>();

  constructor(world: World) {
    this.#world = world;
    this.changes = new ChangeHistory(world);
  }

  get last(): Point {
    return this.points.at(-1) as Point;
  }

  /** The name lives again, or on, as what was at that point; a restore keeps the settings. */
  branched(generation: string, parent: Point, kind: string | undefined): void {
    const { last } = this;
    if (last.exists && this.#successor !== generation) {
      this.#world.violate("branch", "a name that lives becomes a branch");
    }
    if (!parent.exists) this.#world.violate("branch", "it begins as what was deleted");
    this.#successor = undefined;
    // As clocks show it.
    const goesOn = kind === "restore" && last.exists;
    const timeMs = goesOn ? last.timeMs : Math.floor(this.#world.scheduler.nowMs);
    const set = kind === "branch" ? parent : goesOn ? last : nowhere;
    const { readOnly, retentionMs } = set;
    const writes = new Set<number>();
    this.points.push({ ...parent, generation, readOnly, retentionMs, writes, timeMs });
  }

  /** What was registered as a branch never lived. */
  givenUp(generation: string): void {
    this.points.push({ ...nowhere, generation, timeMs: Math.floor(this.#world.scheduler.nowMs) });
  }

  /** From now on the points behind the entry are others. */
  async skip(key: string, bytes: Uint8Array): Promise<void> {
    const { last } = this;
    const generation = /\/n\/([^/]+)\//.exec(key)?.[1] ?? "";
    const sequence = sequenceOfSkipKey(key) ?? 0;
    // Under way while the name was deleted.
    const isOver = ({ generation: of, exists }: Point): boolean => of === generation && !exists;
    const isPast = generation !== last.generation && this.indexAt(generation, sequence) >= 0;
    if (isPast || this.points.some(isOver)) return;
    if (generation !== last.generation || sequence >= last.next || !last.exists) {
      this.#world.violate("skip", `of entry ${sequence}, which is not there`);
      return;
    }
    const skip = await openSkip(bytes, { generation, sequence }, syncDigest);
    const { landings } = this.#world;
    const home = landings.homeOf(generation, sequence);
    this.#skipped.add(`${generation}/${sequence}`);
    this.#changes.delete(`${home}/${sequence}`);
    for (const [name, entry] of this.#keys) {
      if (entry === sequence && name.startsWith(home)) this.#keys.delete(name);
    }
    const before = landings.pointOf(generation, sequence);
    let documents = before?.documents ?? new Map();
    let readOnly = before?.readOnly ?? false;
    let times = before ?? nowhere;
    for (let next = sequence + 1; next <= last.next; next++) {
      const from = landings.homeOf(generation, next - 1);
      const change = this.#changes.get(`${from}/${next - 1}`);
      const known = landings.pointOf(generation, next) ?? nowhere;
      documents = change?.apply(new Map(documents)) ?? documents;
      // What it inherited of its settings, it did not inherit entry by entry.
      readOnly = from === generation ? (change?.readOnly ?? readOnly) : known.readOnly;
      const writes = change?.writes ?? new Set<number>();
      const hash = next === sequence + 1 ? skip.hash : known.hash;
      const point = { generation, next, exists: true, documents, readOnly, writes, hash };
      if (!this.#skipped.has(`${generation}/${next - 1}`)) times = known;
      const { entryMs, timeMs } = times;
      const skipped = this.#skippedIn(generation);
      this.points.push({ ...known, ...point, entryMs, timeMs, skipped });
    }
    this.#skippedAt = this.points.length - 1;
  }

  /** Who asks from now on must not be shown the skipped entry. */
  skipAcknowledged(): void {
    this.#acknowledge(this.#skippedAt);
  }

  /** The entry of the present life that names the attachment. */
  entryNaming(part: string): number | undefined {
    const { generation } = this.last;
    for (const [key, { parts }] of this.#changes) {
      const [home, sequence = ""] = key.split("/");
      const isOfIt = home === this.#world.landings.homeOf(generation, Number(sequence));
      if (isOfIt && parts.includes(part)) return Number(sequence);
    }
    return undefined;
  }

  /** A log entry landed. */
  async entry(generation: string, sequence: number, entry: OpenedWalEntry): Promise<void> {
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
    const hash = begins ? zeroHash : last.hash;
    const fault = entryFault({ generation, next: sequence, hash, ended: false }, entry);
    // What follows an entry that went bad may not know its hash any more.
    const isEnd = entry.members.some(({ kind }) => kind === "tombstone");
    const isRotten =
      this.#world.rot.hasEntry(generation, sequence - 1) || (isEnd && !this.#world.rot.isEmpty);
    if (fault !== undefined && !isRotten) {
      this.#world.violate("chain", `entry ${sequence}: ${fault}`);
    }
    if (!begins && entry.timeMs < last.entryMs && !isRotten) {
      const byMs = last.entryMs - entry.timeMs;
      this.#world.violate("time", `entry ${sequence} is ${byMs} ms older than the one before`);
    }
    if (entry.members.length === 0) this.#world.faults.saw("slot: fence entry");
    if (entry.members.length > 1) this.#world.faults.saw("slot: several members");
    const documents = new Map(begins ? [] : last.documents);
    const wasReadOnly = !begins && last.readOnly;
    const { change, exists } = await this.#read(generation, entry, documents, wasReadOnly);
    const metReadOnly = entry.members.some(
      (member) => member.kind === "batch" && member.settings?.readOnly === true,
    );
    const { writes } = change;
    this.#changes.set(`${generation}/${sequence}`, change);
    if (begins && this.points.length > 1) this.#world.faults.saw("namespace: made again");
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
      readOnly: exists && (change.readOnly ?? wasReadOnly),
      ...(metReadOnly ? { metReadOnly } : {}),
      writes,
      hash: entry.hash,
      entryMs: entry.timeMs,
      timeMs: entry.timeMs,
      retentionMs: retentionAfter(begins ? 0 : last.retentionMs, entry),
      skipped: this.#skippedIn(generation),
    });
  }

  #skippedIn(of: string): readonly number[] {
    const slots = [...this.#skipped].map((slot) => slot.split("/"));
    return slots.flatMap(([generation, slot]) => (generation === of ? [Number(slot)] : []));
  }

  /** What the entry does, done to the documents; `exists`: whether the name still does then. */
  async #read(
    generation: string,
    entry: OpenedWalEntry,
    documents: Map<number, OracleDocument>,
    wasReadOnly: boolean,
  ): Promise<{ readonly change: Change; readonly exists: boolean }> {
    const writes = new Set<number>();
    const parts: string[] = [];
    const steps: ((documents: Map<number, OracleDocument>) => void)[] = [];
    const apply = (to: Map<number, OracleDocument>): Map<number, OracleDocument> => {
      for (const step of steps) step(to);
      return to;
    };
    let readOnly: boolean | undefined;
    const end = (exists: boolean) => ({ change: { writes, parts, readOnly, apply }, exists });
    for (const member of entry.members) {
      if (member.kind === "tombstone") {
        this.#successor = member.successor;
        return end(member.successor !== undefined);
      }
      const isWrite = member.upserts + member.deletes > 0 || member.addition !== undefined;
      // Who skips an entry may skip the one that allowed writes again.
      if (isWrite && (readOnly ?? wasReadOnly) && this.#skipped.size === 0) {
        this.#world.violate("read-only", `entry ${entry.sequence} writes all the same`);
      }
      readOnly = member.settings?.readOnly ?? readOnly;
      this.#noteKey(generation, entry.sequence, member);
      const batches: Batch[] = [];
      for (const chunk of member.chunks) {
        if (chunk.kind === "part") parts.push(chunk.id);
        const batch = await this.#batchOf(generation, entry.sequence, chunk);
        if (batch !== undefined) batches.push(batch);
      }
      const wrong = rewriteFault(documents, batches);
      if (wrong !== undefined) this.#world.violate("rewrite", `${entry.sequence}: ${wrong}`);
      const before = new Map(documents);
      for (const batch of batches) {
        const step = (to: Map<number, OracleDocument>): void => applyBatch(to, batch);
        steps.push(step);
        step(documents);
        // A write of deletes alone carries no tag.
        const tags = batch.attributes.find(({ name }) => name === "w")?.values ?? [];
        for (const tag of tags) writes.add(Number(tag));
      }
      if (batches.length === member.chunks.length) {
        this.changes.landed(generation, this.points, batches, before, documents);
      }
    }
    return end(true);
  }

  async #batchOf(
    generation: string,
    sequence: number,
    chunk: ChunkRef,
  ): Promise<Batch | undefined> {
    if (chunk.kind === "inline") return decodeBatch(chunk.bytes);
    this.#world.faults.saw("commit: attachment");
    const key = attachmentKey(generationRoot("default", generation), chunk.id);
    const stored = await this.#world.store.memory.get(key);
    if (stored !== undefined) {
      return this.#world.rot.hasPart(chunk.id) ? undefined : decodeBatch(stored.bytes);
    }
    this.#world.violate("attachment", `entry ${sequence} names a missing attachment`);
    return undefined;
  }

  #noteKey(generation: string, sequence: number, { key }: WalBatch): void {
    if (key === undefined) return;
    const name = `${generation}/${encodeHex(key.id)}`;
    const known = this.#keys.get(name);
    if (known !== undefined) {
      const where = `entries ${known} and ${sequence}`;
      this.#world.violate("applied twice", `${where} hold the write of one key`);
    }
    this.#keys.set(name, sequence);
  }

  /** Without a key, only what was sent once is in one entry for certain. */
  writeSentOnce(tag: number | undefined): void {
    const times = tag === undefined ? 0 : (this.#appearances.get(tag) ?? 0);
    if (times > 1) this.#world.violate("applied twice", `write ${tag} is in ${times} entries`);
  }

  indexAt(generation: string, next: number): number {
    return this.points.findLastIndex((p) => p.generation === generation && p.next === next);
  }

  pointAt(generation: string, next: number): Point | undefined {
    return this.points[this.indexAt(generation, next)];
  }

  /** The writer was told that entry `sequence` holds its write. */
  writeAcknowledged(
    generation: string,
    sequence: number,
    tag: number | undefined,
    key: string | undefined,
  ): void {
    if (this.#skipped.has(`${generation}/${sequence}`)) return;
    const index = this.indexAt(generation, sequence + 1);
    const point = this.points[index];
    const isKept = tag === undefined || point?.writes.has(tag) === true;
    const isKeyed = key === undefined || this.#keys.get(`${generation}/${key}`) === sequence;
    if (point === undefined || !isKept || !isKeyed) {
      this.#world.violate("lost write", `write ${tag} is not in entry ${sequence}`);
      return;
    }
    this.#acknowledge(index);
  }

  /**
   * The owner answered with this point, of now: it must not be older than the window allows.
   * `knows`: whether the answer takes a slot for skipped. What was begun before a skip may not.
   */
  pointShown(
    window: ReadWindow,
    what: string,
    generation: string,
    next: number,
    knows: (slot: number) => boolean = () => true,
  ): Point | undefined {
    const index = this.points.findLastIndex(
      (p) => p.generation === generation && p.next === next && (p.skipped ?? []).every(knows),
    );
    const point = this.points[index];
    if (point === undefined || index < window.first) {
      this.#world.violate(what, `entry ${next} of ${generation} is too old, or never was`);
      return undefined;
    }
    this.#acknowledge(index);
    return point;
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
