/**
 * Decides whether asking the edge cache for a block is worth a connection and a few milliseconds.
 * It cannot say what it holds, and a segment that nobody has read here would cost one vain lookup
 * a block.
 *
 *   - A block this isolate has stored there, or has found there, is *known*: ask.
 *   - Blocks of an object are asked for until `missesMax` lookups in a row missed; then the
 *     object counts as cold for `coldMs`. Lookups run several at a time, so a cold object costs
 *     one wave of them.
 *   - When blocks known to be there are missing `knownMissesMax` times in a row, the cache does
 *     not keep what it is given (it has no effect on some hosts) and is left alone for
 *     `silentMs`.
 *
 * All of it is a guess of bounded size about a cache that may forget at any time: it costs or
 * saves time and never changes an answer.
 */
import { type BlockPosition, blockId } from "./block.ts";
import { FingerprintSet } from "./fingerprint-set.ts";

interface ObjectHistory {
  missesInRow: number;
  coldUntilMs: number;
}

const missesMax = 4;
const coldMs = 30_000;
const knownMissesMax = 32;
const silentMs = 300_000;
/** Some 100 bytes each. */
const objectsMax = 1_024;
/** Four bytes each. What a thousand queries of 60,000 vectors read is 20,000 blocks. */
const blocksMax = 131_072;

export class EdgeHistory {
  readonly #objects = new Map<string, ObjectHistory>();
  readonly #known = new FingerprintSet(blocksMax);
  #knownMissesInRow = 0;
  #silentUntilMs = 0;

  worthAsking(block: BlockPosition, nowMs: number): boolean {
    if (nowMs < this.#silentUntilMs) return false;
    if (this.#known.has(blockId(block))) return true;
    const object = this.#objects.get(block.key);
    return object === undefined || nowMs >= object.coldUntilMs;
  }

  hit(block: BlockPosition): void {
    this.#objects.delete(block.key);
    this.#knownMissesInRow = 0;
    this.stored(block);
  }

  miss(block: BlockPosition, nowMs: number): void {
    if (this.#known.delete(blockId(block))) {
      this.#knownMissesInRow += 1;
      if (this.#knownMissesInRow >= knownMissesMax) {
        this.#knownMissesInRow = 0;
        this.#silentUntilMs = nowMs + silentMs;
      }
    }
    const object = this.#objects.get(block.key) ?? { missesInRow: 0, coldUntilMs: 0 };
    object.missesInRow += 1;
    if (object.missesInRow >= missesMax) object.coldUntilMs = nowMs + coldMs;
    this.#objects.delete(block.key);
    this.#objects.set(block.key, object);
    const [oldest] = this.#objects.keys();
    if (this.#objects.size > objectsMax && oldest !== undefined) this.#objects.delete(oldest);
  }

  stored(block: BlockPosition): void {
    this.#known.add(blockId(block));
  }
}
