/**
 * Schemas inside CBOR. Attribute names are values, never keys: users choose them.
 *
 *   schema     [version, id kind, metric, [attribute]]     id kind and metric may be null
 *   addition   [id kind, metric, [attribute]]
 *   attribute  [name, type, filterable, ann]               ann: null unless a dense vector
 *              [… , indexed from]                          where it was made filterable later on
 *              [… , true]                                  a dense vector that may be patched
 *              [… , either or null, text]                  where the text can be searched
 *   text       [tokenizer, language, stemming, remove stop words, case sensitive, ASCII folding,
 *               max token length, k1, b, k3, indexed from or null]
 *              [… , either or null, text or null, patterns]   where globs (1), regular expressions
 *                                                          (2) or fuzzy search (4) are on: the sum
 *
 * The order of attributes is the schema's own. Decoding believes nothing: kinds, types, names and
 * repetitions are checked, so a decoded schema is one that could have been written.
 */
import type { IdKind } from "../document/id.ts";
import {
  type AttributeSchema,
  type AttributeText,
  type AttributeType,
  attributeNameFault,
  type DistanceMetric,
  distanceMetrics,
  hasIndexOption,
  isPackedType,
  parseVectorArrayType,
  parseVectorType,
  patternOptions,
  type Schema,
  type SchemaAddition,
  scalarTypes,
} from "../document/schema.ts";
import {
  defaultText,
  languages,
  type TextOptions,
  textFault,
  tokenizers,
} from "../document/text-options.ts";
import { corrupt, type EngineError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { CborValue } from "./cbor.ts";

const idKinds: readonly string[] = ["uint", "string", "uuid"] satisfies readonly IdKind[];
const metrics: readonly string[] = distanceMetrics;
const plainTypes: ReadonlySet<string> = new Set([
  ...scalarTypes,
  ...scalarTypes.map((type) => `[]${type}`),
  "[]unknown",
  "{}f16",
  "bytes",
]);

/** Members of the text of an attribute, in order, and the type of each. */
const textFields = [
  "tokenizer",
  "language",
  "stemming",
  "removeStopwords",
  "caseSensitive",
  "asciiFolding",
  "maxTokenLength",
  "k1",
  "b",
  "k3",
] as const satisfies readonly (keyof TextOptions)[];

export function schemaToCbor(schema: Schema): CborValue {
  const { version, idKind = null, metric = null, attributes } = schema;
  return [version, idKind, metric, attributesToCbor(attributes)];
}

export function additionToCbor(addition: SchemaAddition): CborValue {
  const { idKind = null, metric = null, attributes } = addition;
  return [idKind, metric, attributesToCbor(attributes)];
}

/** Throws `corrupt` unless `value` is what `schemaToCbor` makes. */
export function schemaFromCbor(value: unknown): Schema {
  const [version, ...rest] = tuple(value, 4);
  if (typeof version !== "number" || !Number.isSafeInteger(version) || version < 0) {
    throw malformedSchema("version");
  }
  return { version, ...membersFromCbor(rest) };
}

/** Throws `corrupt` unless `value` is what `additionToCbor` makes. */
export function additionFromCbor(value: unknown): SchemaAddition {
  const { idKind, metric, attributes } = membersFromCbor(tuple(value, 3));
  return {
    ...(idKind === undefined ? {} : { idKind }),
    ...(metric === undefined ? {} : { metric }),
    attributes,
  };
}

function attributesToCbor(attributes: ReadonlyMap<string, AttributeSchema>): CborValue {
  return Array.from(attributes, ([name, attribute]) => {
    const { type, filterable, ann = null, patchable, indexedFrom, text } = attribute;
    const more = patchable ?? indexedFrom;
    const head: CborValue[] = [name, type, filterable, ann];
    const patterns = patternsToCbor(attribute);
    const given = text === undefined ? null : textToCbor(text);
    if (patterns > 0) return [...head, more ?? null, given, patterns];
    if (given !== null) return [...head, more ?? null, given];
    return more === undefined ? head : [...head, more];
  });
}

function textToCbor({ options, indexedFrom }: AttributeText): CborValue {
  return [...textFields.map((field) => options[field]), indexedFrom ?? null];
}

function membersFromCbor(members: readonly unknown[]): Omit<Schema, "version"> {
  const [idKind, metric, list] = members;
  if (idKind !== null && !(typeof idKind === "string" && idKinds.includes(idKind))) {
    throw malformedSchema("id kind");
  }
  if (metric !== null && !(typeof metric === "string" && metrics.includes(metric))) {
    throw malformedSchema("metric");
  }
  if (!Array.isArray(list) || list.length > limits.attributesMax) {
    throw malformedSchema("attributes");
  }
  const attributes = new Map<string, AttributeSchema>();
  for (const entry of list as readonly unknown[]) {
    const length = Array.isArray(entry) ? Math.min(7, Math.max(4, entry.length)) : 4;
    const [name, type, filterable, ann, more = null, text = null, patterns] = tuple(entry, length);
    if (typeof name !== "string" || attributeNameFault(name) !== undefined) {
      throw malformedSchema("attribute name");
    }
    if (attributes.has(name)) {
      throw malformedSchema("repeated attribute");
    }
    const attribute = withPatterns(attributeFromCbor(type, filterable, ann), patterns);
    const full = more === null && length !== 5 ? attribute : withMore(attribute, more);
    const hasText = text !== null || length === 6;
    attributes.set(name, hasText ? { ...full, text: textFromCbor(type, text) } : full);
  }
  return {
    idKind: (idKind as IdKind | null) ?? undefined,
    metric: (metric as DistanceMetric | null) ?? undefined,
    attributes,
  };
}

function attributeFromCbor(type: unknown, filterable: unknown, ann: unknown): AttributeSchema {
  if (typeof type !== "string" || typeof filterable !== "boolean") {
    throw malformedSchema("attribute");
  }
  const vector = parseVectorType(type);
  if (vector !== undefined) {
    const { dims, element } = vector;
    const canonical: AttributeType = `[${dims}]${element}`;
    if (type !== canonical || dims < 1 || dims > limits.dimensionsMax || typeof ann !== "boolean") {
      throw malformedSchema("vector attribute");
    }
    return { type: canonical, filterable, ann };
  }
  const dims = parseVectorArrayType(type);
  const isVectorArray =
    dims !== undefined &&
    dims >= 1 &&
    dims <= limits.vectorArrayDimensionsMax &&
    type === `[][${dims}]f32`;
  if (!(plainTypes.has(type) || isVectorArray) || ann !== null) {
    throw malformedSchema("attribute type");
  }
  if (filterable && isPackedType(type as AttributeType) && !isVectorArray) {
    throw malformedSchema("attribute that cannot be filterable");
  }
  return { type: type as AttributeType, filterable };
}

function withMore(attribute: AttributeSchema, more: unknown): AttributeSchema {
  if (attribute.ann !== undefined && more === true) {
    return { ...attribute, patchable: true };
  }
  if (!hasIndexOption(attribute) || typeof more !== "number" || !Number.isSafeInteger(more)) {
    throw malformedSchema("version of an index");
  }
  return { ...attribute, indexedFrom: more };
}

function textFromCbor(type: unknown, value: unknown): AttributeText {
  const members = tuple(value, textFields.length + 1);
  const options = Object.fromEntries(textFields.map((field, i) => [field, members[i]]));
  const indexedFrom = members.at(-1);
  const isFitting = textFields.every(
    (field) => typeof options[field] === typeof defaultText[field],
  );
  const { tokenizer, language } = options as unknown as TextOptions;
  if (
    !isFitting ||
    (type !== "string" && type !== "[]string") ||
    !tokenizers.includes(tokenizer) ||
    !languages.includes(language) ||
    textFault(options as unknown as TextOptions) !== undefined
  ) {
    throw malformedSchema("text options");
  }
  if (indexedFrom !== null && !Number.isSafeInteger(indexedFrom)) {
    throw malformedSchema("version of a text index");
  }
  return {
    options: options as unknown as TextOptions,
    ...(indexedFrom === null ? {} : { indexedFrom: indexedFrom as number }),
  };
}

function patternsToCbor(attribute: AttributeSchema): number {
  return patternOptions.reduce((sum, option, i) => sum + (attribute[option] ? 2 ** i : 0), 0);
}

function withPatterns(attribute: AttributeSchema, patterns: unknown): AttributeSchema {
  if (patterns === undefined) {
    return attribute;
  }
  const isText = attribute.type === "string" || attribute.type === "[]string";
  if (!isText || typeof patterns !== "number" || !/^[1-7]$/.test(String(patterns))) {
    throw malformedSchema("patterns");
  }
  const given = patternOptions.map((option, i) => [option, ((patterns >> i) & 1) === 1] as const);
  const options = Object.fromEntries(given.filter(([, isOn]) => isOn));
  return { ...attribute, ...(options as Pick<AttributeSchema, (typeof patternOptions)[number]>) };
}

function tuple(value: unknown, length: number): readonly unknown[] {
  if (!Array.isArray(value) || value.length !== length) {
    throw malformedSchema("shape");
  }
  return value;
}

function malformedSchema(part: string): EngineError {
  return corrupt(`schema: malformed ${part}`);
}
