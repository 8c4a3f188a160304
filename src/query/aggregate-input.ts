/**
 * `aggregate_by` and `group_by` as users write them, checked against a schema.
 *
 *   {label: ["Count"] | ["Sum" | "Min" | "Max" | "Avg" | "CountDistinct", attribute] |
 *           ["Histogram", attribute, {"interval": n or "1d", "origin"?}] |
 *           ["Percentiles", attribute, [50, 99, …]]}
 *   [attribute, {label: ["ForEachUnique", array attribute]}, …]
 *
 * Refused: wrong shapes and unknown functions (`malformed`); names, types and labels that do not
 * fit (`invalid`).
 */
import { parseDatetime, parseDuration } from "../document/datetime.ts";
import { type AttributeType, isArrayType, isPackedType, type Schema } from "../document/schema.ts";
import { describeJson, isJsonObject, malformedAt } from "../document/shape.ts";
import { type EngineError, invalid } from "../errors.ts";
import { limits } from "../limits.ts";
import type { BoundAggregate, GroupBy } from "./aggregate.ts";

const functions = [
  "Count",
  "Sum",
  "Min",
  "Max",
  "Avg",
  "CountDistinct",
  "Histogram",
  "Percentiles",
] as const;
type AggregateName = (typeof functions)[number];

export function parseAggregates(json: unknown, schema: Schema): readonly BoundAggregate[] {
  if (!isJsonObject(json)) {
    throw malformedAt("aggregate_by", `invalid type: ${describeJson(json)}, expected a map`);
  }
  const entries = Object.entries(json);
  if (entries.length === 0 || entries.length > limits.aggregatesMax) {
    throw invalid(
      `💔 aggregate_by takes 1 to ${limits.aggregatesMax} functions, got ${entries.length}`,
      "aggregate_by",
    );
  }
  return entries.map(([label, call]) => parseAggregate(label, call, schema));
}

function parseAggregate(label: string, json: unknown, schema: Schema): BoundAggregate {
  const path = `aggregate_by.${label}`;
  const [name, attribute, options] = Array.isArray(json) ? (json as readonly unknown[]) : [];
  if (!Array.isArray(json) || typeof name !== "string") {
    throw malformedAt(path, `invalid type: ${describeJson(json)}, expected a function`);
  }
  const kind = functions.find((known) => known === name);
  if (kind === undefined) {
    const known = functions.map((each) => `\`${each}\``).join(", ");
    throw malformedAt(path, `unknown variant \`${name}\`, expected one of ${known}`);
  }
  if (json.length > (kind === "Histogram" || kind === "Percentiles" ? 3 : 2)) {
    throw malformedAt(path, `${kind} takes no more than that`);
  }
  if (kind === "Count") {
    if (attribute !== undefined && attribute !== "id") {
      const text = `💔 aggregate_by with attributes other than "id" not yet supported`;
      throw invalid(text, path);
    }
    return { label, kind };
  }
  if (typeof attribute !== "string") {
    throw malformedAt(path, `${kind} takes the name of an attribute`);
  }
  const type = typeOf(attribute, kind, schema, path);
  switch (kind) {
    case "Histogram":
      return { label, kind, attribute, type, ...parseInterval(options, type, path) };
    case "Percentiles":
      return { label, kind, attribute, type, percentiles: parsePercentiles(options, path) };
    case "Sum":
    case "Min":
    case "Max":
    case "Avg":
    case "CountDistinct":
      return { label, kind, attribute, type };
  }
}

const numbers: readonly AttributeType[] = ["int", "uint", "float"];

function typeOf(
  attribute: string,
  kind: Exclude<AggregateName, "Count">,
  schema: Schema,
  path: string,
): AttributeType {
  const type = schema.attributes.get(attribute)?.type;
  if (type === undefined) {
    throw unknown(attribute, "aggregate_by", path);
  }
  const isNumber = numbers.includes(type);
  const fits =
    kind === "CountDistinct"
      ? !isPackedType(type)
      : kind === "Min" || kind === "Max"
        ? !isPackedType(type) && !isArrayType(type)
        : isNumber || (type === "datetime" && (kind === "Histogram" || kind === "Percentiles"));
  if (!fits) {
    throw invalid(`💔 ${kind} does not apply to attribute "${attribute}" of type ${type}`, path);
  }
  return type;
}

