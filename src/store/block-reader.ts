/**
 * Reads for one request. A *round* is a set of reads of which none waits for another's bytes.
 *
 *   1. Blocks in memory are delivered at once, while the first requests for the others are under
 *      way. Blocks that another request is reading are waited for, for a while.
 *   2. Blocks that the edge cache may have are looked up there (see edge-history.ts).
 *   3. What is still missing becomes at most `readsMax` range reads (range-plan.ts), most promising
 *      first, and each block is delivered as its range arrives, so that scoring overlaps reading.
 *
 * A round that lacks more than a third of what memory may hold would push out what everybody else
 * uses, and be pushed out itself before it comes again: it skips 2, waits for nobody and keeps
 * nothing.
 *
 * Invariants
 *   - Every block was verified before it is delivered: on arrival, or before it went into memory.
 *   - At most `connectionsMax` requests wait at once, each with its bytes reserved in the budget
 *     of the isolate until they are delivered (request-gate.ts).
 *   - No answer is shared with another request: who waited for one looks into memory, and reads
 *     what is not there. So whatever becomes of the other, this one is served.
 *   - After a failure nothing new starts; what is under way ends before the failure is thrown.
 *
 * Delivered bytes begin at offset 0 of a buffer of their own (aligned for typed arrays) and are
 * shared with the cache: nobody may write to them.
 */
import { EngineError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Clock } from "../ports.ts";
import { type Block, type BlockPosition, cutBlock, damaged } from "./block.ts";
import type { BlockCache, EdgeAnswer } from "./block-cache.ts";
import type { Budget } from "./memory-budget.ts";
import type { ObjectStore, StoredObject } from "./object-store.ts";
import { chooseAmong, planRanges, type RangeBounds, type ToldCap } from "./range-plan.ts";
import {
  type ReadCounts,
  type RoundOfReads,
  StoreReads,
  type Temperature,
  temperatureOf,
} from "./read-counts.ts";
import { type Batch, RequestGate, settleAll } from "./request-gate.ts";

export interface BlockReaderPorts {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly cache: BlockCache;
  readonly budget: Budget;
  /** Lets work outlive the request (`waitUntil`). The promise never rejects. */
  defer(work: Promise<void>): void;
}

export interface BlockReaderOptions {
  readonly connectionsMax?: number;
  /** Neither looks into the caches nor fills them. */
  readonly disableCache?: boolean;
  /** Looks into memory, and leaves it as it was: for what nobody else will want. */
  readonly leavesNoTrace?: boolean;
}

export interface BlockReads {
  /** Most range reads; raised to the number of objects. */
  readonly readsMax: number;
  readonly gapBytes?: number;
  readonly wideReads?: number;
  /** More reads rather than larger ones. */
  readonly rangeBytesMax?: number;
  /** Nobody else will want them: as if they were too many to keep. */
  readonly passesBy?: boolean;
  /** Of what memory and the edge do not have; each block beyond is told and not delivered. */
  readonly most?: ToldCap;
  /** In order of arrival, one turn each; `index` is the block's in the array given. */
  readonly onBlock: (index: number, bytes: Uint8Array) => void;
}

/** An object read whole because its size is not known beforehand, such as a WAL entry. */
export interface WholeObject {
  readonly key: string;
  /** Reserved for it; a larger object is corrupt. */
  readonly bytesMax: number;
  /** The caller holds a reservation that covers it. */
  readonly isReserved?: boolean;
  verify(bytes: Uint8Array): boolean;
}

/** Reads of one round may be started from several places and waited for together. */
export interface ReadRound {
  /** Throws `notFound` if an object is gone; `corrupt`, `unavailable`, `overloaded`, `tooLarge`. */
  readBlocks(blocks: readonly Block[], reads: BlockReads): Promise<void>;
  /** As readBlocks, but a missing object is an answer. Kept in memory, never at the edge. */
  readObjects(
    objects: readonly WholeObject[],
    onObject: (index: number, bytes: Uint8Array | undefined) => void,
  ): Promise<void>;
}

