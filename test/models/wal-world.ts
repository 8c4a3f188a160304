/** The world of wal-model.ts. Entries are numbers in it (wal-log.ts). */
import { attemptOf, type BatchKind, batchOf, type Member } from "./wal-log.ts";

export interface WalBounds {
  readonly batches: readonly BatchKind[];
  readonly attempts: number;
  readonly instances: number;
  /** Puts of unknown outcome. */
  readonly unknowns: number;
  readonly flushes: number;
  readonly wipes: number;
}

export type WalFlaw =
  | "an unknown put counts as stored"
  | "an unknown put counts as failed"
  | "no nonce: one's own entry is taken for another's"
  | "an occupied slot counts as ours"
  | "puts are not fenced"
  | "answers are not fenced"
  | "answered before the slot is resolved"
  | "the open slot is not settled at a start"
  | "the intent is not recorded"
  // Settling already keeps a ready instance from ever adopting anything; the check is the second
  // line of defence, so this flaw takes both away and looks at the schema alone.
  | "no settling, and no second look at who waits behind an adopted entry"
  | "the floor passes an entry whose slot is not resolved"
  | "the collector deletes one entry too many"
  | "a replaced instance is asked for the head"
  | "keys are forgotten at a start"
  | "what was touched before a start counts as untouched";

export interface Batch {
  readonly status: "idle" | "waiting" | "acknowledged" | "unknown" | "failed";
  readonly attempts: number;
}

export interface Instance {
  readonly phase: "dead" | "starting" | "settling" | "ready";
  readonly epoch: number;
  /** The last entry it knows; 0: none. */
  readonly tip: number;
  readonly waiting: readonly Member[];
  readonly sealing: readonly Member[];
  /** The entry it tries to store; 0: none. */
  readonly entry: number;
  readonly put: "none" | "under way" | "again";
  readonly seals: number;
  /** The slot that was open when it became ready. */
  readonly readyAt: number;
  /** Of entries from here on it knows what they touched. */
  readonly remembers: number;
  /** Batches acknowledged before it was replaced. */
  readonly owed: number;
}

export interface Put {
  readonly entry: number;
  /** Who waits for its answer; -1: nobody. */
  readonly from: number;
  readonly result: "pending" | "stored" | "occupied";
}

export interface OwnerRecord {
  readonly epoch: number;
  readonly next: number;
  readonly intent: number | undefined;
}

export interface WalWorld {
  readonly batches: readonly Batch[];
  /** The entry in each slot; 0: none. */
  readonly wal: readonly number[];
  /** The last entry below the floor; 0: the floor is 0. */
  readonly floorTip: number;
  readonly record: OwnerRecord | undefined;
  readonly instances: readonly Instance[];
  readonly flight: readonly Put[];
  readonly unknowns: number;
  readonly flushes: number;
  readonly wipes: number;
  /** What production code found to be corrupt. */
  readonly wrong: string;
}

export const unborn: Instance = {
  phase: "starting",
  epoch: 0,
  tip: 0,
  waiting: [],
  sealing: [],
  entry: 0,
  put: "none",
  seals: 0,
  readyAt: 0,
  remembers: 0,
  owed: 0,
};

export function answer(
  world: WalWorld,
  members: readonly Member[],
  status: Batch["status"],
): WalWorld {
  let { batches } = world;
  for (const member of members) {
    const b = batchOf(member);
    const batch = batches[b] as Batch;
    // A writer that was told "unknown" has asked again since.
    if (attemptOf(member) !== batch.attempts - 1 || batch.status === "acknowledged") continue;
    const attempts = status === "idle" ? batch.attempts - 1 : batch.attempts;
    batches = batches.with(b, { status, attempts });
  }
  return { ...world, batches };
}

export function acknowledged({ batches }: WalWorld): number {
  return batches.reduce(
    (set, { status }, b) => (status === "acknowledged" ? set | (1 << b) : set),
    0,
  );
}

export function isNewest(world: WalWorld, i: number): boolean {
  return i === world.instances.length - 1;
}

export function fill(wal: readonly number[], slot: number, entry: number): readonly number[] {
  return Array.from({ length: Math.max(wal.length, slot + 1) }, (_, at) =>
    at === slot ? entry : (wal[at] ?? 0),
  );
}

/** In one order, since it makes no difference. */
export function sort(flight: readonly Put[]): readonly Put[] {
  return flight.toSorted(
    (a, b) => a.entry - b.entry || a.from - b.from || (a.result < b.result ? -1 : 1),
  );
}
