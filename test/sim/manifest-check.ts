/**
 * Holds every manifest that lands against the one before and against the log: in all its segments
 * together exactly those documents live, each once, that live at its floor. That they are the same
 * documents is known from their record hashes alone, whether anybody ever asks for them or not.
 */
import type { Bitmap } from "../../src/bytes/bitmap.ts";
import { JobReader } from "../../src/compact-read.ts";
import type { DocumentId } from "../../src/document/id.ts";
import { isEngineError } from "../../src/errors.ts";
import type { Manifest, SegmentInfo } from "../../src/format/manifest.ts";
import { openManifest } from "../../src/format/manifest-codec.ts";
import { documentHash, sumHashes } from "../../src/format/record-hash.ts";
import { attributeNames } from "../../src/index/builder/segment-spec.ts";
import { idBlock, idBlockCount, openIdBlock } from "../../src/index/segment/id-lookup.ts";
import { conservationFault, sumLive } from "../../src/namespace/conservation.ts";
import { liveIdsFault, manifestFault, successorFault } from "../../src/namespace/invariants.ts";
import { versionOfManifestKey } from "../../src/store/keys.ts";
import type { OracleDocument } from "../oracle/brute-force.ts";
import { syncDigest } from "../sync-digest.ts";
import type { Point } from "./history.ts";
import { checkShard, noteShards } from "./sharding.ts";
import type { World } from "./world.ts";

interface Row {
  readonly id: DocumentId;
  readonly hash: bigint;
}

interface SegmentRows {
  readonly info: SegmentInfo;
  /** By ordinal. */
  readonly rows: readonly Row[];
  readonly dead: Bitmap;
}

export class ManifestCheck {
  readonly #world: World;
  readonly #rows = new Map<string, readonly Row[]>();
  readonly #dead = new Map<string, Bitmap>();
  readonly #hashes = new WeakMap<OracleDocument, bigint>();
  readonly #newest = new Map<string, Manifest>();
  readonly #all = new Map<string, Manifest>();

  constructor(world: World) {
    this.#world = world;
  }

  versionOf(generation: string, version: number): Manifest | undefined {
    return this.#all.get(`${generation}/${version}`);
  }

  newestOf(generation: string): Manifest | undefined {
    return this.#newest.get(generation);
  }

  floorOf(generation: string): number {
    return this.newestOf(generation)?.floor ?? 0;
  }

  async check(key: string, bytes: Uint8Array): Promise<void> {
    const generation = /\/n\/([^/]+)\//.exec(key)?.[1] ?? "";
    const version = versionOfManifestKey(key) ?? 0;
    const manifest = await openManifest(bytes, { generation, version }, syncDigest);
    // A branch's came with its registry entry, and is put into its place afterwards.
    if (this.#all.has(`${generation}/${version}`)) return;
    const before = this.#newest.get(generation);
    const fault = manifestFault(manifest) ?? (before && successorFault(before, manifest));
    if (fault !== undefined) this.#world.violate("manifest", fault);
    const lost = before && conservationFault(before, manifest);
    if (lost !== undefined) this.#world.violate("digest", lost);
    noteShards(this.#world, before, manifest);
    this.#newest.set(generation, manifest);
    this.#all.set(`${generation}/${version}`, manifest);
    const segments = await this.#read(manifest).catch((error: unknown) => {
      // What rots was right when it was stored; its successors are checked by what can be read.
      if (this.#world.rot.isEmpty || !isEngineError(error, "corrupt")) {
        this.#world.violate("manifest", `${version} names what cannot be read: ${String(error)}`);
      }
      return undefined;
    });
    if (segments === undefined) return;
    for (const segment of segments) this.#checkDigests(segment);
    const point = this.#world.landings.pointOf(generation, manifest.floor);
    if (point === undefined) {
      // Of a branch that is not registered yet, its parent's is known.
      if (manifest.floor > 0) this.#world.violate("manifest", "its floor is beyond the log");
      return;
    }
    if (point.next === manifest.floor && point.entryMs !== manifest.lastMs) {
      const times = `${manifest.lastMs}, not ${point.entryMs}`;
      this.#world.violate("manifest", `${version}: its last entry is said to be of ${times}`);
    }
    // A tombstone may be flushed: below it the documents no longer matter.
    if (point.exists) this.#checkDocuments(manifest, segments, point);
  }

