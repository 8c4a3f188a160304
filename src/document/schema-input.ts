/**
 * Schemas as users write them: parsing (shape and single options) and merging into a namespace's
 * schema (what may change).
 *
 *   {"title": "string"}                             shorthand: options stay as they are
 *   {"title": {"type": "string", "filterable": false}}   options given here win, the others stay
 *   {"id": "uuid"}                                  the kind of the ids
 *
 * Merge rules: types, id kind, metric and the vector column are fixed by the first write;
 * `filterable` may change at any time. Options the engine does not have are refused by name unless
 * they are off (false or null); unknown keys of an options object are ignored.
 */
import { invalid } from "../errors.ts";
import { limits } from "../limits.ts";
import type { IdKind } from "./id.ts";
import {
  type AttributeSchema,
  type AttributeType,
  attributeNameFault,
  type DistanceMetric,
  isArrayType,
  mayBecome,
  parseVectorType,
  primaryVector,
  type Schema,
  type SchemaAddition,
  scalarTypes,
} from "./schema.ts";
import { describeJson, isJsonObject, type JsonObject, malformedAt, wrongShape } from "./shape.ts";
import { attributeError } from "./value.ts";

/** What a user says about one attribute; undefined = says nothing. */
export interface AttributeInput {
  readonly type: AttributeType;
  readonly filterable: boolean | undefined;
  readonly ann: boolean | undefined;
  readonly metric: DistanceMetric | undefined;
}

export interface SchemaInput {
  readonly idKind: IdKind | undefined;
  readonly attributes: ReadonlyMap<string, AttributeInput>;
}

/** Options of the API that this engine lacks, with the reason given to the user. */
const missingOptions = new Map([
  ["full_text_search", "full-text search is not supported by this server"],
  ["regex", "regex indexes are not supported by this server"],
  ["glob", "glob indexes are not supported by this server"],
  ["fuzzy", "fuzzy indexes are not supported by this server"],
  ["sparse_knn", "sparse vectors are not supported by this server"],
  ["embed", "this server has no embedding models"],
]);
const missingTypes = /^(?:bytes|\{\}f16|\[\d+\](?:f16|i8)|\[\]\[\d+\]f32)$/;

/** `path` is where the map stands in the request; empty when it is the whole body. */
export function parseSchemaInput(value: unknown, path = "schema"): SchemaInput {
  if (!isJsonObject(value)) {
    throw wrongShape(path, value, "a map");
  }
  let idKind: IdKind | undefined;
  const attributes = new Map<string, AttributeInput>();
  for (const [name, entry] of Object.entries(value)) {
    const place = path === "" ? name : `${path}.${name}`;
    if (name === "id") {
      idKind = parseIdKind(typeOf(entry, place));
      continue;
    }
    const fault = attributeNameFault(name);
    if (fault !== undefined) {
      throw invalid(`💔 ${fault}`, place);
    }
    attributes.set(name, parseAttribute(name, entry, place));
  }
  return { idKind, attributes };
}

function parseIdKind(type: string): IdKind {
  if (type !== "uint" && type !== "string" && type !== "uuid") {
    throw invalid(`💔 ${type} is not a valid ID type`, "id");
  }
  return type;
}

function parseAttribute(name: string, entry: unknown, place: string): AttributeInput {
  const type = parseType(name, typeOf(entry, place));
  if (!isJsonObject(entry)) {
    return { type, filterable: undefined, ann: undefined, metric: undefined };
  }
  for (const [option, reason] of missingOptions) {
    refuseMissing(entry, option, reason, name, place);
  }
  const vector = parseVectorType(type) !== undefined;
  const filterable = optionalBoolean(entry, "filterable", place);
  if (vector && filterable === true) {
    throw attributeError(name, "a vector attribute cannot be filterable");
  }
  const { ann, metric } = parseAnn(entry, name, place);
  if (!vector && ann === true) {
    throw attributeError(name, `\`ann\` requires a dense vector type, but the type is ${type}`);
  }
  return { type, filterable, ann, metric };
}

/** The type of an entry in either form. */
function typeOf(entry: unknown, place: string): string {
  if (typeof entry === "string") {
    return entry;
  }
  if (!isJsonObject(entry)) {
    throw wrongShape(place, entry, "a type name or a map of options");
  }
  if (!Object.hasOwn(entry, "type")) {
    throw malformedAt(place, "missing field `type`");
  }
  if (typeof entry["type"] !== "string") {
    throw wrongShape(`${place}.type`, entry["type"], "a string");
  }
  return entry["type"];
}

function parseType(name: string, type: string): AttributeType {
  const known: readonly string[] = scalarTypes;
  const vector = parseVectorType(type);
  if (vector !== undefined) {
    if (vector.dims < 1 || vector.dims > limits.dimensionsMax) {
      throw attributeError(name, `vectors have 1 to ${limits.dimensionsMax} dimensions`);
    }
    return `[${vector.dims}]${vector.element}`;
  }
  if (missingTypes.test(type)) {
    throw attributeError(name, `type ${type} is not supported by this server`);
  }
  if (!known.includes(type.startsWith("[]") ? type.slice(2) : type) && type !== "[]unknown") {
    throw attributeError(name, `${describeJson(type)} is not an attribute type`);
  }
  if (name === "vector") {
    throw attributeError(name, `\`vector\` must be a dense vector, but the type is ${type}`);
  }
  return type as AttributeType;
}

