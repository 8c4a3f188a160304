/**
 * When to flush and what to merge. Pure: decisions from counts alone, the same for the same input.
 *
 * Flush: the next unclaimed stretch of the tail, once it is worth a segment (bytes, rows or
 * objects), once it is old, or on request.
 *
 * Merge: a number of segments that grows with the root of their rows is left alone; one more, and
 * those go together that cost least for each that goes. With k segments allowed, merges of k, then
 * k - 1, then k - 2 … new ones leave k merged ones behind in which each row was written again once:
 * so what is flushed into n segments is, as long as n is about k * k / 2. Small segments are
 * counted by themselves, so that they cannot pull large ones along. Never more than one job may
 * hold; of one shard, as if there were no others.
 */
import type { SegmentInfo, WalRange } from "../format/manifest.ts";
import { limits } from "../limits.ts";

export interface FlushCandidate {
  readonly sequence: number;
  readonly bytes: number;
  readonly rows: number;
  readonly timeMs: number;
}

/**
 * The range the next flush takes, or undefined while none is due. `entries`: the tail from the
 * first entry no job has claimed; `requestedBelow`: entries below were asked to be flushed now.
 */
export function planFlush(
  entries: readonly FlushCandidate[],
  nowMs: number,
  requestedBelow: number,
): WalRange | undefined {
  const first = entries[0];
  if (first === undefined || !flushDue(entries, nowMs, requestedBelow)) {
    return undefined;
  }
  let bytes = 0;
  let rows = 0;
  let to = first.sequence;
  for (const entry of entries) {
    bytes += entry.bytes;
    rows += entry.rows;
    const full = bytes > limits.flushBytesMax || rows > limits.flushRowsMax;
    if (full && entry !== first) {
      break;
    }
    to = entry.sequence + 1;
  }
  return { from: first.sequence, to };
}

function flushDue(
  entries: readonly FlushCandidate[],
  nowMs: number,
  requestedBelow: number,
): boolean {
  const first = entries[0];
  if (first === undefined) {
    return false;
  }
  const bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
  const rows = entries.reduce((sum, entry) => sum + entry.rows, 0);
  const age = nowMs - first.timeMs;
  return (
    first.sequence < requestedBelow ||
    bytes >= limits.flushBytes ||
    rows >= limits.flushRows ||
    entries.length >= limits.flushObjects ||
    (bytes >= limits.flushAgedBytes && age >= limits.flushAgeMs) ||
    age >= limits.flushAgeSmallMs
  );
}

/** When age alone makes the tail due. */
export function flushDueAtMs(entries: readonly FlushCandidate[]): number | undefined {
  const first = entries[0];
  if (first === undefined) {
    return undefined;
  }
  const bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
  const age = bytes >= limits.flushAgedBytes ? limits.flushAgeMs : limits.flushAgeSmallMs;
  return first.timeMs + age;
}

/**
 * The segments of each shard, those with most first: each shard is merged by itself. Those of rows
 * of all shards are one group, and if there are several shards it is `unsorted`.
 */
export function shardGroups(
  segments: readonly SegmentInfo[],
  shards: number,
): readonly { readonly segments: readonly SegmentInfo[]; readonly unsorted: boolean }[] {
  if (shards <= 1 && segments.length > 0 && segments.every(({ shard }) => shard === undefined)) {
    return [{ segments, unsorted: false }];
  }
  const groups = new Map<number | undefined, SegmentInfo[]>();
  for (const segment of segments) {
    const group = groups.get(segment.shard);
    if (group === undefined) groups.set(segment.shard, [segment]);
    else group.push(segment);
  }
  return [...groups]
    .map(([shard, members]) => ({
      segments: members,
      unsorted: shard === undefined && shards > 1,
    }))
    .toSorted((a, b) => b.segments.length - a.segments.length);
}

/** The next segment of rows of all shards that is to come apart. */
export function planSplit(
  segments: readonly SegmentInfo[],
  busy: ReadonlySet<string>,
): readonly string[] | undefined {
  const first = segments.find(({ id }) => !busy.has(id));
  return first === undefined ? undefined : [first.id];
}

/**
 * Segments of one shard that a merge job replaces by one, or undefined. `busy`: inputs of jobs
 * under way; `reindexBelow`: segments built under an earlier schema lack a column that filters
 * could use. `owner`: the generation below which everything is to lie, if that matters.
 */
export function planMerge(
  segments: readonly SegmentInfo[],
  busy: ReadonlySet<string>,
  reindexBelow = 0,
  owner?: string,
): readonly string[] | undefined {
  const free = segments
    .filter((segment) => !busy.has(segment.id))
    .toSorted((a, b) => liveBytes(a) - liveBytes(b));
  const chosen =
    mostlyDead(free) ??
    manyFlat(free, segments) ??
    tooMany(free, segments) ??
    unindexed(free, reindexBelow) ??
    borrowed(free, owner);
  return chosen?.map((segment) => segment.id);
}

