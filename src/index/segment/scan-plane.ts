/**
 * The scan plane: which rows are probably near? One block a cluster; a flat segment has blocks of
 * consecutive rows that share one centroid. `index/vector/rabitq.ts` scores the blocks as they lie.
 */
import type { Bitmap } from "../../bytes/bitmap.ts";
import type { RootCentroids } from "../../format/segment-root.ts";
import { readScanRows, type ScanRows } from "../../format/segment-scan.ts";
import { locateBlock } from "../../format/segment-section.ts";
import type { Block } from "../../store/block.ts";
import { blockAt, blockOfRow, type RowRange, type Segment, vectorPlanes } from "./segment.ts";

export function scanBlockCount(segment: Segment): number {
  return vectorPlanes(segment).firstRows.length - 1;
}

export function scanBlock(segment: Segment, index: number): Block {
  return blockAt(segment, locateBlock(vectorPlanes(segment).scan, index));
}

/** The ordinals whose codes a scan block holds. */
export function scanBlockRows(segment: Segment, index: number): RowRange {
  const { firstRows } = vectorPlanes(segment);
  return { from: firstRows[index] as number, to: firstRows[index + 1] as number };
}

/** The scan block of an ordinal: its cluster. */
export function scanBlockOf(segment: Segment, ordinal: number): number {
  return blockOfRow(vectorPlanes(segment).firstRows, ordinal);
}

/** Views of the verified bytes of a scan block; row i is ordinal `from + i`. */
export function readScanBlock(segment: Segment, index: number, bytes: Uint8Array): ScanRows {
  const { from, to } = scanBlockRows(segment, index);
  return readScanRows(bytes, to - from, vectorPlanes(segment).width);
}

/** Which centroid the codes of a scan block are relative to. */
export function centroidOfScanBlock(segment: Segment, index: number): number {
  return vectorPlanes(segment).clustered ? index : 0;
}

/** What index/vector/promise.ts ranks. */
export interface ScanDirectory {
  readonly centroids: RootCentroids;
  readonly radii: Float32Array;
  /** Rows of each cluster, or those of them that match. */
  readonly rows: Uint32Array;
  /** All rows of each cluster. */
  readonly sizes: Uint32Array;
}

/** The clusters of a clustered segment; `matching` restricts to rows worth reading. */
export function clusterDirectory(segment: Segment, matching?: Bitmap): ScanDirectory {
  const { firstRows, centroids } = vectorPlanes(segment);
  const count = firstRows.length - 1;
  const sizes = new Uint32Array(count);
  for (let cluster = 0; cluster < count; cluster++) {
    sizes[cluster] = (firstRows[cluster + 1] as number) - (firstRows[cluster] as number);
  }
  const rows =
    matching === undefined
      ? sizes
      : sizes.map((size, cluster) => {
          const from = firstRows[cluster] as number;
          return matching.countRange(from, from + size);
        });
  return { centroids, radii: centroids.radii, rows, sizes };
}
