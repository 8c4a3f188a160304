/**
 * The living rows of several segments as the source of a new one. Row numbers count through the
 * inputs: input i begins at the number of rows of all inputs before it. Nothing is kept in memory:
 * each request reads the blocks it needs, most neighbours at once, and all rotated codes are copied
 * as they are, since a namespace has one rotation.
 */
import type { DocumentId } from "../../document/id.ts";
import { primaryVector } from "../../document/schema.ts";
import { corrupt } from "../../errors.ts";
import { copyRefineRow, type RefineRows } from "../../format/segment-refine.ts";
import type { Block } from "../../store/block.ts";
import {
  documentBlock,
  documentBlockOf,
  openDocumentBlock,
  readVectorBlock,
  vectorBlock,
  vectorBlockOf,
  vectorBlockRange,
} from "../segment/document-rows.ts";
import {
  readRefinePage,
  refinePage,
  refinePageOf,
  refinePageStart,
} from "../segment/refine-plane.ts";
import type { Segment } from "../segment/segment.ts";
import { forEachBlock, type ReadRange } from "./block-gather.ts";
import { inheritedClusters } from "./inherited-clusters.ts";
import type { MemoryLedger } from "./memory-ledger.ts";
import { readMergedColumn } from "./merge-column.ts";
import { mergeIds } from "./merge-ids.ts";
import {
  isLive,
  liveRowCount,
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
  readonly ledger: MemoryLedger;
}

export function createMergeSource({ inputs, spec, read, ledger }: MergeSourceInput): RowSource {
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

function liveRows(inputs: readonly PlacedInput[]): Uint32Array {
  const live = new Uint32Array(inputs.reduce((sum, input) => sum + liveRowCount(input), 0));
  let at = 0;
  for (const input of inputs) {
    for (let ordinal = 0; ordinal < input.segment.root.rows; ordinal++) {
      if (isLive(input, ordinal)) {
        live[at++] = input.first + ordinal;
      }
    }
  }
  return live;
}

// ---- Gathering --------------------------------------------------------------------------------

/** Where the blocks of one kind of an input are. */
interface BlockLayout {
  blockOf(segment: Segment, ordinal: number): number;
  block(segment: Segment, index: number): Block;
}

/** Some of the wanted rows: those in one block. */
interface BlockVisit {
  readonly segment: Segment;
  readonly index: number;
  readonly bytes: Uint8Array;
  /** Indexes into `wanted`. */
  readonly positions: Uint32Array;
  /** Ordinals of those rows in their segment, ascending. */
  readonly ordinals: Uint32Array;
}

/** Visits every block that holds a wanted row, input after input, in the order of blocks. */
async function visitBlocks(
  inputs: readonly PlacedInput[],
  wanted: Uint32Array,
  layout: BlockLayout,
  read: ReadRange,
  ledger: MemoryLedger,
  visit: (visit: BlockVisit) => void,
): Promise<void> {
  const order = sortedPositions(wanted);
  let at = 0;
  for (const { segment, first } of inputs) {
    const from = at;
    const end = first + segment.root.rows;
    while (at < order.length && (wanted[order[at] as number] as number) < end) {
      at++;
    }
    const positions = order.subarray(from, at);
    const ordinals = positions.map((position) => (wanted[position] as number) - first);
    const starts = groupByBlock(segment, ordinals, layout);
    const indexes = starts.map((start) => layout.blockOf(segment, ordinals[start] as number));
    const blocks = indexes.map((index) => layout.block(segment, index));
    await forEachBlock(blocks, read, ledger, (i, bytes) => {
      const range = [starts[i], starts[i + 1] ?? ordinals.length] as const;
      visit({
        segment,
        index: indexes[i] as number,
        bytes,
        positions: positions.subarray(...range),
        ordinals: ordinals.subarray(...range),
      });
    });
  }
}

/** Positions 0 … n-1 in the order of the rows they hold. */
function sortedPositions(wanted: Uint32Array): Uint32Array {
  const order = Uint32Array.from(wanted.keys());
  const ascending = wanted.every((row, i) => i === 0 || row > (wanted[i - 1] as number));
  return ascending ? order : order.sort((a, b) => (wanted[a] as number) - (wanted[b] as number));
}

/** Where in ascending ordinals each new block begins. */
function groupByBlock(segment: Segment, ordinals: Uint32Array, layout: BlockLayout): number[] {
  const starts: number[] = [];
  let current = -1;
  ordinals.forEach((ordinal, i) => {
    const block = layout.blockOf(segment, ordinal);
    if (block !== current) {
      starts.push(i);
      current = block;
    }
  });
  return starts;
}

function gatherCodes(
  inputs: readonly PlacedInput[],
  wanted: Uint32Array,
  out: RefineRows,
  read: ReadRange,
  ledger: MemoryLedger,
): Promise<void> {
  const layout = {
    blockOf: refinePageOf,
    block: refinePage,
  };
  return visitBlocks(inputs, wanted, layout, read, ledger, (visit) => {
    const rows = readRefinePage(visit.segment, visit.index, visit.bytes);
    const start = refinePageStart(visit.segment, visit.index);
    visit.ordinals.forEach((ordinal, i) => {
      copyRefineRow(rows, ordinal - start, out, visit.positions[i] as number);
    });
  });
}

function gatherVectors(
  inputs: readonly PlacedInput[],
  wanted: Uint32Array,
  out: Float32Array,
  read: ReadRange,
  ledger: MemoryLedger,
): Promise<void> {
  const dims = out.length / wanted.length;
  const layout = { blockOf: vectorBlockOf, block: vectorBlock };
  return visitBlocks(inputs, wanted, layout, read, ledger, (visit) => {
    const vectors = readVectorBlock(visit.segment, visit.index, visit.bytes);
    const { from } = vectorBlockRange(visit.segment, visit.index);
    visit.ordinals.forEach((ordinal, i) => {
      const start = (ordinal - from) * dims;
      const at = (visit.positions[i] as number) * dims;
      out.set(vectors.subarray(start, start + dims), at);
    });
  });
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
