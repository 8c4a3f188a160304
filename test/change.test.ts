/**
 * Patches, conditions and writes by filter, as the API takes them: what they change, in which
 * order, and what is counted.
 */
import { beforeEach, describe, expect, test } from "vitest";
import { ChangeRig } from "./change-rig.ts";

let rig: ChangeRig;

beforeEach(() => {
  rig = new ChangeRig();
});

const three = [
  { id: 1, n: 1, name: "one" },
  { id: 2, n: 2, name: "two" },
  { id: 3, name: "three" },
];

/** Three documents, in the tail or in a segment. */
async function fill(isFlushed = false): Promise<void> {
  await rig.post({ upsert_rows: three });
  if (isFlushed) await rig.flush();
  rig.commits = [];
}

describe.each([
  ["in the tail", false],
  ["in a segment", true],
])("of documents %s", (_, isFlushed) => {
  beforeEach(() => fill(isFlushed));

  test("patch_rows sets what it names, null removes, absent ids are skipped", async () => {
    const answer = await rig.post({
      patch_rows: [
        { id: 2, name: null, extra: true },
        { id: 9, n: 5 },
        { id: 1, n: 10 },
      ],
      return_affected_ids: true,
    });
    expect(answer).toMatchObject({ rows_affected: 2, rows_patched: 2, patched_ids: [2, 1] });
    expect(answer).not.toHaveProperty("rows_upserted");
    expect(answer).not.toHaveProperty("upserted_ids");
    expect(answer.billing.query).toEqual({
      billable_logical_bytes_queried: 256_000_000,
      billable_logical_bytes_returned: 0,
    });
    expect(await rig.rows()).toEqual([
      { id: 1, n: 10, name: "one" },
      { id: 2, n: 2, extra: true },
      { id: 3, name: "three" },
    ]);
  });

  test("patch_columns is the same in columns: every row sets every column", async () => {
    await rig.post({ patch_columns: { id: [1, 3], n: [null, 30], extra: [1, 2] } });
    expect(await rig.rows()).toEqual([
      { id: 1, name: "one", extra: 1 },
      { id: 2, n: 2, name: "two" },
      { id: 3, n: 30, name: "three", extra: 2 },
    ]);
  });

  test("upsert_condition looks at what is stored; what is absent is inserted", async () => {
    const answer = await rig.post({
      upsert_rows: [
        { id: 1, n: 0, name: "older" },
        { id: 2, n: 7, name: "newer" },
        { id: 3, n: 7, name: "had none" },
        { id: 4, n: 1, name: "new" },
      ],
      upsert_condition: ["n", "Lt", { $ref_new: "n" }],
      return_affected_ids: true,
    });
    expect(answer).toMatchObject({ rows_affected: 3, rows_upserted: 3, upserted_ids: [2, 3, 4] });
    expect(await rig.rows()).toEqual([
      { id: 1, n: 1, name: "one" },
      { id: 2, n: 7, name: "newer" },
      { id: 3, n: 7, name: "had none" },
      { id: 4, n: 1, name: "new" },
    ]);
  });

  test('["id", "Eq", null] inserts what is absent and nothing else', async () => {
    const answer = await rig.post({
      upsert_rows: [{ id: 1 }, { id: 5, n: 5 }],
      upsert_condition: ["id", "Eq", null],
    });
    expect(answer).toMatchObject({ rows_affected: 1, rows_upserted: 1 });
    expect(await rig.rows()).toEqual([...three, { id: 5, n: 5 }]);
  });

  test("patch_condition and delete_condition skip what is absent", async () => {
    const answer = await rig.post({
      patch_rows: [
        { id: 1, n: 5 },
        { id: 8, n: 5 },
      ],
      patch_condition: ["n", "NotEq", { $ref_new: "n" }],
      deletes: [2, 3, 9],
      delete_condition: ["n", "Eq", 2],
      return_affected_ids: true,
    });
    expect(answer).toMatchObject({ rows_affected: 2, patched_ids: [1], deleted_ids: [2] });
    expect(answer).toMatchObject({ rows_patched: 1, rows_deleted: 1 });
    expect(await rig.rows()).toEqual([{ ...three[0], n: 5 }, three[2]]);
  });

  test("in delete_condition values of the incoming document are null", async () => {
    await rig.post({ deletes: [1, 3], delete_condition: ["n", "Eq", { $ref_new: "n" }] });
    expect((await rig.rows()).map(({ id }) => id)).toEqual([1, 2]);
  });

  test("deletes without a condition count every id asked for, there or not", async () => {
    const answer = await rig.post({
      deletes: [3, 77],
      patch_rows: [{ id: 1, n: 5 }],
      return_affected_ids: true,
    });
    expect(answer).toMatchObject({ rows_affected: 3, rows_deleted: 2, deleted_ids: [3, 77] });
  });

  test("delete_by_filter and patch_by_filter change what matches, and count it", async () => {
    const answer = await rig.post({
      delete_by_filter: ["n", "Eq", 1],
      patch_by_filter: { filters: ["n", "Lte", 2], patch: { n: 20, name: null } },
      return_affected_ids: true,
    });
    // Absent is below every number.
    expect(answer).toMatchObject({ rows_affected: 3, deleted_ids: [1], patched_ids: [2, 3] });
    expect(answer).not.toHaveProperty("rows_remaining");
    expect(await rig.rows()).toEqual([
      { id: 2, n: 20 },
      { id: 3, n: 20 },
    ]);
  });

  test("that match nothing leave nothing behind, and are counted all the same", async () => {
    const answer = await rig.post({ delete_by_filter: ["n", "Gt", 100] });
    expect(answer).toMatchObject({ rows_affected: 0, rows_deleted: 0 });
    expect(rig.commits).toHaveLength(0);
  });

  test("by-filter deletes come first, then by-filter patches, then writes by id", async () => {
    const answer = await rig.post({
      delete_by_filter: ["n", "Eq", 1],
      patch_by_filter: { filters: ["name", "Eq", "two"], patch: { n: 50 } },
      // Ignored: it was deleted.
      patch_rows: [{ id: 1, n: 7 }],
      upsert_rows: [
        { id: 2, name: "again" },
        { id: 4, name: "four" },
      ],
      upsert_condition: ["n", "Eq", 50],
      return_affected_ids: true,
    });
    expect(answer).toMatchObject({
      rows_affected: 4,
      deleted_ids: [1],
      patched_ids: [2],
      upserted_ids: [2, 4],
    });
    expect(await rig.rows()).toEqual([
      { id: 2, name: "again" },
      { id: 3, name: "three" },
      { id: 4, name: "four" },
    ]);
    expect(rig.commits).toHaveLength(1);
  });

  test("an id that was deleted by filter may be inserted in the same write", async () => {
    const answer = await rig.post({
      delete_by_filter: ["name", "In", ["one", "two"]],
      upsert_rows: [{ id: 1, n: 100 }],
      upsert_condition: ["n", "Eq", -1],
    });
    expect(answer).toMatchObject({ rows_affected: 3, rows_upserted: 1, rows_deleted: 2 });
    expect(await rig.rows()).toEqual([{ id: 1, n: 100 }, three[2]]);
  });

  test("a patch by id comes on top of a patch by filter; each counts", async () => {
    const answer = await rig.post({
      patch_by_filter: { filters: ["n", "Eq", 2], patch: { n: 3, extra: 1 } },
      patch_rows: [
        { id: 2, n: 4 },
        { id: 1, n: 11 },
      ],
      return_affected_ids: true,
    });
    expect(answer).toMatchObject({ rows_patched: 3, patched_ids: [2, 2, 1] });
    expect(await rig.rows()).toEqual([
      { ...three[0], n: 11 },
      { ...three[1], n: 4, extra: 1 },
      three[2],
    ]);
  });
});

