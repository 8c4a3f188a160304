/**
 * Where blocks are kept near: the isolate's memory, then (if there is one) the cache of the data
 * centre. Only blocks, which never change: nothing is ever invalidated, and losing all of it
 * costs time only.
 *
 * Invariant: memory holds verified bytes only, so a hit there is used as it is. Bytes from the
 * edge are verified each time; an entry that fails counts as missing and is overwritten by the
 * next `publish`.
 *
 * Memory is shared by three:
 *   blocks    what the others leave; if that is too little, rows that were not used for a while go
 *   rows      what readers keep of blocks of which they want little (row-memory.ts): at most eleven
 *             sixteenths, and what the budget of reads lends beside it as long as nobody reads
 *   passing   those blocks: an eighth, and what is free, long enough for whoever reads the same at
 *             the same time, and to be handed to the edge
 *
 * One per isolate. Blocks themselves are never waited for across requests, only the end of a
 * request's claim on them, and that not for long (reads-under-way.ts).
 */
import { limits } from "../limits.ts";
import { type Block, type BlockPosition, blockId } from "./block.ts";
import { ByteLru, type ByteLruCounts } from "./byte-lru.ts";
import { EdgeHistory } from "./edge-history.ts";
import { ReadsUnderWay } from "./reads-under-way.ts";
import { RowMemory } from "./row-memory.ts";

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
  /** Bytes that rows may use beside `bytesMax` just now. When they become fewer, call `fit`. */
  readonly lentBytes?: () => number;
}

const passingShare = 1 / 8;
const rowsShareMax = 11 / 16;

export class BlockCache {
  readonly bytesMax: number;
  readonly memory: ByteLru;
  readonly rows: RowMemory;
  readonly #passing: ByteLru;
  readonly #lentBytes: () => number;
  #bytesPeak = 0;
  readonly underWay = new ReadsUnderWay(limits.sharedReadMs);
  readonly #edge: EdgeCache | undefined;
  readonly #history = new EdgeHistory();

  constructor(options: BlockCacheOptions = {}) {
    this.bytesMax = options.bytesMax ?? limits.cacheBytesMax;
    this.#passing = new ByteLru(this.bytesMax, () => this.#note());
    this.memory = new ByteLru((1 - passingShare) * this.bytesMax, (evictedBytes) => {
      // When blocks have all changed once, the hand has gone round once, however few the rows are.
      const share = this.rows.bytes / this.bytesMax;
      if (evictedBytes > 0) this.rows.yieldRoom(share * evictedBytes);
      this.#share();
    });
    this.#lentBytes = options.lentBytes ?? (() => 0);
    this.rows = new RowMemory({
      bytesMax: () => rowsShareMax * this.bytesMax + this.#lentBytes(),
      onResize: () => this.#share(),
    });
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

  /** More or less is lent than before. */
  fit(): void {
    this.rows.fit();
    this.#share();
  }

  /** All together never have more than there is. */
  #share(): void {
    const left = this.bytesMax - Math.max(0, this.rows.bytes - this.#lentBytes());
    this.memory.resize(left - passingShare * this.bytesMax);
    this.#passing.resize(left - this.memory.bytes);
    this.#note();
  }

  #note(): void {
    const bytes = this.memory.bytes + this.#passing.bytes + this.rows.bytes;
    this.#bytesPeak = Math.max(this.#bytesPeak, bytes);
  }

  /** Of all memory. */
  counts(): ByteLruCounts {
    const each = [this.memory.counts(), this.#passing.counts(), this.rows.counts()];
    const sum = (of: keyof ByteLruCounts) => each.reduce((total, counts) => total + counts[of], 0);
    return {
      entries: sum("entries"),
      bytes: sum("bytes"),
      bytesPeak: this.#bytesPeak,
      hits: sum("hits"),
      misses: sum("misses"),
      evictions: sum("evictions"),
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
