import { describe, expect, it } from "vitest";
import { Bitmap } from "../../../src/bytes/bitmap.ts";
import type { DistanceMetric } from "../../../src/document/schema.ts";
import { refinePageRows } from "../../../src/format/segment-refine.ts";
import { rotationSeed } from "../../../src/index/builder/segment-spec.ts";
import {
  pickRefineRows,
  readRefinePage,
  refinePage,
  refinePageOf,
  refinePageStart,
  refineRowId,
} from "../../../src/index/segment/refine-plane.ts";
import {
  centroidOfScanBlock,
  clusterDirectory,
  readScanBlock,
  scanBlock,
  scanBlockCount,
  scanBlockOf,
  scanBlockRows,
} from "../../../src/index/segment/scan-plane.ts";
import { vectorPlanes } from "../../../src/index/segment/segment.ts";
import { dequantiseCentroid } from "../../../src/index/vector/centroids.ts";
import { distanceInt8, prepareInt8Query } from "../../../src/index/vector/int8.ts";
import { promisingClusters } from "../../../src/index/vector/promise.ts";
import { estimateCluster } from "../../../src/index/vector/rabitq.ts";
import { createRotation, rotateRows } from "../../../src/index/vector/rotation.ts";
import { normaliseRows } from "../../../src/index/vector/unit-vector.ts";
import { limits } from "../../../src/limits.ts";
import {
  build,
  type Document,
  home,
  type Lab,
  makeDocuments,
  makeSchema,
  ports,
  readAll,
} from "../segment-lab.ts";
import { exactDistance } from "../vector/vectors.ts";

const dims = 96;

function prepareQuery(metric: DistanceMetric) {
  const vector = Float32Array.from({ length: dims }, (_, d) => Math.sin(d * 1.7));
  if (metric === "cosine_distance") {
    normaliseRows(vector, dims);
  }
  const rotation = createRotation(dims, rotationSeed(home.generation));
  return { vector, rotated: rotateRows(rotation, vector, ports.kernels) };
}

function trueDistance(metric: DistanceMetric, query: Float32Array, document: Document): number {
  const row = Float32Array.from(document.vector);
  return exactDistance(
    metric,
    query,
    metric === "cosine_distance" ? normaliseRows(row, dims) : row,
  );
}

/** Estimates of the scan plane for all rows, in standard errors off the truth. */
function scanErrors(lab: Lab, metric: DistanceMetric, documents: readonly Document[]): number[] {
  const { segment, objects } = lab;
  const { vector, rotated: query } = prepareQuery(metric);
  const errors: number[] = [];
  const { centroids, width } = vectorPlanes(segment);
  for (let index = 0; index < scanBlockCount(segment); index++) {
    const { from, to } = scanBlockRows(segment, index);
    const block = readScanBlock(segment, index, objects.load(scanBlock(segment, index)));
    const out = new Float32Array(to - from);
    const owner = centroidOfScanBlock(segment, index);
    const centroid = dequantiseCentroid(centroids, owner, new Float32Array(width));
    const errorOf = estimateCluster(metric, query, centroid, block, ports.kernels, out);
    for (let i = 0; i < to - from; i++) {
      expect(scanBlockOf(segment, from + i)).toBe(index);
      const truth = trueDistance(metric, vector, documents[from + i] as Document);
      errors.push(((out[i] as number) - truth) / errorOf(i));
    }
  }
  return errors;
}

