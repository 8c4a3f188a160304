/**
 * In which order the rows of a segment stand, and the clusters they form.
 *
 *   no vectors                    by id
 *   < clusteredRowsMin rows       by id, one centroid for all: the mean (of further vector
 *                                 columns: as the first has ordered them)
 *   else                          by cluster, within clusters by neighbourhood:
 *     1. a uniform sample of rows trains the centroids. If most rows come from one segment, its
 *        centroids and who belongs to them are kept instead, and only the others are looked at;
 *     2. every row joins the nearest;
 *     3. clusters too large are split, too small merged, all put in tree order; of kept clusters,
 *        rows that may now be in the wrong one are assigned again (reassign.ts), and those that
 *        this makes too large or too small are evened out once more;
 *     4. each cluster's rows are ordered, and its centroid moves to their mean.
 *
 * Rows pass as a stream of int8 (three times); memory is the sample, the centroids a few times and
 * 16 bytes a row. Everything random comes from the segment's id.
 */
import type { DistanceMetric } from "../../document/schema.ts";
import { assert } from "../../errors.ts";
import type { RefineRows } from "../../format/segment-refine.ts";
import type { Kernels } from "../../kernels/kernels.ts";
import { limits } from "../../limits.ts";
import {
  addToMeans,
  assignRows,
  createMeans,
  moveToMeans,
  prepareAssignment,
} from "../vector/assignment.ts";
import { type BalancedClusters, type BalanceSteps, balanceSteps } from "../vector/balance.ts";
import { orderRows } from "../vector/order.ts";
import { createPrng, type Seed } from "../vector/prng.ts";
import { reassignSteps } from "../vector/reassign.ts";
import { trainCentroids } from "../vector/training.ts";
import {
  blockStretches,
  type CodeInput,
  evenStretches,
  forEachSlice,
  forEachStretch,
  loadVectors,
} from "./code-stream.ts";
import { noCluster, type RowSource } from "./row-source.ts";

export interface VectorOrderInput extends CodeInput {
  readonly metric: DistanceMetric;
  readonly seed: Seed;
  readonly kernels: Kernels;
}

/** Rows in their new order, as stretches that share a centroid. */
export interface ClusteredRows {
  /** Row number of each ordinal. */
  readonly rows: Uint32Array;
  readonly clustered: boolean;
  /** First ordinal of each scan block, then the number of rows. */
  readonly firstRows: Uint32Array;
  /** One for each scan block, or one for all; each of `width`. */
  readonly centroids: Float32Array;
}

const sampleBytes = 16 * 1024 * 1024;
const sampleStream = 0x7361_6d70;
/** What evening out clusters loads at once. */
const loadBytes = 8 * 1024 * 1024;

export async function orderById(source: RowSource): Promise<Uint32Array> {
  const rows = source.liveRows();
  let at = 0;
  for await (const block of source.idsInOrder()) {
    rows.set(block.rows, at);
    at += block.rows.length;
  }
  return rows;
}

/** `unclustered`: the order of rows that are too few for clusters. */
export async function orderByVector(
  input: VectorOrderInput,
  unclustered: () => Promise<Uint32Array>,
): Promise<ClusteredRows> {
  const live = input.source.liveRows();
  return live.length < limits.clusteredRowsMin
    ? orderFlat(input, await unclustered())
    : orderClustered(input, live);
}

async function orderFlat(input: VectorOrderInput, rows: Uint32Array): Promise<ClusteredRows> {
  const { width } = input;
  const means = createMeans(1, width);
  await forEachStretch(input, rows, evenStretches(rows.length, width), (codes, from, to) => {
    forEachSlice(input, codes, 0, to - from, (vectors) => {
      addToMeans(means, vectors, new Uint32Array(vectors.length / width));
    });
  });
  const centroids = new Float32Array(width);
  moveToMeans(centroids, means);
  const blocks = Math.ceil(rows.length / limits.clusterRowsTarget);
  const firstRows = Uint32Array.from({ length: blocks + 1 }, (_, block) =>
    Math.min(rows.length, block * limits.clusterRowsTarget),
  );
  return { rows, clustered: false, firstRows, centroids };
}

