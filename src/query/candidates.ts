/**
 * Rows that the scan planes promise to be near, and how few of them must be looked at more closely.
 * Pure.
 *
 * `Candidates` keeps the best rows of all segments by estimate in parallel arrays: a binary heap
 * whose root is the worst one kept, so that a row which cannot enter costs one comparison.
 */

import { scratch } from "../bytes/scratch.ts";

/** Rows of segments, best estimate first. */
export interface RankedRows {
  /** Index of the segment among those of the query. */
  readonly segments: Uint16Array;
  readonly ordinals: Uint32Array;
  readonly estimates: Float32Array;
  /** Standard errors of the estimates. */
  readonly errors: Float32Array;
}

/** Standard errors within which an estimate is believed: 87 % of all are. */
const believed = 1.5;
/** However sure the bound is, so many rows are refined beyond those asked for. */
const refinedExtra = 10;

/** So few are in order sooner by insertion than a sort has begun. */
const insertedMax = 256;

/** So many rows, in one piece of memory. */
function makeRoom(rows: number): RankedRows {
  const buffer = new ArrayBuffer(rows * 14);
  return {
    estimates: new Float32Array(buffer, 0, rows),
    errors: new Float32Array(buffer, rows * 4, rows),
    ordinals: new Uint32Array(buffer, rows * 8, rows),
    segments: new Uint16Array(buffer, rows * 12, rows),
  };
}

const places = scratch((length) => new Uint32Array(length));
const upperEnds = scratch((length) => new Float32Array(length));

export class Candidates {
  readonly #limit: number;
  #size = 0;
  #estimates: Float32Array;
  #errors: Float32Array;
  #segments: Uint16Array;
  #ordinals: Uint32Array;

  constructor(limit: number) {
    this.#limit = limit;
    const room = makeRoom(Math.min(limit, 1024));
    this.#estimates = room.estimates;
    this.#errors = room.errors;
    this.#segments = room.segments;
    this.#ordinals = room.ordinals;
  }

  get size(): number {
    return this.#size;
  }

  /** An estimate at or above it cannot enter; infinite while there is room. */
  get worst(): number {
    return this.#size < this.#limit ? Infinity : (this.#estimates[0] ?? Infinity);
  }

  offer(estimate: number, error: number, segment: number, ordinal: number): void {
    if (this.#size < this.#limit) {
      if (this.#size === this.#estimates.length) this.#grow();
      this.#size += 1;
      this.#set(this.#riseTo(estimate), estimate, error, segment, ordinal);
    } else if (estimate < this.worst) {
      this.#set(this.#sinkTo(estimate), estimate, error, segment, ordinal);
    }
  }

  ranked(): RankedRows {
    const count = this.#size;
    const order = this.#order();
    const ranked = makeRoom(count);
    for (let i = 0; i < count; i++) {
      const at = order[i] as number;
      ranked.segments[i] = this.#segments[at] as number;
      ranked.ordinals[i] = this.#ordinals[at] as number;
      ranked.estimates[i] = this.#estimates[at] as number;
      ranked.errors[i] = this.#errors[at] as number;
    }
    return ranked;
  }

  /** Places by estimate, then by segment and ordinal. */
  #order(): Uint32Array {
    const [estimates, segments, ordinals] = [this.#estimates, this.#segments, this.#ordinals];
    const compare = (a: number, b: number): number =>
      (estimates[a] as number) - (estimates[b] as number) ||
      (segments[a] as number) - (segments[b] as number) ||
      (ordinals[a] as number) - (ordinals[b] as number);
    const count = this.#size;
    // From behind, where a heap has its smallest.
    const order = places(count);
    for (let i = 0; i < count; i++) order[i] = count - 1 - i;
    if (count > insertedMax) return order.sort(compare);
    for (let i = 1; i < count; i++) {
      const place = order[i] as number;
      let at = i;
      for (; at > 0 && compare(place, order[at - 1] as number) < 0; at--) {
        order[at] = order[at - 1] as number;
      }
      order[at] = place;
    }
    return order;
  }

  #set(at: number, estimate: number, error: number, segment: number, ordinal: number): void {
    this.#estimates[at] = estimate;
    this.#errors[at] = error;
    this.#segments[at] = segment;
    this.#ordinals[at] = ordinal;
  }

  #grow(): void {
    const room = makeRoom(Math.min(this.#limit, this.#size * 4));
    const larger = <T extends { set(from: T): void }>(to: T, from: T): T => {
      to.set(from);
      return to;
    };
    this.#estimates = larger(room.estimates, this.#estimates);
    this.#errors = larger(room.errors, this.#errors);
    this.#segments = larger(room.segments, this.#segments);
    this.#ordinals = larger(room.ordinals, this.#ordinals);
  }

  /** The place of an estimate that comes in at the end: those it exceeds move down. */
  #riseTo(estimate: number): number {
    let at = this.#size - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (estimate <= (this.#estimates[parent] as number)) break;
      this.#move(parent, at);
      at = parent;
    }
    return at;
  }

  /** The place of an estimate that takes the root's: those that exceed it move up. */
  #sinkTo(estimate: number): number {
    const estimates = this.#estimates;
    for (let at = 0; ; ) {
      const left = 2 * at + 1;
      const right = left + 1;
      if (left >= this.#size) return at;
      const child =
        right < this.#size && (estimates[right] as number) > (estimates[left] as number)
          ? right
          : left;
      if ((estimates[child] as number) <= estimate) return at;
      this.#move(child, at);
      at = child;
    }
  }

  #move(from: number, to: number): void {
    this.#estimates[to] = this.#estimates[from] as number;
    this.#errors[to] = this.#errors[from] as number;
    this.#segments[to] = this.#segments[from] as number;
    this.#ordinals[to] = this.#ordinals[from] as number;
  }
}

/**
 * How many of the ranked rows to refine so that `wanted` good ones come out: those whose believed
 * range reaches below the `wanted`-th best upper end, a few more, and at most `most`. (RaBitQ,
 * section 3.4: the bound decides how many to rerank.)
 */
export function refineCount(ranked: RankedRows, wanted: number, most: number): number {
  const { estimates, errors } = ranked;
  const total = Math.min(estimates.length, most);
  const uppers = upperEnds(estimates.length);
  for (let i = 0; i < uppers.length; i++) {
    uppers[i] = (estimates[i] as number) + believed * (errors[i] as number);
  }
  const bar = uppers.sort()[wanted - 1];
  if (bar === undefined) {
    return total;
  }
  let last = 0;
  for (let i = 0; i < total; i++) {
    if ((estimates[i] as number) - believed * (errors[i] as number) <= bar) {
      last = i + 1;
    }
  }
  return Math.min(total, Math.max(last, wanted + refinedExtra));
}
