/**
 * How many documents a snapshot holds, exactly: the rows of its segments that live, without those
 * that the tail has touched since, and the documents of the tail.
 *
 * Cost: dead bitmaps and the tail; for the ids it touched a membership filter and some id blocks
 * of each segment. Bounded memory, however many rows there are.
 */
import { TailFold } from "./query/tail.ts";
import { maskTouched } from "./search-columns.ts";
import type { SearchContext } from "./search-ports.ts";
import { matchRows, openSegments } from "./search-segments.ts";
import { readTail } from "./search-tail.ts";

export async function countRows(context: SearchContext): Promise<number> {
  const round = context.reader.round();
  const fold = new TailFold();
  await readTail(context, round, {
    visit: ({ batch }) => {
      fold.add(batch);
    },
  });
  const opened = await openSegments(context, context.reader.round());
  const living = await matchRows(context, round, opened, undefined);
  const untouched = await maskTouched(context, living, fold.touched);
  return untouched.reduce((rows, { count }) => rows + count, fold.documents);
}
