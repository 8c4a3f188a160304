/**
 * Rows that a change of clusters may have left in the wrong one, found without looking at all rows:
 * the nearest-centroid invariant after splits and merges, by the necessary conditions of LIRE
 * (SPFresh, SOSP 2023). Where the cluster around `old` became clusters around `now`:
 *
 *   1. a row of theirs belongs elsewhere only if `old` is at least as near as every `now`;
 *   2. a row of another cluster belongs to a `now` only if that is nearer to it than `old`;
 *   3. a row whose own cluster was dissolved into another may belong anywhere.
 *
 * Rows that meet one are compared with all centroids and join the nearest. Condition 2 is tried in
 * the `neighboursMax` clusters nearest to `old`: rows farther away are hardly ever concerned. Where
 * trying the conditions costs more than comparing, rows are compared at once.
 *
 * A generator like `balanceSteps`: yields row numbers, is sent those rows. Some clusters may be a
 * little too large or too small afterwards.
 */
import type { DistanceMetric } from "../../document/schema.ts";
import type { Kernels } from "../../kernels/kernels.ts";
import { type AssignmentTarget, assignRows, prepareAssignment } from "./assignment.ts";
import type { BalancedClusters } from "./balance.ts";

export interface ReassignInput {
  readonly width: number;
  readonly metric: DistanceMetric;
  readonly kernels: Kernels;
  /** As it was: centroids, and the cluster of every row. */
  readonly before: { readonly centroids: Float32Array; readonly clusters: Uint32Array };
  /** As it is; rows that move are moved here. */
  readonly after: BalancedClusters;
  /** Bytes of f32 rows to ask for at once. */
  readonly loadBytesMax?: number;
}

export interface ReassignReport {
  /** Rows that were compared with all centroids. */
  readonly checked: number;
  readonly moved: number;
}

export type ReassignSteps = Generator<Uint32Array, ReassignReport, Float32Array>;

const neighboursMax = 48;
const loadBytesDefault = 8 * 1024 * 1024;

/** A cluster that is not as it was, and those that came of it. */
interface Change {
  readonly old: number;
  readonly now: readonly number[];
}

interface Context extends ReassignInput {
  readonly olds: AssignmentTarget;
  readonly news: AssignmentTarget;
  /** For each cluster the old one that most of its rows are from. */
  readonly origins: Uint32Array;
  /** For each cluster what changed in it or nearby. */
  readonly near: readonly (readonly Change[])[];
}

export function* reassignSteps(input: ReassignInput): ReassignSteps {
  const { width, metric, before, after } = input;
  const origins = findOrigins(input);
  const context: Context = {
    ...input,
    origins,
    olds: prepareAssignment(before.centroids, width, metric),
    news: prepareAssignment(after.centroids, width, metric),
    near: placeChanges(input, findChanges(input, origins)),
  };
  const report = { checked: 0, moved: 0 };
  for (const load of planLoads(context)) {
    const rows = load.rows;
    const vectors = yield rows;
    let first = 0;
    for (const { cluster, count } of load.clusters) {
      const own = rows.subarray(first, first + count);
      const slice = vectors.subarray(first * width, (first + count) * width);
      const suspects = findSuspects(context, cluster, own, slice);
      report.checked += suspects.length;
      report.moved += moveRows(context, own, slice, suspects);
      first += count;
    }
  }
  return report;
}

function findOrigins({ before, after }: ReassignInput): Uint32Array {
  const origins = new Uint32Array(after.counts.length);
  const most = new Uint32Array(after.counts.length);
  const shared = new Map<number, number>();
  after.clusters.forEach((cluster, row) => {
    const old = before.clusters[row] as number;
    const key = old * after.counts.length + cluster;
    const count = (shared.get(key) ?? 0) + 1;
    shared.set(key, count);
    if (count > (most[cluster] as number)) {
      most[cluster] = count;
      origins[cluster] = old;
    }
  });
  return origins;
}

function findChanges({ width, before, after }: ReassignInput, origins: Uint32Array): Change[] {
  const became = new Map<number, number[]>();
  origins.forEach((old, cluster) => {
    became.set(old, [...(became.get(old) ?? []), cluster]);
  });
  const isSame = (old: number, cluster: number): boolean => {
    const was = before.centroids.subarray(old * width, (old + 1) * width);
    return was.every((value, d) => value === after.centroids[cluster * width + d]);
  };
  return [...became]
    .filter(([old, now]) => now.length > 1 || !isSame(old, now[0] as number))
    .map(([old, now]) => ({ old, now }));
}

