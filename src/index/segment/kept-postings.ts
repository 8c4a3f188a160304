/**
 * Decoded postings as one stretch of bytes, for caches that count bytes. Never stored:
 *
 *   u32  rows, n      u32  bytes of a count
 *   n × u32  rows     blocks × u32  largest counts     blocks × u32  shortest rows     n counts
 */
import { type BlockedPostings, postingBlockRows } from "../../format/posting-block.ts";

const headWords = 2;

export function packPostings({ rows, counts, largest, shortest }: BlockedPostings): Uint8Array {
  const words = headWords + rows.length + 2 * largest.length;
  const bytes = new Uint8Array(4 * words + counts.byteLength);
  const u32s = new Uint32Array(bytes.buffer, 0, words);
  u32s[0] = rows.length;
  u32s[1] = counts.BYTES_PER_ELEMENT;
  u32s.set(rows, headWords);
  u32s.set(largest, headWords + rows.length);
  u32s.set(shortest, headWords + rows.length + largest.length);
  bytes.set(new Uint8Array(counts.buffer, counts.byteOffset, counts.byteLength), 4 * words);
  return bytes;
}

/** Views of what `packPostings` made. */
export function viewPostings({ buffer }: Uint8Array): BlockedPostings {
  const [length = 0, countBytes] = new Uint32Array(buffer, 0, headWords);
  const blocks = Math.ceil(length / postingBlockRows);
  const after = headWords + length;
  const countsAt = 4 * (after + 2 * blocks);
  return {
    rows: new Uint32Array(buffer, 4 * headWords, length),
    largest: new Uint32Array(buffer, 4 * after, blocks),
    shortest: new Uint32Array(buffer, 4 * (after + blocks), blocks),
    counts:
      countBytes === 1
        ? new Uint8Array(buffer, countsAt, length)
        : new Uint32Array(buffer, countsAt, length),
  };
}
