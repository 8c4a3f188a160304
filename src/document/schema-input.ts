/**
 * Schemas as users write them: parsing (shape and single options) and merging into a namespace's
 * schema (what may change).
 *
 *   {"title": "string"}                             shorthand: no full-text search; filterable and
 *                                                   the options of vectors stay as they are
 *   {"title": {"type": "string", "filterable": false}}   options given here win, the others stay
 *   {"id": "uuid"}                                  the kind of the ids
 *
 * `patchable` on a dense vector, which is ours, lets patches replace it. `glob`, `regex` and
 * `fuzzy` let texts be matched so; the shorthand takes them away.
 *
 * Merge rules: types, id kind, metric and the dense vector columns are fixed by the first write;
 * `filterable` and `patchable` may change at any time. Options the engine does not have are refused
 * by name unless they are off (false or null); unknown keys of an options object are ignored.
 *
 * Filterable unless said otherwise: all but vectors, sparse vectors and bytes, which cannot be, and
 * what begins with full-text search, `glob`, `regex` or `fuzzy`. An array of vectors says so of
 * itself too, as clients expect, but no filter may name it.
 */
import { invalid } from "../errors.ts";
import { limits } from "../limits.ts";
import type { IdKind } from "./id.ts";
import {
  type AttributeSchema,
  type AttributeType,
  attributeNameFault,
  type DistanceMetric,
  givenPatterns,
  isArrayType,
  isPackedType,
  mayBecome,
  parseVectorArrayType,
  parseVectorType,
  patternOptions,
  type Schema,
  type SchemaAddition,
  scalarTypes,
  vectorColumns,
} from "./schema.ts";
import { describeJson, isJsonObject, type JsonObject, malformedAt, wrongShape } from "./shape.ts";
import { mergeText, parseTextInput, sameText, type TextInput } from "./text-options.ts";
import { attributeError } from "./value.ts";
import { optionalBoolean, parseAnn, parseSparse } from "./vector-options.ts";

/** What a user says about one attribute; undefined = says nothing. */
export interface AttributeInput {
  readonly type: AttributeType;
  readonly filterable: boolean | undefined;
  readonly ann: boolean | undefined;
  readonly patchable: boolean | undefined;
  readonly patterns: PatternInput;
  readonly metric: DistanceMetric | undefined;
  /** Whether `sparse_knn` was given. */
  readonly sparse: boolean;
  readonly text: TextInput | undefined;
}

/** What is said of `glob`, `regex` and `fuzzy`; the shorthand, which says nothing, resets them. */
export type PatternInput = Readonly<Partial<Record<(typeof patternOptions)[number], boolean>>>;

const noPatterns: PatternInput = { glob: false, regex: false, fuzzy: false };

export interface SchemaInput {
  readonly idKind: IdKind | undefined;
  readonly attributes: ReadonlyMap<string, AttributeInput>;
}

/** Options of the API that we lack, with the reason given to the user. */
const missingOptions = new Map([["embed", "this server has no embedding models"]]);

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
    const nothing = { filterable: undefined, ann: undefined, patchable: undefined };
    const none = { metric: undefined, sparse: false, text: false as const };
    return { type, ...nothing, patterns: noPatterns, ...none };
  }
  for (const [option, reason] of missingOptions) {
    refuseMissing(entry, option, reason, name, place);
  }
  const filterable = optionalBoolean(entry, "filterable", place);
  if (filterable === true && !mayBeFilterable(type)) {
    throw attributeError(name, `an attribute of type ${type} cannot be filterable`);
  }
  const { ann, metric } = parseAnn(entry, name, type, place);
  const patchable = optionalBoolean(entry, "patchable", place);
  if (patchable === true && parseVectorType(type) === undefined) {
    throw attributeError(name, "`patchable` is for dense vectors: all others can be patched");
  }
  const sparse = parseSparse(entry, name, type, place);
  const patterns = parsePatterns(entry, name, type, place);
  const given = Object.hasOwn(entry, "full_text_search") ? entry["full_text_search"] : undefined;
  const text = parseTextInput(given, `${place}.full_text_search`);
  return { type, filterable, ann, patchable, patterns, metric, sparse, text };
}

function parsePatterns(
  entry: JsonObject,
  name: string,
  type: AttributeType,
  place: string,
): PatternInput {
  const given = patternOptions.map((option) => {
    const isOn = optionalBoolean(entry, option, place);
    if (isOn === true && type !== "string" && type !== "[]string") {
      throw attributeError(name, `\`${option}\` requires the type string or []string`);
    }
    return [option, isOn] as const;
  });
  return Object.fromEntries(given.filter(([, isOn]) => isOn !== undefined)) as PatternInput;
}

