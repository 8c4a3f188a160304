/**
 * Merges sorted streams. Items come and go in chunks, so that most steps wait for nothing. The
 * number of streams is small (the inputs of a merge): the lowest head is found by looking at all.
 */

interface Cursor<T> {
  readonly chunks: AsyncIterator<readonly T[]>;
  chunk: readonly T[];
  at: number;
}

const chunkItems = 512;

/** All items of all streams, lowest first; of equal ones, in the order of the streams. */
export async function* mergeSorted<T>(
  streams: readonly AsyncIterable<readonly T[]>[],
  compare: (a: T, b: T) => number,
): AsyncGenerator<readonly T[]> {
  const cursors: Cursor<T>[] = [];
  for (const stream of streams) {
    const cursor: Cursor<T> = { chunks: stream[Symbol.asyncIterator](), chunk: [], at: 0 };
    if (await refill(cursor)) {
      cursors.push(cursor);
    }
  }
  let merged: T[] = [];
  while (cursors.length > 0) {
    const lowest = findLowest(cursors, compare);
    merged.push(headOf(lowest));
    lowest.at++;
    if (lowest.at === lowest.chunk.length && !(await refill(lowest))) {
      cursors.splice(cursors.indexOf(lowest), 1);
    }
    if (merged.length === chunkItems) {
      yield merged;
      merged = [];
    }
  }
  if (merged.length > 0) {
    yield merged;
  }
}

function findLowest<T>(cursors: readonly Cursor<T>[], compare: (a: T, b: T) => number): Cursor<T> {
  let lowest = cursors[0] as Cursor<T>;
  for (let i = 1; i < cursors.length; i++) {
    const cursor = cursors[i] as Cursor<T>;
    if (compare(headOf(cursor), headOf(lowest)) < 0) {
      lowest = cursor;
    }
  }
  return lowest;
}

function headOf<T>(cursor: Cursor<T>): T {
  return cursor.chunk[cursor.at] as T;
}

/** Goes on to the next chunk that holds anything; false at the end. */
async function refill<T>(cursor: Cursor<T>): Promise<boolean> {
  for (;;) {
    const next = await cursor.chunks.next();
    if (next.done === true) {
      return false;
    }
    if (next.value.length > 0) {
      cursor.chunk = next.value;
      cursor.at = 0;
      return true;
    }
  }
}
