/**
 * What callers of an ObjectStore must never ask, checked before any request by every
 * implementation, so that a mistake fails alike in memory and on R2. All are assertions: bugs of
 * ours, not bad input.
 */
import { assert } from "../errors.ts";
import type { ByteRange, ListOptions } from "./object-store.ts";

/** Platform bound of one delete call and of one list page. */
export const keysPerRequestMax = 1_000;

/** A range names at least one byte: R2 refuses empty ranges. */
export function checkRange(range: ByteRange): void {
  const { offset, length } = range;
  assert(Number.isSafeInteger(offset) && offset >= 0, `range offset ${offset}`);
  assert(Number.isSafeInteger(length) && length >= 1, `range length ${length}`);
}

/** Returns the page size to use. */
export function checkListLimit(options: ListOptions): number {
  const limit = options.limit ?? keysPerRequestMax;
  assert(Number.isSafeInteger(limit) && limit >= 1, `list limit ${limit}`);
  assert(limit <= keysPerRequestMax, `list limit ${limit}`);
  return limit;
}

export function checkDeleteKeys(keys: readonly string[]): void {
  assert(keys.length <= keysPerRequestMax, `${keys.length} keys in one delete`);
}
