/**
 * A set of many names in little memory that is bounded: 32 bits of each name's hash, four to a
 * bucket, the newest first. A name may be forgotten when its bucket is full, and one in hundreds of
 * millions is taken for another: for hints, never for answers.
 *
 * Buckets lie in pages that are made when they are needed: a set of few names is small.
 */
const bucketSize = 4;
const pageSlots = 256;

export class FingerprintSet {
  readonly #pages: (Uint32Array | undefined)[] = [];
  readonly #mask: number;

  /** `size`: slots in all, a power of two. */
  constructor(size: number) {
    this.#mask = size / bucketSize - 1;
  }

  has(name: string): boolean {
    const hash = hashName(name);
    const page = this.#pages[this.#pageOf(hash)];
    return page !== undefined && find(page, this.#bucketOf(hash), hash.print) >= 0;
  }

  add(name: string): void {
    const hash = hashName(name);
    const at = this.#pageOf(hash);
    const page = this.#pages[at] ?? new Uint32Array(pageSlots);
    this.#pages[at] = page;
    const first = this.#bucketOf(hash);
    const known = find(page, first, hash.print);
    const last = known >= 0 ? known : first + bucketSize - 1;
    page.copyWithin(first + 1, first, last);
    page[first] = hash.print;
  }

  /** Whether it was there. */
  delete(name: string): boolean {
    const hash = hashName(name);
    const page = this.#pages[this.#pageOf(hash)];
    if (page === undefined) return false;
    const first = this.#bucketOf(hash);
    const at = find(page, first, hash.print);
    if (at < 0) return false;
    const end = first + bucketSize;
    page.copyWithin(at, at + 1, end);
    page[end - 1] = 0;
    return true;
  }

  #pageOf({ place }: Hash): number {
    return Math.floor(((place & this.#mask) * bucketSize) / pageSlots);
  }

  /** Its first slot in the page. */
  #bucketOf({ place }: Hash): number {
    return ((place & this.#mask) * bucketSize) % pageSlots;
  }
}

function find(page: Uint32Array, first: number, print: number): number {
  for (let at = first; at < first + bucketSize; at++) {
    if (page[at] === print) return at;
  }
  return -1;
}

interface Hash {
  readonly place: number;
  /** Never 0, which is an empty slot. */
  readonly print: number;
}

/** Two hashes of the FNV-1a kind, each mixed at its end so that all bits count. */
function hashName(name: string): Hash {
  let a = 0x811c9dc5;
  let b = 0x9747b28c;
  for (let i = 0; i < name.length; i++) {
    const unit = name.charCodeAt(i);
    a = Math.imul(a ^ unit, 0x01000193);
    b = Math.imul(b ^ unit, 0x5bd1e995);
  }
  return { place: mix(a) >>> 0, print: mix(b) >>> 0 || 1 };
}

function mix(hash: number): number {
  const once = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return once ^ (once >>> 13);
}
