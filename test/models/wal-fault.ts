/** The invariants of wal-model.ts, which says what they are. */
import { attemptOf, type BatchKind, batchOf, type WalLog } from "./wal-log.ts";
import { acknowledged, isNewest, type WalFlaw, type WalWorld } from "./wal-world.ts";

export function walFault(
  world: WalWorld,
  log: WalLog,
  kinds: readonly BatchKind[],
  flaw: WalFlaw | undefined,
): string | undefined {
  if (world.wrong !== "") return world.wrong;
  const found = log.read(world.floorTip, world.wal);
  if (found.fault !== undefined) return found.fault;
  const durable = log.members(found.tip);
  const twice = durable.find((member, at) => durable.indexOf(member) !== at);
  if (twice !== undefined) return `an attempt of batch ${batchOf(twice)} is in the log twice`;
  for (const [b, { status, attempts }] of world.batches.entries()) {
    const stored = durable.filter((member) => batchOf(member) === b);
    if (stored.length > 1 && kinds[b] === "keyed") {
      return `batch ${b} was written under one key, and is in the log twice`;
    }
    if (status === "acknowledged" && stored.length === 0) {
      return `batch ${b} was acknowledged and cannot be recovered`;
    }
    if (status === "failed" && stored.some((member) => attemptOf(member) === attempts - 1)) {
      return `batch ${b} was said to have failed and is in the log`;
    }
  }
  const falling = log.epochFall(found.tip);
  if (falling !== undefined) return `the epoch falls at entry ${falling}`;
  return instanceFault(world, found.tip, log, flaw);
}

function instanceFault(
  world: WalWorld,
  tip: number,
  log: WalLog,
  flaw: WalFlaw | undefined,
): string | undefined {
  const all = acknowledged(world);
  for (const [i, instance] of world.instances.entries()) {
    if (instance.phase !== "ready") continue;
    const knows = log.members(instance.tip).reduce((set, m) => set | (1 << batchOf(m)), 0);
    const asked = isNewest(world, i) || flaw === "a replaced instance is asked for the head";
    const missing = (asked ? all : instance.owed) & ~knows;
    if (missing !== 0) {
      return `the head of instance ${i} lacks what was acknowledged before it was asked`;
    }
    const late = log.lateEntry(tip, instance.readyAt, i);
    const isLooked =
      flaw !== "no settling, and no second look at who waits behind an adopted entry";
    if (late !== undefined && isLooked) {
      return `an entry of instance ${late} landed after instance ${i} had settled the log`;
    }
  }
  return undefined;
}
