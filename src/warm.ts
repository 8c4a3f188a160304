/**
 * Makes the first queries after a pause fast: reads what nearly every one of them needs, so that
 * it lies in the caches when they come.
 *
 *   1. Roots and dead bitmaps; a small tail, decoded.
 *   2. Scan planes, first those of the first vector column, then those of others with what says
 *      whose they are; of each, largest segments last; while they fit into a third of the block
 *      cache: more would push out what other namespaces use.
 *
 * Cost: nothing if all of it is there already; else a round for 1, if it did not come with the
 * snapshot, and one of at most six reads for 2.
 */
import { type ColumnView, ordinalBlocks, viewColumn } from "./index/segment/further-planes.ts";
import { scanBlock, scanBlockCount } from "./index/segment/scan-plane.ts";
import type { Segment } from "./index/segment/segment.ts";
import { limits } from "./limits.ts";
import { openContext, type SearchPorts } from "./search-ports.ts";
import { openSegments } from "./search-segments.ts";
import { isSmallTail, readTail } from "./search-tail.ts";
import type { Snapshot } from "./snapshot.ts";
import type { Block } from "./store/block.ts";

/** `snapshot` is one just taken. */
export async function warm(ports: SearchPorts, snapshot: Snapshot): Promise<void> {
  const context = openContext(ports, snapshot, false);
  const { reader } = context;
  const opened = await openSegments(context, reader.round());
  if (isSmallTail(snapshot)) {
    await readTail(context, reader.round(), { visit: () => undefined });
  }
  const blocks = scanBlocks(opened.map(({ segment }) => segment));
  if (blocks.length > 0) {
    await reader.readRound(blocks, { readsMax: limits.scanReadsMax, onBlock: () => undefined });
  }
  reader.finish();
}

function scanBlocks(segments: readonly Segment[]): readonly Block[] {
  const blocks: Block[] = [];
  let room = limits.cacheBytesMax / 3;
  for (const block of wantedBlocks(segments.toSorted((a, b) => a.root.rows - b.root.rows))) {
    room -= block.length;
    if (room < 0) break;
    blocks.push(block);
  }
  return blocks;
}

/** One by one: of a large namespace few of them have room. */
function* wantedBlocks(segments: readonly Segment[]): Generator<Block> {
  for (const segment of segments) {
    if (segment.root.vector !== undefined) yield* planeBlocks(segment);
  }
  for (const segment of segments) {
    for (const { name } of segment.root.further ?? []) {
      const { segment: seen, ordinals } = viewColumn(segment, name) as ColumnView;
      yield* planeBlocks(seen);
      if (ordinals !== undefined) yield* ordinalBlocks(seen, ordinals);
    }
  }
}

function* planeBlocks(segment: Segment): Generator<Block> {
  for (let index = 0; index < scanBlockCount(segment); index++) yield scanBlock(segment, index);
}
