/**
 * What a job holds: below its bound by its own counters, and the counters are believed only because
 * the large buffers that are really alive are compared with them all the way.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { compact } from "../src/compact.ts";
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

/** Looks at every so manieth entry what is alive beside what the store has got. */
class CheckedLedger extends MemoryLedger {
  /** The most that was alive beyond what was entered. */
  beyond = 0;
  readonly #stored: () => number;
  #before = bufferBytes();
  #entries = 0;

  constructor(stored: () => number) {
    super();
    this.#stored = stored;
  }

  override hold(bytes: number): () => void {
    // What is about to be allocated is not there yet, what was released may be still.
    const { held } = this;
    if (this.#entries++ % 16 === 0) {
      const alive = bufferBytes() - this.#before - this.#stored();
      this.beyond = Math.max(this.beyond, alive - held);
    }
    return super.hold(bytes);
  }
}

async function runJob(rig: SearchRig, job: Job): Promise<CheckedLedger> {
  const inner = rig.ports().store;
  let stored = 0;
  const store: ObjectStore = {
    get: (...args) => inner.get(...args),
    head: (...args) => inner.head(...args),
    list: (...args) => inner.list(...args),
    delete: (...args) => inner.delete(...args),
    put: async (key, bytes, ...rest) => {
      stored += bytes.length;
      return await inner.put(key, bytes, ...rest);
    },
  };
  const ledger = new CheckedLedger(() => stored);
  const { tenant, name } = rig;
  const ports = { ...rig.ports(), store, kernels: simdKernels };
  await rig.clock.run(compact({ ports, api: rig.owner, identity: { tenant, name }, job, ledger }));
  return ledger;
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
    await rig.put(documents(batch * rows, rows));
  }
  const seen = await runDue(rig);
  await rig.clock.advance(limits.restMs);
  seen.push(...(await runDue(rig)));
  expect(new Set(seen.map(({ kind }) => kind))).toEqual(new Set(["flush", "merge"]));
  for (const { peak, beyond } of seen) {
    // Frames that are not optimised yet may hold a buffer a little longer than they need it.
    expect(beyond).toBeLessThan(12 * mebi);
    expect(peak + beyond).toBeLessThan(limits.compactionBytesMax);
  }
}, 120_000);

test("the flush of the largest write holds more than that, and less than an isolate has", async () => {
  const rig = new SearchRig({ dims, kernels: simdKernels });
  await rig.put(documents(0, Math.floor((0.95 * limits.batchBytesMax) / (4 * dims + 60))));
  const [flush] = await runDue(rig);
  expect(flush?.peak).toBeLessThan(110_000_000);
  expect(flush?.beyond).toBeLessThan(6 * mebi);
}, 60_000);
