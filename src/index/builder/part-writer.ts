/**
 * Writes the blocks of a segment one after the other into objects of at most `segmentPartBytes` and
 * puts each object as it fills. A block never straddles two objects. A segment that fits one object
 * has one, named after the segment alone.
 *
 * Memory: one object.
 */
import { assert } from "../../errors.ts";
import type { SectionRange, SegmentPart } from "../../format/manifest.ts";
import { partSeed, sealBlock } from "../../format/segment-block.ts";
import type { Extent, SectionPlace } from "../../format/segment-section.ts";
import { limits } from "../../limits.ts";
import type { Digest } from "../../ports.ts";
import { generationRoot, segmentKey } from "../../store/keys.ts";
import type { SegmentHome } from "../segment/segment.ts";
import type { MemoryLedger } from "./memory-ledger.ts";

/** Where finished objects go. Resolves once the object is stored, and keeps nothing of `bytes`. */
export interface SegmentSink {
  write(key: string, bytes: Uint8Array, sha256: Uint8Array): Promise<void>;
}

export interface PartWriterInput {
  readonly home: SegmentHome;
  readonly segment: string;
  readonly sink: SegmentSink;
  readonly digest: Digest;
  readonly ledger: MemoryLedger;
  /** About as much will be written in all: where memory is allocated first. */
  readonly bytesLikely?: number;
}

const firstCapacity = 8 * 1024;

/** Where the blocks of a section lie that is being written. */
export class OpenSection {
  readonly extents: Extent[] = [];
  count = 0;
  /** Where the last one ends, in its object. */
  end = 0;

  add(part: number, offset: number, bytes: number): void {
    const isNext = this.extents.at(-1)?.part === part && this.end === offset;
    if (!isNext) this.extents.push({ part, offset, first: this.count });
    this.count += 1;
    this.end = offset + bytes;
  }
}

export class PartWriter {
  readonly #input: PartWriterInput;
  readonly #parts: SegmentPart[] = [];
  #buffer = new Uint8Array(0);
  #release: (() => void) | undefined;
  #length = 0;
  #seed: number;
  #section = new OpenSection();

  constructor(input: PartWriterInput) {
    this.#input = input;
    this.#seed = this.#seedOf(0);
  }

  /** Adds a block of `bytes` (see `blockBytes`): `fill` writes its content into zeros. */
  async add(bytes: number, fill: (block: Uint8Array) => void): Promise<SectionRange> {
    if (this.#length > 0 && this.#length + bytes > limits.segmentPartBytes) {
      await this.#put(false);
    }
    this.#grow(this.#length + bytes);
    const offset = this.#length;
    const part = this.#parts.length;
    const block = this.#buffer.subarray(offset, offset + bytes);
    fill(block);
    sealBlock(block, this.#seed, offset);
    this.#length += bytes;
    this.#section.add(part, offset, bytes);
    return { part, offset, length: bytes };
  }

  /** Where the blocks added since the last call lie. */
  endSection(): SectionPlace {
    const { count, extents } = this.#section;
    this.#section = new OpenSection();
    return { count, extents };
  }

  /**
   * Adds blocks of another section between those of the one under way, and returns the other one:
   * `of`, if it was begun so before.
   */
  async aside(of: OpenSection | undefined, add: () => Promise<void>): Promise<OpenSection> {
    const own = this.#section;
    const other = of ?? new OpenSection();
    this.#section = other;
    try {
      await add();
    } finally {
      this.#section = own;
    }
    return other;
  }

  /** Objects that are stored; with `flush` all that was added. */
  get parts(): readonly SegmentPart[] {
    return this.#parts;
  }

  /** Puts what was added since the last object, and lets go of its memory. */
  async flush(): Promise<void> {
    if (this.#length > 0) {
      await this.#put(false);
    }
    this.#letGo();
  }

  /** Goes on behind these, which an earlier attempt has stored. */
  resume(parts: readonly SegmentPart[]): void {
    assert(this.#length === 0 && this.#section.count === 0, "a section is not under way");
    this.#parts.splice(0, this.#parts.length, ...parts);
    this.#seed = this.#seedOf(parts.length);
  }

  /** Puts what remains; nothing may be added after. */
  async finish(): Promise<readonly SegmentPart[]> {
    assert(this.#length > 0, "the root is written last");
    await this.#put(this.#parts.length === 0);
    this.#letGo();
    return this.#parts;
  }

  async #put(only: boolean): Promise<void> {
    const { home, segment, sink, digest } = this.#input;
    const bytes = this.#buffer.subarray(0, this.#length);
    const sha256 = await digest(bytes);
    const part = this.#parts.length;
    const prefix = generationRoot(home.tenant, home.generation);
    await sink.write(segmentKey(prefix, segment, only ? 1 : part + 2, part), bytes, sha256);
    this.#parts.push({ bytes: bytes.length, sha256 });
    // The next object goes where this one was: fresh memory costs more than to clear it.
    bytes.fill(0);
    this.#length = 0;
    this.#seed = this.#seedOf(part + 1);
  }

  #letGo(): void {
    this.#release?.();
    this.#release = undefined;
    this.#buffer = new Uint8Array(0);
  }

  /** Doubles up to a whole object; after one that was whole the next is likely to be. */
  #grow(bytes: number): void {
    if (bytes <= this.#buffer.length) {
      return;
    }
    const whole = limits.segmentPartBytes;
    const likely = (this.#input.bytesLikely ?? 0) / 2;
    const doubled = 2 ** Math.ceil(Math.log2(Math.max(firstCapacity, likely, bytes)));
    const isLarge = (this.#parts.at(-1)?.bytes ?? 0) > whole / 2;
    const capacity = Math.max(bytes, isLarge ? whole : Math.min(whole, doubled));
    const release = this.#input.ledger.hold(capacity);
    const grown = new Uint8Array(capacity);
    grown.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = grown;
    this.#release?.();
    this.#release = release;
  }

  #seedOf(part: number): number {
    return partSeed(this.#input.home.generation, this.#input.segment, part);
  }
}
