/**
 * Where blocks are kept near: the isolate's memory, then (if there is one) the cache of the data
 * centre. Only blocks, which never change: nothing is ever invalidated, and losing all of it
 * costs time only.
 *
 * Invariant: memory holds verified bytes only, so a hit there is used as it is. Bytes from the
 * edge are verified each time; an entry that fails counts as missing and is overwritten by the
 * next `publish`.
 *
 * Blocks that are passing have an eighth of memory to themselves: long enough for whoever reads the
 * same at the same time, and to be handed to the edge.
 *
 * One per isolate. Blocks themselves are never waited for across requests, only the end of a
 * request's claim on them, and that not for long (reads-under-way.ts).
 */
import { limits } from "../limits.ts";
import { type Block, type BlockPosition, blockId } from "./block.ts";
import { ByteLru, type ByteLruCounts } from "./byte-lru.ts";
import { EdgeHistory } from "./edge-history.ts";
import { ReadsUnderWay } from "./reads-under-way.ts";

/** A cache that may forget anything at any time. It may also fail: that is a miss. */
export interface EdgeCache {
  match(key: string): Promise<Uint8Array | undefined>;
  put(key: string, bytes: Uint8Array): Promise<void>;
}

export type EdgeAnswer =
  | { readonly kind: "hit"; readonly bytes: Uint8Array }
  | { readonly kind: "miss" }
  /** There was an entry, and it was not what had been stored. */
  | { readonly kind: "rejected" };

export interface BlockCacheOptions {
  readonly bytesMax?: number;
  readonly edge?: EdgeCache;
}

const passingShare = 1 / 8;

export class BlockCache {
  readonly bytesMax: number;
  readonly memory: ByteLru;
  readonly #passing: ByteLru;
  readonly underWay = new ReadsUnderWay(limits.sharedReadMs);
  readonly #edge: EdgeCache | undefined;
  readonly #history = new EdgeHistory();

  constructor(options: BlockCacheOptions = {}) {
    this.bytesMax = options.bytesMax ?? limits.cacheBytesMax;
    this.#passing = new ByteLru(passingShare * this.bytesMax);
    this.memory = new ByteLru(this.bytesMax - this.#passing.bytesMax);
    this.#edge = options.edge;
  }

  /** From memory. Shared: nobody may write to the bytes. */
  recall(block: BlockPosition): Uint8Array | undefined {
    const id = blockId(block);
    if (block.isPassing === true) return this.#passing.get(id) ?? this.memory.peek(id);
    const held = this.memory.get(id);
    if (held !== undefined) return held;
    const passing = this.#passing.peek(id);
    // Whoever asks for it now keeps nothing of it, so memory must.
    if (passing !== undefined) this.memory.put(id, passing);
    return passing;
  }

  /** As `recall`, but neither counted nor a use. */
  peek(block: BlockPosition): Uint8Array | undefined {
    const id = blockId(block);
    return this.memory.peek(id) ?? this.#passing.peek(id);
  }

  /** Puts verified bytes into memory. */
  keep(block: BlockPosition, bytes: Uint8Array): void {
    (block.isPassing === true ? this.#passing : this.memory).put(blockId(block), bytes);
  }

  /** Of all memory. */
  counts(): ByteLruCounts {
    const [a, b] = [this.memory.counts(), this.#passing.counts()];
    return {
      entries: a.entries + b.entries,
      bytes: a.bytes + b.bytes,
      bytesPeak: a.bytesPeak + b.bytesPeak,
      hits: a.hits + b.hits,
      misses: a.misses + b.misses,
      evictions: a.evictions + b.evictions,
    };
  }

  /** Whether `lookup` has a chance; see edge-history.ts. */
  worthLookup(block: BlockPosition, nowMs: number): boolean {
    return this.#edge !== undefined && this.#history.worthAsking(block, nowMs);
  }

  /** From the edge; a hit is verified and from now on in memory too. Never rejects. */
  async lookup(block: Block, nowMs: number): Promise<EdgeAnswer> {
    const bytes = await this.#edge?.match(blockId(block)).catch(() => undefined);
    if (bytes === undefined) {
      this.#history.miss(block, nowMs);
      return { kind: "miss" };
    }
    if (bytes.length !== block.length || !block.verify(bytes)) {
      this.#history.miss(block, nowMs);
      return { kind: "rejected" };
    }
    this.#history.hit(block);
    this.keep(block, bytes);
    return { kind: "hit", bytes };
  }

  /** Hands a block to the edge, if memory still has it. Never rejects. */
  async publish(block: BlockPosition): Promise<void> {
    const bytes = this.peek(block);
    if (this.#edge === undefined || bytes === undefined) return;
    try {
      await this.#edge.put(blockId(block), bytes);
      this.#history.stored(block);
    } catch {
      // A cache that refuses is a cache without the block; the next reader asks the store.
    }
  }

  get hasEdge(): boolean {
    return this.#edge !== undefined;
  }
}
