/** The segments that a merge reads, and how their rows are numbered through. */
import type { Bitmap } from "../../bytes/bitmap.ts";
import { assert } from "../../errors.ts";
import type { Segment } from "../segment/segment.ts";

export interface MergeInput {
  readonly segment: Segment;
  /** Undefined: all rows live. */
  readonly dead: Bitmap | undefined;
}

/** An input and the number of its first row. */
export interface PlacedInput extends MergeInput {
  readonly first: number;
}

/** Rows count through the inputs in the order given. */
export function placeInputs(inputs: readonly MergeInput[]): PlacedInput[] {
  let first = 0;
  return inputs.map((input) => {
    assert(
      input.dead === undefined || input.dead.size === input.segment.root.rows,
      "a dead bitmap has one bit a row",
    );
    const placed = { ...input, first };
    first += input.segment.root.rows;
    return placed;
  });
}

export function totalRows(inputs: readonly MergeInput[]): number {
  return inputs.reduce((sum, { segment }) => sum + segment.root.rows, 0);
}

export function liveRowCount({ segment, dead }: MergeInput): number {
  return segment.root.rows - (dead?.count() ?? 0);
}

export function isLive({ dead }: MergeInput, ordinal: number): boolean {
  return dead === undefined || !dead.has(ordinal);
}

/** Numbers of the rows that live, ascending. */
export function liveRows(inputs: readonly PlacedInput[]): Uint32Array {
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
