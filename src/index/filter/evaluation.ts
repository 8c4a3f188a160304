/**
 * What the comparisons of one filter share while they are evaluated on a segment: opened blocks,
 * each decoded once however many ask for it, and counts of what was done.
 */

import type { Bitmap } from "../../bytes/bitmap.ts";
import type { TokenFilter } from "../../document/filter.ts";
import { assert } from "../../errors.ts";
import { type ColumnValue, readDictionary } from "../../format/segment-columns.ts";
import type { IdRows } from "../../format/segment-ids.ts";
import type { DictionaryDirectory } from "../../format/segment-root.ts";
import { openIdBlock } from "../segment/id-lookup.ts";
import type { Segment } from "../segment/segment.ts";

/** What an evaluation cost. */
export interface FilterSteps {
  /** Blocks of dictionaries and ids decoded. */
  decoded: number;
  /** Values tested, or looked up, or ids looked at. */
  values: number;
  /** Rows whose code was mapped to a bit, or that were taken from a list. */
  rows: number;
}

export function noFilterSteps(): FilterSteps {
  return { decoded: 0, values: 0, rows: 0 };
}

/** Rows that pass each filter of tokens, from text indexes. */
export type TokenRows = ReadonlyMap<TokenFilter, Bitmap>;

export class Evaluation {
  readonly segment: Segment;
  /** Verified, in the order of the plan's blocks. */
  readonly bytes: readonly Uint8Array[];
  readonly steps: FilterSteps;
  readonly #dictionaries = new Map<number, readonly ColumnValue[]>();
  readonly #ids = new Map<number, IdRows>();

  readonly #tokens: TokenRows;

  constructor(
    segment: Segment,
    bytes: readonly Uint8Array[],
    steps: FilterSteps,
    tokens: TokenRows,
  ) {
    this.segment = segment;
    this.#tokens = tokens;
    this.bytes = bytes;
    this.steps = steps;
  }

  /** A chunk of the column's dictionary; `number`: its block's in the plan. */
  dictionary({ firstValues }: DictionaryDirectory, chunk: number, number: number) {
    const known = this.#dictionaries.get(number);
    if (known !== undefined) return known;
    const length = (firstValues[chunk + 1] as number) - (firstValues[chunk] as number);
    const values = readDictionary(this.bytes[number] as Uint8Array, length);
    this.steps.decoded += 1;
    this.#dictionaries.set(number, values);
    return values;
  }

  /** A copy: whoever joins it with others changes it. */
  tokenRows(filter: TokenFilter): Bitmap {
    const rows = this.#tokens.get(filter);
    assert(rows !== undefined, "rows of tokens were found");
    return rows.clone();
  }

  idRows(block: number, number: number): IdRows {
    const known = this.#ids.get(number);
    if (known !== undefined) return known;
    const rows = openIdBlock(this.segment, block, this.bytes[number] as Uint8Array);
    this.steps.decoded += 1;
    this.#ids.set(number, rows);
    return rows;
  }
}
