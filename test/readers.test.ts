/**
 * Readers of shards: what a query answers does not depend on who reads which segments, on how many
 * of them answer, or on what they answer instead.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EngineError } from "../src/errors.ts";
import { limits } from "../src/limits.ts";
import { type Reply, replyError } from "../src/namespace/protocol.ts";
import { readForQuery } from "../src/reader.ts";
import type { ReaderName, Readers, ReadReply, ReadRequest } from "../src/reader-protocol.ts";
import { createSearchMemory, type SearchPorts } from "../src/search-ports.ts";
import { BlockCache } from "../src/store/block-cache.ts";
import { MemoryBudget } from "../src/store/memory-budget.ts";
import type { OracleDocument } from "./oracle/brute-force.ts";
import { SearchRig } from "./search-rig.ts";
import { SeededRandom } from "./seeded-random.ts";

const { readersBytesMin } = limits;
beforeAll(() => {
  Object.assign(limits, { readersBytesMin: 0 });
});
afterAll(() => {
  Object.assign(limits, { readersBytesMin });
});

type Fault = (number: number) => Promise<Reply<ReadReply>> | undefined;

/** Isolates of readers, each with what it remembers, behind calls that copy as an RPC does. */
class RigReaders implements Readers {
  readonly #rig: SearchRig;
  readonly #isolates = new Map<string, SearchPorts>();
  readonly requests: { readonly reader: ReaderName; readonly request: ReadRequest }[] = [];
  readonly replies: ReadReply[] = [];
  /** Answers in place of a reader. */
  fault: Fault = () => undefined;

  constructor(rig: SearchRig) {
    this.#rig = rig;
  }

  async read(reader: ReaderName, request: ReadRequest): Promise<Reply<ReadReply>> {
    this.requests.push({ reader, request });
    const faulty = this.fault(reader.number);
    if (faulty !== undefined) return faulty;
    const key = `${reader.tenant}/${reader.generation}/${reader.number}`;
    const isolate = this.#isolates.get(key) ?? isolateOf(this.#rig);
    this.#isolates.set(key, isolate);
    const reply = await readForQuery(isolate, structuredClone(request));
    if (reply.ok) this.replies.push(reply.value);
    return structuredClone(reply);
  }
}

function isolateOf(rig: SearchRig): SearchPorts {
  return {
    ...rig.ports(),
    store: rig.faulty,
    kernels: rig.options.kernels,
    cache: new BlockCache({}),
    budget: new MemoryBudget(rig.clock),
    memory: createSearchMemory(),
    defer: () => {},
  };
}

function documentAt(id: number, version = 0): OracleDocument {
  const vector = Float32Array.from({ length: 4 }, (_, i) => ((id * (i + 3) + version) % 17) - 8);
  const attributes = { n: id % 10, name: `v${version}`, tags: [`t${id % 3}`], note: `note ${id}` };
  return { id, vector, attributes };
}

function range(from: number, count: number, version = 0): OracleDocument[] {
  return Array.from({ length: count }, (_, i) => documentAt(from + i, version));
}

/** Eight shards, overwritten and deleted in segments and in the tail. */
async function filled(shards = 8): Promise<{ rig: SearchRig; readers: RigReaders }> {
  const rig = new SearchRig({ shards });
  await rig.put(range(0, 300));
  await rig.flush();
  await rig.put(range(50, 80, 1), [3, 4, 5]);
  await rig.flush();
  await rig.put(range(100, 60, 2), [7, 8, 60, 61, 299]);
  const readers = new RigReaders(rig);
  rig.isolate = { ...rig.isolate, readers };
  return { rig, readers };
}

const random = new SeededRandom(11);
const anyVector = () => Float32Array.from(random.bytes(4), (byte) => (byte % 17) - 8);

async function expectAnswers(rig: SearchRig): Promise<void> {
  const filter = ["n", "Lt", 7] as const;
  for (let i = 0; i < 4; i++) {
    await rig.expectExact(anyVector(), 15, filter);
    expect(await rig.recall(anyVector(), 10)).toBe(1);
    expect(await rig.recall(anyVector(), 10, filter)).toBe(1);
    await rig.expectOrder(i % 2 === 0, 20, filter);
  }
}

