/**
 * Opens the segments of a snapshot and says which of their rows count.
 *
 *   1. Roots and dead bitmaps: decoded from an earlier query, else sent along with `head`, else
 *      read.
 *   2. `matchRows`: rows that are alive and pass the filter, from columns and ids in one round, and
 *      of tokens from text indexes in two before it, of their sequences in one behind it; a segment
 *      in which an attribute of the filter has neither is answered from all of its documents.
 *
 * Bitmaps of matches are kept by segment and filter, since both never change.
 */
import { Bitmap } from "./bytes/bitmap.ts";
import type { Filter, TokenFilter } from "./document/filter.ts";
import { EngineError } from "./errors.ts";
import { decodeDeadBitmap, verifyDeadBitmap } from "./format/dead-bitmap.ts";
import type { SegmentInfo } from "./format/manifest.ts";
import type { TokenRows } from "./index/filter/evaluation.ts";
import {
  evaluateFilter,
  type FilterPlan,
  isNeeded,
  planFilter,
} from "./index/filter/filter-plan.ts";
import {
  deadKeyOf,
  deadPlace,
  openSegment,
  rootBlock,
  type Segment,
} from "./index/segment/segment.ts";
import { limits } from "./limits.ts";
import { filterText } from "./query/filter.ts";
import type { DocumentScan } from "./search-document-filter.ts";
import type { SearchContext, SearchMemory } from "./search-ports.ts";
import { findSequences, type Sequence } from "./search-sequences.ts";
import { readTokenRows } from "./search-tokens.ts";
import type { Snapshot } from "./snapshot.ts";
import type { Block } from "./store/block.ts";
import { blockId } from "./store/block.ts";
import type { ReadRound } from "./store/block-reader.ts";

export interface OpenSegment {
  readonly segment: Segment;
  /** Undefined if none is. */
  readonly dead: Bitmap | undefined;
}

/** A segment and the rows of it that a query is about. */
export interface MatchedSegment extends OpenSegment {
  /** Undefined: all rows. */
  readonly rows: Bitmap | undefined;
  readonly count: number;
}

// ---- Roots and dead bitmaps
// -------------------------------------------------------------------------

/** Opened segments and dead bitmaps that the isolate still has of the last snapshot. */
export function heldObjects(memory: SearchMemory, last: Snapshot) {
  const { tenant, manifest } = last;
  const { segments } = manifest;
  return {
    roots: segments
      .filter((info) => memory.segments.has(blockId(rootBlock(tenant, info))))
      .map(({ id }) => id),
    dead: segments
      .filter((info) => info.dead.version > 0 && memory.bitmaps.has(deadKeyOf(tenant, info)))
      .map(({ id, dead }) => `${id}/${dead.name}`),
  };
}

/** Those of the last snapshot, held or not: whoever lacks them reads them from the store. */
export function namedObjects({ manifest: { segments } }: Snapshot) {
  return {
    roots: segments.map(({ id }) => id),
    dead: segments.flatMap(({ id, dead }) => (dead.version > 0 ? [`${id}/${dead.name}`] : [])),
  };
}

/** In the order of the manifest. */
export async function openSegments(
  context: SearchContext,
  round: ReadRound,
): Promise<readonly OpenSegment[]> {
  const infos = context.snapshot.manifest.segments;
  const segments = new Map<string, Segment>();
  const dead = new Map<string, Bitmap>();
  const rootReads = readRoots(context, round, infos, segments);
  const deadReads = readDead(context, round, infos, dead);
  for (const result of await Promise.allSettled([rootReads, deadReads])) {
    if (result.status === "rejected") throw result.reason;
  }
  return infos.map((info) => ({
    segment: segments.get(info.id) as Segment,
    dead: dead.get(info.id),
  }));
}