describe("what a condition or a filter may not say", () => {
  beforeEach(() => fill());
  const upsert = (condition: unknown) => ({
    upsert_rows: [{ id: 1, n: 1, name: "a" }],
    upsert_condition: condition,
  });

  test.each([
    ["an unknown attribute", upsert(["x", "Eq", 1]), "attribute not found in schema"],
    ["a reference to one", upsert(["n", "Eq", { $ref_new: "x" }]), "attribute not found"],
    ["a reference of another type", upsert(["n", "Eq", { $ref_new: "name" }]), "type mismatch"],
    ["another type", upsert(["n", "Eq", "1"]), "type mismatch, Eq expects int"],
    ["an unknown operator", upsert(["n", "Near", 1]), "unknown variant `Near`"],
    ["a map that is no reference", upsert(["n", "Eq", { $ref_old: "n" }]), "$ref_new"],
    ["no filter", upsert("n"), "upsert_condition: invalid type"],
    ["no filter to delete by", { delete_by_filter: 5 }, "delete_by_filter: invalid type"],
    [
      "no filter to patch by",
      { patch_by_filter: { filters: null, patch: { n: 1 } } },
      "patch_by_filter: missing field `filters`",
    ],
    [
      "a reference where nothing comes in",
      { delete_by_filter: ["n", "Eq", { $ref_new: "n" }] },
      "type mismatch",
    ],
    [
      "a patch of a bad name",
      { patch_by_filter: { filters: ["n", "Eq", 1], patch: { $a: 1 } } },
      "$",
    ],
    ["a patch of another type", { patch_rows: [{ id: 1, n: "x" }] }, "expected int"],
    [
      "the same id twice",
      { patch_rows: [{ id: 1, n: 5 }], deletes: [1] },
      "The duplicated IDs in this batch were the following: 1",
    ],
  ])("%s", async (_, body, text) => {
    const error: unknown = await rig.post(body).catch((thrown: unknown) => thrown);
    expect(String(error)).toContain(text);
    expect(rig.commits).toHaveLength(0);
    expect(await rig.rows()).toEqual(three);
  });
});

