/**
 * What a world is about, besides everything else. What is rare by itself meets nothing else that is
 * rare: so seeds take turns, and where it is a world's turn, one thing happens often there, and
 * what would hide it does not. In the others all of it happens together, as chance has it.
 *
 * The first worlds are demanding: planted bugs must be noticed there. In those behind them rare
 * things are rarer, so that there is time for many.
 *
 *   rot       entries of the log go bad while clients read and write, one after another
 *   past      a long retention, and clients that ask for what is older than the grace
 *   restores  a name goes back again and again, and is asked for what was right before
 *   branches  several names
 *   shards    names that are copied into other shards, and written to while they come apart
 *   jobs      merges that pause while they hold their ticket, and flushes beside them
 */
import type { FaultKind } from "./faults.ts";
import type { Sizes } from "./sizes.ts";

export type Emphasis = "none" | "rot" | "past" | "restores" | "branches" | "shards" | "jobs";

const demandingTurns: readonly Emphasis[] = [
  ...(["none", "rot", "none", "past", "branches", "shards", "restores"] as const),
  ...(["none", "rot", "jobs", "past", "branches", "jobs", "restores"] as const),
  ...(["none", "rot", "none", "past", "branches", "shards", "restores"] as const),
  ...(["none", "rot", "jobs", "past", "branches", "shards", "restores"] as const),
];
const otherTurns: readonly Emphasis[] = [
  ...(["none", "rot", "none", "past", "none", "rot", "restores"] as const),
  ...(["none", "rot", "jobs", "past", "none", "rot", "restores"] as const),
  ...(["none", "rot", "none", "past", "branches", "shards", "restores"] as const),
  ...(["none", "rot", "none", "past", "none", "rot", "restores"] as const),
];

export function isDemanding(seed: number): boolean {
  return seed <= 2 * demandingTurns.length;
}

export function emphasisOf(seed: number): Emphasis {
  const turns = isDemanding(seed) ? demandingTurns : otherTurns;
  return turns[seed % turns.length] as Emphasis;
}

/** Faults that a world has, so many times as often as usual, or has not, whatever chance says. */
export function faultsOf(emphasis: Emphasis): Partial<Record<FaultKind, number>> {
  switch (emphasis) {
    case "rot":
      return { "object-rots": 1 };
    case "past":
      return { "object-rots": 0, "clock-jump": 0 };
    case "restores":
      return { "object-rots": 0 };
    case "jobs":
      return { "object-rots": 0, "consumer-stalls": 3, "hint-lost": 0 };
    case "shards":
      return { "object-rots": 0, "consumer-stalls": 3, "hint-lost": 0 };
    case "branches":
    case "none":
      return {};
  }
}

export function sizesOf(emphasis: Emphasis, sizes: Sizes): Sizes {
  switch (emphasis) {
    case "rot":
      return { ...sizes, branchShare: 0, flushShare: Math.min(sizes.flushShare, 0.01) };
    case "past":
      return { ...sizes, branchShare: 0, napShare: 0.012 };
    case "restores":
      return { ...sizes, removeShare: Math.min(sizes.removeShare, 0.002) };
    case "jobs":
      return {
        ...sizes,
        branchShare: 0,
        removeShare: 0,
        consumers: 3,
        flushShare: 0.03,
        // Its merges are dear: none of its worlds lasts for months.
        thinkMsMax: Math.min(sizes.thinkMsMax, 1_000 * sizes.thinkMsMin),
      };
    case "branches":
      return { ...sizes, branchShare: Math.max(sizes.branchShare, 0.02), settingShare: 0.02 };
    case "shards":
      return { ...sizes, consumers: Math.max(3, sizes.consumers) };
    case "none":
      return sizes;
  }
}
