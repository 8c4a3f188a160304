/**
 * A strong query sees every write acknowledged before it began: while many write, and while what
 * they wrote is flushed and merged. One process, virtual time, a store that makes everybody wait,
 * so that a run is the same each time and every step of one flow meets every step of another.
 *
 * Each writer owns some ids. A document passes through states (a version, or absent), of which the
 * model knows the last one acknowledged and the last one begun. A query may show any state from the
 * one acknowledged when it began to the one begun when it ended; the writer itself, which asks in
 * between, must see exactly its own.
 */
import { describe, expect, test } from "vitest";
import { compact } from "../../src/compact.ts";
import type { SchemaAddition } from "../../src/document/schema.ts";
import { createPrng, type Prng } from "../../src/index/vector/prng.ts";
import { type NamespaceDescription, replyValue } from "../../src/namespace/protocol.ts";
import type { Query } from "../../src/query/query.ts";
import type { ResultRow } from "../../src/query/result.ts";
import { search } from "../../src/search.ts";
import { createSearchMemory, type SearchPorts } from "../../src/search-ports.ts";
import { BlockCache } from "../../src/store/block-cache.ts";
import { LatencyStore } from "../../src/store/latency-store.ts";
import { MemoryBudget } from "../../src/store/memory-budget.ts";
import { write } from "../../src/write.ts";
import { simdKernels } from "../kernels/simd.ts";
import { OwnerRig } from "../owner-rig.ts";

const writers = 3;
const idsEach = 20;
const hot = writers * idsEach;
const isolates = 2;
const dims = 8;

const addition: SchemaAddition = {
  idKind: "uint",
  metric: "euclidean_squared",
  attributes: new Map([
    ["vector", { type: `[${dims}]f32`, filterable: false, ann: true }],
    ["version", { type: "int", filterable: true }],
    ["hot", { type: "bool", filterable: true }],
  ]),
};

/** No other document and version has it. */
function vectorOf(id: number, version: number): number[] {
  return Array.from({ length: dims }, (_, d) => Math.fround(Math.sin(id * 7.1 + version + d * d)));
}

/** The states of one id, in order; undefined: absent. */
interface Track {
  readonly states: (number | undefined)[];
  acknowledged: number;
}

interface Asked {
  readonly filters: unknown;
  readonly rank: Query["rank"];
  /** Ids of which every document there is must be in the answer. */
  readonly ids: readonly number[];
}

class StrongRig extends OwnerRig {
  readonly tracks = Array.from(
    { length: hot },
    (): Track => ({ states: [undefined], acknowledged: 0 }),
  );
  readonly #prng: Prng;
  readonly #slow: LatencyStore;
  readonly #descriptions = new Map<string, NamespaceDescription>();
  readonly #isolates: SearchPorts[];
  readonly #jobs: string[] = [];
  writing = 0;
  answered = 0;

  constructor(seed: number) {
    super(`strong-${seed}`);
    this.#prng = createPrng({ low: seed, high: 0 });
    const quick = { p50Ms: 4, p99Ms: 80 };
    const latency = { get: quick, put: quick, bytesPerSecond: 20_000_000, seed };
    this.#slow = new LatencyStore(this.store, this.clock, latency);
    this.#isolates = Array.from({ length: isolates }, () => this.#newIsolate());
  }

  below(bound: number): number {
    return this.#prng.below(bound);
  }

  jobs(kind: string): number {
    return this.#jobs.filter((each) => each === kind).length;
  }

  status() {
    return this.clock.run(this.owner.status(this.tenant, this.name)).then(replyValue);
  }

