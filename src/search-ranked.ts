/**
 * Queries ordered by attributes, or by the score of an expression.
 *
 *   1. Side by side: the tail, whose rows are ranked by their values; rows of segments that match;
 *      codes of the columns that rank.
 *   2. Rows that the tail touched are taken out.
 *   3. In each segment the `wanted` best by codes, and all that tie with the last of them.
 *   4. Values of the codes of those: now keys of different segments and of the tail compare.
 *   5. All rows before the last key that is needed are in the answer; their ids are read with their
 *      documents. Of the rows with the last key those with the first ids, if not all are: ids are
 *      walked in order (search-order.ts), so a million rows that tie do not cost a million ids.
 */
import { Bitmap } from "./bytes/bitmap.ts";
import type { DocumentId } from "./document/id.ts";
import { assert } from "./errors.ts";
import type { BoundQuery } from "./query/bind.ts";
import { prepareScore } from "./query/expression.ts";
import { allIds } from "./query/id-range.ts";
import {
  directionsOf,
  idOrder,
  keyOrder,
  type LocalBest,
  type Ranking,
  type RankKey,
  selectBest,
} from "./query/ranking.ts";
import { batchValues, filterRows, type TailChunk, TailFold, type TailPlace } from "./query/tail.ts";
import { type Hit, TopK } from "./query/top-k.ts";
import type { Found, Place } from "./search-answer.ts";
import { findBestTexts } from "./search-best-texts.ts";
import {
  fillColumns,
  maskTouched,
  readColumns,
  readValues,
  type SegmentColumns,
} from "./search-columns.ts";
import { KeptIds } from "./search-kept-ids.ts";
import { columnsOf, leafOfBatch, readLeaves } from "./search-leaves.ts";
import { searchInOrder } from "./search-order.ts";
import { both, type SearchContext } from "./search-ports.ts";
import { fetchRows, newRow, type SegmentRow } from "./search-rows.ts";
import { type MatchedSegment, matchRows, openSegments } from "./search-segments.ts";
import { isSmallTail, readTail } from "./search-tail.ts";
import { TextScores, textLeavesOf } from "./search-text.ts";

/** A row of the tail with its key; the distance plays no part. */
type TailBest = TopK<TailPlace & { readonly key: RankKey }>;

export async function findRanked(
  context: SearchContext,
  { filter, wanted, offset, columns: { attributes } }: BoundQuery,
  ranking: Ranking,
): Promise<Found> {
  const opened = await openSegments(context, context.reader.round());
  const round = context.reader.round();
  const compareKeys = keyOrder(ranking);
  const compareIds = idOrder(ranking);
  const best: TailBest = new TopK(
    wanted,
    (a, b) =>
      compareKeys((a as Hit<{ key: RankKey }>).value.key, (b as Hit<{ key: RankKey }>).value.key) ||
      compareIds(a.id, b.id),
  );
  const fold = new TailFold();
  const chunks = new Map<string, TailChunk>();
  const texts = new TextScores(textLeavesOf(ranking));
  const offer = (chunk: TailChunk, counting: Uint32Array): void => {
    offerRows({ ranking, texts, chunk, best }, filterRows(chunk.batch, counting, filter));
  };
  const waiting: { readonly chunk: TailChunk; readonly counting: Uint32Array }[] = [];
  const isSmall = isSmallTail(context.snapshot);
  const visit = (chunk: TailChunk): void => {
    if (isSmall) chunks.set(chunk.key, chunk);
    const counting = fold.add(chunk.batch);
    texts.addBatch(chunk.batch, counting);
    if (texts.leaves.length === 0) offer(chunk, counting);
    else if (isSmall) waiting.push({ chunk, counting });
  };
  const names =
    ranking.kind === "order"
      ? ranking.keys.map(({ attribute }) => attribute)
      : columnsOf(ranking.expression);
  const [, [matched, columns]] = await both(
    readTail(context, round, { visit }),
    both(matchRows(context, round, opened, filter), readColumns(context, round, opened, names)),
  );
  const segments = await maskTouched(context, matched, fold.touched);
  const filled = await fillColumns(context, segments, columns, names);
  await texts.readSegments(context, segments);
  for (const { chunk, counting } of waiting) offer(chunk, counting);
  if (texts.leaves.length > 0 && !isSmall) await readAgain(context, offer);
  const tail = best.sorted();
  const known = tail.map(({ value }) => Number(value.key[0]));
  const groups = await rankSegments(context, segments, filled, { ranking, texts, wanted, known });
  const merge: Merge = { context, segments, ranking, wanted, attributes };
  const winners = await mergeGroups(merge, groups, tail);
  return { winners: winners.slice(offset), segments, fold, chunks };
}

/** A large tail is not kept: once its statistics are known it is streamed once more. */
async function readAgain(
  context: SearchContext,
  offer: (chunk: TailChunk, counting: Uint32Array) => void,
): Promise<void> {
  const fold = new TailFold();
  await readTail(context, context.reader.round(), {
    visit: (chunk) => offer(chunk, fold.add(chunk.batch)),
  });
}