function mayBeFilterable(type: AttributeType): boolean {
  return !isPackedType(type) || parseVectorArrayType(type) !== undefined;
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
  const vector = parseVectorType(type);
  if (vector !== undefined) {
    checkDimensions(name, vector.dims, limits.dimensionsMax);
    return `[${vector.dims}]${vector.element}`;
  }
  const dims = parseVectorArrayType(type);
  if (dims !== undefined) {
    checkDimensions(name, dims, limits.vectorArrayDimensionsMax);
  }
  const known = dims === undefined ? otherTypes.find((each) => each === type) : `[][${dims}]f32`;
  if (known === undefined) {
    throw attributeError(name, `${describeJson(type)} is not an attribute type`);
  }
  if (name === "vector") {
    throw attributeError(name, `\`vector\` must be a dense vector, but the type is ${type}`);
  }
  return known as AttributeType;
}

const otherTypes: readonly AttributeType[] = [
  ...scalarTypes,
  ...scalarTypes.map((type) => `[]${type}` as const),
  "[]unknown",
  "{}f16",
  "bytes",
];

function checkDimensions(name: string, dims: number, max: number): void {
  if (dims < 1 || dims > max) {
    throw attributeError(name, `vectors have 1 to ${max} dimensions, but the type says ${dims}`);
  }
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
    const patchable = entry.patchable ?? current?.patchable ?? false;
    return { type, filterable: false, ann: true, ...(patchable ? { patchable } : {}) };
  }
  if (type === "{}f16" && current === undefined && !entry.sparse) {
    throw invalid(
      `💔 the \`${name}\` attribute must have \`sparse_knn\` set, ` +
        `eg: \`"${name}": { "type": "{}f16", "sparse_knn": { "distance_metric": "dot_product" } }\``,
      name,
    );
  }
  const patterns = mergePatterns(current, entry.patterns);
  const text = mergeText(name, type, current?.text?.options, entry.text);
  const byDefault =
    mayBeFilterable(type) && text === undefined && Object.keys(patterns).length === 0;
  const filterable = entry.filterable ?? current?.filterable ?? byDefault;
  return {
    type,
    filterable,
    ...patterns,
    ...(text === undefined ? {} : { text: { options: text } }),
  };
}

function mergePatterns(current: AttributeSchema | undefined, input: PatternInput) {
  const isOn = (option: (typeof patternOptions)[number]) => input[option] ?? current?.[option];
  return givenPatterns({
    ...(isOn("glob") === true && { glob: true }),
    ...(isOn("regex") === true && { regex: true }),
    ...(isOn("fuzzy") === true && { fuzzy: true }),
  });
}

function mergeType(name: string, current: AttributeType | undefined, sent: AttributeType) {
  if (current === undefined || mayBecome(current, sent)) {
    return sent;
  }
  if (
    sent === "[]unknown" &&
    (isArrayType(current) || parseVectorArrayType(current) !== undefined)
  ) {
    return current;
  }
  throw attributeError(name, `the type is ${current} and cannot become ${sent}`);
}

function sameAttribute(a: AttributeSchema, b: AttributeSchema): boolean {
  const { type, filterable, ann, patchable } = a;
  const isAlike = type === b.type && filterable === b.filterable && ann === b.ann;
  const patterns = patternOptions.every((option) => a[option] === b[option]);
  const text = sameText(a.text?.options, b.text?.options);
  return isAlike && patterns && text && patchable === b.patchable;
}

/**
 * Rules about the schema as a whole: dense vector columns are there from the start and few; not too
 * many names.
 */
export function checkAddition(schema: Schema, addition: SchemaAddition): void {
  const existing = vectorColumns(schema).length;
  let vectors = existing;
  let count = schema.attributes.size;
  for (const [name, { type }] of addition.attributes) {
    if (schema.attributes.has(name)) {
      continue;
    }
    count++;
    if (parseVectorType(type) === undefined) {
      continue;
    }
    vectors++;
    // What tells is the id kind: a first write that was lost leaves a version behind.
    if (schema.idKind !== undefined) {
      throw existing === 0
        ? invalid("💔 Vector provided for namespace without vector attribute", name)
        : attributeError(name, "vector columns are fixed by the first write to a namespace");
    }
    if (vectors > limits.vectorColumnsMax) {
      const max = limits.vectorColumnsMax;
      throw attributeError(name, `a namespace has at most ${max} vector columns`);
    }
  }
  if (count > limits.attributesMax) {
    throw invalid(`💔 a namespace has at most ${limits.attributesMax} attributes, got ${count}`);
  }
}