/** A call of readBlocks under way. */
interface Reading {
  readonly blocks: readonly Block[];
  readonly reads: BlockReads;
  readonly batch: Batch;
  readonly round: RoundOfReads;
  /** Neither asks the edge nor keeps what it reads. */
  readonly passesBy: boolean;
}

interface Held {
  readonly index: number;
  readonly bytes: Uint8Array;
}

/** A bound on what one request can bring, not a target: ranges are usually far smaller. */
const rangeBytesMaxDefault = 8 * 1024 * 1024;
/** Of rounds that nobody shares: others wait for the memory of a request, but not for long. */
const passingRangeBytesMax = 4 * 1024 * 1024;
/** Edge puts under way at once after the answer, and how many one request may add. */
const publishersMax = 2;
const publishesMax = 256;

export class BlockReader {
  readonly #ports: BlockReaderPorts;
  readonly #disableCache: boolean;
  readonly #leavesNoTrace: boolean;
  readonly #gate: RequestGate;
  readonly #unpublished: BlockPosition[] = [];
  readonly #asked = new StoreReads();
  #edgeLookups = 0;
  #edgeHits = 0;
  #edgeBytes = 0;
  #edgeRejected = 0;
  #memoryHits = 0;
  #delivered = 0;

  constructor(ports: BlockReaderPorts, options: BlockReaderOptions = {}) {
    this.#ports = ports;
    this.#disableCache = options.disableCache ?? false;
    this.#leavesNoTrace = options.leavesNoTrace ?? false;
    this.#gate = new RequestGate(ports.budget, options.connectionsMax ?? limits.connectionsMax);
  }

  /** Begins a round; it counts once the store is asked. */
  round(): ReadRound {
    const round = this.#asked.round(this.#ports.store);
    return {
      readBlocks: (blocks, reads) => this.#readBlocks(blocks, reads, round),
      readObjects: (objects, onObject) => this.#readObjects(objects, onObject, round),
    };
  }

  /** One round of blocks. */
  readRound(blocks: readonly Block[], reads: BlockReads): Promise<void> {
    return this.round().readBlocks(blocks, reads);
  }

  /** Whether a block can be had without the store; one that the edge has is then in memory. */
  async hasAtHand(block: Block): Promise<boolean> {
    const { cache, clock } = this.#ports;
    if (cache.peek(block) !== undefined) return true;
    if (!cache.worthLookup(block, clock.now())) return false;
    this.#edgeLookups += 1;
    return (await cache.lookup(block, clock.now())).kind === "hit";
  }

  /** Whether what is read through it may be kept. */
  get fillsMemory(): boolean {
    return !this.#disableCache && !this.#leavesNoTrace;
  }

