/**
 * The object is aborted, by itself and with all others, in its alarm, and made to forget, while it
 * is written to and indexed (an eviction would wait until nobody writes); and every message of the
 * queue arrives three times, shuffled among others. Nothing acknowledged is lost, nothing is there
 * twice, and no write is there by half.
 */
import { abortAllDurableObjects, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { expect, it, onTestFinished } from "vitest";
import { Namespace, type Row } from "../workerd/api.ts";
import { QueueTap } from "../workerd/queue-tap.ts";

const writers = 6;
const interruptions = 28;
/** Documents that one write holds, all of the same round. */
const rowsPerWrite = 3;
const idStride = 100;

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const ignore = (): undefined => undefined;

function abort(namespace: Namespace, forget: boolean): Promise<void> {
  return runInDurableObject(namespace.stub(), async (_, state) => {
    if (forget) await state.storage.deleteAll();
    state.abort("interrupted");
  });
}

async function failAlarm(namespace: Namespace): Promise<void> {
  await namespace.requestFlush().catch(ignore);
  const alarm = runDurableObjectAlarm(namespace.stub()).catch(ignore);
  await abort(namespace, false).catch(ignore);
  await alarm;
}

const waysToInterrupt: readonly ((namespace: Namespace) => Promise<unknown>)[] = [
  () => abortAllDurableObjects(),
  (namespace) => abort(namespace, false),
  (namespace) => abort(namespace, true),
  failAlarm,
];

interface Writer {
  readonly writer: number;
  /** Of the last acknowledged write. */
  round: number;
  /** Of the last write sent. */
  sent: number;
}

async function keepWriting(
  namespace: Namespace,
  writer: Writer,
  isOver: () => boolean,
): Promise<void> {
  while (!isOver()) {
    writer.sent += 1;
    const upsert_rows = Array.from({ length: rowsPerWrite }, (_, i) => ({
      id: writer.writer * idStride + i,
      round: writer.sent,
    }));
    const deletes = [writer.writer * idStride + rowsPerWrite + (writer.sent % 5)];
    const { status } = await namespace.tryWrite({ upsert_rows, deletes });
    if (status === 200) writer.round = writer.sent;
    else expect([429, 503]).toContain(status);
  }
}

/** Every writer's documents are there once, of one round, none older than what was answered. */
function expectHeld(rows: readonly Row[], all: readonly Writer[]): void {
  const ids = all.flatMap(({ writer }) =>
    Array.from({ length: rowsPerWrite }, (_, i) => writer * idStride + i),
  );
  expect(rows.map(({ id }) => id)).toEqual(ids);
  for (const { writer, round, sent } of all) {
    const own = rows.filter(({ id }) => Math.floor(Number(id) / idStride) === writer);
    const rounds = new Set(own.map((row) => Number(row["round"])));
    expect(rounds.size).toBe(1);
    const [held = 0] = rounds;
    expect(held).toBeGreaterThanOrEqual(round);
    expect(held).toBeLessThanOrEqual(sent);
  }
}

it("loses nothing, and comes to rest", async () => {
  const queue = new QueueTap();
  onTestFinished(() => queue.close());
  const maelstrom = new Namespace("maelstrom");
  await maelstrom.write({ upsert_rows: [{ id: 0, round: 0 }] });
  let isOver = false;
  onTestFinished(() => {
    isOver = true;
  });
  const all = Array.from({ length: writers }, (_, i): Writer => ({ writer: i, round: 0, sent: 0 }));
  const writing = all.map((writer) => keepWriting(maelstrom, writer, () => isOver));
  const delivering = (async () => {
    while (!isOver) {
      await pause(60);
      // A consumer whose object was interrupted may fail; what it leaves undone stays due.
      await queue.deliverShuffled(3).catch(ignore);
    }
  })();
  for (let i = 0; i < interruptions; i++) {
    await pause(15 + 25 * (i % 4));
    if (i % 4 === 1) await maelstrom.requestFlush().catch(ignore);
    const interrupt = waysToInterrupt[i % waysToInterrupt.length];
    await interrupt?.(maelstrom).catch(ignore);
    if (i % 10 === 9) {
      // Read in the middle of it all: strong, so never behind what was answered before.
      const before = all.map((writer) => ({ ...writer }));
      const { status, json } = await maelstrom.tryQuery({ rank_by: ["id", "asc"], limit: 1_000 });
      expect([200, 429, 503]).toContain(status);
      if (status === 200) expect(json.rows.length).toBeGreaterThanOrEqual(atLeast(before));
    }
  }
  isOver = true;
  await Promise.all([...writing, delivering]);
  for (const { round } of all) expect(round).toBeGreaterThan(0);
  expectHeld(await maelstrom.rows(), all);

  // Leases of consumers that were cut off from the object would last for minutes.
  await abort(maelstrom, true).catch(ignore);
  const endMs = Date.now() + 15_000;
  await maelstrom.requestFlush().catch(ignore);
  while (!(await maelstrom.index()).indexed) {
    if (Date.now() > endMs) throw new Error(JSON.stringify(await maelstrom.index()));
    await runDurableObjectAlarm(maelstrom.stub());
    // The queue needs a moment in which nothing else is asked.
    await pause(100);
    await queue.deliverShuffled(3);
  }
  expectHeld(await maelstrom.rows(), all);
  const { segments, head, floor } = await maelstrom.index();
  expect(floor).toBe(head);
  const live = segments.reduce((sum, { rows, dead_rows }) => sum + rows - dead_rows, 0);
  expect(live).toBe(writers * rowsPerWrite);
});

function atLeast(before: readonly Writer[]): number {
  return rowsPerWrite * before.filter(({ round }) => round > 0).length;
}
