/**
 * Decoded objects that are dear to make again: the least recently used goes first, and the bound is
 * the sum of the weights (bytes, roughly) that came with them. For plain bytes see byte-lru.ts.
 *
 * Values are shared with whoever reads them: nobody may change what others see.
 */
export class WeightedLru<T> {
  readonly #weightMax: number;
  /** Iterates from the least to the most recently used. */
  readonly #entries = new Map<string, { readonly value: T; readonly weight: number }>();
  #weight = 0;

  constructor(weightMax: number) {
    this.#weightMax = weightMax;
  }

  get weight(): number {
    return this.#weight;
  }

  get(key: string): T | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) {
      return undefined;
    }
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** As `get`, but not a use. */
  has(key: string): boolean {
    return this.#entries.has(key);
  }

  /** Replaces what the key held. What is heavier than the whole bound is not kept. */
  put(key: string, value: T, weight: number): void {
    this.delete(key);
    if (weight > this.#weightMax) {
      return;
    }
    for (const oldest of this.#entries.keys()) {
      if (this.#weight + weight <= this.#weightMax) break;
      this.delete(oldest);
    }
    this.#entries.set(key, { value, weight });
    this.#weight += weight;
  }

  delete(key: string): void {
    this.#weight -= this.#entries.get(key)?.weight ?? 0;
    this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
    this.#weight = 0;
  }
}
