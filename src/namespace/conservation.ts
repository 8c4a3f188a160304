/**
 * Conservation: no step from one manifest to the next loses, doubles or mixes up documents. Pure.
 *
 * Documents are summed up by their number and their record digest (src/format/record-hash.ts).
 *
 *   kept segment    its rows and digest stay; dead rows and their digest move together
 *   floor stays     only merges: what lived in the segments that went lives in those that came, and
 *                   nothing died elsewhere
 *   floor moves     a flush: at most one segment of each shard comes; what comes and what dies are
 *                   at most one row for each operation in the range, if their number is known
 *
 * A merge keeps to one shard, but for segments of rows of all shards: those come apart.
 */
import type { Manifest, SegmentInfo } from "../format/manifest.ts";

/** Documents as far as they can be summed up: how many, and the sum of their record hashes. */
export interface Sum {
  readonly rows: number;
  /** Modulo 2^64. */
  readonly digest: bigint;
}

/** The documents that live in the segments. */
export function sumLive(segments: readonly SegmentInfo[]): Sum {
  let rows = 0;
  let digest = 0n;
  for (const segment of segments) {
    rows += segment.rows - segment.dead.rows;
    digest += segment.digest - segment.dead.digest;
  }
  return { rows, digest: BigInt.asUintN(64, digest) };
}

/** What the step from `before` to `after` lost, doubled or mixed up. */
export function conservationFault(
  before: Manifest,
  after: Manifest,
  operations: number = Number.POSITIVE_INFINITY,
): string | undefined {
  const kept = keptSegments(before, after);
  for (const { was, is } of kept) {
    if (is.rows !== was.rows || is.digest !== was.digest) {
      return `segment ${is.id} changes`;
    }
    if (is.dead.rows < was.dead.rows) {
      return `dead rows of segment ${is.id} come back to life`;
    }
    if (is.dead.rows === was.dead.rows && is.dead.digest !== was.dead.digest) {
      return `other rows of segment ${is.id} are dead than before`;
    }
  }
  const keptIds = new Set(kept.map(({ is }) => is.id));
  const isNew = ({ id }: SegmentInfo): boolean => !keptIds.has(id);
  const gone = sumLive(before.segments.filter(isNew));
  const added = after.segments.filter(isNew);
  const came = sumLive(added);
  const died = kept.reduce((sum, { was, is }) => sum + is.dead.rows - was.dead.rows, 0);
  if (after.floor > before.floor) {
    return flushFault(added, came.rows, gone.rows + died, operations);
  }
  if (died > 0) {
    return `${died} rows died outside of a merge, and no write below the floor killed them`;
  }
  if (came.rows !== gone.rows) {
    return `${gone.rows} living rows became ${came.rows}`;
  }
  if (came.digest !== gone.digest) {
    return `${gone.rows} living rows are not the documents they were`;
  }
  return shardFault(before.segments.filter(isNew), added);
}

/** Rows that a merge moved from one shard to another. */
function shardFault(
  gone: readonly SegmentInfo[],
  came: readonly SegmentInfo[],
): string | undefined {
  if (gone.some(({ shard }) => shard === undefined)) {
    return undefined;
  }
  const of = (segments: readonly SegmentInfo[], wanted: number | undefined): Sum =>
    sumLive(segments.filter(({ shard }) => shard === wanted));
  for (const shard of new Set([...gone, ...came].map((segment) => segment.shard))) {
    const [was, is] = [of(gone, shard), of(came, shard)];
    if (was.rows !== is.rows || was.digest !== is.digest) {
      return `${was.rows} living rows of shard ${shard ?? "none"} became ${is.rows}`;
    }
  }
  return undefined;
}

function flushFault(
  added: readonly SegmentInfo[],
  came: number,
  died: number,
  operations: number,
): string | undefined {
  if (new Set(added.map(({ shard }) => shard)).size < added.length) {
    return `a flush adds ${added.length} segments, some of one shard`;
  }
  if (came > operations || died > operations) {
    return `${operations} operations made ${came} rows and killed ${died}`;
  }
  return undefined;
}

/** Those of both manifests. */
export function keptSegments(
  before: Manifest,
  after: Manifest,
): { readonly was: SegmentInfo; readonly is: SegmentInfo }[] {
  const known = new Map(before.segments.map((segment) => [segment.id, segment]));
  return after.segments.flatMap((is) => {
    const was = known.get(is.id);
    return was === undefined ? [] : [{ was, is }];
  });
}
