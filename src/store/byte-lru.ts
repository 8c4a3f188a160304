/**
 * The least recently used entry goes first, and the bound is in bytes: what an entry really keeps
 * alive. A small view of a large buffer would keep all of the buffer, so it is copied on the way
 * in. An entry that is among the newest eighth stays in its place when it is used, because moving
 * one costs several times what finding it does.
 *
 * Entries are shared with whoever reads them: nobody may write to their bytes.
 */
export interface ByteLruCounts {
  readonly entries: number;
  readonly bytes: number;
  readonly bytesPeak: number;
  readonly hits: number;
  readonly misses: number;
  readonly evictions: number;
}

/** Key, map slot and typed array around the bytes; keeps a cache of many tiny entries honest. */
export const entryOverheadBytes = 256;

interface Entry {
  readonly bytes: Uint8Array;
  /** How many had been moved to the newer end when it was. */
  movedAt: number;
}

export class ByteLru {
  #bytesMax: number;
  readonly #onPut: ((evictedBytes: number) => void) | undefined;
  /** Iterates from the least to the most recently used. */
  readonly #entries = new Map<string, Entry>();
  #moves = 0;
  #bytes = 0;
  #bytesPeak = 0;
  #hits = 0;
  #misses = 0;
  #evictions = 0;

  /** `onPut`: told after each, with the bytes that went for it. */
  constructor(bytesMax: number, onPut?: (evictedBytes: number) => void) {
    this.#bytesMax = bytesMax;
    this.#onPut = onPut;
  }

  get bytesMax(): number {
    return this.#bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Another bound: what is too much now goes. */
  resize(bytesMax: number): void {
    this.#bytesMax = bytesMax;
    this.#makeRoom(0);
  }

  get(key: string): Uint8Array | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) {
      this.#misses += 1;
      return undefined;
    }
    this.#hits += 1;
    if (this.#moves - entry.movedAt >= this.#entries.size / 8) {
      this.#entries.delete(key);
      entry.movedAt = ++this.#moves;
      this.#entries.set(key, entry);
    }
    return entry.bytes;
  }

  /** As `get`, but neither counted nor a use. */
  peek(key: string): Uint8Array | undefined {
    return this.#entries.get(key)?.bytes;
  }

  /** Replaces what the key held. An entry larger than the whole bound is not kept. */
  put(key: string, bytes: Uint8Array): void {
    this.delete(key);
    const cost = bytes.byteLength + entryOverheadBytes;
    if (cost > this.#bytesMax) return;
    const evictedBytes = this.#makeRoom(cost);
    const ownsBuffer = bytes.byteLength === bytes.buffer.byteLength;
    this.#moves += 1;
    this.#entries.set(key, {
      bytes: ownsBuffer ? bytes : bytes.slice(),
      movedAt: this.#moves,
    });
    this.#bytes += cost;
    this.#bytesPeak = Math.max(this.#bytesPeak, this.#bytes);
    this.#onPut?.(evictedBytes);
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= entry.bytes.byteLength + entryOverheadBytes;
  }

  clear(): void {
    this.#entries.clear();
    this.#bytes = 0;
  }

  /** Returns how much went for it. */
  #makeRoom(cost: number): number {
    const before = this.#bytes;
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes + cost <= this.#bytesMax) break;
      this.delete(oldest);
      this.#evictions += 1;
    }
    return before - this.#bytes;
  }

  counts(): ByteLruCounts {
    return {
      entries: this.#entries.size,
      bytes: this.#bytes,
      bytesPeak: this.#bytesPeak,
      hits: this.#hits,
      misses: this.#misses,
      evictions: this.#evictions,
    };
  }
}
