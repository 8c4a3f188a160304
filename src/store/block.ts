/**
 * A block is the unit of reading, checking and caching: an immutable stretch of an object at a
 * position fixed by the object's format, with a checksum of its own (a cluster of the scan plane,
 * a refine page, a block of documents, a column, a root, or a small object as a whole).
 */
import { corrupt, type EngineError } from "../errors.ts";
export interface BlockPosition {
  /** Key of an object that is never overwritten. */
  readonly key: string;
  readonly offset: number;
  /** At least 1. */
  readonly length: number;
  /** Little of it is wanted, and its reader keeps that: memory holds the rest a moment only. */
  readonly isPassing?: boolean;
}

export interface Block extends BlockPosition {
  /** Whether these are the bytes that were written here; called before anybody uses them. */
  verify(bytes: Uint8Array): boolean;
}

/** Names the block in caches. Two blocks of equal position are the same block. */
export function blockId(block: BlockPosition): string {
  return `${block.key}#${block.offset}+${block.length}`;
}

/** The verified bytes of a block, out of a range that begins at `rangeOffset`. */
export function cutBlock(block: Block, range: Uint8Array, rangeOffset: number): Uint8Array {
  const start = block.offset - rangeOffset;
  const whole = start === 0 && block.length === range.length;
  const bytes = whole ? range : range.slice(start, start + block.length);
  if (bytes.length !== block.length || !block.verify(bytes)) {
    throw damaged(`${block.key}, ${block.length} bytes at ${block.offset}`);
  }
  return bytes;
}

export function damaged(what: string): EngineError {
  return corrupt(`${what}: not what was written`);
}
