/**
 * Framing of every block of a segment: the unit that is read, verified and cached on its own.
 *
 *   offset  size  field
 *        0     c  content; its size is known from elsewhere, or it is *sized*: u32 size, then as
 *                 many bytes
 *        c     p  zero, so that the block's size is a multiple of 16
 *       ..     4  CRC-32C of generation, segment, part, offset, content and padding
 *
 * Blocks begin at multiples of 16 in their object, so typed arrays inside can be used as they lie.
 * A block moved to another place, part, segment or life of the namespace does not pass the check.
 */
import { blockChecksum, crc32c } from "../bytes/crc32c.ts";
import { assert, corrupt } from "../errors.ts";

const alignment = 16;
const checksumBytes = 4;
const encoder = new TextEncoder();

/** Size of the block around so much content. */
export function blockBytes(contentBytes: number): number {
  return alignUp(contentBytes + checksumBytes);
}

export function alignUp(bytes: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}

/** What binds the blocks of one object of a segment to it. */
export function partSeed(generation: string, segment: string, part: number): number {
  return crc32c(encoder.encode(`${generation}/${segment}/${part}`));
}

/** Writes the checksum into the last bytes of a block that lies at `offset` of its object. */
export function sealBlock(block: Uint8Array, seed: number, offset: number): void {
  assert(block.length % alignment === 0 && offset % alignment === 0, "blocks are aligned");
  const end = block.length - checksumBytes;
  const sum = blockChecksum(seed, offset, block.subarray(0, end));
  block[end] = sum;
  block[end + 1] = sum >>> 8;
  block[end + 2] = sum >>> 16;
  block[end + 3] = sum >>> 24;
}

/** Whether this is the block that was written there. */
export function verifyBlock(block: Uint8Array, seed: number, offset: number): boolean {
  const end = block.length - checksumBytes;
  if (end < 0 || block.length % alignment !== 0) {
    return false;
  }
  const stored =
    (block[end] as number) |
    ((block[end + 1] as number) << 8) |
    ((block[end + 2] as number) << 16) |
    ((block[end + 3] as number) << 24);
  return blockChecksum(seed, offset, block.subarray(0, end)) === stored >>> 0;
}

/** Size of the block around sized content. */
export function sizedBlockBytes(contentBytes: number): number {
  return blockBytes(4 + contentBytes);
}

export function writeSized(content: Uint8Array, block: Uint8Array): void {
  new DataView(block.buffer, block.byteOffset).setUint32(0, content.length, true);
  block.set(content, 4);
}

/** View of the sized content of a verified block. */
export function readSized(block: Uint8Array, what: string): Uint8Array {
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  const size = block.length < alignment ? 0 : view.getUint32(0, true);
  if (sizedBlockBytes(size) !== block.length) {
    throw corrupt(`${what}: ${size} bytes of content do not make a block of ${block.length}`);
  }
  return block.subarray(4, 4 + size);
}
