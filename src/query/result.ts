/**
 * What a query answers: rows, what they cost the user (billing) and what they cost us
 * (performance). Pure.
 */
import type { DocumentId, IdKind } from "../document/id.ts";
import { elementBytes, type Schema, type VectorElement } from "../document/schema.ts";
import { idLogicalBytes, utf8Length, valueLogicalBytes } from "../document/size.ts";
import { type AttributeValue, compareValues } from "../document/value.ts";
import type { Temperature } from "../store/read-counts.ts";
import type { AggregateValue, BoundAggregate, Group, GroupBy } from "./aggregate.ts";
import type { Fragment } from "./highlight.ts";

export interface SearchResult {
  readonly rows: readonly ResultRow[];
  /** Of the snapshot: says how values are shown. */
  readonly schema: Schema;
  readonly billing: SearchBilling;
  readonly performance: SearchPerformance;
}

export interface ResultRow {
  readonly id: DocumentId;
  /** Absent where rows are ordered by an attribute. */
  readonly distance: number | undefined;
  /** In the order of the schema; those the document lacks are left out. */
  readonly attributes: readonly RowAttribute[];
  readonly vector: RowVector | undefined;
  /** What was computed for the row, in the order asked for. */
  readonly computed?: readonly ComputedValue[];
}

export interface ComputedValue {
  readonly name: string;
  /** Single precision, or what is to be shown of a text. */
  readonly value: number | readonly Fragment[];
}

/** The answer to one query of several. */
export type PartResult =
  | { readonly kind: "rows"; readonly rows: readonly ResultRow[] }
  | AggregateAnswer;

export interface AggregateAnswer {
  readonly kind: "aggregates";
  /** Undefined if nothing is grouped by: then there is one group. */
  readonly by: readonly GroupBy[] | undefined;
  readonly aggregates: readonly BoundAggregate[];
  readonly groups: readonly AnsweredGroup[];
  /** Labels of functions that were estimated somewhere. */
  readonly estimated: readonly string[];
}

export interface AnsweredGroup {
  readonly key: Group["key"];
  readonly values: readonly AggregateValue[];
}

/** Groups by key, or in the order asked for; equal ones by key. */
export function groupAnswer(
  {
    aggregates,
    groups: by,
    groupsMax,
    order,
  }: {
    readonly aggregates: readonly BoundAggregate[];
    readonly groups: readonly GroupBy[];
    readonly groupsMax: number;
    readonly order: { readonly label: string; readonly descending: boolean } | undefined;
  },
  groups: readonly Group[],
): AggregateAnswer {
  const byKey = (a: Group, b: Group): number => {
    for (const [i, value] of a.key.entries()) {
      const compared = compareValues(value, b.key[i] ?? null);
      if (compared !== 0) return compared;
    }
    return 0;
  };
  const keyAt = by.findIndex(({ label }) => label === order?.label);
  const valueAt = aggregates.findIndex(({ label }) => label === order?.label);
  const sign = order?.descending === true ? -1 : 1;
  const measure = ({ key, accumulators }: Group): AttributeValue => {
    const result = accumulators[valueAt]?.result();
    return keyAt >= 0 ? (key[keyAt] ?? null) : result?.kind === "value" ? result.value : null;
  };
  const measured =
    order === undefined ? [] : groups.map((group) => ({ group, value: measure(group) }));
  const sorted =
    order === undefined
      ? groups.toSorted(byKey)
      : measured
          .sort((a, b) => sign * compareValues(a.value, b.value) || byKey(a.group, b.group))
          .map(({ group }) => group);
  const first = sorted.slice(0, by.length === 0 ? 1 : groupsMax);
  return {
    kind: "aggregates",
    by: by.length === 0 ? undefined : by,
    aggregates,
    groups: first.map(({ key, accumulators }) => ({
      key,
      values: accumulators.map((each) => each.result()),
    })),
    estimated: aggregates.flatMap(({ label }, i) =>
      first.some(({ accumulators }) => accumulators[i]?.isExact === false) ? [label] : [],
    ),
  };
}

export interface RowAttribute {
  readonly name: string;
  readonly value: AttributeValue;
}

export interface RowVector {
  readonly name: string;
  readonly element: VectorElement;
  readonly values: Float32Array;
}

export interface SearchBilling {
  readonly queriedBytes: number;
  readonly returnedBytes: number;
}

export interface SearchPerformance {
  /** Share of the blocks that came from memory or the edge cache; 1 if none was needed. */
  readonly cacheHitRatio: number;
  readonly temperature: Temperature;
  readonly executionMs: number;
  /** Documents of the tail, all of which were looked at. */
  readonly unindexedRows: number;
  /** Live documents; those overwritten in the tail count twice until they are flushed. */
  readonly approximateRows: number;
  readonly lastWriteMs: number;
  readonly rounds: number;
  /** What the store sent in each, but for rounds of other isolates. */
  readonly roundBytes: readonly number[];
  readonly storeRequests: number;
  readonly storeBytes: number;
  /** Store and edge cache together. */
  readonly bytes: number;
  /** Rows of segments scored by their 1-bit codes. */
  readonly candidates: number;
  /** Rows of segments scored by their int8 codes. */
  readonly refined: number;
  /** Rows of segments whose exact distance was computed. */
  readonly exact: number;
  /** Rows of segments met and skipped because the tail replaces them. */
  readonly masked: number;
  readonly clustersProbed: number;
  /** Other isolates that read for it; what they did is counted in all the numbers here. */
  readonly readers: number;
  /** Rows of all segments, dead ones included. */
  readonly indexedRows: number;
}

/** A small query costs as much as one over this many bytes. */
const queriedBytesMin = 256_000_000;
const distanceBytes = 4;

export function billSearch(
  rows: readonly ResultRow[],
  idKind: IdKind | undefined,
  logicalBytes: number,
): SearchBilling {
  let returnedBytes = 0;
  for (const { id, distance, attributes, vector, computed = [] } of rows) {
    for (const { value } of computed) returnedBytes += computedBytes(value);
    returnedBytes += idLogicalBytes(id, idKind ?? "uint");
    returnedBytes += distance === undefined ? 0 : distanceBytes;
    returnedBytes += vector === undefined ? 0 : vectorBytes(vector);
    for (const { value } of attributes) {
      returnedBytes += valueLogicalBytes(value);
    }
  }
  return { queriedBytes: Math.max(queriedBytesMin, logicalBytes), returnedBytes };
}

function computedBytes(value: ComputedValue["value"]): number {
  return typeof value === "number"
    ? distanceBytes
    : value.reduce((sum, { text }) => sum + utf8Length(text), 0);
}

function vectorBytes({ values, element }: RowVector): number {
  return values.length * elementBytes(element);
}