/** What users see of a hit's distance: negated scores. */
function distanceOf(ranking: Ranking, key: RankKey): number {
  return ranking.kind === "expression" ? -Number(key[0]) : 0;
}

interface Offer {
  readonly ranking: Ranking;
  readonly texts: TextScores;
  readonly chunk: TailChunk;
  readonly best: TailBest;
}

function offerRows(
  { ranking, texts, chunk: { key: chunk, batch }, best }: Offer,
  rows: Uint32Array,
): void {
  const offer = (row: number, key: RankKey): void => {
    const id = batch.ids[row] as DocumentId;
    best.offer({ distance: distanceOf(ranking, key), id, value: { chunk, row, key } });
  };
  if (ranking.kind === "expression") {
    const score = prepareScore(ranking.expression, leafOfBatch(batch, texts));
    for (const row of rows) {
      const value = score(row);
      if (!Number.isNaN(value)) offer(row, [value]);
    }
    return;
  }
  const valuesOf = batchValues(batch);
  const values = ranking.keys.map(({ attribute }) => valuesOf(attribute));
  for (const row of rows) {
    offer(
      row,
      values.map((valueAt) => valueAt(row)),
    );
  }
}

// ---- Segments
// ---------------------------------------------------------------------------------------

/** Rows of one segment with one key. */
interface Group {
  readonly segment: number;
  readonly key: RankKey;
  readonly rows: readonly number[];
}

async function rankSegments(
  context: SearchContext,
  segments: readonly MatchedSegment[],
  columns: readonly SegmentColumns[],
  { ranking, texts, wanted, known }: SegmentRanking,
): Promise<readonly Group[]> {
  return ranking.kind === "expression"
    ? (rankTexts(segments, { ranking, texts, wanted, known }) ??
        rankByScore(context, segments, columns, { ranking, texts, wanted, known }))
    : rankByValues(context, segments, columns, ranking, wanted);
}

interface SegmentRanking {
  readonly ranking: Ranking;
  readonly texts: TextScores;
  readonly wanted: number;
  /** Scores of the best rows of the tail. */
  readonly known: readonly number[];
}

type ByScore = SegmentRanking & { readonly ranking: Extract<Ranking, { kind: "expression" }> };

/** By texts alone, with a look at few of the rows that have a term. */
function rankTexts(
  segments: readonly MatchedSegment[],
  ranked: ByScore,
): readonly Group[] | undefined {
  const { ranking, wanted } = ranked;
  const found = findBestTexts(segments, ranking.expression, ranked);
  return (
    found &&
    [...found].flatMap(([segment, { rows, scores }]) => {
      const local = selectBest(rows.keys(), [{ numbers: scores, sign: -1 }], wanted);
      const keyOf = (at: number): RankKey => [scores[at] as number];
      const ordinalOf = (at: number): number => rows[at] as number;
      return groupRows(segment, local, keyOf, keyOrder(ranking), ordinalOf);
    })
  );
}

async function rankByScore(
  context: SearchContext,
  segments: readonly MatchedSegment[],
  columns: readonly SegmentColumns[],
  { ranking, texts, wanted }: ByScore,
): Promise<readonly Group[]> {
  const leaves = await readLeaves(context, segments, columns, ranking.expression, texts);
  return segments.flatMap((matched, segment) => {
    const score = prepareScore(ranking.expression, leaves[segment] as (typeof leaves)[number]);
    const scores = new Float32Array(matched.segment.root.rows);
    const present: number[] = [];
    rowsOf(matched).forEach((row) => {
      const value = score(row);
      if (!Number.isNaN(value)) {
        scores[row] = value;
        present.push(row);
      }
    });
    const local = selectBest(present, [{ numbers: scores, sign: -1 }], wanted);
    return groupRows(segment, local, (row) => [scores[row] as number], keyOrder(ranking));
  });
}

async function rankByValues(
  context: SearchContext,
  segments: readonly MatchedSegment[],
  columns: readonly SegmentColumns[],
  ranking: Extract<Ranking, { kind: "order" }>,
  wanted: number,
): Promise<readonly Group[]> {
  const signs = directionsOf(ranking);
  const parts = segments.map((matched, segment) => {
    const levels = ranking.keys.map(({ attribute }, i) => {
      const column = columns[segment]?.get(attribute);
      assert(column !== undefined, "the columns that rank were read");
      return { column, numbers: column.codes, sign: signs[i] as number };
    });
    return { levels, local: selectBest(rowsOf(matched), levels, wanted) };
  });
  const values = parts.flatMap(({ levels, local }) =>
    levels.map(({ column }) => ({
      column,
      codes: new Set(local.rows.map((row) => column.codes[row] as number)),
    })),
  );
  await readValues(context, values);
  const compare = keyOrder(ranking);
  return parts.flatMap(({ levels, local }, segment) => {
    const keyOf = (row: number): RankKey =>
      levels.map(({ column }) => column.valueOf(column.codes[row] as number));
    return groupRows(segment, local, keyOf, compare);
  });
}

function rowsOf({ rows, segment }: MatchedSegment): Bitmap {
  return rows ?? Bitmap.full(segment.root.rows);
}

