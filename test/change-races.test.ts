/**
 * Patches, conditions and writes by filter beside other writers: they are decided from the state
 * right before their commit, but for which documents a filter is tried on. And their repetition.
 */
import { beforeEach, describe, expect, test } from "vitest";
import type { WriteKey } from "../src/format/wal.ts";
import { limits } from "../src/limits.ts";
import { ChangeRig } from "./change-rig.ts";
import { withBounds } from "./sim/sizes.ts";

let rig: ChangeRig;

beforeEach(async () => {
  rig = new ChangeRig();
  await rig.post({
    upsert_rows: [
      { id: 1, n: 1, name: "one" },
      { id: 2, n: 2, name: "two" },
      { id: 3, name: "three" },
    ],
  });
  rig.commits = [];
});

function keyOf(id: number): WriteKey {
  const bytes = new Uint8Array(16).fill(id);
  return { id: bytes, body: bytes, keepMs: limits.keyKeepMs };
}

describe("beside other writers", () => {
  test("sixteen that count by condition lose nothing", async () => {
    await rig.post({ upsert_rows: [{ id: 50, n: 0 }] });
    const count = async (): Promise<void> => {
      for (;;) {
        const { rows } = await rig.search({
          rank_by: ["id", "asc"],
          limit: 1,
          filters: ["id", "Eq", 50],
          include_attributes: true,
        });
        const before = Number(rows[0]?.attributes[0]?.value);
        const answer = await rig.start({
          upsert_rows: [{ id: 50, n: before + 1 }],
          upsert_condition: ["n", "Eq", before],
        });
        if (answer.rows_affected === 1) return;
      }
    };
    await rig.clock.run(
      Promise.all(
        Array.from({ length: 16 }, async () => {
          for (let i = 0; i < 3; i++) await count();
        }),
      ),
    );
    expect((await rig.rows()).find(({ id }) => id === 50)).toMatchObject({ n: 48 });
  });

  test("a patch is applied to what is there when it is committed", async () => {
    const answer = await rig.post(
      { patch_rows: [{ id: 1, extra: 1 }] },
      {
        before: async (commit) => {
          if (commit === 1) await rig.start({ upsert_rows: [{ id: 1, n: 77 }] });
        },
      },
    );
    expect(answer).toMatchObject({ rows_patched: 1 });
    expect((await rig.rows())[0]).toEqual({ id: 1, n: 77, extra: 1 });
  });

  test("what no longer matches drops out of a write by filter, what begins to is not seen", async () => {
    const filters = ["n", "Lte", 2];
    const meanwhile = {
      upsert_rows: [
        { id: 2, n: 500 },
        { id: 4, n: 0 },
      ],
    };
    const answer = await rig.post(
      { delete_by_filter: filters, return_affected_ids: true },
      {
        before: async (commit) => {
          if (commit === 1) await rig.start(meanwhile);
        },
      },
    );
    expect(answer).toMatchObject({ rows_deleted: 2, deleted_ids: [1, 3] });
    expect(await rig.rows()).toEqual([
      { id: 2, n: 500 },
      { id: 4, n: 0 },
    ]);
  });

  test("the same of patches by filter", async () => {
    const answer = await rig.post(
      {
        patch_by_filter: { filters: ["n", "Gte", 1], patch: { name: "x" } },
        return_affected_ids: true,
      },
      {
        before: async (commit) => {
          if (commit !== 1) return;
          await rig.start({
            upsert_rows: [
              { id: 2, name: "gone" },
              { id: 4, n: 9 },
            ],
          });
        },
      },
    );
    expect(answer).toMatchObject({ rows_patched: 1, patched_ids: [1] });
  });

  test("a write by filter that lost all its matches commits nothing", async () => {
    const answer = await rig.post(
      { delete_by_filter: ["n", "Eq", 1] },
      {
        before: async (commit) => {
          if (commit === 1) await rig.start({ upsert_rows: [{ id: 1, n: 5 }] });
        },
      },
    );
    expect(answer).toMatchObject({ rows_deleted: 0 });
    expect(await rig.rows()).toHaveLength(3);
    // Its own, which was refused, and the other's.
    expect(rig.commits).toHaveLength(2);
  });

  test.each([
    ["as few as are held", limits.heldIdsMax],
    ["more than are held", 1],
  ])(
    "a slow sweep over %s gets through beside a writer that never rests",
    async (_, heldIdsMax) => {
      await withBounds({ heldIdsMax }, async () => {
        let isOver = false;
        const writer = async (): Promise<void> => {
          for (let n = 1; !isOver; n++) await rig.start({ upsert_rows: [{ id: 1, n }] });
        };
        let attempts = 0;
        const sweep = async (): Promise<void> => {
          await rig.start(
            { patch_by_filter: { filters: ["id", "Lte", 3], patch: { seen: true } } },
            {
              before: async () => {
                attempts += 1;
                await rig.clock.sleep(400);
              },
            },
          );
          isOver = true;
        };
        await rig.clock.run(Promise.all([writer(), sweep()]));
        expect(attempts).toBeLessThan(6);
      });
    },
  );

  test("a new life of the name is looked at anew", async () => {
    const answer = await rig.post(
      { delete_by_filter: ["n", "Gte", 1], upsert_rows: [{ id: 9, n: 9 }] },
      {
        before: async (commit) => {
          if (commit !== 1) return;
          await rig.owner.remove(rig.tenant, rig.name);
          await rig.start({ upsert_rows: [{ id: 7, n: 7 }] });
        },
      },
    );
    expect(answer).toMatchObject({ rows_deleted: 1, rows_upserted: 1 });
    expect(await rig.rows()).toEqual([{ id: 9, n: 9 }]);
  });
});

describe("a repetition under the same key", () => {
  const body = {
    delete_by_filter: ["n", "Eq", 2],
    patch_rows: [{ id: 1, name: "uno" }],
    upsert_rows: [{ id: 8, n: 8 }],
    return_affected_ids: true,
  };

  test.each([
    ["from the tail", async () => {}],
    ["after a restart", async () => rig.restart()],
    [
      "after a flush and a restart",
      async () => {
        await rig.flush();
        rig.restart();
      },
    ],
  ])("is answered with the counts of then, %s", async (_, meanwhile) => {
    const first = await rig.post(body, { key: keyOf(1) });
    expect(first).toMatchObject({ rows_affected: 3, deleted_ids: [2] });
    await meanwhile();
    const again = await rig.post(body, { key: keyOf(1) });
    expect(again).toMatchObject({
      rows_affected: 3,
      rows_upserted: 1,
      rows_patched: 1,
      rows_deleted: 1,
    });
    expect(again).not.toHaveProperty("deleted_ids");
    expect(await rig.rows()).toHaveLength(3);
  });
});
