/**
 * Gathers wanted rows from the inputs of a merge. Nothing is kept in memory: each request reads the
 * blocks it needs, most neighbours at once.
 */
import { copyRefineRow, type RefineRows } from "../../format/segment-refine.ts";
import type { Block } from "../../store/block.ts";
import {
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
import type { MemoryLedger } from "./memory-ledger.ts";
import type { PlacedInput } from "./merge-input.ts";

/** Where the blocks of one kind of an input are. */
export interface BlockLayout {
  /** Inputs without such blocks. */
  skips?(segment: Segment): boolean;
  blockOf(segment: Segment, ordinal: number): number;
  block(segment: Segment, index: number): Block;
}

/** Some of the wanted rows: those in one block. */
export interface BlockVisit {
  readonly segment: Segment;
  readonly index: number;
  readonly bytes: Uint8Array;
  /** Indexes into `wanted`. */
  readonly positions: Uint32Array;
  /** Ordinals of those rows in their segment, ascending. */
  readonly ordinals: Uint32Array;
}

/** Visits every block that holds a wanted row, input after input, in the order of blocks. */
export async function visitBlocks(
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
    if (from === at || layout.skips?.(segment) === true) continue;
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

/** Its rows have no vectors, or are gathered otherwise. */
function lacksPlanes({ root }: Segment): boolean {
  return root.vector === undefined;
}

export function gatherCodes(
  inputs: readonly PlacedInput[],
  wanted: Uint32Array,
  out: RefineRows,
  read: ReadRange,
  ledger: MemoryLedger,
): Promise<void> {
  const layout = { blockOf: refinePageOf, block: refinePage, skips: lacksPlanes };
  return visitBlocks(inputs, wanted, layout, read, ledger, (visit) => {
    const rows = readRefinePage(visit.segment, visit.index, visit.bytes);
    const start = refinePageStart(visit.segment, visit.index);
    visit.ordinals.forEach((ordinal, i) => {
      copyRefineRow(rows, ordinal - start, out, visit.positions[i] as number);
    });
  });
}

export function gatherVectors(
  inputs: readonly PlacedInput[],
  wanted: Uint32Array,
  out: Float32Array,
  read: ReadRange,
  ledger: MemoryLedger,
): Promise<void> {
  const dims = out.length / wanted.length;
  const layout = { blockOf: vectorBlockOf, block: vectorBlock, skips: lacksPlanes };
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