const nearest = { rank_by: ["vector", "kNN", [1, 2, 3, 4]], filters: ["n", "Lt", 9], limit: 10 };

describe("answers", () => {
  test.each([2, 3, 8, 20])("of %i shards are those of brute force", async (shards) => {
    const { rig, readers } = await filled(shards);
    await expectAnswers(rig);
    const { performance } = await rig.search(nearest);
    expect(performance.readers).toBe(Math.min(shards, limits.readersMax));
    const numbers = new Set(readers.requests.map(({ reader }) => reader.number));
    expect(numbers.size).toBe(Math.min(shards, limits.readersMax));
  });

  test("of several pages by offset are those of one", async () => {
    const { rig } = await filled();
    const all = await rig.search({ ...nearest, limit: 30 });
    const last = await rig.search({ ...nearest, offset: 20, limit: 10 });
    expect(last.rows).toEqual(all.rows.slice(20));
  });

  test("say what is computed from columns that are not shown", async () => {
    const { rig } = await filled();
    const { isolate } = rig;
    const computed = { far: ["vector", "VectorDist", [0, 0, 0, 1]], big: ["n", "Gt", 4] };
    const body = { ...nearest, compute_attributes: computed, include_attributes: ["name"] };
    const shown = await rig.search(body);
    expect(shown.performance.readers).toBe(8);
    const { readers: _, ...alone } = isolate;
    rig.isolate = alone;
    expect((await rig.search(body)).rows).toEqual(shown.rows);
  });

  test("count what readers did, and rounds once for all of them", async () => {
    const { rig, readers } = await filled();
    const cold = (await rig.search(nearest)).performance;
    const reads = readers.replies.map((reply) => reply.reads);
    const sum = (of: (at: number) => number) => reads.reduce((all, _, at) => all + of(at), 0);
    expect(cold.temperature).toBe("cold");
    expect(cold.storeRequests).toBe(sum((at) => reads[at]?.storeRequests ?? 0));
    expect(cold.rounds).toBe(Math.max(...reads.map(({ rounds }) => rounds)));
    expect(cold.rounds).toBeLessThanOrEqual(3);
    const warm = (await rig.search(nearest)).performance;
    expect([warm.temperature, warm.storeRequests, warm.rounds]).toEqual(["hot", 0, 0]);
    expect(warm.exact).toBe(cold.exact);
  });
});

describe("a reader that does not answer", () => {
  const faults: Readonly<Record<string, () => Promise<Reply<ReadReply>>>> = {
    "is lost": () => Promise.reject(new Error("the object was reset")),
    "is overloaded": async () => replyError(new EngineError("overloaded", "too many requests")),
    "cannot read": async () => replyError(new EngineError("corrupt", "not what was written")),
    "is of another version": async () => replyError(new EngineError("unavailable", "protocol 2")),
    "never answers": () => new Promise(() => {}),
  };
  test.each(Object.keys(faults))("but %s changes no answer", async (name) => {
    const { rig, readers } = await filled();
    readers.fault = (number) => (number % 3 === 1 ? faults[name]?.() : undefined);
    await expectAnswers(rig);
    expect((await rig.search(nearest)).performance.readers).toBe(5);
    readers.fault = () => faults[name]?.();
    await expectAnswers(rig);
    expect((await rig.search(nearest)).performance.readers).toBe(0);
  });

  test("because an object is gone has the query begin anew, on a newer snapshot", async () => {
    const { rig, readers } = await filled();
    let gone = 1;
    readers.fault = () =>
      gone-- > 0
        ? Promise.resolve(replyError(new EngineError("notFound", "a segment is gone")))
        : undefined;
    const before = rig.heads;
    await rig.expectExact(anyVector(), 15, ["n", "Lt", 7]);
    expect(rig.heads - before).toBe(2);
    gone = Infinity;
    await expect(rig.search(nearest)).rejects.toMatchObject({ kind: "unavailable" });
  });
});

