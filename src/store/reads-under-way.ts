/**
 * Which blocks some request of the isolate is about to have, so that others wait for them instead
 * of reading them again: two hundred queries of a cold namespace want much the same blocks.
 *
 *   1. A request claims the blocks that it reads, and ends its claim when they are in memory or it
 *      has failed.
 *   2. Who meets a claim waits for its end, by a timer of its own: a request may vanish with all
 *      its promises. What is then not in memory it reads itself.
 *
 * A claim says nothing about the blocks: all that can go wrong is a read too many. One per isolate.
 */
import { type BlockPosition, blockId } from "./block.ts";

export interface Claim {
  readonly sinceMs: number;
  readonly ended: Promise<void>;
  readonly end: () => void;
}

/** Who reads which of the blocks, by their indexes. */
export interface Claimed {
  readonly own: readonly number[];
  /** Covers `own`. */
  readonly claim: Claim;
  readonly awaited: readonly number[];
  /** Ends of the claims on those. */
  readonly others: readonly Promise<void>[];
}

/** Requests that vanish leave claims behind; forgetting them is no harm. */
const claimsMax = 16_384;

export class ReadsUnderWay {
  readonly #patienceMs: number;
  readonly #claims = new Map<string, Claim>();

  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs;
  }

  /** Claims those of the wanted blocks that nobody has claimed lately. */
  claim(blocks: readonly BlockPosition[], wanted: readonly number[], nowMs: number): Claimed {
    const own: number[] = [];
    const awaited: number[] = [];
    const others = new Set<Promise<void>>();
    const ids: string[] = [];
    for (const index of wanted) {
      const id = blockId(blocks[index] as BlockPosition);
      const other = this.#claims.get(id);
      if (other !== undefined && Math.abs(nowMs - other.sinceMs) < this.#patienceMs) {
        awaited.push(index);
        others.add(other.ended);
      } else {
        own.push(index);
        ids.push(id);
      }
    }
    return { own, claim: this.#open(ids, nowMs), awaited, others: [...others] };
  }

  get size(): number {
    return this.#claims.size;
  }

  #open(ids: readonly string[], sinceMs: number): Claim {
    const { promise, resolve } = Promise.withResolvers<void>();
    const end = (): void => {
      for (const id of ids) {
        if (this.#claims.get(id) === claim) this.#claims.delete(id);
      }
      resolve();
    };
    const claim: Claim = { sinceMs, ended: promise, end };
    if (this.#claims.size + ids.length > claimsMax) this.#claims.clear();
    for (const id of ids) this.#claims.set(id, claim);
    return claim;
  }
}
