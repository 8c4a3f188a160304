/**
 * A picture of the vector index: where the clusters of all segments lie, seen in the plane in which
 * their centroids differ most, and which of them a query would read.
 *
 *   1. Roots, which hold the centroids; they come with the snapshot or in one round.
 *   2. The plane, from at most `axesFrom` centroids: the largest clusters.
 *   3. With a vector: the plan of an approximate query, by the function that queries use.
 *
 * Centroids are compared as they are stored, rotated, which changes no distance. Flat segments have
 * one centroid. At most `limits.mapClustersMax` clusters are shown, the largest ones.
 */
import { primaryVector } from "./document/schema.ts";
import { invalid } from "./errors.ts";
import { clusterDirectory } from "./index/segment/scan-plane.ts";
import { vectorPlanes } from "./index/segment/segment.ts";
import { dequantiseCentroid } from "./index/vector/centroids.ts";
import { prepareInt8Query } from "./index/vector/int8.ts";
import { type Plane, principalPlane, projectPoint } from "./index/vector/projection.ts";
import { createRotation, rotateRows } from "./index/vector/rotation.ts";
import { normaliseRows } from "./index/vector/unit-vector.ts";
import { limits } from "./limits.ts";
import { planScan } from "./query/plan.ts";
import { openContext, type SearchContext, type SearchPorts } from "./search-ports.ts";
import { type OpenSegment, openSegments } from "./search-segments.ts";
import type { Snapshot } from "./snapshot.ts";

export interface IndexMap {
  readonly clusters: readonly MappedCluster[];
  /** Of all segments. */
  readonly clustersTotal: number;
  /** Share of the variance between centroids that the plane shows. */
  readonly share: number;
  /** Where the vector asked for lies. */
  readonly query: readonly [x: number, y: number] | undefined;
}

export interface MappedCluster {
  readonly segment: string;
  readonly rows: number;
  readonly x: number;
  readonly y: number;
  /** The query would read it. */
  readonly probed: boolean;
}

export interface MappedVector {
  readonly column: string;
  readonly values: Float32Array;
  readonly topK: number;
}

const axesFrom = 512;

export async function mapIndex(
  ports: SearchPorts,
  snapshot: Snapshot,
  vector: MappedVector | undefined,
): Promise<IndexMap> {
  checkVector(snapshot, vector);
  const context = openContext(ports, snapshot, false);
  const opened = await openSegments(context, context.reader.round());
  context.reader.finish();
  const { segments: infos } = snapshot.manifest;
  const segments = opened
    .map((each, i) => ({ ...each, id: infos[i]?.id ?? "" }))
    .filter(({ segment }) => segment.root.vector !== undefined);
  const largest = segments
    .flatMap((each, at) => clustersOf(each, at))
    .sort((a, b) => b.rows - a.rows || a.at - b.at || a.cluster - b.cluster);
  const [first] = segments;
  if (first === undefined) {
    return { clusters: [], clustersTotal: 0, share: 1, query: undefined };
  }
  const { width } = vectorPlanes(first.segment);
  const centroid = (of: Cluster, out: Float32Array): Float32Array => {
    const { centroids } = vectorPlanes((segments[of.at] as OpenSegment).segment);
    return dequantiseCentroid(centroids, of.cluster, out);
  };
  const shown = largest.slice(0, limits.mapClustersMax);
  const plane = planeOf(shown.slice(0, axesFrom), width, centroid);
  const query = vector && rotateQuery(context, first, vector);
  const probed = new Set(vector && query && probedBy(context, segments, vector, query));
  const scratch = new Float32Array(width);
  return {
    clusters: shown.map((each) => {
      const [x, y] = projectPoint(plane, centroid(each, scratch));
      const { id = "" } = segments[each.at] ?? {};
      return { segment: id, rows: each.rows, x, y, probed: probed.has(nameOf(each)) };
    }),
    clustersTotal: largest.length,
    share: plane.share,
    query: query && projectPoint(plane, query),
  };
}

function checkVector(snapshot: Snapshot, vector: MappedVector | undefined): void {
  if (vector === undefined) return;
  const column = primaryVector(snapshot.schema);
  if (column?.name !== vector.column) {
    throw invalid(`💔 the index is one of \`${column?.name ?? ""}\`, no other vectors`, "rank_by");
  }
  if (column.dims !== vector.values.length) {
    const text = `💔 \`${column.name}\` has ${column.dims} dimensions, not ${vector.values.length}`;
    throw invalid(text, "rank_by");
  }
}

/** One of the segment at `at`. */
interface Cluster {
  readonly at: number;
  readonly cluster: number;
  readonly rows: number;
}

function nameOf({ at, cluster }: Pick<Cluster, "at" | "cluster">): string {
  return `${at} ${cluster}`;
}

function clustersOf({ segment }: OpenSegment, at: number): readonly Cluster[] {
  if (!vectorPlanes(segment).clustered) return [{ at, cluster: 0, rows: segment.root.rows }];
  return Array.from(clusterDirectory(segment).sizes, (rows, cluster) => ({ at, cluster, rows }));
}

function planeOf(
  clusters: readonly Cluster[],
  width: number,
  centroid: (of: Cluster, out: Float32Array) => Float32Array,
): Plane {
  const points = new Float32Array(clusters.length * width);
  for (const [i, each] of clusters.entries()) {
    centroid(each, points.subarray(i * width, (i + 1) * width));
  }
  return principalPlane(points, width);
}

function rotateQuery(
  { ports }: SearchContext,
  { segment }: OpenSegment,
  { values }: MappedVector,
): Float32Array {
  const { rotation, metric } = vectorPlanes(segment);
  const vector = values.slice();
  if (metric === "cosine_distance") normaliseRows(vector, vector.length);
  return rotateRows(createRotation(vector.length, rotation), vector, ports.kernels);
}

function probedBy(
  { ports, snapshot }: SearchContext,
  segments: readonly OpenSegment[],
  { topK }: MappedVector,
  rotated: Float32Array,
): readonly string[] {
  const query = prepareInt8Query(rotated);
  const planned = segments.map(({ segment }) => ({
    query,
    clustered: vectorPlanes(segment).clustered,
    directory: clusterDirectory(segment),
  }));
  const [first] = segments;
  if (first === undefined) return [];
  const { probes = 1 } = snapshot;
  const { blocks } = planScan(planned, topK, false, ports.kernels, probes);
  return blocks.map(({ segment: at, block }) => {
    return nameOf({ at, cluster: planned[at]?.clustered === true ? block : 0 });
  });
}
