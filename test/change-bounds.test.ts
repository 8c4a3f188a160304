/** How much one write may change by a filter, what that costs, and what happens beyond. */
import { beforeEach, describe, expect, test } from "vitest";
import { decodeBatch } from "../src/format/batch.ts";
import { limits } from "../src/limits.ts";
import { ChangeRig } from "./change-rig.ts";
import { withBounds } from "./sim/sizes.ts";

let rig: ChangeRig;

beforeEach(() => {
  rig = new ChangeRig();
});

/** Documents 1 … count. */
function rowsOf(count: number, more: object = {}): object[] {
  return Array.from({ length: count }, (_, i) => ({ id: i + 1, n: i % 2, ...more }));
}

describe("more than one write may change by a filter", () => {
  const bounds = { deleteByFilterRowsMax: 3, patchByFilterRowsMax: 3 };

  test.each([
    ["delete_by_filter", { delete_by_filter: ["n", "Eq", 1] }],
    ["patch_by_filter", { patch_by_filter: { filters: ["n", "Eq", 1], patch: { n: 2 } } }],
  ])("is refused, and nothing is changed: %s", async (field, body) => {
    await rig.post({ upsert_rows: rowsOf(8) });
    await withBounds(bounds, async () => {
      await expect(rig.post(body)).rejects.toMatchObject({
        kind: "invalid",
        message: expect.stringContaining(`${field}_allow_partial`) as string,
      });
    });
    expect(await rig.rows()).toEqual(rowsOf(8));
  });

  test("is deleted in part where that is allowed, lowest ids first, until none remains", async () => {
    await rig.post({ upsert_rows: rowsOf(8) });
    const body = {
      delete_by_filter: ["n", "Eq", 1],
      delete_by_filter_allow_partial: true,
      return_affected_ids: true,
    };
    await withBounds(bounds, async () => {
      const first = await rig.post(body);
      expect(first).toMatchObject({
        rows_deleted: 3,
        deleted_ids: [2, 4, 6],
        rows_remaining: true,
      });
      const second = await rig.post(body);
      expect(second).toMatchObject({ rows_deleted: 1, deleted_ids: [8] });
      expect(second).not.toHaveProperty("rows_remaining");
    });
  });

  test("is patched in part where that is allowed", async () => {
    await rig.post({ upsert_rows: rowsOf(8) });
    const body = {
      patch_by_filter: { filters: ["n", "Eq", 1], patch: { n: 2 } },
      patch_by_filter_allow_partial: true,
    };
    await withBounds(bounds, async () => {
      expect(await rig.post(body)).toMatchObject({ rows_patched: 3, rows_remaining: true });
      expect(await rig.post(body)).not.toHaveProperty("rows_remaining");
    });
  });

  test("what a filter deletes does not count among what another patches", async () => {
    await rig.post({ upsert_rows: rowsOf(8) });
    await withBounds(bounds, async () => {
      const answer = await rig.post({
        delete_by_filter: ["id", "Lte", 3],
        patch_by_filter: { filters: ["id", "Lte", 6], patch: { n: 2 } },
        return_affected_ids: true,
      });
      expect(answer).toMatchObject({ deleted_ids: [1, 2, 3], patched_ids: [4, 5, 6] });
    });
  });
});

