/**
 * A namespace that has grown by merges, rows replaced and deleted on the way, beside one built of
 * the same documents at once: what it finds and what it reads must be nearly the same.
 */
import { beforeAll, expect, test } from "vitest";
import { limits } from "../src/limits.ts";
import { simdKernels } from "./kernels/simd.ts";
import type { OracleDocument } from "./oracle/brute-force.ts";
import { SearchRig } from "./search-rig.ts";
import { SeededRandom } from "./seeded-random.ts";

const dims = 64;
const batches = 18;
const batchRows = 2_000;

let numbers: () => number;
let grown: SearchRig;
let fresh: SearchRig;

function documentAt(id: number): OracleDocument {
  const cloud = id % 90;
  const latent = Float32Array.from({ length: 6 }, () => numbers() - 0.5);
  const vector = Float32Array.from({ length: dims }, (_, d) => {
    const centre = 0.7 * Math.sin(cloud * 7.3 + d * 1.7);
    return latent.reduce((sum, z, j) => sum + z * Math.cos(j * 3.1 + d * (j + 1) * 0.9), centre);
  });
  return { id, vector, attributes: { n: id % 1000, name: `c${cloud}`, tags: null, note: "…" } };
}

beforeAll(async () => {
  const random = new SeededRandom(11);
  numbers = () => (random.bytes(2)[0] as number) / 256 + (random.bytes(1)[0] as number) / 65_536;
  grown = new SearchRig({ dims, kernels: simdKernels });
  for (let batch = 0; batch < batches; batch++) {
    // A fifth replaces documents of before, a tenth of the batch is deleted by the next.
    const from = batch * batchRows * 0.8;
    const ids = Array.from({ length: batchRows }, (_, i) =>
      i < 0.8 * batchRows || batch === 0 ? from + i : Math.floor(numbers() * from),
    );
    const deletes = Array.from({ length: 0.1 * batchRows }, (_, i) => from - 1 - 7 * i);
    const live = new Set(ids);
    await grown.put(
      [...live].map(documentAt),
      batch === 0 ? [] : deletes.filter((id) => id >= 0 && !live.has(id)),
    );
    await grown.flush();
  }
  await grown.clock.advance(limits.restMs);
  await grown.flush();
  fresh = new SearchRig({ dims, kernels: simdKernels });
  await fresh.put([...grown.oracle.documents.values()]);
  await fresh.flush();
}, 60_000);

async function measure(rig: SearchRig, queries: readonly Float32Array[]) {
  let recall = 0;
  let bytes = 0;
  for (const query of queries) {
    rig.newIsolate();
    recall += await rig.recall(query, 10);
    rig.newIsolate();
    const body = { rank_by: ["vector", "ANN", [...query]], limit: 10 };
    const { performance } = await rig.search(body);
    bytes += performance.bytes;
  }
  const count = queries.length;
  return { recall: recall / count, bytes: bytes / count };
}

test("recall and bytes per query are within a tenth of a fresh build's", async () => {
  const queries = Array.from({ length: 40 }, (_, i) => documentAt(97 * i).vector as Float32Array);
  const here = await measure(grown, queries);
  const there = await measure(fresh, queries);
  expect(here.recall).toBeGreaterThan(0.9 * there.recall);
  expect(here.bytes).toBeLessThan(1.1 * there.bytes);
}, 60_000);
