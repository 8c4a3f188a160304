/**
 * A set of many names in little memory that never grows: 32 bits of each name's hash, four to a
 * bucket, the newest first. A name may be forgotten when its bucket is full, and one in hundreds of
 * millions is taken for another: for hints, never for answers.
 */
const bucketSize = 4;

export class FingerprintSet {
  readonly #slots: Uint32Array;
  readonly #mask: number;

  /** `size`: a power of two. */
  constructor(size: number) {
    this.#slots = new Uint32Array(size);
    this.#mask = size / bucketSize - 1;
  }

  has(name: string): boolean {
    return this.#find(hashName(name)) >= 0;
  }

  add(name: string): void {
    const hash = hashName(name);
    const known = this.#find(hash);
    const first = this.#bucketOf(hash);
    const last = known >= 0 ? known : first + bucketSize - 1;
    this.#slots.copyWithin(first + 1, first, last);
    this.#slots[first] = hash.print;
  }

  /** Whether it was there. */
  delete(name: string): boolean {
    const hash = hashName(name);
    const at = this.#find(hash);
    if (at < 0) return false;
    const end = this.#bucketOf(hash) + bucketSize;
    this.#slots.copyWithin(at, at + 1, end);
    this.#slots[end - 1] = 0;
    return true;
  }

  #bucketOf({ place }: Hash): number {
    return (place & this.#mask) * bucketSize;
  }

  #find(hash: Hash): number {
    const first = this.#bucketOf(hash);
    const at = this.#slots.subarray(first, first + bucketSize).indexOf(hash.print);
    return at < 0 ? -1 : first + at;
  }
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