/** Each change, where it happened and in the clusters around. */
function placeChanges(input: ReassignInput, changes: readonly Change[]): Change[][] {
  const { width, kernels, before, after } = input;
  const count = after.counts.length;
  const near: Change[][] = Array.from({ length: count }, () => []);
  const distances = new Float32Array(count);
  for (const change of changes) {
    const old = before.centroids.subarray(change.old * width, (change.old + 1) * width);
    kernels.squaredDistance(old, after.centroids, distances);
    const around = Uint32Array.from(distances.keys())
      .sort((a, b) => (distances[a] as number) - (distances[b] as number) || a - b)
      .subarray(0, neighboursMax);
    for (const cluster of new Set([...change.now, ...around])) {
      near[cluster]?.push(change);
    }
  }
  return near;
}

interface Load {
  readonly rows: Uint32Array;
  /** Whose rows they are, and how many of each. */
  readonly clusters: readonly { readonly cluster: number; readonly count: number }[];
}

/** Rows to look at, clusters together: neighbours lie close to each other on storage. */
function* planLoads(context: Context): Generator<Load> {
  const { width, before, after, origins, near } = context;
  const loadRows = Math.max(1, Math.floor((context.loadBytesMax ?? loadBytesDefault) / 4 / width));
  const members: number[][] = Array.from(after.counts, () => []);
  after.clusters.forEach((cluster, row) => {
    const isStray = before.clusters[row] !== origins[cluster];
    if (isStray || (near[cluster] as readonly Change[]).length > 0) {
      members[cluster]?.push(row);
    }
  });
  let rows: number[] = [];
  let clusters: Load["clusters"][number][] = [];
  for (const [cluster, own] of members.entries()) {
    for (let from = 0; from < own.length; from += loadRows) {
      const part = own.slice(from, from + loadRows);
      if (rows.length > 0 && rows.length + part.length > loadRows) {
        yield { rows: Uint32Array.from(rows), clusters };
        rows = [];
        clusters = [];
      }
      rows = rows.concat(part);
      clusters.push({ cluster, count: part.length });
    }
  }
  if (rows.length > 0) {
    yield { rows: Uint32Array.from(rows), clusters };
  }
}

/** Which of the rows of a cluster meet a condition. */
function findSuspects(
  context: Context,
  cluster: number,
  rows: Uint32Array,
  vectors: Float32Array,
): number[] {
  const { before, origins, news } = context;
  const changes = context.near[cluster] as readonly Change[];
  // A dot product for each centroid of a change, against one for each there is.
  const centroids = changes.reduce((sum, { now }) => sum + 1 + now.length, 0);
  if (centroids >= news.count) {
    return [...rows.keys()];
  }
  const isSuspect = new Uint8Array(rows.length);
  for (const change of changes) {
    const old = scoresOf(context, context.olds, change.old, vectors);
    const best = new Float32Array(rows.length).fill(Number.NEGATIVE_INFINITY);
    for (const now of change.now) {
      scoresOf(context, news, now, vectors).forEach((score, i) => {
        best[i] = Math.max(best[i] as number, score);
      });
    }
    const isOwn = change.now.includes(cluster);
    best.forEach((score, i) => {
      const was = old[i] as number;
      isSuspect[i] = (isOwn ? was >= score : score > was) ? 1 : (isSuspect[i] as number);
    });
  }
  return [...rows.keys()].filter(
    (i) => isSuspect[i] === 1 || before.clusters[rows[i] as number] !== origins[cluster],
  );
}

/** The higher, the better each row fits the cluster. */
function scoresOf(
  { width, kernels }: Context,
  target: AssignmentTarget,
  cluster: number,
  vectors: Float32Array,
): Float32Array {
  const scores = new Float32Array(vectors.length / width);
  kernels.dot(target.vectors.subarray(cluster * width, (cluster + 1) * width), vectors, scores);
  return scores.map((score) => score - (target.bias[cluster] as number));
}

/** Moves suspects to where they belong; returns how many were elsewhere. */
function moveRows(
  { width, kernels, news, after }: Context,
  rows: Uint32Array,
  vectors: Float32Array,
  suspects: readonly number[],
): number {
  const picked = new Float32Array(suspects.length * width);
  suspects.forEach((i, at) => {
    picked.set(vectors.subarray(i * width, (i + 1) * width), at * width);
  });
  let moved = 0;
  assignRows(picked, news, kernels).clusters.forEach((to, at) => {
    const row = rows[suspects[at] as number] as number;
    const from = after.clusters[row] as number;
    if (to !== from) {
      after.clusters[row] = to;
      after.counts[from] = (after.counts[from] as number) - 1;
      after.counts[to] = (after.counts[to] as number) + 1;
      moved++;
    }
  });
  return moved;
}
