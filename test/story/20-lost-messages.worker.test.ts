/** No message of the queue ever arrives: what alarms send again is enough, and arrives thrice. */
import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Namespace } from "../workerd/api.ts";
import { QueueTap } from "../workerd/queue-tap.ts";

let queue: QueueTap;

beforeEach(() => {
  queue = new QueueTap();
});

afterEach(() => queue.close());

function documents(first: number, end: number, round: number) {
  return Array.from({ length: end - first }, (_, i) => ({ id: first + i, round }));
}

it("drains by alarms alone, though the object is evicted between them", async () => {
  const mute = new Namespace("mute");
  await mute.write({ upsert_rows: documents(0, 5_000, 1) });
  await mute.write({ upsert_rows: documents(0, 2_000, 2), deletes: [4_999] });
  await mute.write({ upsert_rows: documents(5_000, 9_000, 1) });
  // All of these are lost.
  await queue.take("mute");
  expect((await mute.index()).floor).toBe(0);
  for (let round = 0; !(await mute.index()).indexed; round++) {
    expect(round, "rounds until everything is indexed").toBeLessThan(6);
    await evictDurableObject(mute.stub());
    expect(await runDurableObjectAlarm(mute.stub())).toBe(true);
    const [message] = await queue.take("mute");
    if (message !== undefined) await queue.deliver(message);
  }
  const rows = await mute.rows({ include_attributes: ["round"] });
  expect(rows).toHaveLength(8_999);
  expect(rows.filter(({ round }) => round === 2)).toHaveLength(2_000);
});

it("does everything once though every message arrives three times at once", async () => {
  const thrice = new Namespace("thrice");
  const rounds = 4;
  for (let round = 1; round <= rounds; round++) {
    await thrice.write({ upsert_rows: documents(0, 60, round), deletes: [100 + round] });
    await thrice.write({ upsert_rows: documents(100, 110, round) });
    await Promise.all([
      thrice.indexNow(),
      (async () => {
        while (!(await thrice.index()).indexed) {
          const message = queue.messages.shift();
          if (message !== undefined) await queue.deliver(message, 3);
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
      })(),
    ]);
    const rows = await thrice.rows({ include_attributes: ["round"] });
    expect(rows.map(({ id }) => id)).toEqual([
      ...documents(0, 60, round).map(({ id }) => id),
      ...documents(100, 110, round).map(({ id }) => id),
    ]);
    expect(new Set(rows.map((row) => row["round"]))).toEqual(new Set([round]));
  }
  const { segments } = await thrice.index();
  const live = segments.reduce((sum, { rows, dead_rows }) => sum + rows - dead_rows, 0);
  expect(live).toBe(70);
});
