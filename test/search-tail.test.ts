/** Tails too large to be held: streamed through every query, in bounded memory. */
import { beforeAll, expect, test } from "vitest";
import { limits } from "../src/limits.ts";
import { simdKernels } from "./kernels/simd.ts";
import type { OracleDocument } from "./oracle/brute-force.ts";
import { SearchRig } from "./search-rig.ts";

const dims = 512;
const rows = 2_800;
let rig: SearchRig;

function documentAt(id: number, shift: number): OracleDocument {
  const vector = Float32Array.from({ length: dims }, (_, d) => Math.sin(id * 3.7 + d) + shift);
  return { id, vector, attributes: { n: id % 10, name: null, tags: null, note: "tail" } };
}

/**
 * 15 MB of attachments and inline entries; the last ones overwrite and delete earlier documents.
 */
beforeAll(async () => {
  rig = new SearchRig({ dims, kernels: simdKernels });
  await rig.put(Array.from({ length: 200 }, (_, id) => documentAt(id, 5)));
  await rig.flush();
  for (let from = 0; from < 3 * rows; from += rows) {
    await rig.put(Array.from({ length: rows }, (_, i) => documentAt(from + i, 0)));
  }
  for (let i = 0; i < 5; i++) {
    await rig.put([documentAt(i * 10, 1), documentAt(rows + i, 2)], [i * 10 + 1, rows * 2 + i]);
  }
});

test("answers are exact, and nothing of the tail stays in memory", async () => {
  const { unindexedBytes } = await rig.head();
  expect(unindexedBytes).toBeGreaterThan(limits.tailWindowBytes);
  const query = (documentAt(17, 0.01).vector as Float32Array).slice();
  const result = await rig.expectExact(query, 20, ["n", "Lte", 8]);
  expect(result.performance.unindexedRows).toBe(rig.oracle.documents.size);
  await rig.expectOrder(true, 30, ["n", "Eq", 3]);
  expect(await rig.recall(query, 25)).toBe(1);
  expect(rig.isolate.memory.tail.weight).toBe(0);
});

test("reservations stay within the budget, and head is not asked to send the tail again", async () => {
  const { reservedBytes, reservedBytesPeak, refused } = rig.isolate.budget.counts();
  expect([reservedBytes, refused]).toEqual([0, 0]);
  expect(reservedBytesPeak).toBeLessThanOrEqual(limits.reservedBytesMax);
  await rig.search({ rank_by: ["id", "asc"], limit: 1 });
  expect(rig.lastReply).toMatchObject({ value: { wal: [] } });
});

test("an answer too large to be put together is refused with a word of advice", async () => {
  const body = { rank_by: ["id", "asc"], limit: 10_000, include_attributes: ["vector"] };
  await expect(rig.search(body)).rejects.toMatchObject({ kind: "invalid" });
  expect((await rig.search({ ...body, limit: 5_000 })).rows.length).toBe(5_000);
});

test("a small tail is decoded once and read from memory afterwards", async () => {
  const small = new SearchRig();
  const put = (id: number) =>
    small.put([{ id, vector: Float32Array.of(id, 1, 1, 1), attributes: { n: id } }]);
  for (let id = 0; id < 10; id++) await put(id);
  await small.search({ rank_by: ["id", "asc"], limit: 100 });
  await put(10);
  const { rows: found } = await small.search({ rank_by: ["id", "asc"], limit: 100 });
  expect(found.length).toBe(11);
  expect(small.reads.requests).toBe(0);
  // Only the new entry came along.
  expect(small.lastReply).toMatchObject({ value: { wal: [{ sequence: 10 }] } });
});
