/** The object forgets everything it ever stored. Object storage alone brings the namespace back. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { expect, it } from "vitest";
import { Namespace } from "../workerd/api.ts";

async function loseEverything(namespace: Namespace): Promise<void> {
  await runInDurableObject(namespace.stub(), async (_, state) => {
    await state.storage.deleteAll();
    await state.storage.deleteAlarm();
  });
  await evictDurableObject(namespace.stub());
}

function document(id: number) {
  return { id, vector: [id, 1], n: id };
}

it("brings everything acknowledged back, and goes on where the log ended", async () => {
  const sieve = new Namespace("sieve");
  const ids = Array.from({ length: 40 }, (_, i) => i);
  await sieve.write({
    upsert_rows: ids.slice(0, 30).map(document),
    distance_metric: "euclidean_squared",
  });
  await sieve.indexNow();
  await sieve.write({ upsert_rows: ids.slice(30).map(document), deletes: [3] });
  const before = await sieve.index();
  const rows = await sieve.rows();

  await loseEverything(sieve);
  expect(await sieve.rows()).toEqual(rows);
  const after = await sieve.index();
  expect(after).toMatchObject({
    generation: before.generation,
    floor: before.floor,
    unindexed_rows: before.unindexed_rows,
    segments: before.segments,
  });

  // It may have filled a slot that somebody else might yet have written to.
  expect(after.head - before.head).toBeLessThanOrEqual(1);

  await sieve.write({ deletes: [4] });
  expect((await sieve.rows()).map(({ id }) => id)).toEqual(
    ids.filter((id) => id !== 3 && id !== 4),
  );
  expect((await sieve.index()).head).toBe(after.head + 1);
});

it("keeps the deleted deleted", async () => {
  const lethe = new Namespace("lethe");
  await lethe.write({ upsert_rows: [{ id: 1, n: 1 }] });
  await lethe.delete();
  await loseEverything(lethe);
  expect((await lethe.tryQuery({ rank_by: ["id", "asc"], limit: 1 })).status).toBe(404);
  await lethe.write({ upsert_rows: [{ id: 2, n: 2 }] });
  expect(await lethe.rows()).toEqual([{ id: 2, n: 2 }]);
});

it("indexes what it had left undone, as alarms alone tell it to", async () => {
  const dawn = new Namespace("dawn");
  await dawn.write({ upsert_rows: Array.from({ length: 5_001 }, (_, id) => ({ id, n: id })) });
  await loseEverything(dawn);
  // The first question wakes it; that what is due is long due, it finds out by itself.
  expect((await dawn.index()).unindexed_rows + (await dawn.index()).floor).toBeGreaterThan(0);
  const { segments } = await dawn.untilIndexed();
  expect(segments.reduce((sum, { rows }) => sum + rows, 0)).toBe(5_001);
});
