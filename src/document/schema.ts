/**
 * Schema of a namespace: its id kind, distance metric and the type and index options of every
 * attribute.
 *
 *   string int uint float uuid datetime bool     one value; `[]` before it: an array of them
 *   [N]f32 [N]f16 [N]i8                          dense vector, every document has one
 *   [][N]f32  {}f16  bytes                       vectors; token -> weight; bytes as they are
 *
 * Invariants
 *   - types, the id kind, the metric and the vector columns never change; attributes are only added
 *   - `[]unknown` is the one type that may become another, once, when a first element is written
 *   - each change that alters anything makes the version one larger
 *
 * Plain immutable data.
 */
import { assert } from "../errors.ts";
import { limits } from "../limits.ts";
import type { IdKind } from "./id.ts";
import { utf8Length } from "./size.ts";
import { analysisOf, sameText, type TextOptions } from "./text-options.ts";

export const distanceMetrics = ["cosine_distance", "euclidean_squared"] as const;
export type DistanceMetric = (typeof distanceMetrics)[number];

export const scalarTypes = ["string", "int", "uint", "float", "uuid", "datetime", "bool"] as const;
export type ScalarType = (typeof scalarTypes)[number];
export type ArrayType = `[]${ScalarType}`;
/** An array that has only ever been empty: any array type may take its place. */
export type UnknownArrayType = "[]unknown";
export const vectorElements = ["f32", "f16", "i8"] as const;
/** How a component is stored. In memory all of them are f32, which holds each exactly. */
export type VectorElement = (typeof vectorElements)[number];
export type VectorType = `[${number}]${VectorElement}`;
export type VectorArrayType = `[][${number}]f32`;
/** Types whose values are packed bytes (format/packed-value.ts): stored, never compared. */
export type PackedType = VectorType | VectorArrayType | "{}f16" | "bytes";
export type AttributeType = ScalarType | ArrayType | UnknownArrayType | PackedType;

export interface AttributeSchema {
  readonly type: AttributeType;
  readonly filterable: boolean;
  /** Present on dense vectors. */
  readonly ann?: boolean;
  /** Of a dense vector: patches may replace it. Absent: they may not. */
  readonly patchable?: true;
  /** Of texts: globs are matched, though the attribute need not be filterable. */
  readonly glob?: true;
  /** Of texts: regular expressions are matched. */
  readonly regex?: true;
  /** Of texts: they are searched fuzzily. */
  readonly fuzzy?: true;
  /**
   * Version of the schema that made a known attribute filterable: segments built under an earlier
   * one may lack its column. Absent where it was filterable from the start.
   */
  readonly indexedFrom?: number;
  /** Present where the text can be searched. */
  readonly text?: AttributeText;
}

export interface AttributeText {
  readonly options: TextOptions;
  /** Version of the schema that gave a known attribute this analysis; absent: since its start. */
  readonly indexedFrom?: number;
}

export interface Schema {
  /** 0 before the first write. */
  readonly version: number;
  readonly idKind: IdKind | undefined;
  readonly metric: DistanceMetric | undefined;
  /** In order of first appearance. */
  readonly attributes: ReadonlyMap<string, AttributeSchema>;
}

/** What a batch adds to the schema it was encoded under. */
export interface SchemaAddition {
  readonly idKind?: IdKind;
  readonly metric?: DistanceMetric;
  /** New attributes, and known ones whose options changed or whose `[]unknown` got a type. */
  readonly attributes: ReadonlyMap<string, AttributeSchema>;
}

export interface VectorColumn {
  readonly name: string;
  readonly dims: number;
  readonly element: VectorElement;
}

export const emptySchema: Schema = {
  version: 0,
  idKind: undefined,
  metric: undefined,
  attributes: new Map(),
};

const vectorPattern = /^\[(\d{1,5})\](f32|f16|i8)$/;
const vectorArrayPattern = /^\[\]\[(\d{1,5})\]f32$/;

/** Dimensions and element of a dense vector type, or undefined for other types. */
export function parseVectorType(
  type: string,
): { dims: number; element: VectorElement } | undefined {
  const match = vectorPattern.exec(type);
  return match === null
    ? undefined
    : { dims: Number(match[1]), element: match[2] as VectorElement };
}

/** Dimensions of the vectors of an array of them, or undefined for other types. */
export function parseVectorArrayType(type: string): number | undefined {
  const match = vectorArrayPattern.exec(type);
  return match === null ? undefined : Number(match[1]);
}

/** Bytes of a stored component. */
export function elementBytes(element: VectorElement): 1 | 2 | 4 {
  return element === "f32" ? 4 : element === "f16" ? 2 : 1;
}

/** Asked for with every batch and query; schemas never change in place. */
const columnsOf = new WeakMap<Schema["attributes"], readonly VectorColumn[]>();

/** All dense vector columns, in the order of the schema. */
export function vectorColumns({ attributes }: Schema): readonly VectorColumn[] {
  const known = columnsOf.get(attributes);
  if (known !== undefined) return known;
  const columns = Array.from(attributes).flatMap(([name, { type }]) => {
    const vector = parseVectorType(type);
    return vector === undefined ? [] : [{ name, ...vector }];
  });
  columnsOf.set(attributes, columns);
  return columns;
}

/**
 * The dense vector column that orders the rows of segments and can be searched, if the namespace
 * has one: `vector`, else the first. The others are stored with the attributes.
 */
export function primaryVector(schema: Schema): VectorColumn | undefined {
  const columns = vectorColumns(schema);
  return columns.find(({ name }) => name === "vector") ?? columns[0];
}

