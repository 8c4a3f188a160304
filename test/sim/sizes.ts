/**
 * How large a simulated world is: who is in it, how busy they are, and the bounds of the engine,
 * many of them lowered so that a small history meets what otherwise takes gigabytes.
 */
import { limits } from "../../src/limits.ts";
import type { SimRandom } from "./random.ts";

export interface Sizes {
  readonly isolates: number;
  /** Of each isolate. */
  readonly clients: number;
  readonly consumers: number;
  readonly ids: number;
  readonly rowsMax: number;
  readonly attributes: number;
  /** Documents have a second vector. */
  readonly hasSides: boolean;
  readonly writeShare: number;
  /** Of writes: under a key of the client's, decided from documents, to documents of those. */
  readonly keyShare: number;
  readonly rewriteShare: number;
  readonly disturbShare: number;
  /** Of writes without a key of the client's: by a Worker of an earlier version. */
  readonly oldShare: number;
  readonly removeShare: number;
  /** Above 0, there are several names, and now and then one becomes a branch of another. */
  readonly branchShare: number;
  /** Of long readers that pin what they read. */
  readonly pinShare: number;
  /** Of those that make a namespace read-only for a while, or pin it. */
  readonly settingShare: number;
  readonly flushShare: number;
  readonly thinkMsMin: number;
  readonly thinkMsMax: number;
  /** How often a thought becomes a nap of all clients. */
  readonly napShare: number;
  readonly objectMemoryBytes: number;
  readonly isolateCacheBytes: number;
  /** 2: a read arrives, and its answer, in events of their own: the object may change before. */
  readonly readTrips: 1 | 2;
}

export function randomSizes(random: SimRandom, demanding: boolean): Sizes {
  const thinkMsMin = random.spread(0.5, 100);
  const branchShare = random.pick([0, 0, 0, 0, 0.02, 0.05]);
  return {
    isolates: 1 + random.below(3),
    clients: random.pick(
      demanding ? [1, 2, 3, 4, 4, 5, 5, 6, 6, 7, 8, 8] : [1, 2, 3, 4, 4, 5, 5, 5, 5, 6, 6, 7, 8, 8],
    ),
    consumers: random.pick([1, 1, 2, 2, 3, 4]),
    ids: random.pick([6, 24, 24, 24, 100]),
    rowsMax: random.pick([2, 2, 6, 6, 6, 30]),
    attributes: 5,
    hasSides: false,
    writeShare: random.pick(
      demanding
        ? [0.1, 0.1, 0.2, 0.2, 0.3, 0.6]
        : [0.1, 0.1, 0.1, 0.2, 0.2, 0.2, 0.2, 0.2, 0.3, 0.6],
    ),
    keyShare: random.pick([0, 0.2, 0.5]),
    rewriteShare: random.pick([0, 0.1, 0.2, 0.6]),
    disturbShare: random.pick([0, 0.1, 0.3]),
    oldShare: random.pick([0, 0.2, 1]),
    removeShare: random.pick(branchShare > 0 ? [0.005, 0.01, 0.02] : [0, 0.002, 0.01, 0.04]),
    branchShare,
    pinShare: random.pick(branchShare > 0 ? [0.01, 0.02] : [0, 0.002, 0.01]),
    settingShare: random.pick([0, 0.01, 0.02]),
    flushShare: random.pick(demanding ? [0.001, 0.01, 0.01, 0.03] : [0.001, 0.001, 0.001, 0.01]),
    thinkMsMin,
    // Now and then a client sleeps so long that everything dead is collected meanwhile.
    thinkMsMax:
      thinkMsMin *
      random.pick([
        ...Array<number>(demanding ? 6 : 12).fill(10),
        ...Array<number>(demanding ? 3 : 4).fill(1_000),
        100_000,
      ]),
    napShare: random.pick(demanding ? [0, 0.004, 0.012] : [0, 0, 0, 0.004, 0.012]),
    objectMemoryBytes: random.pick([0, 4_096, 1 << 20, 1 << 20]),
    isolateCacheBytes: random.pick(
      demanding ? [0, 4_096, 1 << 20, 1 << 20] : [0, 4_096, ...Array<number>(6).fill(1 << 20)],
    ),
    readTrips: demanding ? 2 : 1,
  };
}

type Bounds = { -readonly [K in keyof typeof limits]: number };

/** Bounds of the engine for one world. */
export function randomBounds(random: SimRandom, demanding: boolean): Partial<Bounds> {
  const most = limits.unindexedHardBytes;
  const hard = random.pick([12_000, 60_000, 60_000, most, most, most, most, most]);
  return {
    flushObjects: random.pick(demanding ? [4, 16, 16, 64, 64, 64] : [16, 64, 64, 64]),
    inlineBatchBytesMax: random.pick([400, limits.inlineBatchBytesMax]),
    groupBytesMax: random.pick([600, limits.groupBytesMax]),
    unindexedHardBytes: hard,
    unindexedSoftBytes: hard / 4,
    flushBytes: Math.min(limits.flushBytes, hard / 8),
    segmentsMax: random.pick([12, 64]),
    segmentsTarget: 8,
    mergeFanIn: 4,
    mergeFanInLarge: 4,
    clusteredRowsMin: random.pick([16, limits.clusteredRowsMin]),
    clusterRowsTarget: random.pick([8, limits.clusterRowsTarget]),
    stepBytesMin: random.pick([0, limits.stepBytesMin, limits.stepBytesMin, limits.stepBytesMin]),
    stepMs: random.pick([0, 50, limits.stepMs]),
    appliedDeltasMax: random.pick([4, 64]),
    headWalBytesMax: random.pick([0, 2_000, limits.headWalBytesMax]),
    headRouteBytesMax: random.pick([0, limits.headRouteBytesMax]),
    headDeadBytesMax: random.pick([0, limits.headDeadBytesMax]),
    keysKeptMin: random.pick([64, limits.keysKeptMin]),
    keysObjectMin: random.pick([4, limits.keysObjectMin]),
    rememberedIdsMax: random.pick([12, 200, limits.rememberedIdsMax]),
    tailHeldBytesMax: random.pick([500, ...Array<number>(4).fill(limits.tailHeldBytesMax)]),
    walkBytes: random.pick([200, limits.walkBytes]),
    tailWindowBytes: random.pick([1_000, limits.tailWindowBytes]),
    alarmMs: random.pick([limits.alarmMs, 6 * limits.alarmMs]),
    // Shorter than a consumer may sleep, longer than its lease.
    orphanAgeMs: random.pick([0.5 * 3_600_000, limits.orphanAgeMs]),
    deleteByFilterRowsMax: random.pick([2, limits.deleteByFilterRowsMax]),
    patchByFilterRowsMax: random.pick([2, limits.patchByFilterRowsMax]),
    heldIdsMax: random.pick([2, limits.heldIdsMax]),
    readersBytesMin: 0,
    readersMax: random.pick([2, limits.readersMax]),
    readersTailRowsMax: random.pick([4, limits.readersTailRowsMax]),
  };
}

/** Runs `work` under these bounds, and puts back what was before. */
export async function withBounds<T>(bounds: Partial<Bounds>, work: () => Promise<T>): Promise<T> {
  const before = { ...limits };
  Object.assign(limits, bounds);
  try {
    return await work();
  } finally {
    Object.assign(limits, before);
  }
}