async function readRoots(
  context: SearchContext,
  round: ReadRound,
  infos: readonly SegmentInfo[],
  opened: Map<string, Segment>,
): Promise<void> {
  const { ports, snapshot, disableCache } = context;
  const { tenant } = snapshot;
  const open = (info: SegmentInfo, bytes: Uint8Array): void => {
    const segment = openSegment(tenant, info, bytes);
    opened.set(info.id, segment);
    if (!disableCache) {
      // Arrays are views of the bytes; lists and maps come to about as much again.
      ports.memory.segments.put(blockId(rootBlock(tenant, info)), segment, 2 * bytes.length);
    }
  };
  const missing: SegmentInfo[] = [];
  for (const info of infos) {
    const key = blockId(rootBlock(tenant, info));
    const held = disableCache ? undefined : ports.memory.segments.get(key);
    const inline = snapshot.inline.roots.get(info.id);
    if (held !== undefined) opened.set(info.id, held);
    else if (inline !== undefined) open(info, inline);
    else missing.push(info);
  }
  await round.readBlocks(
    missing.map((info) => rootBlock(tenant, info)),
    {
      readsMax: limits.connectionsMax,
      onBlock: (index, bytes) => open(missing[index] as SegmentInfo, bytes),
    },
  );
}

async function readDead(
  context: SearchContext,
  round: ReadRound,
  infos: readonly SegmentInfo[],
  bitmaps: Map<string, Bitmap>,
): Promise<void> {
  const { ports, snapshot, disableCache } = context;
  const { tenant } = snapshot;
  const open = (info: SegmentInfo, bytes: Uint8Array): void => {
    const bitmap = decodeDeadBitmap(bytes, deadPlace(info), info.rows);
    bitmaps.set(info.id, bitmap);
    keepBitmap(context, deadKeyOf(tenant, info), bitmap);
  };
  const missing: SegmentInfo[] = [];
  for (const info of infos.filter(({ dead }) => dead.version > 0)) {
    const key = deadKeyOf(tenant, info);
    const held = disableCache ? undefined : ports.memory.bitmaps.get(key);
    const inline = snapshot.inline.dead.get(`${info.id}/${info.dead.name}`);
    if (held !== undefined) bitmaps.set(info.id, held);
    else if (inline !== undefined) open(info, inline);
    else missing.push(info);
  }
  const objects = missing.map((info) => ({
    key: deadKeyOf(tenant, info),
    bytesMax: info.dead.bytes,
    verify: (bytes: Uint8Array) => verifyDeadBitmap(bytes, deadPlace(info)),
  }));
  await round.readObjects(objects, (index, bytes) => {
    const info = missing[index] as SegmentInfo;
    if (bytes === undefined) {
      throw new EngineError("notFound", `${objects[index]?.key} is gone`);
    }
    open(info, bytes);
  });
}

function keepBitmap({ ports, disableCache }: SearchContext, key: string, bitmap: Bitmap): void {
  if (!disableCache) ports.memory.bitmaps.put(key, bitmap, bitmap.words.byteLength + 256);
}

// ---- Rows that count
// --------------------------------------------------------------------------------

/** A longer filter, such as a list of ids, is hardly met again, and its name is memory too. */
const filterTextMax = 1_024;

/** Live rows that pass the filter, of each segment. */
export async function matchRows(
  context: SearchContext,
  round: ReadRound,
  segments: readonly OpenSegment[],
  filter: Filter | undefined,
): Promise<readonly MatchedSegment[]> {
  const passing = await evaluateAll(context, round, segments, filter);
  return segments.map(({ segment, dead }, i) => {
    const pass = passing[i];
    const rows =
      dead === undefined ? pass : (pass?.clone() ?? Bitmap.full(segment.root.rows)).andNot(dead);
    return { segment, dead, rows, count: rows?.count() ?? segment.root.rows };
  });
}

/** Rows that pass, dead ones included; undefined without a filter. */
async function evaluateAll(
  context: SearchContext,
  round: ReadRound,
  segments: readonly OpenSegment[],
  filter: Filter | undefined,
): Promise<readonly (Bitmap | undefined)[]> {
  if (filter === undefined) {
    return segments.map(() => undefined);
  }
  const text = filterText(filter);
  const isKept = !context.disableCache && text.length <= filterTextMax;
  const { memory } = context.ports;
  const keys = segments.map(
    ({ segment }) => `${blockId(rootBlock(segment.home.tenant, segment.info))}?${text}`,
  );
  const bitmaps = keys.map((key) => (isKept ? memory.bitmaps.get(key) : undefined));
  const plans: { readonly index: number; readonly plan: FilterPlan }[] = [];
  const scans: number[] = [];
  for (const [index, { segment }] of segments.entries()) {
    const plan = bitmaps[index] === undefined ? planFilter(segment, filter) : undefined;
    if (plan !== undefined) plans.push({ index, plan });
    else if (bitmaps[index] === undefined) scans.push(index);
  }
  const { found, scanned } = await evaluatePlans(
    context,
    round,
    plans.map(({ plan }) => plan),
    scans.map((index) => ({ segment: (segments[index] as OpenSegment).segment, filter })),
  );
  for (const [at, { index }] of plans.entries()) bitmaps[index] = found[at];
  for (const [at, index] of scans.entries()) bitmaps[index] = scanned[at];
  for (const [index, bitmap] of bitmaps.entries()) {
    if (bitmap !== undefined && isKept) keepBitmap(context, keys[index] as string, bitmap);
  }
  return bitmaps;
}

