/**
 * Turns for rewrites that others keep overtaking: one that was refused twice has the ids it read
 * held for it, and later writes to them wait until it is through, or for `limits.holdMs`. One that
 * read too many to be kept has all ids held. Pure.
 *
 * Holds have the order in which they were placed, and nobody waits for a younger one than its own:
 * so two rewrites never wait for each other. Losing a hold costs a repetition.
 */
import { encodeHex } from "../bytes/hex.ts";
import { hashWords } from "../format/id-hash.ts";
import type { WriteKey } from "../format/wal.ts";
import { limits } from "../limits.ts";
import type { CommitRequest } from "./protocol.ts";

interface Hold {
  readonly key: string;
  /** Undefined: all there are. */
  readonly ids: ReadonlySet<number> | undefined;
  readonly untilMs: number;
}

/** Refusals after which an operation gets a hold. */
const refusalsMin = 2;

export class Holds {
  /** Oldest first. */
  #holds: readonly Hold[] = [];

  /** The request was refused; it keeps its place if it has one. */
  refused({ key, reads }: CommitRequest, nowMs: number): void {
    const isDue = reads !== undefined && reads.refusals + 1 >= refusalsMin;
    if (key === undefined || !isDue) {
      return;
    }
    const isMuch = reads.ids.length > hashWords * limits.heldIdsMax;
    const ids = isMuch ? undefined : setOf(reads.ids);
    const hold = { key: nameOf(key), ids, untilMs: nowMs + limits.holdMs };
    this.#expire(nowMs);
    const at = this.#holds.findIndex((other) => other.key === hold.key);
    if (at >= 0) {
      this.#holds = this.#holds.with(at, hold);
    } else if (this.#holds.length < limits.holdsMax) {
      this.#holds = [...this.#holds, hold];
    }
  }

  /** The operation is through. */
  release(key: WriteKey | undefined): void {
    if (key !== undefined && this.#holds.length > 0) {
      const name = nameOf(key);
      this.#holds = this.#holds.filter((hold) => hold.key !== name);
    }
  }

  /** Must the request wait for another? */
  bars({ key, touches, upserts, deletes }: CommitRequest, nowMs: number): boolean {
    if (this.#holds.length === 0 || upserts + deletes === 0) {
      return false;
    }
    this.#expire(nowMs);
    const own = key && nameOf(key);
    const mine = this.#holds.findIndex((hold) => hold.key === own);
    const older = mine < 0 ? this.#holds : this.#holds.slice(0, mine);
    return older.some(
      ({ ids }) => ids === undefined || touches === undefined || meets(ids, touches),
    );
  }

  #expire(nowMs: number): void {
    // What ends later than it could was placed before the clock was set back.
    const lasts = ({ untilMs }: Hold): boolean =>
      untilMs > nowMs && untilMs <= nowMs + limits.holdMs;
    if (!this.#holds.every(lasts)) {
      this.#holds = this.#holds.filter(lasts);
    }
  }
}

function nameOf({ id }: WriteKey): string {
  return encodeHex(id);
}

function setOf(ids: Uint32Array): ReadonlySet<number> {
  const set = new Set<number>();
  for (let i = 0; i < ids.length; i += hashWords) {
    set.add(joined(ids[i] as number, ids[i + 1] as number));
  }
  return set;
}

function meets(set: ReadonlySet<number>, ids: Uint32Array): boolean {
  for (let i = 0; i < ids.length; i += hashWords) {
    if (set.has(joined(ids[i] as number, ids[i + 1] as number))) {
      return true;
    }
  }
  return false;
}

/** 53 bits of the 64 as one number: hashes that share them wait for each other in vain. */
function joined(low: number, high: number): number {
  return (high & 0x1f_ffff) * 2 ** 32 + low;
}
