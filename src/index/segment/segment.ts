/**
 * An opened segment: what the manifest says about it, its decoded root, and how its blocks are
 * named and verified. The files beside this one answer "which block holds …" and "what do its bytes
 * say"; they read nothing themselves. Whoever reads hands blocks to a `BlockReader` and passes
 * verified bytes back.
 */
import { assert, corrupt } from "../../errors.ts";
import type { DeadBitmapPlace } from "../../format/dead-bitmap.ts";
import type { SectionRange, SegmentInfo } from "../../format/manifest.ts";
import { partSeed, verifyBlock } from "../../format/segment-block.ts";
import type { SegmentRoot, VectorPlanes } from "../../format/segment-root.ts";
import { decodeRoot } from "../../format/segment-root-codec.ts";
import type { Block } from "../../store/block.ts";
import { deadKey, generationRoot, segmentKey } from "../../store/keys.ts";

/** The life of a namespace that a segment was built in; branches read it there. */
export interface SegmentHome {
  readonly tenant: string;
  readonly generation: string;
}

export interface Segment {
  readonly home: SegmentHome;
  readonly info: SegmentInfo;
  readonly root: SegmentRoot;
  /** Of its parts. */
  readonly keys: readonly string[];
}

/** Ordinals `from` … `to`-1. */
export interface RowRange {
  readonly from: number;
  readonly to: number;
}

/** The root's block: the one read that must come before any other of the segment. */
export function rootBlock(tenant: string, info: SegmentInfo): Block {
  const home = { tenant, generation: info.home };
  return blockOf(home, info, info.root, partKey(home, info, info.root.part));
}

/** Where the bitmap of its dead rows lies, if there are any. */
export function deadKeyOf(tenant: string, { id, dead }: SegmentInfo): string {
  return deadKey(generationRoot(tenant, dead.home), id, dead.name);
}

/** What the bitmap of its dead rows says that it belongs to. */
export function deadPlace({ id, dead }: SegmentInfo): DeadBitmapPlace {
  return { generation: dead.home, segment: id, version: dead.version };
}

/** Opens a segment from the bytes of its root block, which are verified here. */
export function openSegment(tenant: string, info: SegmentInfo, bytes: Uint8Array): Segment {
  if (bytes.length !== info.root.length || !rootBlock(tenant, info).verify(bytes)) {
    throw corrupt(`segment ${info.id}: the checksum of its root does not match`);
  }
  const root = decodeRoot(bytes, {
    generation: info.home,
    segment: info.id,
    rows: info.rows,
    partBytes: info.parts.map((part) => part.bytes),
  });
  const home = { tenant, generation: info.home };
  return { home, info, root, keys: info.parts.map((_, part) => partKey(home, info, part)) };
}

/** The block at a place that the root names. */
export function blockAt({ home, info, keys }: Segment, range: SectionRange): Block {
  return blockOf(home, info, range, keys[range.part] as string);
}

function partKey({ tenant, generation }: SegmentHome, info: SegmentInfo, part: number): string {
  return segmentKey(generationRoot(tenant, generation), info.id, info.parts.length, part);
}

function blockOf(
  home: SegmentHome,
  info: SegmentInfo,
  { part, offset, length }: SectionRange,
  key: string,
): Block {
  return {
    key,
    offset,
    length,
    verify: (bytes) =>
      bytes.length === length &&
      verifyBlock(bytes, partSeed(home.generation, info.id, part), offset),
  };
}

/** The planes of the vector column; only for segments that have one. */
export function vectorPlanes(segment: Segment): VectorPlanes {
  const { vector } = segment.root;
  assert(vector !== undefined, "the segment has a vector column");
  return vector;
}

/** The block that `row` is in: the last whose first row is not above it. */
export function blockOfRow(firstRows: Uint32Array, row: number): number {
  let low = 0;
  let high = firstRows.length - 2;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((firstRows[middle] as number) <= row) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}
