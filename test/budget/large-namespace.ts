/**
 * A namespace with as many rows as fit one large segment, built as flushes and merges build it but
 * without a log: the bucket gets segments, manifests and a registry entry, and an owner recovers
 * from these alone.
 *
 *   six flushes of 10,000 rows; the first four merged; then everything merged into one
 *
 * Isolates read through a store that makes them wait, in virtual time, so that queries overlap.
 */
import type { Schema } from "../../src/document/schema.ts";
import type { Manifest, SegmentInfo } from "../../src/format/manifest.ts";
import { sealManifest } from "../../src/format/manifest-codec.ts";
import { sealRegistryEntry } from "../../src/format/registry.ts";
import {
  type BuiltSegment,
  buildFromRows,
  mergeSegments,
} from "../../src/index/builder/build-segment.ts";
import { MemoryLedger } from "../../src/index/builder/memory-ledger.ts";
import { rotationSeed, type SegmentSpec } from "../../src/index/builder/segment-spec.ts";
import { openSegment } from "../../src/index/segment/segment.ts";
import { firstManifest } from "../../src/namespace/state.ts";
import { noAttributes, type Query } from "../../src/query/query.ts";
import type { SearchResult } from "../../src/query/result.ts";
import { search } from "../../src/search.ts";
import { createSearchMemory, type SearchPorts } from "../../src/search-ports.ts";
import { BlockCache, type BlockCacheOptions } from "../../src/store/block-cache.ts";
import { CountingStore } from "../../src/store/counting-store.ts";
import { generationRoot, manifestKey, registryKey } from "../../src/store/keys.ts";
import { LatencyStore, remoteLatency } from "../../src/store/latency-store.ts";
import { MemoryBudget, type MemoryBudgetOptions } from "../../src/store/memory-budget.ts";
import type { ObjectStore } from "../../src/store/object-store.ts";
import { simdKernels } from "../kernels/simd.ts";
import { OwnerRig } from "../owner-rig.ts";
import { syncDigest } from "../sync-digest.ts";
import { type DataSet, farthestNeighbours } from "./data-set.ts";

export const topK = 10;
const generation = "00112233445566778899aabbccddeeff";
const flushRows = 10_000;

export interface IsolateOptions extends BlockCacheOptions {
  readonly budget?: MemoryBudgetOptions;
}

/**
 * several   as after a load: one large segment and two that wait for more of their size
 * one       everything merged
 */
export type Layout = "several" | "one";

export interface Layers extends Readonly<Record<Layout, readonly SegmentInfo[]>> {
  /** Most bytes that the builder held at once, by merge. */
  readonly mergePeaks: readonly number[];
}

/** The attribute `n` of a row: uniform below 1,000 and nothing to do with its vector. */
export function attributeOf(row: number): number {
  return (Math.imul(row + 1, 0x9e3779b1) >>> 8) % 1_000;
}

export class LargeNamespace extends OwnerRig {
  readonly data: DataSet;
  readonly #bars: readonly number[];
  readonly #schema: Schema;
  #manifest: Manifest = firstManifest(generation);

