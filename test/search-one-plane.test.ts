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
const vectors = Array.from({ length: rows }, (_, i) => newVectorAt(i));

beforeAll(async () => {
  const { tenant, name } = rig;
  for (let from = 0; from < rows; from += rowsPerWrite) {
    const added = vectors.slice(from, from + rowsPerWrite);
    const attributes = { n: 0, name: "row", tags: null, note: "" };
    await rig.put(added.map((vector, i) => ({ id: from + i, vector, attributes })));
  }
  await rig.ask(rig.owner.requestFlush(tenant, name));
  for (;;) {
    const job = await rig.ask(rig.owner.claim(tenant, name));
    if (job === undefined) break;
    await rig.work(job);
  }
});

async function ask(query: Float32Array) {
  const distances = vectors.map((vector) =>
    vector.reduce((sum, x, d) => sum + (x - (query[d] as number)) ** 2, 0),
  );
  const order = [...distances.keys()].sort(
    (a, b) => (distances[a] as number) - (distances[b] as number),
  );
  const nearest = new Set(order.slice(0, 10));
  const rank_by = ["vector", "ANN", [...query]];
  const answer = await rig.search({ rank_by, limit: 10, disable_cache: true });
  return {
    ...answer.performance,
    found: answer.rows.filter(({ id }) => nearest.has(Number(id))).length,
  };
}

test("a query near few clusters reads int8 codes of their rows, in two rounds", async () => {
  const performance = await ask(newVectorAt(3));
  expect(performance).toMatchObject({ rounds: 2, candidates: 0, found: 10 });
});

test("a query between many clusters reads their 1-bit codes first", async () => {
  const { rounds, roundBytes, candidates, found } = await ask(newVector(0.1));
  expect({ rounds, isOfMost: candidates > rows / 2 }).toEqual({ rounds: 3, isOfMost: true });
  expect(roundBytes[0]).toBeLessThan((rows * dims) / 5);
  expect(found).toBeGreaterThanOrEqual(6);
});
