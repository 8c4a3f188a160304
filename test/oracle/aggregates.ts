/**
 * Aggregates by definition: every document, one at a time, sums by rational arithmetic. Shares no
 * code with the engine. Answers are in the form of `shownAggregates`.
 */
import type { AttributeValue, ScalarValue } from "../../src/document/value.ts";
import type { AggregateAnswer } from "../../src/query/result.ts";
import type { BruteForce, OracleDocument, OracleFilter } from "./brute-force.ts";
import { compare, valueOf } from "./ranks.ts";

export type OracleCall = readonly [string, string?, unknown?];
export type OracleGroup = string | Readonly<Record<string, readonly ["ForEachUnique", string]>>;

export interface OracleAggregates {
  readonly aggregate_by: Readonly<Record<string, OracleCall>>;
  readonly group_by?: readonly OracleGroup[];
  readonly top_k?: number;
}

export type Shown = readonly (readonly [key: readonly unknown[], values: readonly unknown[]])[];

export function aggregated(
  oracle: BruteForce,
  { aggregate_by: calls, group_by: by = [], top_k: topK = 10_000 }: OracleAggregates,
  filter?: OracleFilter,
): Shown {
  const groups = new Map<string, { key: AttributeValue[]; members: OracleDocument[] }>();
  if (by.length === 0) groups.set("[]", { key: [], members: [] });
  for (const document of oracle.matching(filter)) {
    for (const key of keysOf(document, by)) {
      const text = JSON.stringify(key, (_, value: unknown) =>
        typeof value === "bigint" ? `${value}n` : value,
      );
      const group = groups.get(text) ?? { key, members: [] };
      groups.set(text, group);
      group.members.push(document);
    }
  }
  return [...groups.values()]
    .sort((a, b) => {
      for (const [i, value] of a.key.entries()) {
        const order = compareArrays(value, b.key[i] ?? null);
        if (order !== 0) return order;
      }
      return 0;
    })
    .slice(0, by.length === 0 ? 1 : topK)
    .map(({ key, members }) => [key, Object.values(calls).map((call) => evaluate(call, members))]);
}

function keysOf(document: OracleDocument, by: readonly OracleGroup[]): AttributeValue[][] {
  let keys: AttributeValue[][] = [[]];
  for (const each of by) {
    const name = typeof each === "string" ? each : (Object.values(each)[0]?.[1] ?? "");
    const value = valueOf(document, name);
    const values =
      typeof each === "string" || value === null ? [value] : [...new Set(value as ScalarValue[])];
    keys = keys.flatMap((key) => values.map((part) => [...key, part]));
  }
  return keys;
}

function compareArrays(a: AttributeValue, b: AttributeValue): number {
  if (!Array.isArray(a) || !Array.isArray(b)) return compare(a, b);
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const order = compare(a[i], b[i]);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

function evaluate([name, attribute = "", options]: OracleCall, members: OracleDocument[]): unknown {
  if (name === "Count") return members.length;
  const values = members
    .map((document) => valueOf(document, attribute))
    .filter((value) => value !== null);
  const sorted = [...values].sort(compareArrays);
  switch (name) {
    case "Sum":
      return isFloat(attribute)
        ? sumFloat(values as (number | bigint)[])
        : scaledSum(values as (number | bigint)[]) >> 1_100n;
    case "Avg":
      return values.length === 0 ? null : sumFloat(values as (number | bigint)[]) / values.length;
    case "Min":
      return sorted[0] ?? null;
    case "Max":
      return sorted.at(-1) ?? null;
    case "CountDistinct":
      return new Set(values.flatMap((value) => value as ScalarValue)).size;
    case "Histogram": {
      const { interval } = options as { interval: number };
      const buckets = new Map<number, number>();
      for (const value of sorted) {
        const from = Math.floor(Number(value) / interval) * interval;
        buckets.set(from, (buckets.get(from) ?? 0) + 1);
      }
      return [...buckets].map(([from, count]) => ({ from, count }));
    }
    default:
      return (options as number[]).map((percent) => [
        percent,
        sorted[Math.max(1, Math.ceil((percent / 100) * sorted.length)) - 1] ?? null,
      ]);
  }
}

/** Floats are called f here. */
function isFloat(attribute: string): boolean {
  return attribute.startsWith("f");
}

/** In units of 2^-1100: each double is an integer times a power of two. */
function scaledSum(values: readonly (number | bigint)[]): bigint {
  let total = 0n;
  for (const value of values) {
    if (typeof value === "bigint" || Number.isInteger(value)) {
      total += BigInt(value) << 1_100n;
      continue;
    }
    let [mantissa, exponent] = [value, 0];
    while (!Number.isInteger(mantissa)) [mantissa, exponent] = [mantissa * 2, exponent + 1];
    total += (BigInt(mantissa) << 1_100n) >> BigInt(exponent);
  }
  return total;
}

function sumFloat(values: readonly (number | bigint)[]): number {
  const total = scaledSum(values);
  const size = total < 0n ? -total : total;
  // Beyond 120 bits the others only say on which side of a tie the sum lies.
  const cut = Math.max(0, size.toString(2).length - 120);
  const head = (size >> BigInt(cut)) | (size & ((1n << BigInt(cut)) - 1n) ? 1n : 0n);
  const half = Math.trunc((cut - 1_100) / 2);
  const rounded = Number(head) * 2 ** half * 2 ** (cut - 1_100 - half);
  return (total < 0n ? -1 : 1) * rounded || 0;
}

/** An answer of the engine in the same form. */
export function shownAggregates({ groups }: AggregateAnswer): Shown {
  return groups.map(({ key, values }) => [
    key,
    values.map((result) => {
      switch (result.kind) {
        case "value":
          return result.value;
        case "buckets":
          return result.buckets;
        case "percentiles":
          return result.values;
      }
    }),
  ]);
}
