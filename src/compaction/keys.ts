/**
 * Which idempotency keys a flush keeps, and in which objects. Pure.
 *
 *   a key      goes when it may be forgotten by the clock and `limits.keysKeptMin` newer ones are
 *              kept; or when `limits.keysMax` newer ones are
 *   an object  goes when all its keys would; the newest is folded into the next while it is small
 *
 * Keys of one object go together, so some stay longer than they must; none goes earlier.
 */
import type { KeysRef } from "../format/manifest.ts";
import { forgetMs, type KeyRecord } from "../format/write-keys.ts";
import { limits } from "../limits.ts";

/** The object that the next one takes in. */
export function foldedKeys(refs: readonly KeysRef[]): KeysRef | undefined {
  const newest = refs.at(-1);
  return newest !== undefined && newest.keys < limits.keysObjectMin ? newest : undefined;
}

/** Those that are still to be remembered, of the newest keys there are, oldest first. */
export function keptKeys(records: readonly KeyRecord[], nowMs: number): readonly KeyRecord[] {
  const newest = records.slice(-limits.keysMax);
  const first = newest.length - limits.keysKeptMin;
  return newest.filter((record, i) => i >= first || forgetMs(record) > nowMs);
}

/** Those objects that are still needed beside so many newer keys, oldest first. */
export function keptRefs(
  refs: readonly KeysRef[],
  newer: number,
  nowMs: number,
): readonly KeysRef[] {
  const kept: KeysRef[] = [];
  let count = newer;
  for (const ref of refs.toReversed()) {
    const isOver = ref.untilMs <= nowMs && count >= limits.keysKeptMin;
    if (count < limits.keysMax && !isOver) {
      kept.unshift(ref);
      count += ref.keys;
    }
  }
  return kept;
}