/** Arrays of scalars, which vectors and arrays of vectors are not. */
export function isArrayType(type: AttributeType): type is ArrayType | UnknownArrayType {
  return type.startsWith("[]") && !type.startsWith("[][");
}

export function isPackedType(type: AttributeType): type is PackedType {
  return type === "bytes" || type === "{}f16" || /^(?:\[\])?\[\d/.test(type);
}

/** Whether filters may name the attribute, so that segments keep a column of it. */
export function isIndexed(attribute: AttributeSchema): boolean {
  return hasIndexOption(attribute) && !isPackedType(attribute.type);
}

/** What texts may be matched with beside comparisons; each is an option of the schema. */
export const patternOptions = ["glob", "regex", "fuzzy"] as const;

/** Whether any option asks for a column. */
export function hasIndexOption(attribute: AttributeSchema): boolean {
  return attribute.filterable || patternOptions.some((option) => attribute[option] === true);
}

/** The options that are on, as part of a schema. */
export function givenPatterns(
  options: Pick<AttributeSchema, "glob" | "regex" | "fuzzy">,
): Pick<AttributeSchema, "glob" | "regex" | "fuzzy"> {
  const { glob, regex, fuzzy } = options;
  return { ...(glob && { glob }), ...(regex && { regex }), ...(fuzzy && { fuzzy }) };
}

/** The version below which segments lack a column or postings that queries could use; or 0. */
export function reindexBelow(schema: Schema): number {
  let version = 0;
  for (const attribute of schema.attributes.values()) {
    version = Math.max(version, isIndexed(attribute) ? (attribute.indexedFrom ?? 0) : 0);
    version = Math.max(version, attribute.text?.indexedFrom ?? 0);
  }
  return version;
}

/** Whether `type` may take the place of `current` in a schema. */
export function mayBecome(current: AttributeType, type: AttributeType): boolean {
  const isArray = isArrayType(type) || parseVectorArrayType(type) !== undefined;
  return current === type || (current === "[]unknown" && isArray);
}

/** Why no attribute may have this name, or undefined if one may. */
export function attributeNameFault(name: string): string | undefined {
  const max = limits.attributeNameBytesMax;
  if (name === "") {
    return "attribute names cannot be empty";
  }
  if (name.startsWith("$")) {
    return `attribute name \`${name}\` cannot begin with \`$\``;
  }
  if (!name.isWellFormed()) {
    return "attribute name is not valid Unicode text";
  }
  if (name.length > max || utf8Length(name) > max) {
    return `attribute name \`${name.slice(0, max)}\` is longer than ${max} bytes`;
  }
  if (name === "__proto__") {
    return "`__proto__` cannot be the name of an attribute: it would mislead what reads documents";
  }
  return name === "id" ? "`id` names the document id and cannot be an attribute" : undefined;
}

/** The schema after the addition; the same object if nothing changes. */
export function applyAddition(schema: Schema, addition: SchemaAddition | undefined): Schema {
  if (addition === undefined || isEmptyAddition(addition)) {
    return schema;
  }
  const version = schema.version + 1;
  const attributes = new Map(schema.attributes);
  for (const [name, attribute] of addition.attributes) {
    const current = attributes.get(name);
    assert(current === undefined || mayBecome(current.type, attribute.type), "types never change");
    attributes.set(name, withIndexVersion(attribute, current, version));
  }
  return {
    version,
    idKind: schema.idKind ?? addition.idKind,
    metric: schema.metric ?? addition.metric,
    attributes,
  };
}

/** Remembers since when a known attribute has had an index, and is searchable as it is. */
function withIndexVersion(
  attribute: AttributeSchema,
  current: AttributeSchema | undefined,
  version: number,
): AttributeSchema {
  const { indexedFrom: _, text, ...options } = attribute;
  const isNew = current !== undefined && !hasIndexOption(current);
  const turnedOn = isNew ? version : current?.indexedFrom;
  const isOn = hasIndexOption(attribute) && turnedOn !== undefined;
  return {
    ...options,
    ...(isOn ? { indexedFrom: turnedOn } : {}),
    ...(text === undefined ? {} : { text: withTextVersion(text, current, version) }),
  };
}

function withTextVersion(
  { options }: AttributeText,
  current: AttributeSchema | undefined,
  version: number,
): AttributeText {
  const known = current?.text;
  const isSame = known !== undefined && analysisOf(known.options) === analysisOf(options);
  const from = isSame ? known.indexedFrom : current === undefined ? undefined : version;
  return { options, ...(from === undefined ? {} : { indexedFrom: from }) };
}

/** What took the schema from `before` to `after`, which grew from it. */
export function additionBetween(before: Schema, after: Schema): SchemaAddition {
  const { idKind, metric } = after;
  return {
    ...(before.idKind === undefined && idKind !== undefined ? { idKind } : {}),
    ...(before.metric === undefined && metric !== undefined ? { metric } : {}),
    attributes: new Map(
      [...after.attributes].filter(([name, attribute]) => {
        const known = before.attributes.get(name);
        return (
          known?.type !== attribute.type ||
          known.filterable !== attribute.filterable ||
          known.ann !== attribute.ann ||
          patternOptions.some((option) => known[option] !== attribute[option]) ||
          known.patchable !== attribute.patchable ||
          known.indexedFrom !== attribute.indexedFrom ||
          known.text?.indexedFrom !== attribute.text?.indexedFrom ||
          !sameText(known.text?.options, attribute.text?.options)
        );
      }),
    ),
  };
}

export function isEmptyAddition(addition: SchemaAddition): boolean {
  return (
    addition.idKind === undefined && addition.metric === undefined && addition.attributes.size === 0
  );
}
