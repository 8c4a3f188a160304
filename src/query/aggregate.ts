/**
 * Aggregates over rows, alone or by group. Pure.
 *
 *   Count            rows
 *   Sum              of numbers; integers exactly, floats rounded once; 0 of none
 *   Min Max          of what has an order; null of none
 *   Avg              of numbers, the exact sum over the count; null of none
 *   CountDistinct    distinct values, of arrays their elements (distinct.ts)
 *   Histogram        rows by intervals of a number or time, those that have any
 *   Percentiles      the value at or below which so many of a hundred lie (nearest rank)
 *
 * Absent values count for nothing but Count. A value is added with the number of rows that have it:
 * rows of segments come counted by the codes of their columns.
 */
import type { AttributeType } from "../document/schema.ts";
import {
  type AttributeValue,
  type ComparableValue,
  compareScalars,
  isComparable,
  type ScalarValue,
} from "../document/value.ts";
import { assert, invalid } from "../errors.ts";
import { limits } from "../limits.ts";
import { DistinctCount } from "./distinct.ts";
import { ExactSum } from "./exact-sum.ts";

export type BoundAggregate = { readonly label: string } & (
  | { readonly kind: "Count" }
  | (OnAttribute & { readonly kind: "Sum" | "Min" | "Max" | "Avg" | "CountDistinct" })
  | (OnAttribute & {
      readonly kind: "Histogram";
      readonly interval: number;
      readonly origin: number;
    })
  | (OnAttribute & { readonly kind: "Percentiles"; readonly percentiles: readonly number[] })
);

interface OnAttribute {
  readonly attribute: string;
  readonly type: AttributeType;
}

export interface GroupBy {
  readonly label: string;
  readonly attribute: string;
  readonly type: AttributeType;
  /** A group for each distinct element of an array, rather than for each array. */
  readonly each: boolean;
}

export interface HistogramBucket {
  /** Where the interval begins; it ends where the next would. */
  readonly from: number;
  readonly count: number;
}

export type AggregateValue =
  | { readonly kind: "value"; readonly value: AttributeValue; readonly type: AttributeType }
  | {
      readonly kind: "buckets";
      readonly buckets: readonly HistogramBucket[];
      readonly type: AttributeType;
    }
  | {
      readonly kind: "percentiles";
      readonly values: readonly (readonly [number, AttributeValue])[];
      readonly type: AttributeType;
    };

/** Distinct values that percentiles of one query hold, all groups together. */
export class ValueBudget {
  #left: number = limits.percentileValuesMax;

  take(): void {
    this.#left -= 1;
    if (this.#left < 0) {
      const text = `💔 Percentiles of more than ${limits.percentileValuesMax} distinct values`;
      throw invalid(`${text}: add a filter, or group by less`, "aggregate_by");
    }
  }
}

export interface Accumulator {
  add(value: AttributeValue, count: number): void;
  readonly isExact: boolean;
  result(): AggregateValue;
}

export function newAccumulator(aggregate: BoundAggregate, budget: ValueBudget): Accumulator {
  switch (aggregate.kind) {
    case "Count":
      return new CountRows();
    case "Sum":
    case "Avg":
      return new SumValues(aggregate.kind, aggregate.type);
    case "Min":
    case "Max":
      return new Extreme(aggregate.kind === "Min" ? -1 : 1, aggregate.type);
    case "CountDistinct":
      return new Distinct();
    case "Histogram":
      return new Histogram(aggregate);
    case "Percentiles":
      return new Percentiles(aggregate, budget);
  }
}

function showValue(value: AttributeValue, type: AttributeType): AggregateValue {
  return { kind: "value", value, type };
}

class CountRows implements Accumulator {
  readonly isExact = true;
  #count = 0;

  add(_: AttributeValue, count: number): void {
    this.#count += count;
  }

  result(): AggregateValue {
    return showValue(this.#count, "int");
  }
}

class SumValues implements Accumulator {
  readonly isExact = true;
  readonly #kind: "Sum" | "Avg";
  readonly #type: AttributeType;
  readonly #sum = new ExactSum();
  #count = 0;

  constructor(kind: "Sum" | "Avg", type: AttributeType) {
    this.#kind = kind;
    this.#type = type;
  }

  add(value: AttributeValue, count: number): void {
    if (typeof value === "number" || typeof value === "bigint") {
      this.#sum.add(value, count);
      this.#count += count;
    }
  }

  result(): AggregateValue {
    if (this.#kind === "Avg") {
      const average = this.#count === 0 ? null : this.#sum.float() / this.#count;
      return showValue(average, "float");
    }
    const sum = this.#type === "float" ? this.#sum.float() : this.#sum.integer();
    return showValue(sum, this.#type);
  }
}

class Extreme implements Accumulator {
  readonly isExact = true;
  readonly #sign: number;
  readonly #type: AttributeType;
  #best: ScalarValue | undefined;

  /** 1: the largest, -1: the smallest. */
  constructor(sign: number, type: AttributeType) {
    this.#sign = sign;
    this.#type = type;
  }

  add(value: AttributeValue): void {
    if (!isComparable(value) || typeof value === "object") return;
    if (this.#best === undefined || this.#sign * compareScalars(value, this.#best) > 0) {
      this.#best = value;
    }
  }

  result(): AggregateValue {
    return showValue(this.#best ?? null, this.#type);
  }
}

class Distinct implements Accumulator {
  readonly #count = new DistinctCount();

  get isExact(): boolean {
    return this.#count.isExact;
  }

