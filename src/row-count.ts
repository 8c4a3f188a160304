/**
 * How many documents a snapshot holds, exactly: the rows of its segments that live, without those
 * that the tail has touched since, and the documents of the tail.
 *
 * Cost: dead bitmaps and the tail; for the ids it touched a membership filter and some id blocks
 * of each segment. Bounded memory, however many rows there are.
 */
import type { DocumentId } from "./document/id.ts";
import {
  findIds,
  idBlock,
  membershipBlock,
  openIdBlock,
  openMembership,
  planIds,
} from "./index/segment/id-lookup.ts";
import { limits } from "./limits.ts";
import { TailFold } from "./query/tail.ts";
import type { SearchContext } from "./search-ports.ts";
import { type OpenSegment, openSegments } from "./search-segments.ts";
import { readTail } from "./search-tail.ts";

export async function countRows(context: SearchContext): Promise<number> {
  const fold = new TailFold();
  await readTail(context, context.reader.round(), {
    visit: ({ batch }) => {
      fold.add(batch);
    },
  });
  const touched = [...fold.touched];
  let rows = fold.documents;
  for (const opened of await openSegments(context, context.reader.round())) {
    const { segment, dead } = opened;
    rows += segment.root.rows - (dead?.count() ?? 0) - (await countLive(context, opened, touched));
  }
  return rows;
}

/** How many of the ids live in the segment. */
async function countLive(
  { reader }: SearchContext,
  { segment, dead }: OpenSegment,
  ids: readonly DocumentId[],
): Promise<number> {
  if (planIds(segment, ids).blocks.length === 0) {
    return 0;
  }
  let plan = planIds(segment, ids);
  await reader.readRound([membershipBlock(segment)], {
    readsMax: 1,
    onBlock: (_, bytes) => {
      plan = planIds(segment, ids, openMembership(bytes));
    },
  });
  let live = 0;
  await reader.readRound(
    plan.blocks.map((index) => idBlock(segment, index)),
    {
      readsMax: 2 * limits.connectionsMax,
      onBlock: (i, bytes) => {
        const block = openIdBlock(segment, plan.blocks[i] as number, bytes);
        findIds(block, plan.ids[i] ?? [], (_, ordinal) => {
          live += dead?.has(ordinal) === true ? 0 : 1;
        });
      },
    },
  );
  return live;
}
