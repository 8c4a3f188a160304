/** The object is aborted, and its storage wiped, while it is written to: nothing is lost by it. */
import { runInDurableObject } from "cloudflare:test";
import { expect, it } from "vitest";
import { Namespace } from "../workerd/api.ts";

const writers = 8;
const chaosMs = 2_000;

async function abort(namespace: Namespace): Promise<void> {
  await runInDurableObject(namespace.stub(), (_, state) => state.abort("interrupted")).catch(
    () => undefined,
  );
}

async function forget(namespace: Namespace): Promise<void> {
  await runInDurableObject(namespace.stub(), async (_, state) => {
    await state.storage.deleteAll();
    state.abort("interrupted");
  }).catch(() => undefined);
}

it("holds every acknowledged write once, in its newest version", async () => {
  const storm = new Namespace("storm");
  await storm.write({ upsert_rows: [{ id: 1_000, round: 0 }] });
  const endMs = Date.now() + chaosMs;
  const isOver = () => Date.now() > endMs;
  let interruptions = 0;
  const chaos = (async () => {
    while (!isOver()) {
      await new Promise((resolve) => setTimeout(resolve, 40 + 30 * (interruptions % 5)));
      await (interruptions % 3 === 0 ? forget : abort)(storm);
      interruptions += 1;
    }
  })();
  const acknowledged = new Map<number, number>();
  const write = async (id: number): Promise<void> => {
    for (let round = 1; !isOver(); round++) {
      const { status } = await storm.tryWrite({ upsert_rows: [{ id, round }] });
      if (status === 200) acknowledged.set(id, round);
      else expect(status).toBe(503);
    }
  };
  await Promise.all([chaos, ...Array.from({ length: writers }, (_, id) => write(id))]);
  expect(interruptions).toBeGreaterThan(8);
  expect(acknowledged.size).toBe(writers);

  const rows = await storm.rows();
  expect(rows.map(({ id }) => id)).toEqual(
    [...acknowledged.keys()].toSorted((a, b) => a - b).concat(1_000),
  );
  for (const { id, round } of rows.slice(0, -1)) {
    // An attempt of unknown outcome may have landed as well, never less than what was answered.
    expect(Number(round)).toBeGreaterThanOrEqual(acknowledged.get(Number(id)) ?? 0);
  }
  await storm.indexNow();
  expect(await storm.rows()).toEqual(rows);
});

it("finishes a deletion that was interrupted, and shows the next life only", async () => {
  const phoenix = new Namespace("phoenix");
  for (let life = 1; life <= 6; life++) {
    await phoenix.write({ upsert_rows: [{ id: life, life }] });
    await phoenix.write({ upsert_rows: [{ id: 100 + life, life }] });
    const removal = phoenix.tryDelete();
    await new Promise((resolve) => setTimeout(resolve, 12 * life));
    await (life % 2 === 0 ? forget : abort)(phoenix);
    const { status } = await removal;
    // Not found: the first attempt was interrupted after it was done.
    if (status !== 200 && status !== 404) await phoenix.delete();
    const { status: gone } = await phoenix.tryQuery({ rank_by: ["id", "asc"], limit: 1 });
    expect(gone).toBe(404);
  }
  await phoenix.write({ upsert_rows: [{ id: 7, life: 7 }] });
  expect(await phoenix.rows()).toEqual([{ id: 7, life: 7 }]);
});

it("gives jobs of an earlier life no say in the next", async () => {
  const heir = new Namespace("heir");
  await heir.write({ upsert_rows: [{ id: 1, life: 1 }] });
  const owner = heir.stub();
  await owner.requestFlush("default", "heir");
  const claimed = await owner.claim("default", "heir");
  const job = claimed.ok ? claimed.value : undefined;
  await heir.delete();
  await heir.write({ upsert_rows: [{ id: 2, life: 2 }] });
  if (job !== undefined) {
    const mine = ["default", "heir", job.id, job.attempt] as const;
    expect(await owner.renew(...mine)).toMatchObject({ ok: true, value: false });
    expect(await owner.ticket(...mine)).toMatchObject({ ok: true, value: { kind: "void" } });
    const delta = { id: job.id, job: job.id, remove: [], add: [], dead: [] };
    const floor = { ...job.wal, from: 0, to: 1 } as never;
    const inline = { roots: [], dead: [] };
    expect(await owner.commitDelta(...mine, { ...delta, floor }, inline)).toMatchObject({
      ok: true,
      value: { kind: "refused" },
    });
    expect(await owner.finish(...mine, 9)).toMatchObject({ ok: true });
    expect(await owner.fail(...mine, "late")).toMatchObject({ ok: true });
  }
  expect(await heir.rows()).toEqual([{ id: 2, life: 2 }]);
  const { segments } = await heir.indexNow();
  expect(segments.map(({ rows }) => rows)).toEqual([1]);
  expect(await heir.rows()).toEqual([{ id: 2, life: 2 }]);
});
