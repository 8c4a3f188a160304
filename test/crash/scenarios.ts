/**
 * The scenarios in which every effect goes wrong once: what was there before, and what happens
 * while anything may fail. A scenario fails as its clients, consumers and alarms would, that is
 * never: they ask again. What it acknowledged lies in the rig's model.
 */
import { limits } from "../../src/limits.ts";
import type { CrashRig } from "../crash-rig.ts";
import type { withBounds } from "../sim/sizes.ts";

export interface Scenario {
  readonly name: string;
  /** Nothing goes wrong yet. */
  readonly before?: (rig: CrashRig) => Promise<void>;
  readonly live: (rig: CrashRig) => Promise<void>;
  /** Bounds of the engine that are others than usual. */
  readonly bounds?: Parameters<typeof withBounds>[0];
  /** Takes long: by command only. */
  readonly isLong?: boolean;
}

/** From when something dies until it is collected. */
const collectMs = limits.collectGraceMs + limits.collectEveryMs;

async function index(rig: CrashRig): Promise<void> {
  await requestFlush(rig);
  await rig.drainDue();
}

async function requestFlush(rig: CrashRig): Promise<void> {
  await rig.insist(() => rig.ask(rig.owner.requestFlush(rig.tenant, rig.name)));
}

/** Starts every job that is due, without waiting for any. */
async function startDue(rig: CrashRig): Promise<Promise<void>[]> {
  const working: Promise<void>[] = [];
  while (working.length < 3) {
    const job = await rig.claim();
    if (job === undefined) break;
    working.push(rig.start(job));
    await rig.clock.advance(300);
  }
  return working;
}

/** Two segments; rows of the first are dead. */
async function twoSegments(rig: CrashRig): Promise<void> {
  await rig.put(1, [1, 2, 3, 4, 5, 6]);
  await index(rig);
  await rig.put(2, [2], [3, 4]);
  await index(rig);
}