describe.each(["cosine_distance", "euclidean_squared"] as const)("under %s", (metric) => {
  const labs = [900, limits.clusteredRowsMin].map(async (count) => {
    const documents = makeDocuments({ count, dims, idKind: "uint", centers: 30 });
    return await build(documents, makeSchema("uint", dims, metric));
  });

  it("the scan plane estimates distances without bias and with the error it states", async () => {
    for (const lab of await Promise.all(labs)) {
      const errors = scanErrors(lab, metric, readAll(lab));
      expect(errors.length).toBe(lab.segment.root.rows);
      const mean = errors.reduce((sum, error) => sum + error, 0) / errors.length;
      const square = errors.reduce((sum, error) => sum + error * error, 0) / errors.length;
      expect(Math.abs(mean)).toBeLessThan(0.2);
      expect(Math.sqrt(square)).toBeGreaterThan(0.7);
      expect(Math.sqrt(square)).toBeLessThan(1.3);
    }
  });

  it("the refine plane bounds every distance, and names every document", async () => {
    for (const lab of await Promise.all(labs)) {
      const documents = readAll(lab);
      const { vector, rotated } = prepareQuery(metric);
      const query = prepareInt8Query(rotated);
      const pageRows = refinePageRows(vectorPlanes(lab.segment).width);
      for (let first = 0; first < documents.length; first += pageRows) {
        const page = refinePageOf(lab.segment, first);
        const bytes = lab.objects.load(refinePage(lab.segment, page));
        const rows = readRefinePage(lab.segment, page, bytes);
        expect(refinePageStart(lab.segment, page)).toBe(first);
        const indexes = [...rows.scales.keys()].filter((i) => i % 3 !== 1);
        const candidates = pickRefineRows(rows, indexes);
        const { estimates, bounds } = distanceInt8(metric, query, candidates, ports.kernels);
        indexes.forEach((index, i) => {
          const document = documents[first + index] as Document;
          const off = Math.abs((estimates[i] as number) - trueDistance(metric, vector, document));
          expect(off).toBeLessThanOrEqual((bounds[i] as number) + 1e-5);
          expect(refineRowId(lab.segment, rows, index)).toBe(document.id);
        });
      }
    }
  });

  it("clusters of neighbours lead to the nearest documents", async () => {
    const lab = await (labs[1] as Promise<Lab>);
    const documents = readAll(lab);
    const query = documents[1000] as Document;
    const vector = Float32Array.from(query.vector);
    if (metric === "cosine_distance") {
      normaliseRows(vector, dims);
    }
    const rotation = createRotation(dims, rotationSeed(home.generation));
    const prepared = prepareInt8Query(rotateRows(rotation, vector, ports.kernels));
    const directory = clusterDirectory(lab.segment);
    const promising = promisingClusters(prepared, [directory], 10, ports.kernels);
    const reached = new Set(promising.clusters.slice(0, 5));
    const nearest = documents
      .map((document, ordinal) => ({ ordinal, far: trueDistance(metric, vector, document) }))
      .sort((a, b) => a.far - b.far)
      .slice(0, 10);
    const found = nearest.filter(({ ordinal }) => reached.has(scanBlockOf(lab.segment, ordinal)));
    expect(found.length).toBeGreaterThanOrEqual(9);
  });
});

it("a segment is flat below 1,024 rows and clustered from there on", async () => {
  for (const [count, clustered] of [
    [limits.clusteredRowsMin - 1, false],
    [limits.clusteredRowsMin, true],
  ] as const) {
    const documents = makeDocuments({ count, dims: 4, idKind: "uint" });
    const { segment, built } = await build(documents, makeSchema("uint", 4, "euclidean_squared"));
    expect(vectorPlanes(segment).clustered).toBe(clustered);
    expect(built.info.clusters > 0).toBe(clustered);
    const { rows } = clusterDirectory(segment);
    expect(rows.reduce((sum, size) => sum + size, 0)).toBe(count);
    expect(rows.every((size) => size > 0 && size <= 2 * limits.clusterRowsTarget)).toBe(true);
  }
});

it("a directory counts only the rows that match", async () => {
  const documents = makeDocuments({ count: 1000, dims: 2, idKind: "uint" });
  const { segment } = await build(documents, makeSchema("uint", 2, "cosine_distance"));
  const matching = Bitmap.of(1000, [0, 5, 383, 384, 999]);
  expect([...clusterDirectory(segment, matching).rows]).toEqual([3, 1, 1]);
});

it("zero vectors and identical vectors in any number are no obstacle", async () => {
  for (const metric of ["cosine_distance", "euclidean_squared"] as const) {
    const count = limits.clusteredRowsMin;
    const documents = makeDocuments({ count, dims: 8, idKind: "uint" }).map((document, i) => ({
      ...document,
      vector: Array.from({ length: 8 }, (_, d) => (i % 4 === 0 ? 0 : d)),
    }));
    const lab = await build(documents, makeSchema("uint", 8, metric));
    expect(readAll(lab).length).toBe(count);
    const { firstRows } = vectorPlanes(lab.segment);
    expect(firstRows.every((row, i) => i === 0 || row > (firstRows[i - 1] as number))).toBe(true);
  }
});
