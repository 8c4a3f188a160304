/**
 * Filters answered from documents: where there is no column, and for what no index says of a text,
 * such as whether the words between two of its tokens are kept. One round for all segments and
 * filters.
 *
 * Cost: the document blocks that hold a candidate, each read once and let go of once its rows were
 * looked at.
 */
import { Bitmap } from "./bytes/bitmap.ts";
import type { Filter } from "./document/filter.ts";
import type { AttributeValue } from "./document/value.ts";
import {
  attributeIndex,
  type DocumentBlock,
  documentBlock,
  documentBlockRange,
  documentId,
  documentValues,
  openDocumentBlock,
} from "./index/segment/document-rows.ts";
import type { Segment } from "./index/segment/segment.ts";
import { limits } from "./limits.ts";
import { prepareRowTest } from "./query/filter.ts";
import type { SearchContext } from "./search-ports.ts";
import { blockId } from "./store/block.ts";

/** What is looked for in the documents of a segment. */
export interface DocumentScan {
  readonly segment: Segment;
  readonly filter: Filter;
  /** Of these rows; undefined: of all. */
  readonly candidates?: Bitmap;
}

/** Rows that pass, of each scan; one round for all of them, and each block is read once. */
export async function scanDocuments(
  { reader }: SearchContext,
  scans: readonly DocumentScan[],
): Promise<readonly Bitmap[]> {
  const results = scans.map(({ segment }) => new Bitmap(segment.root.rows));
  const targets = scans.flatMap((scan, at) =>
    blocksToScan(scan).map((index) => ({ at, index, block: documentBlock(scan.segment, index) })),
  );
  type Target = (typeof targets)[number];
  const sharing = [...Map.groupBy(targets, ({ block }) => blockId(block)).values()];
  const blocks = sharing.flatMap(([first]) => (first === undefined ? [] : [first.block]));
  if (blocks.length === 0) return results;
  await reader.readRound(blocks, {
    readsMax: limits.filterReadsMax,
    onBlock: (i, bytes) => {
      const sharers = sharing[i] as [Target, ...Target[]];
      const [{ at: first, index }] = sharers;
      const block = openDocumentBlock((scans[first] as DocumentScan).segment, index, bytes);
      for (const { at } of sharers) {
        scanBlock(scans[at] as DocumentScan, index, block, results[at] as Bitmap);
      }
    },
  });
  return results;
}

function blocksToScan({ segment, candidates }: DocumentScan): readonly number[] {
  return Array.from(Array(segment.root.documents.blocks.count).keys()).filter((index) => {
    const { from, to } = documentBlockRange(segment, index);
    return candidates === undefined || candidates.countRange(from, to) > 0;
  });
}

function scanBlock(
  { segment, filter, candidates }: DocumentScan,
  index: number,
  block: DocumentBlock,
  result: Bitmap,
): void {
  const { from, to } = documentBlockRange(segment, index);
  const values = new Map<number, readonly AttributeValue[]>();
  const valuesAt = (row: number): readonly AttributeValue[] => {
    const known = values.get(row) ?? documentValues(segment, block, from + row);
    values.set(row, known);
    return known;
  };
  const passes = prepareRowTest(filter, (name) => {
    const column = attributeIndex(segment, name);
    return name === "id"
      ? (row) => documentId(block, from + row)
      : (row) => valuesAt(row)[column] ?? null;
  });
  for (let row = 0; row < to - from; row++) {
    if (candidates?.has(from + row) !== false && passes(row)) result.set(from + row);
  }
}