export const scenarios: readonly Scenario[] = [
  {
    name: "the first write",
    live: async (rig) => {
      await rig.put(1, [1, 2]);
    },
  },
  {
    name: "a group of several writers",
    before: async (rig) => {
      await rig.put(1, [1, 2]);
    },
    async live(rig) {
      await rig.putTogether([1, 2, 3].map((id) => ({ version: 2, id })));
    },
  },
  {
    name: "a large write with attachments",
    before: async (rig) => {
      await rig.put(1, [1, 2]);
    },
    async live(rig) {
      await rig.put(2, [2, 3, 4], [1], { isLarge: true });
      await index(rig);
    },
  },
  {
    name: "writers whose schema grows under them",
    before: async (rig) => {
      await rig.put(1, [1]);
    },
    async live(rig) {
      await rig.putTogether([
        { version: 2, id: 2, attribute: "a" },
        { version: 2, id: 3 },
        { version: 2, id: 4, attribute: "b" },
      ]);
    },
  },
  {
    name: "a put under way while its instance is replaced",
    before: async (rig) => {
      await rig.put(1, [1]);
    },
    async live(rig) {
      const release = rig.stall(/\/wal\//);
      const first = rig.put(2, [2]);
      await rig.clock.advance(500);
      rig.restart();
      await rig.clock.advance(10);
      release();
      await first;
      await rig.put(3, [1, 3]);
    },
  },
  {
    name: "a flush",
    async before(rig) {
      await rig.put(1, [1, 2, 3]);
      await rig.put(2, [2, 4], [3]);
    },
    live: index,
  },
  {
    name: "a merge whose rows die meanwhile",
    async before(rig) {
      await rig.put(1, [1, 2, 3, 4, 5, 6]);
      await index(rig);
      await rig.put(2, [1, 2]);
    },
    async live(rig) {
      const release = rig.stall(/\/segment\/m/);
      await requestFlush(rig);
      const working = await startDue(rig);
      await rig.put(3, [3], [4]);
      await requestFlush(rig);
      working.push(...(await startDue(rig)));
      release();
      await rig.clock.run(Promise.all(working));
      await rig.consume();
    },
  },
  {
    name: "a merge in steps, each by another attempt",
    bounds: { stepBytesMin: 0, stepMs: 0 },
    async before(rig) {
      await rig.put(1, [1, 2, 3, 4, 5, 6]);
      await index(rig);
      await rig.put(2, [1, 2]);
      await requestFlush(rig);
      const flush = await rig.claim();
      if (flush !== undefined) await rig.clock.run(rig.start(flush));
    },
    live: (rig) => rig.consume(),
  },
  {
    name: "two flushes at once",
    before: async (rig) => {
      await rig.put(1, [1, 2, 3]);
    },
    async live(rig) {
      const release = rig.stall(/\/segment\/f0/);
      await requestFlush(rig);
      const working = await startDue(rig);
      await rig.put(2, [2, 4], [3]);
      await requestFlush(rig);
      working.push(...(await startDue(rig)));
      release();
      await rig.clock.run(Promise.all(working));
      await rig.consume();
    },
  },
  {
    name: "a collection",
    async before(rig) {
      await twoSegments(rig);
      await rig.clock.advance(collectMs);
    },
    live: (rig) => rig.drainDue(),
  },
  {
    name: "a namespace that is deleted and made again",
    async before(rig) {
      await rig.put(1, [1, 2]);
      await index(rig);
    },
    async live(rig) {
      await rig.remove();
      await rig.put(2, [2, 3]);
    },
  },
  {
    name: "a purge",
    async before(rig) {
      await rig.put(1, [1, 2]);
      await index(rig);
      await rig.remove();
      await rig.clock.advance(collectMs);
    },
    async live(rig) {
      await rig.drainDue();
      await rig.put(2, [3]);
    },
  },
  {
    name: "a start without storage, behind a pointer that lags",
    async before(rig) {
      await rig.put(1, [1, 2, 3]);
      await index(rig);
      rig.lost = /\/current$/;
      await rig.put(2, [2], [3]);
      await index(rig);
      await rig.put(3, [4]);
      rig.lost = undefined;
    },
    async live(rig) {
      rig.storage.wipe();
      rig.restart();
      await rig.put(4, [5]);
      await index(rig);
    },
  },
  {
    name: "writes that are refused for want of memory",
    before: async (rig) => {
      await rig.put(1, [1]);
    },
    async live(rig) {
      const held = rig.pending.tryReserve(limits.objectBytesMax / 2);
      const released = rig.clock.sleep(2_500).then(() => held?.release());
      await rig.put(2, [1, 2]);
      await released;
    },
  },
  {
    name: "a write that is sent again under its key",
    before: async (rig) => {
      await rig.put(1, [1]);
    },
    async live(rig) {
      const { key, sequence } = await rig.put(2, [1, 2]);
      await index(rig);
      const again = await rig.put(2, [1, 2], [], { key });
      if (again.sequence !== sequence) throw new Error("the write was applied again");
    },
  },
  {
    name: "counting by several at once, while rows move",
    before: async (rig) => {
      await rig.put(1, [1]);
    },
    async live(rig) {
      await rig.count(7, 2);
      await index(rig);
      await rig.count(7, 2);
      await rig.count(1);
    },
  },
  {
    name: "deleting and patching by filter, in the tail and in segments",
    before: async (rig) => {
      await rig.put(1, [1, 2, 3]);
      await index(rig);
      await rig.put(2, [3, 4]);
    },
    async live(rig) {
      await rig.changeByFilter(2, 5);
      await index(rig);
      await rig.count(4, 2);
    },
  },
  {
    name: "a whole life",
    isLong: true,
    async live(rig) {
      await rig.put(1, [1, 2, 3, 4, 5, 6]);
      await rig.put(2, [1, 7]);
      await index(rig);
      await rig.put(3, [2], [3, 4]);
      await index(rig);
      await rig.clock.advance(collectMs);
      await rig.drainDue();
      await rig.put(4, [5]);
      await rig.remove();
      await rig.put(5, [8, 9]);
      await rig.put(6, [9], [8]);
      await index(rig);
      await rig.clock.advance(collectMs);
      await rig.drainDue();
    },
  },
];
