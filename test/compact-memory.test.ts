/**
 * What a job holds: below its bound by its own counters, and the counters are believed only because
 * the large buffers that are really alive are compared with them all the way.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { compact } from "../src/compact.ts";
import type { AttributeSchema } from "../src/document/schema.ts";
import { defaultText } from "../src/document/text-options.ts";
import { packVector } from "../src/format/packed-value.ts";
import { MemoryLedger } from "../src/index/builder/memory-ledger.ts";
import { limits } from "../src/limits.ts";
import type { Job } from "../src/namespace/protocol.ts";
import type { ObjectStore } from "../src/store/object-store.ts";
import { simdKernels } from "./kernels/simd.ts";
import type { OracleDocument } from "./oracle/brute-force.ts";
import { SearchRig } from "./search-rig.ts";
import { SeededRandom } from "./seeded-random.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;
setFlagsFromString("--no-expose-gc");

const mebi = 1024 * 1024;
const dims = 784;

/** Bytes of array buffers that are alive, whoever has them. */
function bufferBytes(): number {
  collectGarbage();
  collectGarbage();
  return process.memoryUsage().arrayBuffers;
}

/** Looks now and then at what is alive beside what the store has got. */
class CheckedLedger extends MemoryLedger {
  /** The most that was alive beyond what was entered. */
  beyond = 0;
  readonly #stored: () => number;
  readonly #every: number;
  #before = bufferBytes();
  #moments = 0;

  constructor(stored: () => number, every: number) {
    super();
    this.#stored = stored;
    this.#every = every;
  }

  override hold(bytes: number): () => void {
    // What is about to be allocated is not there yet, what was released may be still.
    this.look();
    return super.hold(bytes);
  }

