/** Sixteen count by condition, while the object comes and goes: nothing is lost, nothing twice. */
import { evictDurableObject } from "cloudflare:test";
import { expect, it } from "vitest";
import { Namespace } from "../workerd/api.ts";

const clients = 16;
const timesEach = 2;

async function countOnce(namespace: Namespace, id: number): Promise<void> {
  for (;;) {
    const [row] = await namespace.rows({ filters: ["id", "Eq", id] });
    const n = Number(row?.["n"]);
    const { status, json } = await namespace.tryWrite({
      patch_rows: [{ id, n: n + 1 }],
      patch_condition: ["n", "Eq", n],
    });
    if (status === 200 && json.rows_affected === 1) return;
    // A conditional write may be overtaken until it is told to come again, and is never half done.
    if (status !== 200 && status !== 503) throw new Error(`${status}: ${JSON.stringify(json)}`);
  }
}

it("counts right, however many count at once", async () => {
  const abacus = new Namespace("abacus");
  await abacus.write({ upsert_rows: [{ id: 1, n: 0, note: "kept" }] });
  const all = Array.from({ length: clients }, async () => {
    for (let i = 0; i < timesEach; i++) await countOnce(abacus, 1);
  });
  await Promise.all(all);
  expect(await abacus.rows()).toEqual([{ id: 1, n: clients * timesEach, note: "kept" }]);
});

it("goes on across flushes and restarts of the object", async () => {
  const relay = new Namespace("relay");
  await relay.write({ upsert_rows: [{ id: 1, n: 0 }] });
  for (let round = 1; round <= 2; round++) {
    await Promise.all(Array.from({ length: 4 }, () => countOnce(relay, 1)));
    await relay.indexNow();
    await evictDurableObject(relay.stub());
  }
  expect(await relay.rows()).toEqual([{ id: 1, n: 8 }]);
});

it("a claim by condition has one winner", async () => {
  const race = new Namespace("race");
  await race.write({ upsert_rows: [{ id: 0, by: -1 }] });
  const claims = Array.from({ length: clients }, (_, by) =>
    race.write({ upsert_rows: [{ id: 7, by }], upsert_condition: ["id", "Eq", null] }),
  );
  const won = (await Promise.all(claims)).flatMap(({ rows_affected: rows }, by) =>
    rows === 1 ? [by] : [],
  );
  expect(won).toHaveLength(1);
  expect(await race.rows({ filters: ["id", "Eq", 7] })).toEqual([{ id: 7, by: won[0] }]);
});

it("what one filter deletes another does not: each document is counted once", async () => {
  const sweep = new Namespace("sweep");
  const upsert_rows = Array.from({ length: 300 }, (_, id) => ({ id, n: id % 10 }));
  await sweep.write({ upsert_rows });
  const answers = await Promise.all(
    [2, 5, 8].map((n) => sweep.write({ delete_by_filter: ["n", "Lte", n] })),
  );
  const deleted = answers.reduce((sum, { rows_affected: rows }) => sum + rows, 0);
  expect(deleted).toBe(270);
  expect((await sweep.rows()).every(({ n }) => n === 9)).toBe(true);
});
