/** Cold queries of wide rows: by one plane where that is cheap, and else by two. */
import { beforeAll, expect, test } from "vitest";
import { simdKernels } from "./kernels/simd.ts";
import { SearchRig } from "./search-rig.ts";
import { SeededRandom } from "./seeded-random.ts";

const dims = 1_024;
const rows = 6_000;
const centres = 12;
const rowsPerWrite = 1_000;
const rig = new SearchRig({ dims, kernels: simdKernels });
const random = new SeededRandom(5);
const newVector = (scale: number) =>
  Float32Array.from(random.bytes(dims), (byte) => (scale * (byte - 128)) / 128);
/** Around one of the centres, which are all as far from zero. */
const newVectorAt = (centre: number) =>
  newVector(0.4).map((x, d) => x + Number(d % centres === centre % centres));

beforeAll(async () => {
  const attributes = { n: 0, name: "row", tags: null, note: "" };
  for (let from = 0; from < rows; from += rowsPerWrite) {
    const ids = Array.from({ length: rowsPerWrite }, (_, i) => from + i);
    await rig.put(ids.map((id) => ({ id, vector: newVectorAt(id), attributes })));
  }
  await rig.flush();
});

/** The first query of an isolate, and its recall. */
async function ask(query: Float32Array) {
  rig.newIsolate();
  const recall = await rig.recall(query, 10);
  rig.newIsolate();
  const rank_by = ["vector", "ANN", [...query]];
  return { recall, ...(await rig.search({ rank_by, limit: 10 })).performance };
}

test("a query near few clusters reads int8 codes of their rows, in two rounds", async () => {
  expect(await ask(newVectorAt(3))).toMatchObject({ rounds: 2, candidates: 0, recall: 1 });
});

test("a query between many clusters reads their 1-bit codes first", async () => {
  const { rounds, roundBytes, candidates, recall } = await ask(newVector(0.1));
  expect({ rounds, isOfMost: candidates > rows / 2 }).toEqual({ rounds: 3, isOfMost: true });
  expect(roundBytes[0]).toBeLessThan((rows * dims) / 5);
  // Their rows are no nearer than others: hardly anything is to be told by one bit.
  expect(recall).toBeGreaterThanOrEqual(0.6);
});