function liveBytes(segment: SegmentInfo): number {
  return segment.bytes * (1 - segment.dead.rows / segment.rows);
}

function liveRows(segment: SegmentInfo): number {
  return segment.rows - segment.dead.rows;
}

function rowsOf(segments: readonly SegmentInfo[]): number {
  return segments.reduce((sum, segment) => sum + liveRows(segment), 0);
}

/** A segment whose dead rows cost more than rewriting it. */
function mostlyDead(free: readonly SegmentInfo[]): readonly SegmentInfo[] | undefined {
  const worst = free.find((segment) => segment.dead.rows > segment.rows * limits.deadShareMax);
  return worst === undefined ? undefined : [worst];
}

/** Rows of flat segments together that are left alone: this share of all, and no more than: */
const flatShareMax = 1 / 16;
const flatRowsMax = 8_192;

/**
 * Flat segments are scanned whole: together they become one with clusters once they can, and once
 * they are a share of all rows that queries feel.
 */
function manyFlat(
  free: readonly SegmentInfo[],
  all: readonly SegmentInfo[],
): readonly SegmentInfo[] | undefined {
  // A larger one without clusters has no vectors, and nothing of it is ever scanned.
  const flat = affordable(free.filter(({ rows }) => rows < limits.clusteredRowsMin));
  const least = limits.clusteredRowsMin;
  const share = rowsOf(all) * flatShareMax;
  const bearable = Math.min(Math.max(least, share), flatRowsMax);
  return flat.length >= 2 && rowsOf(flat) >= bearable ? flat : undefined;
}

/**
 * What the root is of: thirty clusters. (By bytes, long vectors were left in segments of a few
 * clusters each, in which neighbours are not found as well.)
 */
const unitRows = 12_288;
const smallBytes = 8 * 1024 * 1024;

/** One more of the small ones than is left alone, or of the others. */
function tooMany(
  free: readonly SegmentInfo[],
  all: readonly SegmentInfo[],
): readonly SegmentInfo[] | undefined {
  const root = Math.ceil(Math.sqrt((2 * rowsOf(all)) / unitRows));
  const most = Math.min(Math.max(limits.segmentsMin, 1 + root), limits.segmentsTarget);
  const isSmall = (segment: SegmentInfo): boolean => liveBytes(segment) < smallBytes;
  const isLarge = (segment: SegmentInfo): boolean => !isSmall(segment);
  const smallMost = Math.min(most, limits.smallSegmentsTarget);
  return (
    cheapest(free.filter(isSmall), all.filter(isSmall).length - smallMost) ??
    cheapest(free.filter(isLarge), all.filter(isLarge).length - most)
  );
}

/** Segments of nearly the same price for each that goes are merged together. */
const similarPrice = 1.1;

/** If there are `excess` too many: those whose merge writes the fewest bytes for each that goes. */
function cheapest(
  smallestFirst: readonly SegmentInfo[],
  excess: number,
): readonly SegmentInfo[] | undefined {
  const inputs = affordable(smallestFirst);
  if (excess <= 0 || inputs.length < 2) {
    return undefined;
  }
  let bytes = 0;
  let price = Infinity;
  let count = 0;
  for (const [gone, segment] of inputs.entries()) {
    bytes += liveBytes(segment);
    if (gone > 0 && bytes / gone <= price * similarPrice) {
      price = Math.min(price, bytes / gone);
      count = gone + 1;
    }
  }
  return inputs.slice(0, count);
}

/** A segment to be written again with the columns it lacks; what is merged anyway gets them too. */
function unindexed(
  free: readonly SegmentInfo[],
  below: number,
): readonly SegmentInfo[] | undefined {
  const first = free.find(({ schemaVersion }) => schemaVersion < below);
  return first === undefined ? undefined : [first];
}

/** A segment of another generation, to be written again below the own one. */
function borrowed(
  free: readonly SegmentInfo[],
  owner: string | undefined,
): readonly SegmentInfo[] | undefined {
  const isBorrowed = ({ home, dead }: SegmentInfo): boolean =>
    home !== owner || (dead.version > 0 && dead.home !== owner);
  const first = owner === undefined ? undefined : free.find(isBorrowed);
  return first === undefined ? undefined : [first];
}

/** The smallest segments that one merge may hold together. */
function affordable(smallestFirst: readonly SegmentInfo[]): readonly SegmentInfo[] {
  let bytes = 0;
  let rows = 0;
  return smallestFirst.filter((segment) => {
    bytes += liveBytes(segment);
    rows += liveRows(segment);
    return bytes <= limits.mergeBytesMax && rows <= limits.mergeRowsMax;
  });
}