interface PlannedSequence extends Sequence {
  /** Of its plan. */
  readonly at: number;
}

/**
 * Rows that pass each plan, and each scan. Sequences that nothing passes without are looked at
 * last, in rows that pass all else: that is dear where tokens are frequent.
 */
async function evaluatePlans(
  context: SearchContext,
  round: ReadRound,
  plans: readonly FilterPlan[],
  scans: readonly DocumentScan[],
): Promise<{ readonly found: readonly Bitmap[]; readonly scanned: readonly Bitmap[] }> {
  const { tokens, sequences } = await findTokens(context, plans);
  const isLast = ({ at, filter }: PlannedSequence) => isNeeded(plans[at] as FilterPlan, filter);
  const first = sequences.filter((each) => !isLast(each));
  const last = sequences.filter(isLast);
  const early = await findSequences(context, first, []);
  for (const [i, { at, filter }] of first.entries()) {
    tokens[at]?.set(filter, early.found[i] as Bitmap);
  }
  const found: Bitmap[] = [];
  await readPlans(round, plans, tokens, (at, bitmap) => {
    found[at] = bitmap;
  });
  const candidates = last.map((each) => ({ ...each, rows: found[each.at] as Bitmap }));
  const late = await findSequences(context, candidates, scans);
  for (const [i, { at }] of last.entries()) found[at]?.and(late.found[i] as Bitmap);
  return { found, scanned: late.scanned };
}

/** Of each plan: the rows of its filters of tokens, those of sequences as far as they are known. */
async function findTokens(context: SearchContext, plans: readonly FilterPlan[]) {
  const wanted = plans.flatMap(({ segment, tokens }, at) =>
    tokens.map((filter) => ({ at, segment, filter })),
  );
  const tokens = plans.map(() => new Map<TokenFilter, Bitmap>());
  const sequences: PlannedSequence[] = [];
  const matches = wanted.length === 0 ? [] : await readTokenRows(context, wanted);
  for (const [i, { rows, sequence }] of matches.entries()) {
    const { at, filter } = wanted[i] as (typeof wanted)[number];
    tokens[at]?.set(filter, rows);
    if (sequence !== undefined) sequences.push({ ...sequence, at });
  }
  return { tokens, sequences };
}

/** Evaluates each plan as soon as its last block has arrived, so that few blocks are held. */
async function readPlans(
  round: ReadRound,
  plans: readonly FilterPlan[],
  tokens: readonly TokenRows[],
  done: (at: number, bitmap: Bitmap) => void,
): Promise<void> {
  const blocks: Block[] = [];
  const places: { waiting: Waiting; number: number }[] = [];
  for (const [at, plan] of plans.entries()) {
    const found = tokens[at] as TokenRows;
    const waiting: Waiting = { at, plan, found, bytes: [], left: plan.blocks.length };
    plan.blocks.forEach((block, number) => {
      blocks.push(block);
      places.push({ waiting, number });
    });
    if (waiting.left === 0) done(at, evaluateFilter(plan, [], undefined, found));
  }
  await round.readBlocks(blocks, {
    readsMax: limits.filterReadsMax,
    onBlock: (block, bytes) => {
      const { waiting, number } = places[block] as (typeof places)[number];
      waiting.bytes[number] = bytes;
      waiting.left -= 1;
      if (waiting.left === 0) {
        done(waiting.at, evaluateFilter(waiting.plan, waiting.bytes, undefined, waiting.found));
        waiting.bytes = [];
      }
    },
  });
}

interface Waiting {
  readonly at: number;
  readonly plan: FilterPlan;
  readonly found: TokenRows;
  bytes: Uint8Array[];
  left: number;
}
