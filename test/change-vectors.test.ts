/** Vectors in patches and conditions. */
import { beforeEach, describe, expect, test } from "vitest";
import { ChangeRig } from "./change-rig.ts";

let rig: ChangeRig;

beforeEach(() => {
  rig = new ChangeRig();
});

describe("vectors", () => {
  const vectors = [
    { id: 1, vector: [1, 0], w: [1, 2, 3] },
    { id: 2, vector: [0, 1], w: [4, 5, 6] },
  ];
  const start = (more: object = {}) =>
    rig.post({
      upsert_rows: vectors,
      distance_metric: "euclidean_squared",
      schema: {
        vector: { type: "[2]f16", ann: true, ...more },
        w: { type: "[3]f32", ann: true, ...more },
      },
    });

  test.each([
    ["patch_rows", { patch_rows: [{ id: 1, vector: [1, 1] }] }],
    ["patch_columns", { patch_columns: { id: [1], vector: [[1, 1]] } }],
    ["patch_by_filter", { patch_by_filter: { filters: ["id", "Eq", 1], patch: { vector: [1] } } }],
    ["null", { patch_rows: [{ id: 1, vector: null }] }],
    ["another column", { patch_rows: [{ id: 1, w: [1, 1, 1] }] }],
  ])("cannot be patched: %s", async (_, body) => {
    await start();
    await expect(rig.post(body)).rejects.toMatchObject({
      kind: "invalid",
      message: "💔 patching vectors is currently unsupported",
    });
  });

  test("cannot be patched in a namespace without any, either", async () => {
    await rig.post({ upsert_rows: [{ id: 1, n: 1 }] });
    await expect(rig.post({ patch_rows: [{ id: 1, vector: [1] }] })).rejects.toMatchObject({
      message: "💔 patching vectors is currently unsupported",
    });
  });

  test("are patched where the schema says `patchable`, and stay where a patch has none", async () => {
    await start({ patchable: true });
    await rig.flush();
    await rig.post({
      patch_rows: [
        { id: 1, vector: [0.5, -2], n: 1 },
        { id: 2, w: [7, 8, 9] },
      ],
    });
    const [first, second] = await rig.rows();
    expect(first).toMatchObject({ id: 1, n: 1, vector: [0.5, -2] });
    expect(second).toMatchObject({ id: 2, vector: [0, 1] });
    const near = await rig.search({ rank_by: ["vector", "ANN", [0.5, -2]], limit: 1 });
    expect(near.rows[0]).toMatchObject({ id: 1, distance: 0 });
    const refused = rig.post({ patch_rows: [{ id: 1, vector: null }] });
    await expect(refused).rejects.toMatchObject({ kind: "invalid", detail: { field: "vector" } });
    await expect(rig.post({ patch_rows: [{ id: 1, vector: [1] }] })).rejects.toThrow(
      "has 2 dimensions, but got vectors of 1",
    );
  });

  test("may become patchable later, and stop to be", async () => {
    await start();
    const patch = { patch_rows: [{ id: 1, vector: [3, 3] }] };
    const declare = (patchable: boolean) => ({
      schema: { vector: { type: "[2]f16", ann: true, patchable } },
    });
    await rig.post({ ...patch, ...declare(true) });
    expect((await rig.rows())[0]).toMatchObject({ vector: [3, 3] });
    await rig.post(declare(false));
    await expect(rig.post(patch)).rejects.toThrow("patching vectors is currently unsupported");
  });

  test.each([
    ["vector", [1, 0], [0, 1]],
    ["w", [1, 2, 3], [4, 5, 6]],
  ])("of column %s are compared as a whole in conditions", async (name, first, second) => {
    await start();
    const row = { id: 1, vector: [1, 0], w: [1, 2, 3], seen: 1 };
    const write = (vector: number[], condition: unknown) =>
      rig.post({ upsert_rows: [{ ...row, [name]: vector }], upsert_condition: condition });
    const changed = [name, "NotEq", { $ref_new: name }];
    expect(await write(first, changed)).toMatchObject({ rows_upserted: 0 });
    expect(await write(second, changed)).toMatchObject({ rows_upserted: 1 });
    expect(await write(second, [name, "Eq", second])).toMatchObject({ rows_upserted: 1 });
    expect(await write(second, [name, "Eq", first])).toMatchObject({ rows_upserted: 0 });
    expect(await write(second, [name, "Eq", null])).toMatchObject({ rows_upserted: 0 });
    await expect(write(second, [name, "Lt", { $ref_new: name }])).rejects.toThrow(
      "Lt does not apply to a vector",
    );
    await expect(write(second, [name, "Eq", [1]])).rejects.toThrow("type mismatch");
  });
});
