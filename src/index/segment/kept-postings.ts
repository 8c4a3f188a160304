/**
 * Decoded postings as one stretch of bytes, for caches that count bytes. Never stored:
 *
 *   u32  rows, n     u32  bytes of a count     u32  bytes of places of positions, p, 0: none
 *   u32  1: positions themselves
 *   n × u32  rows     blocks × u32  largest counts     blocks × u32  shortest rows
 *   p bytes  positions, u32, or places of blocks, u32     n counts
 *   2 × blocks × u8  widths of positions, if there are places of blocks
 */
import { bytesOf } from "../../bytes/typed-view.ts";
import { allocateBlocks, type PositionPlaces } from "../../format/position-block.ts";
import { type BlockedPostings, postingBlockRows } from "../../format/posting-block.ts";

const headWords = 4;
const noBlocks = allocateBlocks(0);

export function packPostings(postings: BlockedPostings): Uint8Array {
  const { rows, counts, largest, shortest, positions } = postings;
  const { inline, blocks } = positions ?? { inline: undefined, blocks: noBlocks };
  const places = inline ?? blocks.places;
  const isInline = inline === undefined ? 0 : 1;
  const head = Uint32Array.of(rows.length, counts.BYTES_PER_ELEMENT, places.byteLength, isInline);
  const arrays = [head, rows, largest, shortest, places, counts, blocks.first, blocks.gap];
  const bytes = new Uint8Array(arrays.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let at = 0;
  for (const array of arrays) {
    bytes.set(bytesOf(array), at);
    at += array.byteLength;
  }
  return bytes;
}

/** Views of what `packPostings` made. */
export function viewPostings({ buffer }: Uint8Array): BlockedPostings {
  const head = new Uint32Array(buffer, 0, headWords);
  const [length = 0, countBytes = 1, placeBytes = 0, isInline] = head;
  const blocks = Math.ceil(length / postingBlockRows);
  const after = headWords + length;
  const placesAt = 4 * (after + 2 * blocks);
  const countsAt = placesAt + placeBytes;
  const counts =
    countBytes === 1
      ? new Uint8Array(buffer, countsAt, length)
      : new Uint32Array(buffer, countsAt, length);
  const postings = {
    rows: new Uint32Array(buffer, 4 * headWords, length),
    largest: new Uint32Array(buffer, 4 * after, blocks),
    shortest: new Uint32Array(buffer, 4 * (after + blocks), blocks),
    counts,
  };
  if (placeBytes === 0) return postings;
  const places = new Uint32Array(buffer, placesAt, placeBytes / 4);
  const widthsAt = countsAt + counts.byteLength;
  const positions: PositionPlaces =
    isInline === 1
      ? { inline: places, blocks: noBlocks }
      : {
          inline: undefined,
          blocks: {
            places,
            first: new Uint8Array(buffer, widthsAt, blocks),
            gap: new Uint8Array(buffer, widthsAt + blocks, blocks),
          },
        };
  return { ...postings, positions };
}