function refuseMissing(
  entry: JsonObject,
  option: string,
  reason: string,
  name: string,
  place: string,
): void {
  const value = Object.hasOwn(entry, option) ? entry[option] : null;
  if (value === null || value === false) {
    return;
  }
  const named = option === "embed" && typeof value === "string";
  if (value !== true && !isJsonObject(value) && !named) {
    throw wrongShape(`${place}.${option}`, value, "a boolean or a map");
  }
  throw attributeError(name, `\`${option}\`: ${reason}`);
}

function optionalBoolean(entry: JsonObject, option: string, place: string): boolean | undefined {
  const value = Object.hasOwn(entry, option) ? entry[option] : null;
  if (value !== null && typeof value !== "boolean") {
    throw wrongShape(`${place}.${option}`, value, "a boolean");
  }
  return value ?? undefined;
}

function parseAnn(
  entry: JsonObject,
  name: string,
  place: string,
): { ann: boolean | undefined; metric: DistanceMetric | undefined } {
  const value = Object.hasOwn(entry, "ann") ? entry["ann"] : null;
  if (!isJsonObject(value)) {
    return { ann: optionalBoolean(entry, "ann", place), metric: undefined };
  }
  if (optionalBoolean(value, "late_interaction", `${place}.ann`) === true) {
    throw attributeError(name, "`late_interaction` is only valid on vector arrays");
  }
  const metric = Object.hasOwn(value, "distance_metric") ? value["distance_metric"] : null;
  const path = `${place}.ann.distance_metric`;
  return { ann: true, metric: metric === null ? undefined : parseMetric(metric, path) };
}

/** A metric's name; the API knows more of them than it documents. */
export function parseMetric(value: unknown, path: string): DistanceMetric {
  if (typeof value !== "string") {
    throw wrongShape(path, value, "a string");
  }
  switch (value) {
    case "cosine_distance":
    case "euclidean_squared":
      return value;
    case "euclidean":
    case "Unknown":
    case "Query":
      throw invalid(`💔 ${path} \`${value}\` is not supported by this server`, path);
    default:
      throw malformedAt(
        path,
        `unknown variant \`${value}\`, expected one of \`Unknown\`, \`euclidean_squared\`, ` +
          "`cosine_distance`, `euclidean`, `Query`",
      );
  }
}

/** What the input changes about the schema; throws `invalid` for what may not change. */
export function mergeSchemaInput(schema: Schema, input: SchemaInput): SchemaAddition {
  if (input.idKind !== undefined && schema.idKind !== undefined && input.idKind !== schema.idKind) {
    throw attributeError("id", `the type is ${schema.idKind} and cannot become ${input.idKind}`);
  }
  const attributes = new Map<string, AttributeSchema>();
  let metric = schema.metric;
  for (const [name, entry] of input.attributes) {
    const current = schema.attributes.get(name);
    const merged = mergeAttribute(name, current, entry);
    if (current === undefined || !sameAttribute(current, merged)) {
      attributes.set(name, merged);
    }
    if (entry.metric !== undefined) {
      metric = mergeMetric(metric, entry.metric);
    }
  }
  const addition: SchemaAddition = {
    ...(input.idKind !== undefined && schema.idKind === undefined ? { idKind: input.idKind } : {}),
    ...(metric !== undefined && schema.metric === undefined ? { metric } : {}),
    attributes,
  };
  checkAddition(schema, addition);
  return addition;
}

/** The metric of a namespace that has `current` when a request says `sent`. */
export function mergeMetric(current: DistanceMetric | undefined, sent: DistanceMetric) {
  if (current !== undefined && current !== sent) {
    throw invalid(
      `💔 distance metric mismatch, expected ${current}, got ${sent}`,
      "distance_metric",
    );
  }
  return sent;
}

function mergeAttribute(
  name: string,
  current: AttributeSchema | undefined,
  entry: AttributeInput,
): AttributeSchema {
  const type = mergeType(name, current?.type, entry.type);
  if (parseVectorType(type) !== undefined) {
    if (!(entry.ann ?? current?.ann ?? false)) {
      throw invalid(
        `💔 the \`${name}\` attribute must have \`ann\` set to \`true\`, ` +
          `eg: \`"${name}": { "type": "${type}", "ann": true }\``,
        name,
      );
    }
    return { type, filterable: false, ann: true };
  }
  return { type, filterable: entry.filterable ?? current?.filterable ?? true };
}

function mergeType(name: string, current: AttributeType | undefined, sent: AttributeType) {
  if (current === undefined || mayBecome(current, sent)) {
    return sent;
  }
  if (sent === "[]unknown" && isArrayType(current)) {
    return current;
  }
  throw attributeError(name, `the type is ${current} and cannot become ${sent}`);
}

function sameAttribute(a: AttributeSchema, b: AttributeSchema): boolean {
  return a.type === b.type && a.filterable === b.filterable && a.ann === b.ann;
}

/**
 * Rules about the schema as a whole: one vector column, there from the start; not too many names.
 */
export function checkAddition(schema: Schema, addition: SchemaAddition): void {
  let vector = primaryVector(schema)?.name;
  let count = schema.attributes.size;
  for (const [name, { type }] of addition.attributes) {
    if (schema.attributes.has(name)) {
      continue;
    }
    count++;
    if (parseVectorType(type) === undefined) {
      continue;
    }
    if (vector !== undefined) {
      throw attributeError(name, `a second vector column (beside \`${vector}\`) is not supported`);
    }
    if (schema.version > 0) {
      throw invalid("💔 Vector provided for namespace without vector attribute", name);
    }
    vector = name;
  }
  if (count > limits.attributesMax) {
    throw invalid(`💔 a namespace has at most ${limits.attributesMax} attributes, got ${count}`);
  }
}
