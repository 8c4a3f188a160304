/** Aggregates as answers show them: sums of floats as floats, times as times, groups as objects. */
import type { AttributeType } from "../../src/document/schema.ts";
import type { AttributeValue } from "../../src/document/value.ts";
import type { AggregateValue } from "../../src/query/aggregate.ts";
import type { AggregateAnswer } from "../../src/query/result.ts";
import { F64, type JsonEncodable } from "./json.ts";
import { renderAttribute } from "./packed-output.ts";

export function renderAggregates(answer: AggregateAnswer): {
  readonly [key: string]: JsonEncodable | undefined;
} {
  const { aggregates, groups, by, estimated } = answer;
  const approximate = estimated.length === 0 ? {} : { approximate_aggregations: estimated };
  if (by === undefined) {
    const values = aggregates.map(
      ({ label }, i) => [label, renderAggregate(groups[0]?.values[i])] as const,
    );
    return { aggregations: new Map(values), ...approximate };
  }
  return {
    aggregation_groups: groups.map(({ key, values }) => {
      const group = new Map<string, JsonEncodable>();
      for (const [i, { label, type, each }] of by.entries()) {
        const element = (each ? type.slice(2) : type) as AttributeType;
        group.set(label, renderValue(key[i] ?? null, element));
      }
      for (const [i, { label }] of aggregates.entries()) {
        group.set(label, renderAggregate(values[i]));
      }
      return group;
    }),
    ...approximate,
  };
}

function renderAggregate(result: AggregateValue | undefined): JsonEncodable {
  switch (result?.kind) {
    case "value":
      return renderValue(result.value, result.type);
    case "buckets":
      return result.buckets.map(({ from, count }) => ({
        from: renderValue(from, result.type),
        count,
      }));
    case "percentiles":
      return new Map(
        result.values.map(([percent, value]) => [String(percent), renderValue(value, result.type)]),
      );
    case undefined:
      return null;
  }
}

function renderValue(value: AttributeValue, type: AttributeType): JsonEncodable {
  return type === "float" && typeof value === "number"
    ? new F64(value)
    : renderAttribute(value, type, "float");
}
