/**
 * A query as the engine takes it: shape and bounds are checked, names and values are not, because
 * what they must be depends on the schema of the snapshot it will run on (see bind.ts).
 */
import type { DistanceMetric } from "../document/schema.ts";
import type { OrderKey } from "./ranking.ts";

export interface Query {
  readonly rank: Rank;
  /** 1 … limits.topKMax together with the offset. */
  readonly limit: number;
  /** Best rows to leave out. */
  readonly offset: number;
  /** Filter as JSON, or undefined for none; filter.ts says what it may be. */
  readonly filters: unknown;
  readonly attributes: AttributeChoice;
  /** At most so many rows for each combination of attributes. */
  readonly per?: Diversity | undefined;
  /** What to compute for each row of the answer. */
  readonly computed?: readonly Computed[];
  /** If given, must be the namespace's. */
  readonly metric: DistanceMetric | undefined;
  readonly consistency: Consistency;
  /** Reads as if nothing were cached, and caches nothing. */
  readonly disableCache: boolean;
}

/** Counts and sums over the rows that match, in place of rows. */
export interface AggregateQuery {
  readonly filters: unknown;
  /** As JSON; aggregate-input.ts says what they may be. */
  readonly aggregates: unknown;
  readonly groups: readonly unknown[];
  /** How many groups at most: the first by key, or by `order`. */
  readonly groupsMax: number;
  /** Label of a group or of a function to sort groups by. */
  readonly order: { readonly label: string; readonly descending: boolean } | undefined;
  readonly metric: DistanceMetric | undefined;
}

export type Computed = { readonly name: string } & (
  | { readonly kind: "expression"; readonly json: unknown }
  | { readonly kind: "distance"; readonly column: string; readonly vector: Float32Array }
);

export interface Diversity {
  readonly attributes: readonly string[];
  readonly limit: number;
}

export type Consistency = "strong" | "eventual";

export type Rank =
  | {
      readonly kind: "vector";
      /** Approximate, or over every matching row. */
      readonly exhaustive: boolean;
      readonly column: string;
      /** Finite values. */
      readonly vector: Float32Array;
    }
  /** Of a vector array: by the nearest of its vectors to each of these. */
  | {
      readonly kind: "vectors";
      readonly column: string;
      readonly vectors: readonly Float32Array[];
    }
  | {
      readonly kind: "sparse";
      readonly column: string;
      /** Finite weights by token. */
      readonly weights: ReadonlyMap<string, number>;
    }
  | { readonly kind: "id"; readonly descending: boolean }
  /** By attributes, or the id among them, the first the most significant. */
  | { readonly kind: "order"; readonly keys: readonly OrderKey[] }
  /** An expression as JSON; expression-input.ts says what it may be. */
  | { readonly kind: "expression"; readonly json: unknown };

/** Which attributes, vectors among them, the rows bring along. */
export type AttributeChoice =
  | { readonly kind: "all" }
  | { readonly kind: "only"; readonly names: readonly string[] }
  | { readonly kind: "except"; readonly names: readonly string[] };

export const noAttributes: AttributeChoice = { kind: "only", names: [] };
