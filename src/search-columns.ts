/**
 * Reads columns of segments for queries that rank, group or count by attributes.
 *
 *   1. `readColumns`: the codes of all rows, in one round; those of small segments are kept. An
 *      attribute that a segment has no column of is read from the documents of the rows that match.
 *   2. `readValues`: the dictionary chunks of the codes that an answer is about, in another.
 *
 * Also here: `maskTouched`, which takes the rows out that the tail knows better. Whoever counts
 * cannot look at ids one by one, so the ids of the tail are looked up: one round, two for large
 * tails. The mask of a snapshot is kept.
 */
import { Bitmap } from "./bytes/bitmap.ts";
import type { DocumentId } from "./document/id.ts";
import { type ComparableValue, isComparable } from "./document/value.ts";
import {
  absentColumn,
  type ColumnRows,
  codeBlocks,
  columnOfValues,
  openCodes,
  openColumn,
} from "./index/segment/column-rows.ts";
import { attributeIndex } from "./index/segment/document-rows.ts";
import {
  findIds,
  idBlock,
  membershipBlock,
  openIdBlock,
  openMembership,
  planIds,
} from "./index/segment/id-lookup.ts";
import { rootBlock, type Segment } from "./index/segment/segment.ts";
import { limits } from "./limits.ts";
import { readDocumentValues } from "./search-documents.ts";
import type { SearchContext } from "./search-ports.ts";
import type { MatchedSegment, OpenSegment } from "./search-segments.ts";
import type { Block } from "./store/block.ts";
import { blockId } from "./store/block.ts";
import type { ReadRound } from "./store/block-reader.ts";

/** The columns of one segment by attribute. */
export type SegmentColumns = ReadonlyMap<string, ColumnRows>;

const columnReadsMax = 2 * limits.connectionsMax;

/** Columns of `names` that segments have; those they lack are missing from the maps. */
export async function readColumns(
  { ports, disableCache }: SearchContext,
  round: ReadRound,
  segments: readonly OpenSegment[],
  names: Iterable<string>,
): Promise<readonly Map<string, ColumnRows>[]> {
  const columns = segments.map(() => new Map<string, ColumnRows>());
  const blocks: Block[] = [];
  const places: { readonly parts: Uint8Array[]; readonly at: number }[] = [];
  const opens: (() => void)[] = [];
  for (const name of new Set(names)) {
    for (const [i, { segment }] of segments.entries()) {
      const attribute = segment.root.attributes.find((each) => each.name === name);
      const column = attribute?.column;
      if (attribute === undefined) {
        columns[i]?.set(name, absentColumn(segment));
      } else if (column !== undefined) {
        const parts: Uint8Array[] = [];
        const own = codeBlocks(segment, column);
        const key = own.map(blockId)[0] ?? "";
        const held = disableCache ? undefined : ports.memory.columns.get(key);
        if (held !== undefined) {
          columns[i]?.set(name, openColumn(segment, column, held));
          continue;
        }
        for (const [at, block] of own.entries()) {
          blocks.push(block);
          places.push({ parts, at });
        }
        opens.push(() => {
          const opened = openCodes(segment, column, parts);
          if (!disableCache) ports.memory.columns.put(key, opened, opened.weight);
          columns[i]?.set(name, openColumn(segment, column, opened));
        });
      }
    }
  }
  await round.readBlocks(blocks, {
    readsMax: columnReadsMax,
    onBlock: (index, bytes) => {
      const { parts, at } = places[index] as (typeof places)[number];
      parts[at] = bytes;
    },
  });
  for (const open of opens) open();
  return columns;
}

/** Adds what segments have no column of, from the documents of the rows that match. */
export async function fillColumns(
  context: SearchContext,
  segments: readonly MatchedSegment[],
  columns: readonly Map<string, ColumnRows>[],
  names: Iterable<string>,
): Promise<readonly SegmentColumns[]> {
  const wanted = [...new Set(names)];
  const lacks = (i: number): readonly string[] => wanted.filter((name) => !columns[i]?.has(name));
  const lacking = segments.map((segment, i) =>
    lacks(i).length > 0 ? segment : { ...segment, count: 0 },
  );
  const values = segments.map(({ segment }, i) =>
    lacks(i).map(() =>
      Array.from({ length: segment.root.rows }, (): ComparableValue | null => null),
    ),
  );
  await readDocumentValues(context.reader.round(), lacking, wanted, (at, ordinal, row) => {
    const { segment } = segments[at] as MatchedSegment;
    for (const [k, name] of lacks(at).entries()) {
      const value = row.values[attributeIndex(segment, name)] ?? null;
      const list = values[at]?.[k];
      if (list !== undefined && isComparable(value)) list[ordinal] = value;
    }
  });
  for (const [i, lists] of values.entries()) {
    for (const [k, name] of lacks(i).entries()) {
      columns[i]?.set(name, columnOfValues(lists[k] ?? []));
    }
  }
  return columns;
}