describe("a namespace that does not exist", () => {
  test("is not founded by patches or by filters alone", async () => {
    const text = "a namespace is created by its first documents";
    await expect(rig.post({ patch_rows: [{ id: 1, n: 1 }] })).rejects.toThrow(text);
    await expect(rig.post({ delete_by_filter: ["id", "Eq", 1] })).rejects.toThrow(text);
  });

  test("is founded by upserts that come with filters and conditions", async () => {
    const body = {
      delete_by_filter: ["source", "Eq", "a.txt"],
      patch_by_filter: { filters: ["n", "Gt", 0], patch: { seen: true } },
      upsert_rows: [{ id: "x", source: "a.txt", n: 1 }],
      upsert_condition: ["n", "Lt", { $ref_new: "n" }],
    };
    expect(await rig.post(body)).toMatchObject({
      rows_affected: 1,
      rows_upserted: 1,
      rows_patched: 0,
      rows_deleted: 0,
    });
    expect(await rig.post(body)).toMatchObject({ rows_affected: 2, rows_deleted: 1 });
    expect(await rig.rows()).toEqual([{ id: "x", n: 1, source: "a.txt" }]);
  });
});

describe("values of every type", () => {
  const uuid = "123e4567-e89b-12d3-a456-426614174000";

  test("are patched like others, sparse vectors, arrays and bytes too, and null removes them", async () => {
    const schema = {
      sparse: { type: "{}f16", sparse_knn: { distance_metric: "dot_product" } },
      raw: "bytes",
      at: "datetime",
      many: "[]uint",
    };
    const row = { id: 1, sparse: { a: 1 }, raw: "aGk=", at: "2024-03-02", many: [1, 2], kept: 1 };
    await rig.post({ upsert_rows: [row, { ...row, id: 2 }], schema });
    await rig.flush();
    const patch = { sparse: { b: 0.5 }, raw: "aG8=", at: "2025-01-01", many: [] };
    const nulls = { sparse: null, raw: null, at: null, many: null };
    await rig.post({
      patch_rows: [
        { id: 1, ...patch },
        { id: 2, ...nulls },
      ],
    });
    // A document that was written like that is no different.
    await rig.post({ upsert_rows: [{ ...row, ...patch, id: 3 }] });
    const [first, second, third] = await rig.rows();
    expect({ ...first, id: 3 }).toEqual(third);
    expect(second).toEqual({ id: 2, kept: 1 });
  });

  test("are checked in patches as in upserts", async () => {
    await rig.post({ upsert_rows: [{ id: 1, name: "x" }] });
    const long = "x".repeat(5_000);
    for (const name of [long, [1], 1.5]) {
      await expect(rig.post({ patch_rows: [{ id: 1, name }] })).rejects.toMatchObject({
        kind: "invalid",
        detail: { attribute: "name" },
      });
    }
    await expect(rig.post({ patch_rows: [{ id: "1", name: "y" }] })).rejects.toThrow(
      "you are not allowed to mix ID types",
    );
  });

  test("an attribute may begin with a patch, of the type that its values suggest", async () => {
    await rig.post({ upsert_rows: [{ id: 1 }] });
    await rig.post({ patch_rows: [{ id: 1, price: 5 }] });
    await rig.post({ patch_by_filter: { filters: ["price", "Eq", 5], patch: { tags: ["a"] } } });
    expect(await rig.rows()).toEqual([{ id: 1, price: 5, tags: ["a"] }]);
    await expect(
      rig.post({ upsert_rows: [{ id: 2, size: "x" }], patch_rows: [{ id: 1, size: 5 }] }),
    ).rejects.toMatchObject({ kind: "invalid" });
  });

  test("ids in any spelling are one id, and twice in one write is refused", async () => {
    await rig.post({ upsert_rows: [{ id: uuid, n: 1 }], schema: { id: "uuid" } });
    const upper = uuid.toUpperCase();
    await expect(rig.post({ patch_rows: [{ id: uuid, n: 2 }], deletes: [upper] })).rejects.toThrow(
      `The duplicated IDs in this batch were the following: ${uuid}`,
    );
    const answer = await rig.post({
      patch_rows: [{ id: upper, n: 2 }],
      patch_condition: ["id", "Eq", { $ref_new: "id" }],
      return_affected_ids: true,
    });
    expect(answer.patched_ids).toEqual([uuid]);
  });

  test("lists of ids by filter are in the order of ids: numbers as numbers", async () => {
    const upsert_rows = [10, 2, 1].map((id) => ({ id, n: 1 }));
    await rig.post({ upsert_rows });
    await rig.flush();
    await rig.post({
      upsert_rows: [
        { id: 7, n: 1 },
        { id: 2, n: 1 },
      ],
    });
    const answer = await rig.post({
      patch_by_filter: { filters: ["n", "Eq", 1], patch: { n: 2 } },
      patch_rows: [{ id: 1, n: 3 }],
      return_affected_ids: true,
    });
    expect(answer.patched_ids).toEqual([1, 2, 7, 10, 1]);
  });
});