function parseInterval(
  json: unknown,
  type: AttributeType,
  path: string,
): { readonly interval: number; readonly origin: number } {
  if (!isJsonObject(json)) {
    throw malformedAt(path, 'Histogram takes an attribute and {"interval", "origin"?}');
  }
  const { interval, origin = 0 } = json;
  const isTime = type === "datetime";
  const length =
    isTime && typeof interval === "string" ? parseDuration(interval) : numberOf(interval);
  if (length === undefined || !(length > 0) || !Number.isFinite(length)) {
    const expected = isTime ? "a duration such as 1d, or milliseconds" : "a number";
    throw invalid(`💔 the interval of a Histogram is ${expected}, above 0`, path);
  }
  const start = isTime && typeof origin === "string" ? parseDatetime(origin) : numberOf(origin);
  if (start === undefined || !Number.isFinite(start)) {
    throw invalid(`💔 the origin of a Histogram is a value of the attribute`, path);
  }
  return { interval: length, origin: start };
}

function parsePercentiles(json: unknown, path: string): readonly number[] {
  if (!Array.isArray(json)) {
    throw malformedAt(path, "Percentiles takes an attribute and a list of numbers");
  }
  const percentiles = json.map((each: unknown) => numberOf(each));
  if (
    percentiles.length === 0 ||
    percentiles.length > limits.percentilesMax ||
    percentiles.some((each) => each === undefined || !(each >= 0 && each <= 100))
  ) {
    const most = limits.percentilesMax;
    throw invalid(`💔 Percentiles takes 1 to ${most} numbers from 0 to 100`, path);
  }
  return [...new Set(percentiles as number[])];
}

function numberOf(json: unknown): number | undefined {
  return typeof json === "number" || typeof json === "bigint" ? Number(json) : undefined;
}

// ---- Groups
// -----------------------------------------------------------------------------------------

export function parseGroups(
  json: readonly unknown[],
  aggregates: readonly BoundAggregate[],
  schema: Schema,
): readonly GroupBy[] {
  if (json.length > limits.groupKeysMax) {
    throw invalid(`💔 group_by takes at most ${limits.groupKeysMax} attributes`, "group_by");
  }
  const groups = json.map((each, i) => parseGroup(each, schema, `group_by[${i}]`));
  const labels = new Set(aggregates.map(({ label }) => label));
  const attributes = new Set<string>();
  for (const { label, attribute } of groups) {
    if (attributes.has(attribute)) {
      throw invalid(`💔 group_by names attribute "${attribute}" twice`, "group_by");
    }
    if (labels.has(label)) {
      throw invalid(`💔 label "${label}" is used twice`, "group_by");
    }
    attributes.add(attribute);
    labels.add(label);
  }
  if (groups.filter(({ each }) => each).length > 1) {
    throw invalid("💔 group_by takes ForEachUnique once", "group_by");
  }
  return groups;
}

function parseGroup(json: unknown, schema: Schema, path: string): GroupBy {
  if (typeof json === "string") {
    return { label: json, attribute: json, type: groupType(json, schema, path), each: false };
  }
  const entries = isJsonObject(json) ? Object.entries(json) : [];
  const [label, call] = entries[0] ?? [];
  if (label === undefined || entries.length !== 1 || !Array.isArray(call)) {
    const expected = 'the name of an attribute, or {label: ["ForEachUnique", attribute]}';
    throw malformedAt(path, `invalid type: ${describeJson(json)}, expected ${expected}`);
  }
  const [name, attribute] = call as readonly unknown[];
  if (name !== "ForEachUnique" || typeof attribute !== "string" || call.length !== 2) {
    throw malformedAt(path, `unknown variant \`${String(name)}\`, expected \`ForEachUnique\``);
  }
  const type = groupType(attribute, schema, path);
  if (!isArrayType(type)) {
    throw invalid(`💔 ForEachUnique does not apply to "${attribute}" of type ${type}`, path);
  }
  return { label, attribute, type, each: true };
}

function groupType(attribute: string, schema: Schema, path: string): AttributeType {
  if (attribute === "id") {
    throw invalid("💔 group_by cannot name `id`: every document has its own", path);
  }
  const type = schema.attributes.get(attribute)?.type;
  if (type === undefined) {
    throw unknown(attribute, "group_by", path);
  }
  if (isPackedType(type)) {
    throw invalid(`💔 group_by cannot name "${attribute}" of type ${type}`, path);
  }
  return type;
}

function unknown(attribute: string, field: string, path: string): EngineError {
  return invalid(
    `💔 attribute "${attribute}" not found in schema, cannot be part of \`${field}\``,
    path,
  );
}