function groupRows(
  segment: number,
  { rows, tied }: LocalBest,
  keyOf: (row: number) => RankKey,
  compare: (a: RankKey, b: RankKey) => number,
  ordinalOf: (row: number) => number = (row) => row,
): readonly Group[] {
  const groups: { segment: number; key: RankKey; rows: number[] }[] = [];
  for (const row of rows) {
    const key = keyOf(row);
    const last = groups.at(-1);
    if (last !== undefined && compare(last.key, key) === 0) last.rows.push(ordinalOf(row));
    else groups.push({ segment, key, rows: [ordinalOf(row)] });
  }
  for (const row of tied) groups.at(-1)?.rows.push(ordinalOf(row));
  return groups;
}

// ---- Merge
// ------------------------------------------------------------------------------------------

interface Merge {
  readonly context: SearchContext;
  readonly segments: readonly MatchedSegment[];
  readonly ranking: Ranking;
  readonly wanted: number;
  /** To read along with ids; undefined for none. */
  readonly attributes: readonly string[];
}

type RankedHit = Hit<Place> & { readonly key: RankKey };

/** Rows beyond those that are wanted whose ids are read because they tie with the last one. */
const tiedRowsMax = 16;

async function mergeGroups(
  merge: Merge,
  groups: readonly Group[],
  tail: readonly Hit<TailPlace & { readonly key: RankKey }>[],
): Promise<readonly RankedHit[]> {
  const { context, segments, ranking, wanted } = merge;
  const compareKeys = keyOrder(ranking);
  const compareIds = idOrder(ranking);
  const ordered = [...groups].sort((a, b) => compareKeys(a.key, b.key));
  const last = lastKey(ordered, tail, wanted, compareKeys);
  const isBefore = ({ key }: Group) => last === undefined || compareKeys(key, last) < 0;
  const tied = ordered.filter(({ key }) => last !== undefined && compareKeys(key, last) === 0);
  // A few that are left out in the end cost less than a walk through ids.
  const fit = wanted + tiedRowsMax;
  const allFit = countRows(ordered.filter(isBefore)) + countRows(tied) <= fit;
  const first = allFit ? [...ordered.filter(isBefore), ...tied] : ordered.filter(isBefore);
  const rows: { readonly key: RankKey; readonly row: SegmentRow }[] = [];
  for (const { segment, key, rows: members } of first) {
    for (const ordinal of members) rows.push({ key, row: newRow(segment, ordinal) });
  }
  const attributes = merge.attributes.length > 0 ? merge.attributes : undefined;
  const keptIds = context.disableCache ? undefined : new KeptIds(context, segments);
  await fetchRows(
    context.reader.round(),
    segments,
    rows.map(({ row }) => row),
    { ids: true, attributes, onVector: undefined, keptIds },
  );
  if (last !== undefined && !allFit) {
    const found = await firstOfTied({ ...merge, wanted: wanted - rows.length }, tied);
    rows.push(...found.map((row) => ({ key: last, row })));
  }
  const hits: RankedHit[] = rows.map(({ key, row }) => ({
    key,
    id: row.id as DocumentId,
    distance: distanceOf(ranking, key),
    value: { kind: "segment", row },
  }));
  for (const { id, distance, value } of tail) {
    hits.push({ key: value.key, id, distance, value: { kind: "tail", place: value } });
  }
  return hits.sort((a, b) => compareKeys(a.key, b.key) || compareIds(a.id, b.id)).slice(0, wanted);
}

function countRows(groups: readonly Group[]): number {
  return groups.reduce((sum, { rows }) => sum + rows.length, 0);
}

/** The key with which `wanted` rows are complete; undefined if there are fewer. */
function lastKey(
  groups: readonly Group[],
  tail: readonly Hit<{ readonly key: RankKey }>[],
  wanted: number,
  compare: (a: RankKey, b: RankKey) => number,
): RankKey | undefined {
  const all = [
    ...groups.map(({ key, rows }) => ({ key, count: rows.length })),
    ...tail.map(({ value }) => ({ key: value.key, count: 1 })),
  ].sort((a, b) => compare(a.key, b.key));
  let count = 0;
  for (const each of all) {
    count += each.count;
    if (count >= wanted) return each.key;
  }
  return undefined;
}

/** Those with the first ids, at most `wanted`. */
async function firstOfTied(
  { context, segments, ranking, wanted, attributes }: Merge,
  groups: readonly Group[],
): Promise<readonly SegmentRow[]> {
  const bitmaps = segments.map(({ segment }) => new Bitmap(segment.root.rows));
  for (const { segment, rows } of groups) {
    for (const row of rows) bitmaps[segment]?.set(row);
  }
  const tied = segments.map((matched, i) => {
    const rows = bitmaps[i] as Bitmap;
    return { ...matched, rows, count: rows.count() };
  });
  const descending = ranking.kind === "order" && ranking.idDescending;
  return searchInOrder(
    {
      context,
      segments: tied,
      range: allIds,
      descending,
      wanted,
      attributes: attributes.length > 0 ? attributes : undefined,
      touched: new Set(),
    },
    context.reader.round(),
  );
}
