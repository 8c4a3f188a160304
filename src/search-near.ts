/**
 * Ranks the rows of segments by a vector column beside the first.
 *
 *   with planes of it     as search-vector.ts does, by places; then their ordinals, and ids
 *   without (of older     from their documents (search-scored.ts), exactly
 *   versions)
 *
 * Cost, cold: as by the first column, and a round for ordinals: 4 bytes a row of clustered
 * segments, kept in memory. Where ids are texts, another for those of the winners.
 */
import { ColumnCodes } from "./index/segment/column-rows.ts";
import {
  type ColumnView,
  ordinalBlocks,
  placeOrdinals,
  placesOf,
  viewColumn,
} from "./index/segment/further-planes.ts";
import { limits } from "./limits.ts";
import type { NearQuery } from "./query/bind.ts";
import type { ReadAllowance } from "./query/read-allowance.ts";
import type { SearchContext } from "./search-ports.ts";
import { fetchRows } from "./search-rows.ts";
import { type ScoredSearch, searchScored } from "./search-scored.ts";
import type { MatchedSegment } from "./search-segments.ts";
import { type RankedRow, type RankedTail, searchVectors } from "./search-vector.ts";
import type { Block } from "./store/block.ts";
import { blockId } from "./store/block.ts";

export interface NearSearch extends ScoredSearch {
  readonly near: NearQuery;
  readonly isFiltered: boolean;
  readonly allowance: ReadAllowance;
  readonly tail: RankedTail;
}

/** A segment with planes of the column. */
interface PlanedSegment {
  /** Index among those of the query. */
  readonly at: number;
  readonly matched: MatchedSegment;
  readonly view: ColumnView;
}

/** Rows that may be in the answer, with exact distances and ids. */
export async function searchNear(search: NearSearch): Promise<readonly RankedRow[]> {
  const { context, segments, score } = search;
  const planed: PlanedSegment[] = [];
  const plain: number[] = [];
  for (const [at, matched] of segments.entries()) {
    const view = viewColumn(matched.segment, score.column);
    if (view === undefined) plain.push(at);
    else planed.push({ at, matched, view });
  }
  const near = await searchPlanes(search, planed);
  if (plain.length === 0) return near;
  const others = plain.map((at) => segments[at] as MatchedSegment);
  const scored = await searchScored({ ...search, segments: others }, context.reader.round());
  return [...near, ...scored.map((row) => ({ ...row, segment: plain[row.segment] as number }))];
}

async function searchPlanes(
  { context, segments, near, wanted, isFiltered, allowance, tail }: NearSearch,
  planed: readonly PlanedSegment[],
): Promise<readonly RankedRow[]> {
  const some = planed.filter(({ matched }) => matched.count > 0);
  const ordinals = await readOrdinals(context, some);
  const views = some.map(({ matched, view }, i): MatchedSegment => {
    const { rows } = matched;
    return { ...matched, segment: view.segment, rows: rows && placesOf(rows, ordinals[i]) };
  });
  const found = await searchVectors(
    {
      context,
      segments: views,
      ...near,
      wanted,
      isFiltered,
      allowance,
      attributes: undefined,
      keepVectors: false,
      arePlaces: true,
      tail: async () => tail,
    },
    context.reader.round(),
  );
  const rows = found.map((row): RankedRow => {
    const { at } = some[row.segment] as PlanedSegment;
    const ordinal = ordinals[row.segment]?.[row.ordinal] ?? row.ordinal;
    return { ...row, segment: at, ordinal };
  });
  const nameless = rows.filter(({ id }) => id === undefined);
  await fetchRows(context.reader.round(), segments, nameless, {
    ids: true,
    attributes: undefined,
    onVector: undefined,
  });
  return rows;
}

/** Of each segment; undefined where places are ordinals. */
async function readOrdinals(
  context: SearchContext,
  planed: readonly PlanedSegment[],
): Promise<readonly (Uint32Array | undefined)[]> {
  const { ports, disableCache, reader } = context;
  const ordinals: (Uint32Array | undefined)[] = planed.map(() => undefined);
  const blocks: Block[] = [];
  const places: { readonly parts: Uint8Array[]; readonly at: number }[] = [];
  const opens: (() => void)[] = [];
  for (const [i, { matched, view }] of planed.entries()) {
    if (view.ordinals === undefined) continue;
    const { segment } = matched;
    const own = ordinalBlocks(segment, view.ordinals);
    const key = own.map(blockId)[0] ?? "";
    const held = disableCache ? undefined : ports.memory.columns.get(key);
    if (held !== undefined) {
      ordinals[i] = held.codes as Uint32Array;
      continue;
    }
    const parts: Uint8Array[] = [];
    for (const [at, block] of own.entries()) {
      blocks.push(block);
      places.push({ parts, at });
    }
    opens.push(() => {
      const opened = placeOrdinals(segment, parts);
      const kept = new ColumnCodes(opened, 0);
      if (!disableCache) ports.memory.columns.put(key, kept, kept.weight);
      ordinals[i] = opened;
    });
  }
  await reader.round().readBlocks(blocks, {
    readsMax: limits.connectionsMax,
    onBlock: (index, bytes) => {
      const { parts, at } = places[index] as (typeof places)[number];
      parts[at] = bytes;
    },
  });
  for (const open of opens) open();
  return ordinals;
}