describe("a request", () => {
  test("names each segment once, and ids of its shards only", async () => {
    const { rig, readers } = await filled();
    await rig.search(nearest);
    const head = await rig.head();
    const named = readers.requests.flatMap(({ request }) => request.snapshot.manifest.segments);
    const ids = named.map(({ id }) => id).sort();
    expect(ids).toEqual(head.manifest?.segments.map(({ id }) => id).sort());
    const touched = readers.requests.flatMap(({ request }) => request.touched);
    expect(new Set(touched).size).toBe(65);
    expect(touched).toHaveLength(65);
    for (const { request } of readers.requests) {
      expect(request.touched.length).toBeLessThan(30);
      expect(request.snapshot.unindexedRows).toBe(request.touched.length);
    }
  });

  test("and its reply hold exact copies of bytes, not views of larger buffers", async () => {
    const { rig, readers } = await filled();
    await rig.search({ ...nearest, include_attributes: true });
    expect(readers.replies).toHaveLength(8);
    for (const value of [...readers.requests, ...readers.replies]) expectExact(value);
  });

  test("brings roots along that came with the head, and only new ones come", async () => {
    const { rig, readers } = await filled();
    await rig.search(nearest);
    const first = readers.requests.splice(0);
    expect(first.every(({ request }) => request.snapshot.inline.roots.size > 0)).toBe(true);
    await rig.search(nearest);
    const second = readers.requests.splice(0);
    expect(second.every(({ request }) => request.snapshot.inline.roots.size === 0)).toBe(true);
    await rig.put(range(500, 40));
    await rig.flush();
    await rig.search(nearest);
    const known = new Set(
      second.flatMap(({ request }) => request.snapshot.manifest.segments.map(({ id }) => id)),
    );
    const came = readers.requests.flatMap(({ request }) => [
      ...request.snapshot.inline.roots.keys(),
    ]);
    expect(came.length).toBeGreaterThan(0);
    expect(came.filter((id) => known.has(id))).toEqual([]);
  });

  test("of another protocol is refused", async () => {
    const { rig, readers } = await filled();
    await rig.search(nearest);
    const [sent] = readers.requests;
    if (sent === undefined) throw new Error("nothing was asked");
    const reply = readForQuery(isolateOf(rig), { ...sent.request, protocol: 2 });
    expect(await rig.clock.run(reply)).toMatchObject({ ok: false, kind: "unavailable" });
  });
});

describe("this isolate reads all of it", () => {
  const alone: Readonly<Record<string, object>> = {
    "by id without a filter": { rank_by: ["id", "asc"], limit: 10 },
    "by an attribute": { rank_by: ["n", "asc"], limit: 10 },
    "by an expression": { rank_by: ["Max", [0, ["Attribute", "n"]]], limit: 10 },
    "few of a kind": {
      ...nearest,
      limit: { total: 10, per: { attributes: ["n"], limit: 1 } },
      include_attributes: ["n"],
    },
    counts: { aggregate_by: { c: ["Count"] } },
    several: { queries: [nearest, { ...nearest, limit: 5 }] },
  };
  test.each(Object.keys(alone))("%s", async (what) => {
    const { rig, readers } = await filled();
    const { performance } = await rig.searchParts(alone[what] ?? {});
    expect([performance.readers, readers.requests.length]).toEqual([0, 0]);
  });

  test("where it is small, has one shard, or its answers are large", async () => {
    const { rig, readers } = await filled();
    const one = await filled(1);
    await one.rig.search(nearest);
    expect(one.readers.requests).toEqual([]);
    const bounds = { readersBytesMin: 1e9, readersAnswerBytesMax: 1_000, tailHeldBytesMax: 10 };
    for (const [name, value] of Object.entries(bounds)) {
      const before = Reflect.get(limits, name) as number;
      Object.assign(limits, { [name]: value });
      try {
        expect((await rig.search(nearest)).performance.readers).toBe(0);
      } finally {
        Object.assign(limits, { [name]: before });
      }
    }
    expect(readers.requests).toEqual([]);
    expect((await rig.search(nearest)).performance.readers).toBe(8);
  });
});

/** Every view in it is all of its buffer. */
function expectExact(value: unknown): void {
  if (ArrayBuffer.isView(value)) {
    expect([value.byteOffset, value.byteLength]).toEqual([0, value.buffer.byteLength]);
  } else if (value instanceof Map || value instanceof Set || Array.isArray(value)) {
    for (const each of value) expectExact(each);
  } else if (typeof value === "object" && value !== null) {
    for (const each of Object.values(value)) expectExact(each);
  }
}