  /** What the store was asked, and has sent. */
  get made(): { readonly requests: number; readonly bytes: number } {
    return { requests: this.#asked.requests, bytes: this.#asked.bytes };
  }

  counts(): ReadCounts {
    return {
      ...this.#asked.counts(),
      edgeLookups: this.#edgeLookups,
      edgeHits: this.#edgeHits,
      edgeBytes: this.#edgeBytes,
      edgeRejected: this.#edgeRejected,
      memoryHits: this.#memoryHits,
      blocks: this.#delivered,
      reservedBytesPeak: this.#gate.reservedBytesPeak,
    };
  }

  temperature(): Temperature {
    return temperatureOf(this.counts());
  }

  /**
   * To be called after the last round: hands what came from the store to the edge cache, behind the
   * answer, where it takes no connection from a read. Not calling it loses nothing but that.
   */
  finish(): void {
    const blocks = this.#unpublished.splice(0).slice(0, publishesMax);
    if (blocks.length === 0) return;
    let next = 0;
    const publishers = Array.from({ length: publishersMax }, async () => {
      for (let block = blocks[next++]; block !== undefined; block = blocks[next++]) {
        await this.#ports.cache.publish(block);
      }
    });
    this.#ports.defer(Promise.all(publishers).then(() => undefined));
  }

  async #readBlocks(
    blocks: readonly Block[],
    reads: BlockReads,
    round: RoundOfReads,
  ): Promise<void> {
    const { held, missing } = this.#recall(blocks, blocks.keys());
    const batch: Batch = { failed: false };
    if (missing.length === 0) return await this.#deliverHeld(held, batch, reads.onBlock);
    const bytes = missing.reduce((sum, index) => sum + (blocks[index] as Block).length, 0);
    const isLarge = bytes > this.#ports.cache.bytesMax / 3;
    const passesBy = reads.passesBy === true || isLarge || !this.fillsMemory;
    const reading: Reading = { blocks, reads, batch, round, passesBy };
    const others = passesBy
      ? this.#readMissing(reading, missing)
      : this.#readShared(reading, missing);
    await settleAll([this.#deliverHeld(held, batch, reads.onBlock), others]);
  }

  /** Reads what nobody else is reading, and waits for the rest. */
  async #readShared(reading: Reading, missing: readonly number[]): Promise<void> {
    const { cache, clock } = this.#ports;
    const { blocks, batch, reads } = reading;
    const { own, awaited, claim, others } = cache.underWay.claim(blocks, missing, clock.now());
    const readOwn = async (): Promise<void> => {
      try {
        await this.#readMissing(reading, own);
      } finally {
        claim.end();
      }
    };
    const readAwaited = async (): Promise<void> => {
      if (awaited.length === 0) return;
      await Promise.race([Promise.all(others), clock.sleep(limits.sharedReadMs)]);
      if (batch.failed) return;
      const { held, missing: left } = this.#recall(blocks, awaited);
      await this.#deliverHeld(held, batch, reads.onBlock);
      await this.#readMissing(reading, left);
    };
    await settleAll([readOwn(), readAwaited()]);
  }

  /** What is in memory, of the blocks with these indexes. */
  #recall(blocks: readonly Block[], indexes: Iterable<number>) {
    const held: Held[] = [];
    const missing: number[] = [];
    const { cache } = this.#ports;
    for (const index of indexes) {
      const block = blocks[index] as Block;
      let bytes: Uint8Array | undefined;
      if (this.#leavesNoTrace) bytes = cache.peek(block);
      else if (!this.#disableCache) bytes = cache.recall(block);
      if (bytes === undefined) missing.push(index);
      else held.push({ index, bytes });
    }
    return { held, missing };
  }

  async #readMissing(reading: Reading, missing: readonly number[]): Promise<void> {
    const { blocks, reads, batch, round, passesBy } = reading;
    const { most } = reads;
    const useEdge = !passesBy && this.#ports.cache.hasEdge;
    const absent = useEdge ? await this.#readFromEdge(reading, missing) : missing;
    const bounds: RangeBounds = {
      readsMax: reads.readsMax,
      gapBytes: reads.gapBytes ?? limits.coalesceGapBytes,
      wideReads: reads.wideReads ?? 0,
      rangeBytesMax:
        reads.rangeBytesMax ?? (passesBy ? passingRangeBytesMax : rangeBytesMaxDefault),
    };
    const chosen = most === undefined ? absent : chooseAmong(blocks, absent, bounds, most);
    const wanted = chosen.map((index) => blocks[index] as Block);
    const ranges = planRanges(wanted, bounds);
    const tasks = ranges.map((range) => {
      const { key, offset, length } = range;
      const use = (object: StoredObject | undefined): void => {
        if (object === undefined) throw gone(key);
        round.took(object.bytes.length);
        for (const position of range.blocks) {
          const bytes = cutBlock(wanted[position] as Block, object.bytes, offset);
          if (!passesBy) this.#keep(wanted[position] as Block, bytes);
          this.#deliver(reads, chosen[position] as number, bytes);
        }
      };
      return this.#gate.run(length, batch, () => round.ask().get(key, { offset, length }), use);
    });
    await settleAll(tasks);
  }

  /** Delivers what the edge has; returns the indexes of the others, ascending. */
  async #readFromEdge(
    { blocks, reads, batch }: Reading,
    wanted: readonly number[],
  ): Promise<readonly number[]> {
    const { cache, clock } = this.#ports;
    const absent: number[] = [];
    const tasks = wanted.map(async (index) => {
      const block = blocks[index] as Block;
      const worth = () => cache.worthLookup(block, clock.now());
      if (!worth()) {
        absent.push(index);
        return;
      }
      const lookUp = async (): Promise<EdgeAnswer> => {
        // Asked again: lookups that were ahead in the line may have found the whole object cold.
        if (!worth()) return { kind: "miss" };
        this.#edgeLookups += 1;
        return cache.lookup(block, clock.now());
      };
      await this.#gate.run(block.length, batch, lookUp, (answer) => {
        if (answer.kind === "hit") {
          this.#edgeHits += 1;
          this.#edgeBytes += answer.bytes.length;
          this.#deliver(reads, index, answer.bytes);
        } else {
          if (answer.kind === "rejected") this.#edgeRejected += 1;
          absent.push(index);
        }
      });
    });
    await settleAll(tasks);
    return absent.sort((a, b) => a - b);
  }

  async #readObjects(
    objects: readonly WholeObject[],
    onObject: (index: number, bytes: Uint8Array | undefined) => void,
    { ask, took }: RoundOfReads,
  ): Promise<void> {
    const { memory } = this.#ports.cache;
    const batch: Batch = { failed: false };
    const held: Held[] = [];
    const tasks: Promise<void>[] = [];
    for (const [index, object] of objects.entries()) {
      const bytes = this.#disableCache ? undefined : memory.get(object.key);
      if (bytes !== undefined) {
        held.push({ index, bytes });
        continue;
      }
      const use = (stored: StoredObject | undefined): void => {
        took(stored?.bytes.length ?? 0);
        if (stored !== undefined) this.#acceptObject(object, stored.bytes);
        this.#delivered += 1;
        onObject(index, stored?.bytes);
      };
      const request = () => ask().get(object.key);
      const reserve = object.isReserved === true ? 0 : object.bytesMax;
      tasks.push(this.#gate.run(reserve, batch, request, use));
    }
    await settleAll([this.#deliverHeld(held, batch, onObject), ...tasks]);
  }

  /** Called when the first requests are under way: what is at hand is worked on while they wait. */
  async #deliverHeld(
    held: readonly Held[],
    batch: Batch,
    deliver: (index: number, bytes: Uint8Array) => void,
  ): Promise<void> {
    try {
      for (const { index, bytes } of held) {
        this.#memoryHits += 1;
        this.#delivered += 1;
        deliver(index, bytes);
      }
    } catch (error) {
      batch.failed = true;
      throw error;
    }
  }

  #acceptObject(object: WholeObject, bytes: Uint8Array): void {
    if (bytes.length > object.bytesMax || !object.verify(bytes)) throw damaged(object.key);
    if (this.fillsMemory) this.#ports.cache.memory.put(object.key, bytes);
  }

  #keep(block: Block, bytes: Uint8Array): void {
    this.#ports.cache.keep(block, bytes);
    if (this.#ports.cache.hasEdge) this.#unpublished.push(block);
  }

  #deliver(reads: BlockReads, index: number, bytes: Uint8Array): void {
    this.#delivered += 1;
    reads.onBlock(index, bytes);
  }
}

function gone(key: string): EngineError {
  return new EngineError("notFound", `${key} is gone; it was collected after the snapshot`);
}
