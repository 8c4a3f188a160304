/**
 * Ranks by an attribute that no index knows the order of: a vector column beside the primary one,
 * or a sparse vector. Every matching document is scored from its own value, so the answer is exact.
 *
 *   distance   what the column's metric says (distance.ts); smaller is better
 *   tokens     of a vector array: the sum, over the vectors asked for, of the distance to the
 *              nearest of the document; smaller is better (MaxSim, with distances for scores)
 *   product    sum over the tokens of both of weight times weight, as f32; larger is better,
 *              and what shares no token, or comes to 0, is not in the answer
 */
import type { VectorElement } from "../document/schema.ts";
import type { AttributeValue } from "../document/value.ts";
import { corrupt } from "../errors.ts";
import { unpackSparse, unpackVector, unpackVectors } from "../format/packed-value.ts";
import { limits } from "../limits.ts";
import { type DistanceQuery, exactDistance, f32Max } from "./distance.ts";

export interface AttributeScore {
  readonly column: string;
  /** What ranks the value: smaller is better. Undefined: it is not in the answer. */
  readonly distanceOf: (value: AttributeValue) => number | undefined;
  /** What users see of such a distance. */
  readonly show: (distance: number) => number;
  /** Rows that may be scored at all; undefined: any number. */
  readonly rowsMax?: number;
}

export function scoreByDistance(
  column: string,
  element: VectorElement,
  query: DistanceQuery,
): AttributeScore {
  const dims = query.vector.length;
  return {
    column,
    distanceOf: (value) => {
      const bytes = packed(value, column);
      return bytes && exactDistance(query, unpackVector(bytes, dims, element), 0);
    },
    show: (distance) => distance,
  };
}

/** Of documents with at least one vector. */
export function scoreByTokens(
  column: string,
  dims: number,
  tokens: readonly DistanceQuery[],
): AttributeScore {
  return {
    column,
    rowsMax: limits.lateInteractionRowsMax,
    distanceOf: (value) => {
      const bytes = packed(value, column);
      const vectors = bytes === undefined ? [] : unpackVectors(bytes, dims);
      if (vectors.length === 0) return undefined;
      let sum = 0;
      for (const token of tokens) {
        sum += vectors.reduce(
          (least, each) => Math.min(least, exactDistance(token, each, 0)),
          f32Max,
        );
      }
      return Math.min(Math.fround(sum), f32Max);
    },
    show: (distance) => distance,
  };
}

export function scoreByProduct(
  column: string,
  weights: ReadonlyMap<string, number>,
): AttributeScore {
  return {
    column,
    distanceOf: (value) => {
      const bytes = packed(value, column);
      const product = bytes === undefined ? 0 : productOf(bytes, weights);
      return product === 0 ? undefined : -product;
    },
    show: (distance) => -distance,
  };
}

function productOf(bytes: Uint8Array, query: ReadonlyMap<string, number>): number {
  const { tokens, weights } = unpackSparse(bytes);
  let sum = 0;
  for (const [i, token] of tokens.entries()) {
    sum += (query.get(token) ?? 0) * (weights[i] as number);
  }
  return Math.max(-f32Max, Math.min(f32Max, Math.fround(sum)));
}

function packed(value: AttributeValue, column: string): Uint8Array | undefined {
  if (value === null) {
    return undefined;
  }
  if (!(value instanceof Uint8Array)) {
    throw corrupt(`"${column}" holds no vector`);
  }
  return value;
}
