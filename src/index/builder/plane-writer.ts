/**
 * Writes the three planes of a vector column, one after the other: scan blocks (1-bit codes
 * against the stored centroid), refine pages (int8 as gathered), vectors as they were given. Each
 * plane is a pass over the rows in their final order.
 */
import { encodeF16 } from "../../bytes/f16.ts";
import { bytesOf } from "../../bytes/typed-view.ts";
import type { VectorColumn } from "../../document/schema.ts";
import { refineSection, scanSection, vectorSection } from "../../format/counted-sections.ts";
import { hashVectors } from "../../format/record-hash.ts";
import {
  type RefineRows,
  refinePageBytes,
  refinePageRows,
  writeRefineRows,
} from "../../format/segment-refine.ts";
import type { VectorPlanes } from "../../format/segment-root.ts";
import { scanBlockBytes, writeScanRows } from "../../format/segment-scan.ts";
import { vectorBlockBytes, vectorBlockRows } from "../../format/segment-vectors.ts";
import { allocateVectors, narrowVector, widenVectors } from "../../format/vector-element.ts";
import { dequantiseCentroid, quantiseCentroids } from "../vector/centroids.ts";
import { encodeCluster } from "../vector/rabitq.ts";
import { blockStretches, evenStretches, forEachSlice, forEachStretch } from "./code-stream.ts";
import type { PartWriter } from "./part-writer.ts";
import type { ClusteredRows, VectorOrderInput } from "./row-order.ts";

const vectorGatherBytes = 16 * 1024 * 1024;

export interface PlaneInput extends VectorOrderInput {
  /** Gets the hash of each vector that is written, by ordinal: those of the first column. */
  readonly vectorHashes?: BigUint64Array;
}

export async function writePlanes(
  input: PlaneInput,
  order: ClusteredRows,
  column: VectorColumn,
  rotation: VectorPlanes["rotation"],
  writer: PartWriter,
): Promise<VectorPlanes> {
  const { width, metric } = input;
  const { rows, firstRows, clustered } = order;
  const quantised = quantiseCentroids(order.centroids, width);
  const radii = await writeScan(input, order, quantised, writer);
  const scan = scanSection(writer.endSection(), firstRows, width);
  await writeRefine(input, rows, writer);
  const refine = refineSection(writer.endSection(), rows.length, width);
  await writeVectors(input, rows, column, writer);
  const vectors = vectorSection(writer.endSection(), rows.length, column);
  const { name, dims, element } = column;
  const centroids = { ...quantised, radii };
  return {
    name,
    dims,
    element,
    width,
    metric,
    rotation,
    clustered,
    firstRows,
    centroids,
    scan,
    refine,
    vectors,
  };
}

/** Returns the radius of each centroid. */
async function writeScan(
  input: VectorOrderInput,
  order: ClusteredRows,
  centroids: ReturnType<typeof quantiseCentroids>,
  writer: PartWriter,
): Promise<Float32Array> {
  const { width } = input;
  const { rows, firstRows, clustered } = order;
  const squares = new Float64Array(centroids.scales.length);
  const counts = new Uint32Array(centroids.scales.length);
  const centroid = new Float32Array(width);
  let block = 0;
  await forEachStretch(input, rows, blockStretches(firstRows, width), async (codes, from, to) => {
    for (; (firstRows[block] as number) < to; block++) {
      const first = firstRows[block] as number;
      const end = firstRows[block + 1] as number;
      const owner = clustered ? block : 0;
      dequantiseCentroid(centroids, owner, centroid);
      const encoded = encodeBlock(input, codes, first - from, end - from, centroid);
      squares[owner] = (squares[owner] as number) + encoded.squares;
      counts[owner] = (counts[owner] as number) + end - first;
      await writer.add(scanBlockBytes(end - first, width), (bytes) => {
        writeScanRows(encoded, bytes);
      });
    }
  });
  return Float32Array.from(squares, (sum, j) => Math.sqrt(sum / (counts[j] as number)));
}

/** Codes of one scan block; `squares` is the sum of the squared distances from the centroid. */
function encodeBlock(
  input: VectorOrderInput,
  gathered: RefineRows,
  from: number,
  to: number,
  centroid: Float32Array,
) {
  const { width, metric } = input;
  const count = to - from;
  const codes = new Uint8Array((count * width) / 8);
  const a = new Float32Array(count);
  const f = new Float32Array(count);
  const e = new Uint16Array(count);
  const pop = new Uint16Array(count);
  let squares = 0;
  forEachSlice(input, gathered, from, to, (vectors, start) => {
    const slice = encodeCluster(vectors, centroid, metric);
    const at = start - from;
    codes.set(slice.codes, (at * width) / 8);
    a.set(slice.a, at);
    f.set(slice.f, at);
    e.set(encodeF16(slice.e), at);
    pop.set(slice.pop, at);
    squares += slice.radius * slice.radius * slice.a.length;
  });
  return { codes, a, f, e, pop, squares };
}

async function writeRefine(
  input: VectorOrderInput,
  rows: Uint32Array,
  writer: PartWriter,
): Promise<void> {
  const { width } = input;
  const pageRows = refinePageRows(width);
  const stretches = evenStretches(rows.length, width, pageRows);
  await forEachStretch(input, rows, stretches, async (codes, start, end) => {
    for (let from = 0; from < end - start; from += pageRows) {
      const to = Math.min(end - start, from + pageRows);
      await writer.add(refinePageBytes(to - from, width), (page) => {
        writeRefineRows(codes, from, to, width, page);
      });
    }
  });
}

async function writeVectors(
  { source, ledger, vectorHashes }: PlaneInput,
  rows: Uint32Array,
  column: VectorColumn,
  writer: PartWriter,
): Promise<void> {
  const { dims, element } = column;
  const blockRows = vectorBlockRows(column);
  const blocksMax = Math.max(1, Math.floor(vectorGatherBytes / (blockRows * dims * 4)));
  const step = Math.min(rows.length, blocksMax * blockRows);
  const release = ledger.hold(step * dims * 4);
  const gathered = new Float32Array(step * dims);
  for (let start = 0; start < rows.length; start += step) {
    const end = Math.min(rows.length, start + step);
    const vectors = gathered.subarray(0, (end - start) * dims);
    await source.gatherVectors(rows.subarray(start, end), vectors);
    for (let from = 0; from < end - start; from += blockRows) {
      const to = Math.min(end - start, from + blockRows);
      await writer.add(vectorBlockBytes(to - from, column), (block) => {
        const stored = allocateVectors(element, (to - from) * dims);
        narrowVector(vectors.subarray(from * dims, to * dims), stored, 0);
        block.set(bytesOf(stored));
        if (vectorHashes === undefined) return;
        hashVectors(widenVectors(stored), dims, vectorHashes, start + from);
      });
    }
  }
  release();
}