export interface WantedValues {
  readonly column: ColumnRows;
  /** Undefined: all of them. */
  readonly codes: Iterable<number> | undefined;
}

/** After it, `valueOf` of the columns knows the codes. Decoded chunks are kept. */
export async function readValues(
  { ports, reader, disableCache }: SearchContext,
  wanted: readonly WantedValues[],
): Promise<void> {
  const { dictionaries } = ports.memory;
  const targets = wanted.flatMap(({ column, codes }) => {
    return chunksOf(column, codes).flatMap((chunk) => {
      const block = column.chunkBlock(chunk);
      const held = disableCache ? undefined : dictionaries.get(blockId(block));
      if (held !== undefined) column.putChunk(chunk, held);
      return held === undefined ? [{ column, chunk, block }] : [];
    });
  });
  await reader.readRound(
    targets.map(({ block }) => block),
    {
      readsMax: columnReadsMax,
      onBlock: (index, bytes) => {
        const { column, chunk, block } = targets[index] as (typeof targets)[number];
        const values = column.openChunk(chunk, bytes);
        // Texts take about as much as their chunk did before it was compressed, and a header each.
        const weight = 4 * bytes.length + 48 * values.length;
        if (!disableCache) dictionaries.put(blockId(block), values, weight);
      },
    },
  );
}

/** Chunks that hold the codes. */
function chunksOf(column: ColumnRows, codes: Iterable<number> | undefined): readonly number[] {
  if (codes === undefined) {
    return Array.from({ length: column.chunks }, (_, chunk) => chunk);
  }
  const chunks = new Set<number>();
  for (const code of codes) {
    const chunk = column.chunkOf(code);
    if (chunk >= 0) chunks.add(chunk);
    if (chunks.size === column.chunks) break;
  }
  return [...chunks];
}

// ---- Rows that the tail knows better
// ----------------------------------------------------------------

/** So few id blocks are read without asking first which of them are worth it. */
const blocksUnasked = 4;

export async function maskTouched(
  context: SearchContext,
  segments: readonly MatchedSegment[],
  touched: ReadonlySet<DocumentId>,
): Promise<readonly MatchedSegment[]> {
  if (touched.size === 0 || segments.length === 0) {
    return segments;
  }
  const masks = await readMasks(context, segments, touched);
  return segments.map((matched, i) => {
    const { segment, rows, count } = matched;
    const mask = masks[i];
    if (mask === undefined || count === 0) return matched;
    const left = (rows?.clone() ?? Bitmap.full(segment.root.rows)).andNot(mask);
    const leftCount = left.count();
    context.counters.masked += count - leftCount;
    return { ...matched, rows: left, count: leftCount };
  });
}

async function readMasks(
  { ports, snapshot, reader, disableCache }: SearchContext,
  segments: readonly OpenSegment[],
  touched: ReadonlySet<DocumentId>,
): Promise<readonly Bitmap[]> {
  const { generation, floor, next } = snapshot;
  const keyOf = ({ home, info }: Segment): string =>
    `${blockId(rootBlock(home.tenant, info))}@${generation}/${floor}-${next}`;
  const ids = [...touched];
  const masks = segments.map(({ segment }) =>
    disableCache ? undefined : ports.memory.bitmaps.get(keyOf(segment)),
  );
  const missing = [...segments.keys()].filter((i) => masks[i] === undefined);
  const plans = new Map(
    missing.map((i) => [i, planIds((segments[i] as OpenSegment).segment, ids)]),
  );
  const asked = missing.filter((i) => (plans.get(i)?.blocks.length ?? 0) > blocksUnasked);
  await reader.readRound(
    asked.map((i) => membershipBlock((segments[i] as OpenSegment).segment)),
    {
      readsMax: columnReadsMax,
      onBlock: (index, bytes) => {
        const i = asked[index] as number;
        plans.set(i, planIds((segments[i] as OpenSegment).segment, ids, openMembership(bytes)));
      },
    },
  );
  const reads = missing.flatMap((i) => {
    const { segment } = segments[i] as OpenSegment;
    masks[i] = new Bitmap(segment.root.rows);
    return (plans.get(i)?.blocks ?? []).map((block, at) => ({ i, segment, block, at }));
  });
  await reader.readRound(
    reads.map(({ segment, block }) => idBlock(segment, block)),
    {
      readsMax: columnReadsMax,
      onBlock: (index, bytes) => {
        const { i, segment, block, at } = reads[index] as (typeof reads)[number];
        const wanted = plans.get(i)?.ids[at] ?? [];
        findIds(openIdBlock(segment, block, bytes), wanted, (_, ordinal) => masks[i]?.set(ordinal));
      },
    },
  );
  for (const i of missing) {
    const mask = masks[i] as Bitmap;
    const key = keyOf((segments[i] as OpenSegment).segment);
    if (!disableCache) ports.memory.bitmaps.put(key, mask, mask.words.byteLength + 256);
  }
  return masks as readonly Bitmap[];
}
