/**
 * The numbers that leaves of rank expressions give to rows: of the tail from their values, of
 * segments from columns, from bitmaps of filters, and from documents for what has neither. This is
 * where a new kind of leaf is taught where its numbers come from.
 */
import type { Batch } from "./document/batch.ts";
import type { AttributeValue } from "./document/value.ts";
import type { ColumnRows } from "./index/segment/column-rows.ts";
import { attributeIndex } from "./index/segment/document-rows.ts";
import {
  type AttributeLeaf,
  type Expression,
  type Leaf,
  leavesOf,
  numberOf,
  type RowScore,
  type TextLeaf,
} from "./query/expression.ts";
import { prepareRowTest, type ValuesOf } from "./query/filter.ts";
import type { AttributeScore } from "./query/score.ts";
import { batchValues } from "./query/tail.ts";
import { readValues, type SegmentColumns } from "./search-columns.ts";
import { readDocumentValues } from "./search-documents.ts";
import type { SearchContext } from "./search-ports.ts";
import { type MatchedSegment, matchRows } from "./search-segments.ts";
import type { TextScores } from "./search-text.ts";

/** Attributes whose columns an expression reads. */
export function columnsOf(expression: Expression): readonly string[] {
  return leavesOf(expression).flatMap((leaf) =>
    leaf.kind === "attribute" ? [leaf.attribute] : [],
  );
}

export function leafOfBatch(batch: Batch, texts: TextScores): (leaf: Leaf) => RowScore {
  return leafOfValues(batchValues(batch), (leaf) => texts.ofBatch(leaf, batch));
}

/** Of documents whose values are at hand. */
export function leafOfValues(
  valuesOf: ValuesOf,
  textScore: (leaf: TextLeaf) => RowScore,
): (leaf: Leaf) => RowScore {
  return (leaf) => {
    switch (leaf.kind) {
      case "text":
        return textScore(leaf);
      case "attribute": {
        const valueAt = valuesOf(leaf.attribute);
        return (row) => numberOf(leaf, valueAt(row));
      }
      case "filter": {
        const passes = prepareRowTest(leaf.filter, valuesOf);
        return (row) => (passes(row) ? 1 : 0);
      }
      case "sparse": {
        const valueAt = valuesOf(leaf.score.column);
        return (row) => sparseScore(leaf.score, valueAt(row));
      }
    }
  };
}

function sparseScore({ distanceOf, show }: AttributeScore, value: AttributeValue): number {
  const distance = distanceOf(value);
  return distance === undefined ? 0 : show(distance);
}

/** For each segment, what its leaves give to ordinals that match. */
export async function readLeaves(
  context: SearchContext,
  segments: readonly MatchedSegment[],
  columns: readonly SegmentColumns[],
  expression: Expression,
  texts: TextScores,
): Promise<readonly ((leaf: Leaf) => RowScore)[]> {
  const leaves = leavesOf(expression);
  const scores = segments.map(() => new Map<Leaf, RowScore>());
  const numeric = columnsOf(expression).flatMap((name) =>
    columns.flatMap((each) => {
      const column = each.get(name);
      return column === undefined ? [] : [{ column, codes: undefined }];
    }),
  );
  await readValues(context, numeric);
  for (const leaf of leaves) {
    if (leaf.kind === "attribute") {
      for (const [i, each] of columns.entries()) {
        scores[i]?.set(leaf, scoreCodes(leaf, each.get(leaf.attribute)));
      }
    } else if (leaf.kind === "filter") {
      const matched = await matchRows(context, context.reader.round(), segments, leaf.filter);
      for (const [i, { rows }] of matched.entries()) {
        scores[i]?.set(leaf, (row) => (rows?.has(row) === false ? 0 : 1));
      }
    } else if (leaf.kind === "text") {
      for (const [i, each] of scores.entries()) {
        each.set(leaf, texts.ofSegment(leaf, i));
      }
    } else {
      const found = await readSparse(context, segments, leaf.score);
      for (const [i, numbers] of found.entries()) {
        scores[i]?.set(leaf, (row) => numbers[row] as number);
      }
    }
  }
  return scores.map((each) => (leaf) => each.get(leaf) ?? (() => 0));
}

/** Each distinct value is looked at once. */
function scoreCodes(leaf: AttributeLeaf, column: ColumnRows | undefined): RowScore {
  if (column === undefined) return () => Number.NaN;
  const { codes, distinct, valueOf } = column;
  const numbers = new Float64Array(distinct + 1).fill(Number.NaN);
  for (let code = 1; code <= distinct; code++) {
    numbers[code] = numberOf(leaf, valueOf(code));
  }
  return (row) => numbers[codes[row] as number] as number;
}

async function readSparse(
  context: SearchContext,
  segments: readonly MatchedSegment[],
  score: AttributeScore,
): Promise<readonly Float32Array[]> {
  const numbers = segments.map(({ segment }) => new Float32Array(segment.root.rows));
  const columns = segments.map(({ segment }) => attributeIndex(segment, score.column));
  const round = context.reader.round();
  await readDocumentValues(round, segments, [score.column], (at, ordinal, { values }) => {
    context.counters.exact += 1;
    const value = values[columns[at] ?? -1] ?? null;
    (numbers[at] as Float32Array)[ordinal] = sparseScore(score, value);
  });
  return numbers;
}
