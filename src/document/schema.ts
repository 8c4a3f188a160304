/**
 * Schema of a namespace: its id kind, distance metric and the type and index options of every
 * attribute.
 *
 * Invariants
 *   - types, the id kind, the metric and the vector column never change; attributes are only added
 *   - `[]unknown` is the one type that may become another, once, when a first element is written
 *   - each change that alters anything makes the version one larger
 *
 * Plain immutable data.
 */
import { assert } from "../errors.ts";
import { limits } from "../limits.ts";
import type { IdKind } from "./id.ts";
import { utf8Length } from "./size.ts";

export const distanceMetrics = ["cosine_distance", "euclidean_squared"] as const;
export type DistanceMetric = (typeof distanceMetrics)[number];

export const scalarTypes = ["string", "int", "uint", "float", "uuid", "datetime", "bool"] as const;
export type ScalarType = (typeof scalarTypes)[number];
export type ArrayType = `[]${ScalarType}`;
/** An array that has only ever been empty: any array type may take its place. */
export type UnknownArrayType = "[]unknown";
export type VectorElement = "f32";
export type VectorType = `[${number}]${VectorElement}`;
export type AttributeType = ScalarType | ArrayType | UnknownArrayType | VectorType;

export interface AttributeSchema {
  readonly type: AttributeType;
  readonly filterable: boolean;
  /** Present on dense vectors. */
  readonly ann?: boolean;
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

const vectorPattern = /^\[(\d{1,5})\](f32)$/;

/** Dimensions and element of a dense vector type, or undefined for other types. */
export function parseVectorType(
  type: string,
): { dims: number; element: VectorElement } | undefined {
  const match = vectorPattern.exec(type);
  return match === null ? undefined : { dims: Number(match[1]), element: "f32" };
}

/** The dense vector column that orders the rows of segments, if the namespace has one. */
export function primaryVector(schema: Schema): VectorColumn | undefined {
  for (const [name, attribute] of schema.attributes) {
    const vector = parseVectorType(attribute.type);
    if (vector !== undefined) {
      return { name, ...vector };
    }
  }
  return undefined;
}

export function isArrayType(type: AttributeType): type is ArrayType | UnknownArrayType {
  return type.startsWith("[]");
}

/** Whether `type` may take the place of `current` in a schema. */
export function mayBecome(current: AttributeType, type: AttributeType): boolean {
  return current === type || (current === "[]unknown" && isArrayType(type));
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
  return name === "id" ? "`id` names the document id and cannot be an attribute" : undefined;
}

/** The schema after the addition; the same object if nothing changes. */
export function applyAddition(schema: Schema, addition: SchemaAddition | undefined): Schema {
  if (addition === undefined || isEmptyAddition(addition)) {
    return schema;
  }
  const attributes = new Map(schema.attributes);
  for (const [name, attribute] of addition.attributes) {
    const current = attributes.get(name);
    assert(current === undefined || mayBecome(current.type, attribute.type), "types never change");
    attributes.set(name, attribute);
  }
  return {
    version: schema.version + 1,
    idKind: schema.idKind ?? addition.idKind,
    metric: schema.metric ?? addition.metric,
    attributes,
  };
}

export function isEmptyAddition(addition: SchemaAddition): boolean {
  return (
    addition.idKind === undefined && addition.metric === undefined && addition.attributes.size === 0
  );
}