  /** What the manifest says of a segment is what its id blocks hold. */
  #checkDigests({ info, rows, dead }: SegmentRows): void {
    const all = sumHashes(rows.map(({ hash }) => hash));
    const gone = sumHashes(rows.flatMap(({ hash }, row) => (dead.has(row) ? [hash] : [])));
    if (all !== info.digest) this.#world.violate("digest", `of segment ${info.id} is wrong`);
    if (gone !== info.dead.digest || dead.count() !== info.dead.rows) {
      this.#world.violate("digest", `of the dead rows of segment ${info.id} is wrong`);
    }
  }

  #checkDocuments(manifest: Manifest, segments: readonly SegmentRows[], point: Point): void {
    const { documents } = point;
    const names = attributeNames(manifest.schema);
    const live = segments.map(({ info, rows, dead }) => {
      return [info.id, rows.filter((_, ordinal) => !dead.has(ordinal))] as const;
    });
    const ids = live.map(([segment, rows]) => [segment, rows.map(({ id }) => id)] as const);
    const twice = liveIdsFault(ids);
    if (twice !== undefined) this.#world.violate("manifest", twice);
    const found = new Map(live.flatMap(([, rows]) => rows.map(({ id, hash }) => [id, hash])));
    const missing = [...documents.keys()].filter((id) => !found.has(id));
    const extra = [...found.keys()].filter((id) => !documents.has(Number(id)));
    const what = `manifest ${manifest.version} at floor ${manifest.floor}`;
    if (missing.length + extra.length > 0) {
      const which = `[${missing.join()}] are lost, [${extra.join()}] too many`;
      this.#world.violate("manifest", `${what}: ids ${which}`);
    }
    const hashes = [...documents.values()].map((document) => this.#hashOf(document, names));
    if (sumHashes(hashes) === sumLive(manifest.segments).digest) return;
    const wrong = [...documents].flatMap(([id, document]) =>
      found.get(id) === this.#hashOf(document, names) ? [] : [id],
    );
    this.#world.violate("digest", `${what}: [${wrong.join()}] are not what was written`);
  }

  #hashOf(document: OracleDocument, names: readonly string[]): bigint {
    let hash = this.#hashes.get(document);
    if (hash === undefined) {
      const { id, attributes } = document;
      const vector = document.vector ?? new Float32Array(0);
      const values = names.map((name) => attributes[name] ?? null);
      hash = documentHash("uint", { id, vector, values });
      this.#hashes.set(document, hash);
    }
    return hash;
  }

  async #read(manifest: Manifest): Promise<SegmentRows[]> {
    const world = this.#world;
    const clock = { now: () => Math.floor(world.scheduler.nowMs), sleep: () => Promise.resolve() };
    const { random, log } = world;
    const ports = { store: world.store.memory, clock, random, digest: syncDigest, log };
    const reader = new JobReader(ports, "default");
    const segments: SegmentRows[] = [];
    for (const info of manifest.segments) {
      const rows = await this.#rowsOf(reader, info, manifest);
      segments.push({ info, rows, dead: await this.#deadOf(reader, info) });
    }
    return segments;
  }

  async #deadOf(reader: JobReader, info: SegmentInfo): Promise<Bitmap> {
    const name = `${info.id}/${info.dead.home}/${info.dead.name}`;
    const known = info.dead.version > 0 ? this.#dead.get(name) : undefined;
    if (known !== undefined) return known;
    const dead = await reader.deadRows(info);
    this.#dead.set(name, dead);
    return dead;
  }

  async #rowsOf(reader: JobReader, info: SegmentInfo, manifest: Manifest): Promise<readonly Row[]> {
    const known = this.#rows.get(info.id);
    if (known !== undefined) return known;
    const segment = await reader.segment(info);
    const blocks = Array.from({ length: idBlockCount(segment) }, (_, i) => idBlock(segment, i));
    const rows: Row[] = [];
    for (const [i, bytes] of (await reader.readBlocks(blocks)).entries()) {
      const { ids, ordinals, hashAt } = openIdBlock(segment, i, bytes);
      ordinals.forEach((ordinal, row) => {
        rows[ordinal] = { id: ids.at(row), hash: hashAt(row) };
      });
    }
    const ids = rows.map(({ id }) => id);
    checkShard(this.#world, manifest, info, ids);
    this.#rows.set(info.id, rows);
    return rows;
  }
}