async function orderClustered(input: VectorOrderInput, live: Uint32Array): Promise<ClusteredRows> {
  const { width, ledger } = input;
  const release = ledger.hold(live.length * 12);
  const { centroids, clusters, counts } = await clusterLive(input, live);
  const firstRows = new Uint32Array(counts.length + 1);
  counts.forEach((count, cluster) => {
    firstRows[cluster + 1] = (firstRows[cluster] as number) + count;
  });
  const rows = groupByCluster(live, clusters, firstRows);
  const releaseCentroids = ledger.hold(centroids.byteLength);
  await forEachStretch(input, rows, blockStretches(firstRows, width), (codes, from, to) => {
    for (let cluster = firstRows.indexOf(from); (firstRows[cluster] as number) < to; cluster++) {
      orderCluster(input, rows, firstRows, centroids, codes, from, cluster);
    }
  });
  releaseCentroids();
  release();
  return { rows, clustered: true, firstRows, centroids };
}

/** Steps 1 to 3 of the header. */
async function clusterLive(input: VectorOrderInput, live: Uint32Array): Promise<BalancedClusters> {
  const { width, metric, kernels, ledger } = input;
  const kept = input.source.inherited?.(live);
  if (kept === undefined) {
    const centroids = await trainLive(input, live);
    const release = ledger.hold(4 * centroids.byteLength);
    const clusters = new Uint32Array(live.length);
    await assignAll(input, live, centroids, clusters, true);
    const loads = holdLoads(input, live);
    const balanced = await drive(input, loads, balance(input, centroids, clusters));
    loads.release();
    release();
    return balanced;
  }
  const { centroids, clusters } = kept;
  const release = ledger.hold(6 * centroids.byteLength + 4 * live.length);
  await assignNew(input, live, centroids, clusters);
  const loads = holdLoads(input, live);
  const after = await drive(input, loads, balance(input, centroids, clusters));
  const steps = reassignSteps({
    width,
    metric,
    kernels,
    before: kept,
    after,
    loadBytesMax: loadBytes,
  });
  await drive(input, loads, steps);
  const balanced = await drive(input, loads, balance(input, after.centroids, after.clusters));
  loads.release();
  release();
  return balanced;
}

async function trainLive(input: VectorOrderInput, live: Uint32Array): Promise<Float32Array> {
  const { width, metric, seed, kernels, ledger } = input;
  const sampled = sampleRows(live, Math.floor(sampleBytes / (4 * width)), seed);
  const release = ledger.hold(sampled.length * width * 4);
  const sample = new Float32Array(sampled.length * width);
  await loadVectors(input, sampled, sample);
  // Four times as many bytes as the centroids, each of which has eight rows of the sample or more.
  const releaseCentroids = ledger.hold(sample.byteLength / 2);
  const centroids = trainCentroids({
    sample,
    width,
    rowsTotal: live.length,
    targetRows: limits.clusterRowsTarget,
    metric,
    seed,
    kernels,
  });
  releaseCentroids();
  release();
  return centroids;
}

function balance(
  { width, metric, seed, kernels }: VectorOrderInput,
  centroids: Float32Array,
  clusters: Uint32Array,
): BalanceSteps {
  const targetRows = limits.clusterRowsTarget;
  const loadBytesMax = loadBytes;
  return balanceSteps({
    centroids,
    width,
    clusters,
    targetRows,
    metric,
    seed,
    kernels,
    loadBytesMax,
  });
}

/**
 * Where rows go that steps ask for. One array for all of them: a generator holds on to what it was
 * sent last, each level of a recursion does, and even one that has ended.
 */
interface Loads {
  readonly live: Uint32Array;
  readonly vectors: Float32Array;
  readonly release: () => void;
}

function holdLoads({ width, ledger }: VectorOrderInput, live: Uint32Array): Loads {
  const rows = Math.min(live.length, Math.floor(loadBytes / (4 * width)));
  const release = ledger.hold(rows * width * 4);
  return { live, vectors: new Float32Array(rows * width), release };
}

