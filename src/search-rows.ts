/**
 * Fetches what is known of chosen rows only by reading them: ids, attributes, vectors. One round
 * for rows of segments, however many of the three are asked for; each block is used as it arrives
 * and let go.
 */
import type { DocumentId } from "./document/id.ts";
import {
  attributeIndex,
  documentBlock,
  documentBlockOf,
  documentId,
  documentValues,
  openDocumentBlock,
  readVectorBlock,
  vectorBlock,
  vectorBlockOf,
  vectorBlockRange,
} from "./index/segment/document-rows.ts";
import type { Segment } from "./index/segment/segment.ts";
import { limits } from "./limits.ts";
import type { RowAttribute } from "./query/result.ts";
import type { KeptIds } from "./search-kept-ids.ts";
import type { KeptRows } from "./search-kept-rows.ts";
import type { OpenSegment } from "./search-segments.ts";
import type { Block } from "./store/block.ts";
import { blockId } from "./store/block.ts";
import type { ReadRound } from "./store/block-reader.ts";
import type { ReadCap } from "./store/range-plan.ts";

/** A row of a segment on its way into the answer. */
export interface SegmentRow {
  /** Index of the segment among those of the query. */
  readonly segment: number;
  readonly ordinal: number;
  id: DocumentId | undefined;
  attributes: readonly RowAttribute[] | undefined;
  vector: Float32Array | undefined;
}

export function newRow(segment: number, ordinal: number): SegmentRow {
  return { segment, ordinal, id: undefined, attributes: undefined, vector: undefined };
}

export interface RowNeeds {
  /** Ids of the rows whose id is not known. */
  readonly ids: boolean;
  /** Undefined: no attributes. */
  readonly attributes: readonly string[] | undefined;
  /** Called with the vector of each row, which is values[start …]. */
  readonly onVector: ((row: SegmentRow, values: Float32Array, start: number) => void) | undefined;
  /** Where vectors are kept, row by row. */
  readonly keptVectors?: KeptRows | undefined;
  /** Other than the usual bounds. */
  readonly readsMax?: number;
  readonly gapBytes?: number;
  readonly wideReads?: number;
  /** Of what is read of all rows behind the first `sure`. */
  readonly most?: ReadCap | undefined;
  /** Where ids are kept, so that a block need not be inflated for them alone. */
  readonly keptIds?: KeptIds | undefined;
}

interface BlockUse {
  readonly block: Block;
  readonly rows: SegmentRow[];
  readonly use: (rows: readonly SegmentRow[], bytes: Uint8Array) => void;
}

/** Rows in order of promise; returns those of which something was left out. */
export async function fetchRows(
  round: ReadRound,
  segments: readonly OpenSegment[],
  rows: readonly SegmentRow[],
  needs: RowNeeds,
): Promise<ReadonlySet<SegmentRow>> {
  const uses = new Map<string, BlockUse>();
  const want = (row: SegmentRow, block: Block, use: BlockUse["use"]): void => {
    const key = blockId(block);
    const known = uses.get(key);
    if (known === undefined) uses.set(key, { block, rows: [row], use });
    else known.rows.push(row);
  };
  const { onVector, keptVectors } = needs;
  const isPassing = keptVectors?.isUsed === true;
  if (needs.attributes === undefined && needs.ids) {
    needs.keptIds?.recall(rows);
    if (onVector === undefined && rows.every(({ id }) => id !== undefined)) return new Set();
  }
  let sure = 0;
  for (const [place, row] of rows.entries()) {
    if (place === needs.most?.sure) sure = uses.size;
    const { segment } = segments[row.segment] as OpenSegment;
    const kept = onVector && keptVectors?.vector(row.segment, row.ordinal);
    if (kept !== undefined) {
      onVector?.(row, kept, 0);
    } else if (onVector !== undefined) {
      const index = vectorBlockOf(segment, row.ordinal);
      want(row, { ...vectorBlock(segment, index), isPassing }, (members, bytes) => {
        useVectors(segment, index, bytes, members, onVector, keptVectors);
      });
    }
    if (needs.attributes !== undefined || (needs.ids && row.id === undefined)) {
      const index = documentBlockOf(segment, row.ordinal);
      want(row, documentBlock(segment, index), (members, bytes) => {
        useDocuments(segment, index, bytes, members, needs);
      });
    }
  }
  const list = [...uses.values()];
  const leftOut = new Set<SegmentRow>();
  const onLeftOut = (index: number): void => {
    for (const row of (list[index] as BlockUse).rows) leftOut.add(row);
  };
  const isCapped = needs.most !== undefined && rows.length > needs.most.sure;
  await round.readBlocks(
    list.map(({ block }) => block),
    {
      readsMax: needs.readsMax ?? readsMaxOf(rows.length),
      gapBytes: needs.gapBytes ?? limits.coalesceGapBytes,
      wideReads: needs.wideReads ?? 0,
      ...(isCapped && { most: { ...(needs.most as ReadCap), sure, onLeftOut } }),
      onBlock: (index, bytes) => {
        const { rows: members, use } = list[index] as BlockUse;
        use(members, bytes);
      },
    },
  );
  return leftOut;
}

/** One for four rows, within bounds. */
function readsMaxOf(rows: number): number {
  const wanted = Math.min(limits.manyDocumentReadsMax, Math.ceil(rows / 4));
  return Math.max(limits.documentReadsMax, wanted);
}

function useVectors(
  segment: Segment,
  index: number,
  bytes: Uint8Array,
  rows: readonly SegmentRow[],
  onVector: NonNullable<RowNeeds["onVector"]>,
  kept: KeptRows | undefined,
): void {
  const values = readVectorBlock(segment, index, bytes);
  const { from, to } = vectorBlockRange(segment, index);
  const dims = values.length / (to - from);
  for (const row of rows) {
    const start = (row.ordinal - from) * dims;
    onVector(row, values, start);
    kept?.keepVector(row.segment, row.ordinal, values.subarray(start, start + dims));
  }
}

function useDocuments(
  segment: Segment,
  index: number,
  bytes: Uint8Array,
  rows: readonly SegmentRow[],
  { attributes: names, keptIds }: RowNeeds,
): void {
  const block = openDocumentBlock(segment, index, bytes);
  const [first] = rows;
  if (names === undefined && first !== undefined) {
    keptIds?.keep(first.segment, index, block.rows.idBytes);
  }
  const columns = names?.map((name) => ({ name, at: attributeIndex(segment, name) }));
  for (const row of rows) {
    row.id ??= documentId(block, row.ordinal);
    if (columns !== undefined) {
      const values = documentValues(segment, block, row.ordinal);
      row.attributes = columns.flatMap(({ name, at }) => {
        const value = values[at] ?? null;
        return value === null ? [] : [{ name, value }];
      });
    }
  }
}