  add(value: AttributeValue): void {
    if (!isComparable(value)) return;
    for (const each of typeof value === "object" ? value : [value]) {
      this.#count.add(each);
    }
  }

  result(): AggregateValue {
    return showValue(this.#count.count(), "int");
  }
}

class Histogram implements Accumulator {
  readonly isExact = true;
  readonly #aggregate: Extract<BoundAggregate, { kind: "Histogram" }>;
  readonly #counts = new Map<number, number>();

  constructor(aggregate: Extract<BoundAggregate, { kind: "Histogram" }>) {
    this.#aggregate = aggregate;
  }

  add(value: AttributeValue, count: number): void {
    if (typeof value !== "number" && typeof value !== "bigint") return;
    const { interval, origin } = this.#aggregate;
    const bucket = Math.floor((Number(value) - origin) / interval);
    this.#counts.set(bucket, (this.#counts.get(bucket) ?? 0) + count);
    if (this.#counts.size > limits.histogramBucketsMax) {
      const text = `💔 a Histogram has at most ${limits.histogramBucketsMax} intervals with rows`;
      throw invalid(`${text}; make them larger`, "aggregate_by");
    }
  }

  result(): AggregateValue {
    const { interval, origin, type } = this.#aggregate;
    const buckets = [...this.#counts]
      .sort(([a], [b]) => a - b)
      .map(([bucket, count]) => ({ from: origin + bucket * interval, count }));
    return { kind: "buckets", buckets, type };
  }
}

class Percentiles implements Accumulator {
  readonly isExact = true;
  readonly #aggregate: Extract<BoundAggregate, { kind: "Percentiles" }>;
  readonly #budget: ValueBudget;
  readonly #counts = new Map<ScalarValue, number>();
  #total = 0;

  constructor(aggregate: Extract<BoundAggregate, { kind: "Percentiles" }>, budget: ValueBudget) {
    this.#aggregate = aggregate;
    this.#budget = budget;
  }

  add(value: AttributeValue, count: number): void {
    if (typeof value !== "number" && typeof value !== "bigint") return;
    const before = this.#counts.get(value);
    if (before === undefined) this.#budget.take();
    this.#counts.set(value, (before ?? 0) + count);
    this.#total += count;
  }

  result(): AggregateValue {
    const { percentiles, type } = this.#aggregate;
    const sorted = [...this.#counts].sort(([a], [b]) => compareScalars(a, b));
    const valueAt = (rank: number): AttributeValue => {
      let seen = 0;
      for (const [value, count] of sorted) {
        seen += count;
        if (seen >= rank) return value;
      }
      return null;
    };
    const values = percentiles.map((percent) => {
      const rank = Math.max(1, Math.ceil((percent / 100) * this.#total));
      return [percent, valueAt(rank)] as const;
    });
    return { kind: "percentiles", values, type };
  }
}

// ---- Groups
// -----------------------------------------------------------------------------------------

export interface Group {
  /** In the order of `GroupBy`; null: absent. */
  readonly key: readonly (ComparableValue | null)[];
  readonly accumulators: readonly Accumulator[];
}

/** All groups of a query; without `group_by` there is one, whether it has rows or not. */
export class Groups {
  readonly aggregates: readonly BoundAggregate[];
  /** By the value of the key if it is one scalar, else by a text for it. */
  readonly #groups = new Map<ScalarValue | null, Group>();
  readonly #byText = new Map<string, Group>();
  readonly #budget = new ValueBudget();

  constructor(aggregates: readonly BoundAggregate[]) {
    this.aggregates = aggregates;
  }

  /** The group with this key, made if there is none. */
  at(key: Group["key"]): Group {
    const [first = null] = key;
    if (key.length === 1 && (first === null || typeof first !== "object")) {
      return this.atScalar(first);
    }
    const text = keyText(key);
    const known = this.#byText.get(text);
    if (known !== undefined) return known;
    const made = this.#make(key);
    this.#byText.set(text, made);
    return made;
  }

  /** The group with this as its key, and nothing else in it. */
  atScalar(value: ScalarValue | null): Group {
    const known = this.#groups.get(value);
    if (known !== undefined) return known;
    const made = this.#make([value]);
    this.#groups.set(value, made);
    return made;
  }

  all(): readonly Group[] {
    return [...this.#groups.values(), ...this.#byText.values()];
  }

  #make(key: Group["key"]): Group {
    if (this.#groups.size + this.#byText.size >= limits.groupsHeldMax) {
      const most = `💔 more than ${limits.groupsHeldMax} groups`;
      throw invalid(`${most}: add a filter, or group by less`, "group_by");
    }
    const accumulators = this.aggregates.map((each) => newAccumulator(each, this.#budget));
    return { key, accumulators };
  }
}

function keyText(key: Group["key"]): string {
  return JSON.stringify(key, (_, value: unknown) =>
    typeof value === "bigint" ? { bigint: String(value) } : value,
  );
}

/** So few are compared with each other faster than they are hashed. */
const elementsComparedMax = 8;

/** The distinct elements that a row is grouped by: none of an empty array, null if it is absent. */
export function elementsOf(value: AttributeValue): readonly (ScalarValue | null)[] {
  if (value === null) return [null];
  assert(typeof value === "object" && isComparable(value), "only arrays have elements");
  const elements = value as readonly ScalarValue[];
  return elements.length > elementsComparedMax
    ? [...new Set(elements)]
    : elements.filter((element, i) => elements.indexOf(element) === i);
}
