/**
 * The living rows of several segments as the source of a new one. Row numbers count through the
 * inputs: input i begins at the number of rows of all inputs before it. Nothing is kept in memory:
 * each request reads the blocks it needs, most neighbours at once, and all rotated codes are copied
 * as they are, since a namespace has one rotation.
 */
import type { DocumentId } from "../../document/id.ts";
import { primaryVector } from "../../document/schema.ts";
import { corrupt } from "../../errors.ts";
import type { Kernels } from "../../kernels/kernels.ts";
import { documentBlock, documentBlockOf, openDocumentBlock } from "../segment/document-rows.ts";
import type { Segment } from "../segment/segment.ts";
import type { ReadRange } from "./block-gather.ts";
import { inheritedClusters } from "./inherited-clusters.ts";
import type { MemoryLedger } from "./memory-ledger.ts";
import { readMergedColumn } from "./merge-column.ts";
import { mergeFurther } from "./merge-further.ts";
import { gatherCodes, gatherVectors, visitBlocks } from "./merge-gather.ts";
import { mergeIds } from "./merge-ids.ts";
import {
  liveRowCount,
  liveRows,
  type MergeInput,
  type PlacedInput,
  placeInputs,
  totalRows,
} from "./merge-input.ts";
import { findTexts } from "./merge-texts.ts";
import { type GatheredDocuments, type RowSource, rowObjectBytes } from "./row-source.ts";
import { attributeNames, type SegmentSpec } from "./segment-spec.ts";

export interface MergeSourceInput {
  readonly inputs: readonly MergeInput[];
  /** Of the segment to be; its schema is at least as new as that of every input. */
  readonly spec: SegmentSpec;
  readonly read: ReadRange;
  readonly kernels: Kernels;
  readonly ledger: MemoryLedger;
}

export function createMergeSource(input: MergeSourceInput): RowSource {
  const { inputs, spec, read, ledger } = input;
  const placed = placeInputs(inputs);
  const names = attributeNames(spec.schema);
  for (const { segment } of inputs) {
    checkAttributes(segment, names);
    checkVector(segment, spec);
  }
  const hashes = new BigUint64Array(totalRows(inputs));
  return {
    rows: totalRows(inputs),
    hashes,
    logicalBytes: inputs.reduce((sum, input) => sum + liveLogicalBytes(input), 0),
    liveRows: () => liveRows(placed),
    inherited: (live) => inheritedClusters(placed, live),
    gatherCodes: (wanted, out) => gatherCodes(placed, wanted, out, read, ledger),
    gatherVectors: (wanted, out) => gatherVectors(placed, wanted, out, read, ledger),
    furtherVectors: (column) => mergeFurther({ ...input, inputs: placed, column }),
    gatherDocuments: (wanted, max) => gatherDocuments(placed, wanted, max, read, ledger),
    idsInOrder: () => mergeIds(placed, read, ledger, hashes),
    column: (name) => readMergedColumn(placed, name, read, ledger),
    texts: (name, analysis) => findTexts(placed, name, analysis, read),
  };
}

/**
 * Rows of documents are moved unread, which is right only while their attributes keep their places.
 */
function checkAttributes(segment: Segment, names: readonly string[]): void {
  const own = segment.root.attributes;
  if (own.some(({ name }, i) => names[i] !== name)) {
    throw corrupt(`segment ${segment.info.id}: its attributes are not the first of the schema`);
  }
}

/** Codes are moved as they are, which is right only while they mean the same. */
function checkVector(segment: Segment, { schema, rotation }: SegmentSpec): void {
  const column = primaryVector(schema);
  const own = segment.root.vector;
  const same =
    own?.name === column?.name &&
    own?.dims === column?.dims &&
    own?.element === column?.element &&
    own?.metric === (column && schema.metric) &&
    (own === undefined ||
      (own.rotation.low === rotation.low && own.rotation.high === rotation.high));
  if (!same) {
    throw corrupt(`segment ${segment.info.id}: its vectors are not those of the schema`);
  }
}

/** In proportion to the rows that live: what each row is worth is not looked up. */
function liveLogicalBytes(input: MergeInput): number {
  const { root, info } = input.segment;
  return Math.round((info.logicalBytes * liveRowCount(input)) / root.rows);
}

/**
 * Blocks come in the order of the inputs, rows are wanted in another. When what was gathered grows
 * beyond `bytesMax`, the later half of what is wanted is given up, so that a beginning is complete.
 */
async function gatherDocuments(
  inputs: readonly PlacedInput[],
  wanted: Uint32Array,
  bytesMax: number,
  read: ReadRange,
  ledger: MemoryLedger,
): Promise<GatheredDocuments> {
  const most = Math.max(1, Math.floor(bytesMax / rowObjectBytes));
  const asked = wanted.subarray(0, most);
  const ids: DocumentId[] = [];
  const rows: Uint8Array[] = [];
  let end = asked.length;
  let bytes = 0;
  const layout = { blockOf: documentBlockOf, block: documentBlock };
  await visitBlocks(inputs, asked, layout, read, ledger, (visit) => {
    if (visit.positions.every((position) => position >= end)) {
      return;
    }
    const { contentBytes } = visit.segment.root.documents;
    const release = ledger.hold(contentBytes[visit.index] as number);
    const block = openDocumentBlock(visit.segment, visit.index, visit.bytes);
    visit.ordinals.forEach((ordinal, i) => {
      const position = visit.positions[i] as number;
      if (position < end) {
        const row = block.rows.row(ordinal - block.from).slice();
        ids[position] = block.rows.ids.at(ordinal - block.from);
        rows[position] = row;
        bytes += row.length + rowObjectBytes;
      }
    });
    release();
    while (bytes > bytesMax && end > 1) {
      end = Math.ceil(end / 2);
      rows.splice(end).forEach((row) => {
        bytes -= row.length + rowObjectBytes;
      });
      ids.splice(end);
    }
  });
  return { ids, rows };
}