  constructor(data: DataSet) {
    super("large");
    this.data = data;
    this.#bars = farthestNeighbours(data, topK);
    this.#schema = {
      version: 1,
      idKind: "uint",
      metric: "euclidean_squared",
      attributes: new Map([
        ["vector", { type: `[${data.dims}]f32`, filterable: false, ann: true }],
        ["n", { type: "int", filterable: true }],
      ]),
    };
  }

  // ---- Building ---------------------------------------------------------------------------------

  async build(): Promise<Layers> {
    const flushes: BuiltSegment[] = [];
    for (let first = 0; first < this.data.count; first += flushRows) {
      flushes.push(await this.#flush(first, Math.min(first + flushRows, this.data.count)));
    }
    const [large, peak] = await this.#merge("merge-1", flushes.slice(0, 4));
    const several = [large, ...flushes.slice(4)];
    const [all, peakOfAll] = await this.#merge("merge-2", several);
    return {
      several: several.map(({ info }) => info),
      one: [all.info],
      mergePeaks: [peak, peakOfAll],
    };
  }

  async #flush(from: number, to: number): Promise<BuiltSegment> {
    const { dims, rows } = this.data;
    const ids = Array.from({ length: to - from }, (_, i) => from + i);
    const values = { name: "n", values: ids.map(attributeOf) };
    const vectors = rows.subarray(from * dims, to * dims);
    const input = { ids, vectors, attributes: [values] };
    const spec = this.#specOf(`flush-${from}`, 0);
    return present(await buildFromRows(input, spec, this.#buildPorts, this.#sink));
  }

  async #merge(id: string, inputs: readonly BuiltSegment[]): Promise<[BuiltSegment, number]> {
    const ledger = new MemoryLedger();
    const opened = inputs.map(({ info, root }) => ({
      segment: openSegment(this.tenant, info, root),
      dead: undefined,
    }));
    const read = async (key: string, offset: number, length: number): Promise<Uint8Array> =>
      present(await this.memory.get(key, { offset, length })).bytes;
    const spec = this.#specOf(id, 1);
    const built = await mergeSegments(opened, read, spec, this.#buildPorts, this.#sink, ledger);
    return [present(built), ledger.peak];
  }

  get #home() {
    return { tenant: this.tenant, generation };
  }

  get #buildPorts() {
    return { kernels: simdKernels, digest: syncDigest };
  }

  get #sink() {
    return {
      write: async (key: string, bytes: Uint8Array) => {
        await this.memory.put(key, bytes, { kind: "create" });
      },
    };
  }

  #specOf(id: string, level: number): SegmentSpec {
    const rotation = rotationSeed(generation);
    return { home: this.#home, id, schema: this.#schema, rotation, level, createdMs: 1 };
  }

  // ---- Publishing -------------------------------------------------------------------------------

  /** Makes these the segments of the namespace, and starts an owner that knows only the bucket. */
  async publish(segments: readonly SegmentInfo[]): Promise<void> {
    if (this.#manifest.version === 0) await this.#register();
    const version = this.#manifest.version + 1;
    const nonce = this.random.bytes(16);
    this.#manifest = { ...this.#manifest, version, nonce, schema: this.#schema, segments };
    const { bytes } = await sealManifest(this.#manifest, syncDigest);
    const root = generationRoot(this.tenant, generation);
    await this.memory.put(manifestKey(root, version), bytes, { kind: "create" });
    this.storage.wipe();
    this.restart();
  }

  async #register(): Promise<void> {
    const { tenant, name } = this;
    const nonce = this.random.bytes(16);
    const entry = { name, generation, state: "live", version: 1, epoch: 0, nonce } as const;
    const { bytes } = await sealRegistryEntry(entry, syncDigest);
    await this.memory.put(registryKey(tenant, name), bytes, { kind: "create" });
  }

  // ---- Searching --------------------------------------------------------------------------------

  /** An isolate that knows nothing. `wrap` may come between it and the bucket. */
  openIsolate(
    { budget, ...cache }: IsolateOptions = {},
    wrap = (store: ObjectStore): ObjectStore => store,
  ): Isolate {
    const slow = new LatencyStore(wrap(this.memory), this.clock, remoteLatency);
    const reads = new CountingStore(slow);
    const deferred: Promise<void>[] = [];
    const ports: SearchPorts = {
      ...this.ports(),
      store: reads,
      kernels: simdKernels,
      cache: new BlockCache(cache),
      budget: new MemoryBudget(this.clock, budget),
      memory: createSearchMemory(),
      defer: (work) => deferred.push(work),
    };
    return new Isolate(this, ports, reads, deferred);
  }

  queryAt(index: number): Float32Array {
    const { dims, queries } = this.data;
    return queries.slice(index * dims, (index + 1) * dims);
  }

  /** Share of the true neighbours of a query that are in the answer. */
  recallOf(index: number, { rows }: SearchResult): number {
    const bar = this.#bars[index] as number;
    const { dims, rows: vectors } = this.data;
    const query = this.queryAt(index);
    const distances = new Float32Array(1);
    const hits = rows.filter(({ id }) => {
      const at = Number(id) * dims;
      simdKernels.squaredDistance(query, vectors.subarray(at, at + dims), distances);
      return (distances[0] as number) <= bar;
    });
    return hits.length / topK;
  }
}

/** One isolate, and what it read. */
export class Isolate {
  readonly ports: SearchPorts;
  readonly reads: CountingStore;
  readonly #namespace: LargeNamespace;
  readonly #deferred: Promise<void>[];

  constructor(
    namespace: LargeNamespace,
    ports: SearchPorts,
    reads: CountingStore,
    deferred: Promise<void>[],
  ) {
    this.#namespace = namespace;
    this.ports = ports;
    this.reads = reads;
    this.#deferred = deferred;
  }

  /** From now on it goes by both planes, although it holds nothing of them. */
  hasSearched(): void {
    this.ports.memory.searched.put(`${this.#namespace.tenant}/${generation}/vector`, true, 1);
  }

  /** Starts a query; time does not go on by itself. */
  start(index: number, rest: Partial<Query> = {}): Promise<SearchResult> {
    const { tenant, name, owner } = this.#namespace;
    const vector = this.#namespace.queryAt(index);
    const query: Query = {
      rank: { kind: "vector", exhaustive: false, column: "vector", vector },
      limit: topK,
      offset: 0,
      filters: undefined,
      attributes: noAttributes,
      metric: undefined,
      consistency: "strong",
      disableCache: false,
      ...rest,
    };
    return search(this.ports, { tenant, name, owner }, query);
  }

  async ask(index: number, rest: Partial<Query> = {}): Promise<SearchResult> {
    return (await this.askAll([index], 1, rest))[0] as SearchResult;
  }

  /** Asks all of them, `atOnce` at a time; answers in the order of the questions. */
  async askAll(
    indexes: readonly number[],
    atOnce: number,
    rest: Partial<Query> = {},
  ): Promise<readonly SearchResult[]> {
    const results: SearchResult[] = [];
    let next = 0;
    const client = async (): Promise<void> => {
      for (let at = next++; at < indexes.length; at = next++) {
        results[at] = await this.start(indexes[at] as number, rest);
      }
    };
    const clients = Promise.all(Array.from({ length: atOnce }, client));
    await this.#namespace.clock.run(clients);
    await this.#namespace.clock.run(Promise.all(this.#deferred.splice(0)));
    return results;
  }
}

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("nothing was built, or it is not where it was put");
  return value;
}