  #newIsolate(): SearchPorts {
    return {
      ...this.ports(),
      store: this.#slow,
      kernels: simdKernels,
      cache: new BlockCache({ bytesMax: 256 * 1024 }),
      budget: new MemoryBudget(this.clock),
      memory: createSearchMemory(),
      defer: () => {},
    };
  }

  /** Resolves once it is acknowledged. */
  async put(upserts: ReadonlyMap<number, number>, deletes: readonly number[] = []): Promise<void> {
    const { owner, tenant, name } = this;
    const memory = {
      recall: (key: string) => this.#descriptions.get(key),
      remember: (key: string, value: NamespaceDescription) => this.#descriptions.set(key, value),
    };
    const versions = [...upserts];
    const batch = {
      idKind: "uint" as const,
      upserts: upserts.size,
      deletes: deletes.length,
      ids: [...upserts.keys(), ...deletes],
      dims,
      vectors: Float32Array.from(versions.flatMap(([id, version]) => vectorOf(id, version))),
      attributes: [
        { name: "version", values: versions.map(([, version]) => version) },
        { name: "hot", values: versions.map(([id]) => id < hot) },
      ],
    };
    const tracked = [...versions, ...deletes.map((id) => [id, undefined] as const)].flatMap(
      ([id, state]) => (id < hot ? [{ track: this.tracks[id] as Track, state }] : []),
    );
    for (const { track, state } of tracked) track.states.push(state);
    await write(
      { ...this.ports(), store: this.#slow },
      { tenant, name, owner, memory },
      (schema) => ({ batch, addition: schema.version > 0 ? undefined : addition }),
      { disableBackpressure: false },
    );
    for (const { track } of tracked) track.acknowledged = track.states.length - 1;
  }

  /** Asks some isolate, which may be new, and checks every document it shows and does not show. */
  async query({ filters, rank, ids }: Asked): Promise<readonly ResultRow[]> {
    const place = this.below(isolates);
    if (this.below(20) === 0) this.#isolates[place] = this.#newIsolate();
    const ports = this.#isolates[place] as SearchPorts;
    const { tenant, name, owner } = this;
    const from = this.tracks.map(({ acknowledged }) => acknowledged);
    const { rows } = await search(
      ports,
      { tenant, name, owner },
      {
        rank,
        limit: hot + 1,
        offset: 0,
        filters,
        attributes: { kind: "only", names: ["version"] },
        metric: undefined,
        consistency: "strong",
        disableCache: false,
      },
    );
    const shown = new Map(rows.map(({ id, attributes }) => [id, attributes[0]?.value]));
    expect(shown.size).toBe(rows.length);
    for (const id of ids) {
      const { states } = this.tracks[id] as Track;
      expect(states.slice(from[id]), `document ${id} of ${name}`).toContain(shown.get(id));
    }
    this.answered += 1;
    return rows;
  }

  /** Claims whatever is due, again and again, until nobody writes. */
  async compactor(): Promise<void> {
    const { owner, tenant, name } = this;
    while (this.writing > 0) {
      await this.clock.sleep(this.below(600));
      if (this.below(2) === 0) await owner.requestFlush(tenant, name);
      const reply = await owner.claim(tenant, name);
      const job = reply.ok ? reply.value : undefined;
      if (job === undefined) continue;
      const ports = { ...this.ports(), store: this.#slow, kernels: simdKernels };
      const done = await compact({ ports, api: owner, identity: { tenant, name }, job });
      if (done) this.#jobs.push(job.kind);
    }
  }

  async writer(number: number, steps: number): Promise<void> {
    this.writing += 1;
    const first = number * idsEach;
    const pick = (): number[] =>
      Array.from({ length: idsEach }, (_, i) => first + i).filter(() => this.below(4) === 0);
    for (let step = 1; step <= steps; step++) {
      const upserts = new Map(pick().map((id) => [id, step] as const));
      const deletes = pick().filter((id) => !upserts.has(id));
      await this.put(upserts, step % 2 === 0 ? deletes : []);
      await this.#checkOwn(first);
      await this.put(new Map(), deletes);
      await this.#checkOwn(first);
    }
    this.writing -= 1;
  }

  /** Nobody else changes these documents: what must be seen is known exactly. */
  async #checkOwn(first: number): Promise<void> {
    const own = Array.from({ length: idsEach }, (_, i) => first + i);
    const here = own.filter((id) => this.tracks[id]?.states.at(-1) !== undefined);
    const listed = await this.query({
      filters: this.#onlyThese(first, own),
      rank: { kind: "id", descending: this.below(2) === 0 },
      ids: own,
    });
    expect(listed.length).toBe(here.length);
    const target = here[this.below(here.length)];
    if (target === undefined) return;
    const version = this.tracks[target]?.states.at(-1) ?? 0;
    const [nearest] = await this.query({
      ...this.#near(target, version),
      filters: undefined,
      ids: [],
    });
    expect([nearest?.id, nearest?.distance]).toEqual([target, 0]);
  }

  /** By looking each up, or by walking along the ids. */
  #onlyThese(first: number, ids: readonly number[]): unknown {
    const from = ["id", "Gte", first];
    const to = ["id", "Lt", first + idsEach];
    return this.below(2) === 0 ? ["id", "In", ids] : ["And", [from, to]];
  }

  /** Looks at what everybody writes. */
  async reader(): Promise<void> {
    const ids = Array.from({ length: hot }, (_, id) => id);
    while (this.writing > 0) {
      await this.clock.sleep(this.below(100));
      await this.query({ ...this.#near(this.below(hot), this.below(50)), ids });
    }
  }

  /** Every hot document, nearest first: filtered to so few, an approximate query is complete. */
  #near(id: number, version: number): Omit<Asked, "ids"> {
    const vector = Float32Array.from(vectorOf(id, version));
    const exhaustive = this.below(2) === 0;
    return {
      filters: ["hot", "Eq", true],
      rank: { kind: "vector", exhaustive, column: "vector", vector },
    };
  }
}

async function live(rig: StrongRig, steps: number): Promise<void> {
  const all = Array.from({ length: writers }, (_, number) => rig.writer(number, steps));
  await rig.clock.run(
    Promise.all([...all, rig.reader(), rig.reader(), rig.compactor(), rig.compactor()]),
  );
}

describe("a strong query sees every acknowledged write", () => {
  test("while everything is written, flushed and merged for the first time", async () => {
    const rig = new StrongRig(1);
    await live(rig, 50);
    expect(rig.answered).toBeGreaterThan(800);
    expect(rig.jobs("flush")).toBeGreaterThan(15);
    expect(rig.jobs("merge")).toBeGreaterThan(5);
  }, 30_000);

  test("while a clustered segment loses rows to newer ones and is merged", async () => {
    const rig = new StrongRig(2);
    const ids = Array.from({ length: 9_000 }, (_, id) => id);
    await rig.clock.run(rig.put(new Map(ids.map((id) => [id, 0]))));
    await live(rig, 20);
    expect(rig.jobs("merge")).toBeGreaterThan(2);
    const { segments } = await rig.status();
    expect(segments.some(({ clusters, rows }) => clusters > 0 && rows >= 9_000 - hot)).toBe(true);
  }, 30_000);
});
