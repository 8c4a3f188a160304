/** Many write at once: few objects in the log, every write in it, in one order. */
import { expect, it } from "vitest";
import { Namespace, send } from "../workerd/api.ts";

it("shares log entries, and answers each writer when its own write is durable", async () => {
  const crowd = new Namespace("crowd");
  const writers = Array.from({ length: 60 }, (_, i) =>
    crowd.write({ upsert_rows: [{ id: i, n: i }], deletes: [1_000 + i] }),
  );
  for (const { rows_affected: rows } of await Promise.all(writers)) expect(rows).toBe(2);
  const { head, generation } = await crowd.index();
  expect(head).toBeLessThanOrEqual(12);
  expect(await crowd.keys(generation, "wal/")).toHaveLength(head);
  expect((await crowd.rows()).map(({ id }) => id)).toEqual(writers.map((_, i) => i));
});

it("that founds a namespace founds one, whoever was first, with everybody's attributes", async () => {
  const founders = new Namespace("founders");
  await Promise.all(
    Array.from({ length: 12 }, (_, i) =>
      founders.write({ upsert_rows: [{ id: i, [`by${i % 3}`]: `founder ${i}` }] }),
    ),
  );
  expect(await founders.rows()).toHaveLength(12);
  const { json } = await send<object>("GET", "/v1/namespaces/founders/schema");
  expect(Object.keys(json).sort()).toEqual(["by0", "by1", "by2", "id"]);
});

it("that disagrees about a type agrees on the first one: the others are told", async () => {
  const quarrel = new Namespace("quarrel");
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, i) =>
      quarrel.tryWrite({ upsert_rows: [{ id: i, opinion: i % 2 === 0 ? "yes" : true }] }),
    ),
  );
  const accepted = answers.flatMap(({ status }, i) => (status === 200 ? [i] : []));
  expect(new Set(accepted.map((i) => i % 2)).size).toBe(1);
  expect(answers.filter(({ status }) => status === 400)).toHaveLength(4);
  expect((await quarrel.rows()).map(({ id }) => id)).toEqual(accepted);
});

it("overwriting one document leaves one document, of the last writer", async () => {
  const duel = new Namespace("duel");
  await duel.write({ upsert_rows: [{ id: 1, round: 0 }] });
  for (let round = 1; round <= 5; round++) {
    await Promise.all([
      duel.write({ upsert_rows: [{ id: 1, round }] }),
      duel.write({ upsert_rows: [{ id: 2, round }] }),
    ]);
    expect(await duel.rows()).toEqual([
      { id: 1, round },
      { id: 2, round },
    ]);
  }
});
