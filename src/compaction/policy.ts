/**
 * When to flush and what to merge. Pure: decisions from counts alone, the same for the same input.
 *
 * Flush: the next unclaimed stretch of the tail, once it is worth a segment (bytes, rows or
 * objects), once it is old, or on request.
 *
 * Merge: size-tiered, each tier thirty-two times the one below, so that what is loaded is written
 * again about once per tier; what that leaves in small segments goes together once the namespace is
 * at rest. Never more than one job may hold; of one shard, as if there were no others.
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

export interface MergeCircumstances {
  /** Segments built under an earlier schema lack a column that filters could use. */
  readonly reindexBelow?: number;
  /** The generation below which everything is to lie, if that matters. */
  readonly owner?: string | undefined;
  /** Nothing was written for a while. */
  readonly atRest?: boolean;
}

/**
 * Segments of one shard that a merge job replaces by one, or undefined. `busy`: inputs of jobs
 * under way.
 */
export function planMerge(
  segments: readonly SegmentInfo[],
  busy: ReadonlySet<string>,
  { reindexBelow = 0, owner, atRest = false }: MergeCircumstances = {},
): readonly string[] | undefined {
  const free = segments
    .filter((segment) => !busy.has(segment.id))
    .toSorted((a, b) => liveBytes(a) - liveBytes(b));
  const chosen =
    mostlyDead(free) ??
    smallFlat(free) ??
    fullTier(free) ??
    tooMany(free, segments.length) ??
    (atRest ? scattered(free, segments.length) : undefined) ??
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

function tierOf(segment: SegmentInfo): number {
  const times = liveBytes(segment) / limits.flushBytes;
  return Math.max(0, Math.floor(Math.log(times) / Math.log(limits.mergeFanIn)));
}

/** A segment whose dead rows cost more than rewriting it. */
function mostlyDead(free: readonly SegmentInfo[]): readonly SegmentInfo[] | undefined {
  const worst = free.find((segment) => segment.dead.rows > segment.rows * limits.deadShareMax);
  return worst === undefined ? undefined : [worst];
}

/** Flat segments are scanned whole: together they become one with clusters as soon as they can. */
function smallFlat(free: readonly SegmentInfo[]): readonly SegmentInfo[] | undefined {
  // A larger one without clusters has no vectors, and nothing of it is ever scanned.
  const flat = affordable(free.filter(({ rows }) => rows < limits.clusteredRowsMin));
  const rows = flat.reduce((sum, segment) => sum + liveRows(segment), 0);
  return flat.length >= 2 && rows >= limits.clusteredRowsMin ? flat : undefined;
}

function fullTier(free: readonly SegmentInfo[]): readonly SegmentInfo[] | undefined {
  const tiers = new Map<number, SegmentInfo[]>();
  for (const segment of free) {
    const tier = tierOf(segment);
    tiers.set(tier, [...(tiers.get(tier) ?? []), segment]);
  }
  for (const [tier, members] of [...tiers].toSorted(([a], [b]) => a - b)) {
    const inputs = affordable(members);
    const most = tier === 0 ? limits.mergeFanIn : limits.mergeFanInLarge;
    if (members.length >= most && inputs.length >= 2) {
      return inputs;
    }
  }
  return undefined;
}

/** Above the target count the smallest go together, whatever their tiers. */
function tooMany(free: readonly SegmentInfo[], count: number): readonly SegmentInfo[] | undefined {
  if (count <= limits.segmentsTarget) {
    return undefined;
  }
  const inputs = affordable(free).slice(0, count - limits.segmentsTarget + 1);
  return inputs.length >= 2 ? inputs : undefined;
}

/** How many times larger than what joins it a segment may be. */
const joinTimes = 4;

/**
 * The small segments that a load leaves: each costs a query about a read. A much larger one stays
 * as it is, so that what trickles in does not write it again and again.
 */
function scattered(
  smallestFirst: readonly SegmentInfo[],
  count: number,
): readonly SegmentInfo[] | undefined {
  if (count <= limits.segmentsAtRest) {
    return undefined;
  }
  let bytes = 0;
  let joined = 0;
  const inputs = affordable(smallestFirst);
  for (const [smaller, segment] of inputs.entries()) {
    const size = liveBytes(segment);
    const joins = smaller > 0 && size <= bytes * joinTimes;
    bytes += size;
    if (bytes > limits.restMergeBytesMax) break;
    if (joins) joined = smaller + 1;
  }
  return joined === 0 ? undefined : inputs.slice(0, joined);
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