/** Runs steps that ask for living rows by their places in `live`. */
async function drive<T>(
  input: VectorOrderInput,
  { live, vectors }: Loads,
  steps: Generator<Uint32Array, T, Float32Array>,
): Promise<T> {
  let step = steps.next();
  while (!step.done) {
    const wanted = step.value.map((i) => live[i] as number);
    const loaded = vectors.subarray(0, wanted.length * input.width);
    assert(loaded.length === wanted.length * input.width, "a load fits");
    await loadVectors(input, wanted, loaded);
    step = steps.next(loaded);
  }
  return step.value;
}

/** `count` of the rows, each set of that size being as likely as any other (Knuth, 3.4.2 S). */
function sampleRows(rows: Uint32Array, count: number, seed: Seed): Uint32Array {
  const size = Math.min(count, rows.length);
  const sample = new Uint32Array(size);
  const prng = createPrng(seed, sampleStream);
  let taken = 0;
  for (let i = 0; taken < size; i++) {
    if (prng.below(rows.length - i) < size - taken) {
      sample[taken++] = rows[i] as number;
    }
  }
  return sample;
}

/** Rows without a cluster join the nearest; centroids stay. */
async function assignNew(
  input: VectorOrderInput,
  live: Uint32Array,
  centroids: Float32Array,
  clusters: Uint32Array,
): Promise<void> {
  const places = Uint32Array.from(clusters.keys()).filter((i) => clusters[i] === noCluster);
  if (places.length === 0) {
    return;
  }
  const found = new Uint32Array(places.length);
  const rows = places.map((i) => live[i] as number);
  await assignAll(input, rows, centroids, found, false);
  found.forEach((cluster, at) => {
    clusters[places[at] as number] = cluster;
  });
}

/** Fills in the cluster of each row; centroids may move to the means of their rows. */
async function assignAll(
  input: VectorOrderInput,
  live: Uint32Array,
  centroids: Float32Array,
  clusters: Uint32Array,
  moves: boolean,
): Promise<void> {
  const { width, metric, kernels } = input;
  const target = prepareAssignment(centroids, width, metric);
  const means = createMeans(moves ? target.count : 0, width);
  await forEachStretch(input, live, evenStretches(live.length, width), (codes, start, end) => {
    forEachSlice(input, codes, 0, end - start, (vectors, from, to) => {
      const own = clusters.subarray(start + from, start + to);
      assignRows(vectors, target, kernels, { clusters: own, scores: new Float32Array(own.length) });
      if (moves) {
        addToMeans(means, vectors, own);
      }
    });
  });
  moveToMeans(centroids, means);
}

function groupByCluster(
  live: Uint32Array,
  clusters: Uint32Array,
  firstRows: Uint32Array,
): Uint32Array {
  const next = firstRows.slice();
  const rows = new Uint32Array(live.length);
  clusters.forEach((cluster, i) => {
    const at = next[cluster] as number;
    rows[at] = live[i] as number;
    next[cluster] = at + 1;
  });
  return rows;
}

/** Step 4 for a cluster whose rows are at hand: `codes` are those of ordinals `from` and up. */
function orderCluster(
  input: VectorOrderInput,
  rows: Uint32Array,
  firstRows: Uint32Array,
  centroids: Float32Array,
  codes: RefineRows,
  from: number,
  cluster: number,
): void {
  const { width, ledger } = input;
  const first = firstRows[cluster] as number;
  const end = firstRows[cluster + 1] as number;
  const release = ledger.hold((end - first) * width * 8);
  const vectors = new Float32Array((end - first) * width);
  let filled = 0;
  forEachSlice(input, codes, first - from, end - from, (slice) => {
    vectors.set(slice, filled);
    filled += slice.length;
  });
  const means = createMeans(1, width);
  addToMeans(means, vectors, new Uint32Array(end - first));
  moveToMeans(centroids.subarray(cluster * width, (cluster + 1) * width), means);
  const own = rows.slice(first, end);
  orderRows({ ...input, rows: vectors }).forEach((row, i) => {
    rows[first + i] = own[row] as number;
  });
  release();
}