describe("more bytes of documents than one write may patch", () => {
  const bounds = { batchBytesMax: 5_000 };
  const note = "x".repeat(1_000);
  const schema = { note: { type: "string", filterable: false } };
  const filters = ["n", "Gte", 0];

  beforeEach(() => rig.post({ upsert_rows: rowsOf(8, { note }), schema }));

  test("are refused by id", async () => {
    const patches = rowsOf(6).map((row) => ({ ...row, n: 5 }));
    await withBounds(bounds, async () => {
      await expect(rig.post({ patch_rows: patches })).rejects.toMatchObject({ kind: "tooLarge" });
    });
    expect((await rig.rows()).every(({ n }) => n !== 5)).toBe(true);
  });

  test("are refused by filter, or patched in part, with what the patch adds", async () => {
    const patch = { n: 5, extra: "y".repeat(500) };
    await withBounds(bounds, async () => {
      const refused = rig.post({ patch_by_filter: { filters, patch } });
      await expect(refused).rejects.toMatchObject({ kind: "invalid" });
      const answer = await rig.post({
        patch_by_filter: { filters, patch },
        patch_by_filter_allow_partial: true,
        return_affected_ids: true,
      });
      expect(answer).toMatchObject({ patched_ids: [1, 2, 3], rows_remaining: true });
    });
  });

  test("leave room for what the same write upserts", async () => {
    await withBounds(bounds, async () => {
      const answer = await rig.post({
        upsert_rows: [{ id: 100, note: "z".repeat(2_000) }],
        patch_by_filter: { filters, patch: { n: 5 } },
        patch_by_filter_allow_partial: true,
      });
      expect(answer).toMatchObject({ rows_upserted: 1, rows_patched: 2, rows_remaining: true });
    });
  });

  test("are no matter of conditions, which are looked at a slice at a time", async () => {
    await withBounds(bounds, async () => {
      const answer = await rig.post({
        upsert_rows: rowsOf(8).map((row) => ({ ...row, n: 9 })),
        upsert_condition: ["n", "Lt", { $ref_new: "n" }],
      });
      expect(answer).toMatchObject({ rows_upserted: 8 });
    });
  });
});

test("a document does not grow beyond its bound by patches", async () => {
  const schema = {
    a: { type: "string", filterable: false },
    b: { type: "string", filterable: false },
  };
  await rig.post({ upsert_rows: [{ id: 1, a: "a".repeat(600) }], schema });
  await withBounds({ documentBytesMax: 1_000 }, async () => {
    const refused = rig.post({ patch_rows: [{ id: 1, b: "b".repeat(600) }] });
    await expect(refused).rejects.toMatchObject({ kind: "tooLarge" });
    await rig.post({ patch_rows: [{ id: 1, a: null, b: "b".repeat(600) }] });
  });
  expect(await rig.rows()).toEqual([{ id: 1, b: "b".repeat(600) }]);
});

test("60,000 documents go in one entry, of several chunks, and the next flush takes it", async () => {
  const count = 30_000;
  for (let at = 0; at < 2; at++) {
    const id = Array.from({ length: count }, (_, i) => at * count + i);
    await rig.post({ upsert_columns: { id, n: id.map((each) => each % 7) } });
    await rig.flush();
  }
  rig.commits = [];
  const answer = await rig.post({ delete_by_filter: ["id", "Lt", 2 * count - 5] });
  expect(answer.rows_deleted).toBe(2 * count - 5);
  expect(rig.commits).toHaveLength(1);
  const [commit] = rig.commits;
  expect(commit?.deletes).toBe(2 * count - 5);
  expect(commit?.chunks.map(({ rows }) => rows)).toEqual([
    limits.batchRowsMax,
    2 * count - 5 - 50_000,
  ]);
  expect(await rig.rows()).toHaveLength(5);
  await rig.flush();
  expect(await rig.rows()).toHaveLength(5);
}, 60_000);

test("a small change in a warm namespace costs one call for its snapshot and one commit", async () => {
  await rig.post({ upsert_rows: rowsOf(5) });
  await rig.rows();
  rig.commits = [];
  const before = { heads: rig.heads, reads: rig.reads.counts() };
  await rig.post({ patch_rows: [{ id: 1, n: 5 }] });
  await rig.post({ delete_by_filter: ["n", "Eq", 5] });
  await rig.post({
    upsert_rows: [{ id: 2, n: 7 }],
    upsert_condition: ["n", "Lt", { $ref_new: "n" }],
  });
  expect(rig.heads - before.heads).toBe(3);
  expect(rig.reads.counts()).toEqual(before.reads);
  expect(rig.commits).toHaveLength(3);
  expect(rig.commits.every(({ chunks }) => chunks.every(({ kind }) => kind === "inline"))).toBe(
    true,
  );
  const [chunk] = rig.commits[1]?.chunks ?? [];
  const batch = chunk?.kind === "inline" ? decodeBatch(chunk.bytes) : undefined;
  expect(batch).toMatchObject({ upserts: 0, deletes: 1, ids: [1] });
});
