/**
 * Reads attributes of all matching rows of segments from their documents: for what has no column.
 * One round; each block is let go of once its rows were visited.
 *
 * Cost: the documents of all matching rows, in reads of up to 8 MiB. Bounded, so that nobody reads
 * a large namespace by accident: a filter helps.
 */
import type { DocumentId } from "./document/id.ts";
import type { AttributeValue } from "./document/value.ts";
import { invalid } from "./errors.ts";
import {
  attributeIndex,
  documentBlock,
  documentBlockRange,
  documentId,
  documentValues,
  openDocumentBlock,
} from "./index/segment/document-rows.ts";
import { limits } from "./limits.ts";
import type { MatchedSegment } from "./search-segments.ts";
import { exhaustiveReadsMax } from "./search-vector.ts";
import type { ReadRound } from "./store/block-reader.ts";

export interface DocumentRow {
  readonly id: DocumentId;
  /** In the order of the segment's attributes; those missing at the end are absent. */
  readonly values: readonly AttributeValue[];
}

/** Calls `visit` for every matching row of segments where a document has one of the attributes. */
export async function readDocumentValues(
  round: ReadRound,
  segments: readonly MatchedSegment[],
  names: readonly string[],
  visit: (segment: number, ordinal: number, row: DocumentRow) => void,
): Promise<void> {
  const targets = segments.flatMap((matched, segment) =>
    blocksOf(matched, names).map((index) => ({ segment, index })),
  );
  const blocks = targets.map(({ segment, index }) =>
    documentBlock((segments[segment] as MatchedSegment).segment, index),
  );
  const bytes = blocks.reduce((sum, { length }) => sum + length, 0);
  if (bytes > limits.scoredBytesMax) {
    const text =
      `💔 reading "${names.join('", "')}" would take ${bytes} bytes of documents, ` +
      `more than ${limits.scoredBytesMax}; add a filter`;
    throw invalid(text, "rank_by");
  }
  await round.readBlocks(blocks, {
    readsMax: exhaustiveReadsMax,
    onBlock: (i, content) => {
      const { segment: at, index } = targets[i] as (typeof targets)[number];
      const { segment, rows } = segments[at] as MatchedSegment;
      const block = openDocumentBlock(segment, index, content);
      const { from, to } = documentBlockRange(segment, index);
      for (let ordinal = from; ordinal < to; ordinal++) {
        if (rows?.has(ordinal) === false) continue;
        const values = documentValues(segment, block, ordinal);
        visit(at, ordinal, { id: documentId(block, ordinal), values });
      }
    },
  });
}

/** Those with a row that counts; none if no document of the segment has any of the attributes. */
function blocksOf(
  { segment, rows, count }: MatchedSegment,
  names: readonly string[],
): readonly number[] {
  const { firstRows } = segment.root.documents;
  if (count === 0 || names.every((name) => attributeIndex(segment, name) < 0)) {
    return [];
  }
  const all = Array.from({ length: firstRows.length - 1 }, (_, index) => index);
  if (rows === undefined) {
    return all;
  }
  const wanted = new Uint8Array(all.length);
  let index = 0;
  rows.forEach((ordinal) => {
    while (ordinal >= (firstRows[index + 1] as number)) {
      index++;
    }
    wanted[index] = 1;
  });
  return all.filter((block) => wanted[block] === 1);
}