  look(): void {
    if (this.#moments++ % this.#every !== 0) return;
    const alive = bufferBytes() - this.#before - this.#stored();
    this.beyond = Math.max(this.beyond, alive - this.held);
  }
}

/** Looks at every so manieth moment. */
async function runJob(rig: SearchRig, job: Job, every = 16): Promise<CheckedLedger> {
  const inner = rig.ports().store;
  let stored = 0;
  const store: ObjectStore = {
    get: async (...args) => {
      const found = await inner.get(...args);
      ledger.look();
      return found;
    },
    head: (...args) => inner.head(...args),
    list: (...args) => inner.list(...args),
    delete: (...args) => inner.delete(...args),
    put: async (key, bytes, ...rest) => {
      stored += bytes.length;
      return await inner.put(key, bytes, ...rest);
    },
  };
  const ledger = new CheckedLedger(() => stored, every);
  const { tenant, name } = rig;
  const ports = { ...rig.ports(), store, kernels: simdKernels };
  await rig.clock.run(compact({ ports, api: rig.owner, identity: { tenant, name }, job, ledger }));
  return ledger;
}

/** Documents that nobody has to know any more: garbage is looked for often. */
async function put(rig: SearchRig, documents: readonly OracleDocument[]): Promise<void> {
  await rig.put(documents);
  for (const { id } of documents) rig.oracle.delete(id);
}

function expectCounted({ peak, beyond }: Pick<CheckedLedger, "peak" | "beyond">): void {
  // Frames that are not optimised yet may hold a buffer a little longer than they need it.
  expect(beyond).toBeLessThan(6 * mebi);
  expect(peak + beyond).toBeLessThan(limits.compactionBytesMax);
}

async function runDue(rig: SearchRig) {
  const seen: { kind: string; peak: number; beyond: number }[] = [];
  for (;;) {
    const job = await rig.ask(rig.owner.claim(rig.tenant, rig.name));
    if (job === undefined) return seen;
    const { peak, beyond } = await runJob(rig, job);
    seen.push({ kind: job.kind, peak, beyond });
  }
}

function documents(first: number, count: number): OracleDocument[] {
  const noise = new SeededRandom(first).bytes(4_096);
  return Array.from({ length: count }, (_, i) => ({
    id: first + i,
    vector: Float32Array.from({ length: dims }, (_unused, d) =>
      Math.fround((noise[(i * 31 + d * 7) % noise.length] as number) / 255),
    ),
    attributes: { n: i, name: `name ${i % 50}`, tags: null, note: "note ".repeat(4) },
  }));
}

test("flushes of a full range, and the merge of them, hold less than a step may, all counted", async () => {
  const rig = new SearchRig({ dims, kernels: simdKernels });
  const rows = Math.floor(limits.flushBytesMax / 4 / (4 * dims + 60));
  for (let batch = 0; batch < 16; batch++) {
    await put(rig, documents(batch * rows, rows));
  }
  const seen = await runDue(rig);
  await rig.clock.advance(limits.restMs);
  seen.push(...(await runDue(rig)));
  expect(new Set(seen.map(({ kind }) => kind))).toEqual(new Set(["flush", "merge"]));
  seen.forEach(expectCounted);
}, 120_000);

test("the flush of the largest write holds more than that, and less than an isolate has", async () => {
  const rig = new SearchRig({ dims, kernels: simdKernels });
  await put(rig, documents(0, Math.floor((0.95 * limits.batchBytesMax) / (4 * dims + 60))));
  const [flush] = await runDue(rig);
  expect(flush?.peak).toBeLessThan(110_000_000);
  expect(flush?.beyond).toBeLessThan(6 * mebi);
}, 60_000);

const inputs = limits.mergeFanIn;

/** Merges as many segments, each of documents of its own. */
async function mergeMany(
  rig: SearchRig,
  documentsOf: (batch: number) => OracleDocument[],
  every?: number,
) {
  const { tenant, name } = rig;
  const claim = () => rig.ask(rig.owner.claim(tenant, name));
  for (let batch = 0; batch < inputs; batch++) {
    await put(rig, documentsOf(batch));
    await rig.ask(rig.owner.requestFlush(tenant, name));
    const flush = await claim();
    expect(flush?.kind).toBe("flush");
    await rig.work(flush as Job);
  }
  const merge = await claim();
  expect(merge).toMatchObject({ kind: "merge", inputs: { length: inputs } });
  return await runJob(rig, merge as Job, every);
}

test("a merge of many segments holds less than a step may, even of one cluster too large to load", async () => {
  const rig = new SearchRig({ dims, kernels: simdKernels });
  const rows = Math.floor(limits.flushBytes / 2 / (4 * dims + 60));
  const vector = Float32Array.from({ length: dims }, (_, d) => d % 7);
  const ledger = await mergeMany(
    rig,
    (batch) => documents(batch * rows, rows).map((document) => ({ ...document, vector })),
    32,
  );
  expectCounted(ledger);
}, 120_000);

test("a merge of many segments with texts, columns and further vectors holds less than that, too", async () => {
  const width = 128;
  const vector: AttributeSchema = { type: `[${width}]f32`, filterable: false, ann: true };
  const rig = new SearchRig({
    dims: width,
    kernels: simdKernels,
    idKind: "string",
    more: [
      ["side", vector],
      ["last", vector],
      ["body", { type: "string", filterable: false, text: { options: defaultText } }],
      ["key", { type: "string", filterable: true }],
      ["list", { type: "[]string", filterable: true }],
    ],
  });
  const rows = 150;
  const batchOf = (batch: number) =>
    Array.from({ length: rows }, (_, i) => manifold(batch * rows + i, width));
  const ledger = await mergeMany(rig, batchOf, 64);
  expectCounted(ledger);
}, 120_000);

/** A document with something of everything. */
function manifold(row: number, width: number): OracleDocument {
  const noise = new SeededRandom(row).bytes(3 * width + 200);
  const vectorAt = (from: number) =>
    Float32Array.from(noise.subarray(from, from + width), (byte) => Math.fround(byte / 255));
  // Some words are frequent, most are rare.
  const words = Array.from(noise.subarray(3 * width), (byte, i) =>
    byte < 64 ? `w${byte}` : `w${(row * i * byte) % 10_000}`,
  );
  return {
    id: `document ${row} ${"x".repeat(40)}`,
    vector: vectorAt(0),
    attributes: {
      n: row,
      name: `name ${row % 50}`,
      tags: null,
      note: "note",
      side: packVector(vectorAt(width)),
      last: packVector(vectorAt(2 * width)),
      body: words.join(" "),
      key: `key ${row}`,
      list: [`a${row % 100}`, `b${row}`],
    },
  };
}
