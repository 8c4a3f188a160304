/**
 * Reads many blocks of one segment in order: neighbours together, gaps included where skipping them
 * would cost a request, and some ranges ahead of the one in hand, because each takes tens of
 * milliseconds to begin. Every block is verified.
 */
import { assert, corrupt } from "../../errors.ts";
import { limits } from "../../limits.ts";
import type { Block } from "../../store/block.ts";
import { planRanges, type RangeRead } from "../../store/range-plan.ts";
import type { MemoryLedger } from "./memory-ledger.ts";

/** Reads a range of an object into a buffer of its own. */
export type ReadRange = (key: string, offset: number, length: number) => Promise<Uint8Array>;

const rangeBytesMax = 2 * 1024 * 1024;
/** With the one in hand, all connections that may wait. */
const rangesAhead = limits.connectionsMax - 1;

/** Calls `visit` with the verified bytes of each block, which are views that do not outlive it. */
export async function forEachBlock(
  blocks: readonly Block[],
  read: ReadRange,
  ledger: MemoryLedger,
  visit: (index: number, bytes: Uint8Array) => void,
): Promise<void> {
  const ranges = planRanges(blocks, {
    readsMax: Math.max(1, blocks.length),
    gapBytes: limits.coalesceGapBytes,
    rangeBytesMax,
  });
  const ahead = new ReadAhead(ranges, read, ledger);
  try {
    for (const range of ranges) {
      visitRange(blocks, range, await ahead.next(), visit);
    }
  } finally {
    await ahead.settle();
  }
}

/** A function of its own: one that waits for the next range would hold on to this one meanwhile. */
function visitRange(
  blocks: readonly Block[],
  { offset, blocks: indexes }: RangeRead,
  read: ReadResult,
  visit: (index: number, bytes: Uint8Array) => void,
): void {
  const bytes = read.take();
  for (const index of indexes) {
    const block = blocks[index] as Block;
    const from = block.offset - offset;
    const view = bytes.subarray(from, from + block.length);
    if (!block.verify(view)) {
      throw corrupt(`${block.key}: the block at ${block.offset} is not what was written`);
    }
    visit(index, view);
  }
  read.release();
}

interface ReadResult {
  /** The bytes, once: whoever holds on to this result does not hold on to them. */
  readonly take: () => Uint8Array;
  readonly release: () => void;
}

class ReadAhead {
  readonly #ranges: readonly RangeRead[];
  readonly #read: ReadRange;
  readonly #ledger: MemoryLedger;
  readonly #underWay: Promise<ReadResult>[] = [];
  #started = 0;

  constructor(ranges: readonly RangeRead[], read: ReadRange, ledger: MemoryLedger) {
    this.#ranges = ranges;
    this.#read = read;
    this.#ledger = ledger;
  }

  /** The next range, in order. */
  next(): Promise<ReadResult> {
    while (this.#underWay.length <= rangesAhead && this.#started < this.#ranges.length) {
      this.#underWay.push(this.#start(this.#ranges[this.#started++] as RangeRead));
    }
    return this.#underWay.shift() as Promise<ReadResult>;
  }

  /** Waits for what is under way and lets go of it: after a failure nothing runs on unseen. */
  async settle(): Promise<void> {
    for (const result of await Promise.allSettled(this.#underWay)) {
      if (result.status === "fulfilled") {
        result.value.release();
      }
    }
  }

  async #start({ key, offset, length }: RangeRead): Promise<ReadResult> {
    const release = this.#ledger.hold(length);
    try {
      return readResult(await this.#read(key, offset, length), release);
    } catch (error) {
      release();
      throw error;
    }
  }
}

function readResult(bytes: Uint8Array, release: () => void): ReadResult {
  let kept: Uint8Array | undefined = bytes;
  const take = (): Uint8Array => {
    assert(kept !== undefined, "a range is taken once");
    const taken = kept;
    kept = undefined;
    return taken;
  };
  return { take, release };
}
