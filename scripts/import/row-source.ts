/**
 * What can be imported: rows in one order, the same every time they are read, so that "the first
 * 12,000 rows" means something to a later run.
 */

import { type Row, SourceError } from "../../workers/rows/row.ts";

export { type Row, SourceError };

export interface RowSource {
  /** For messages. */
  readonly name: string;
  /** Tells whether a later run reads the same rows. Undefined: nobody can read them twice. */
  readonly identity: string | undefined;
  /** Undefined until all is read. */
  readonly rows: number | undefined;
  /** Types that the format itself states, by column, as in a schema. */
  readonly types: Readonly<Record<string, string>>;
  /** Every value is text, so types are guessed from what it looks like. */
  readonly isText: boolean;
  /** What an attribute that is only shown needs: nothing indexed. */
  readonly unfilterable?: readonly string[];
  readonly metric?: string;
  /** Rows have no ids but their numbers. */
  readonly numbersRows: boolean;
  /** Between 0 and 1, where the number of rows is not known. */
  readonly share?: () => number;
  /** For sources whose rows cannot be counted off: where all from number `row` on are read. */
  readonly placeOf?: (row: number) => NotedPlace;
  /** From row number `from` on, in stretches of any length. `place`: what was noted of it. */
  readonly stretches: (from: number, place?: string) => AsyncIterable<readonly Row[]>;
  readonly close?: () => Promise<void>;
}

export interface NotedPlace {
  /** Number of the row that begins there. */
  readonly rows: number;
  readonly place: string | undefined;
}

/** Drops the first `skip` rows of a stream that can only be read from its beginning. */
export async function* skipRows(
  stretches: AsyncIterable<readonly Row[]>,
  skip: number,
): AsyncGenerator<readonly Row[]> {
  let left = skip;
  for await (const rows of stretches) {
    if (left >= rows.length) left -= rows.length;
    else {
      yield left === 0 ? rows : rows.slice(left);
      left = 0;
    }
  }
}
