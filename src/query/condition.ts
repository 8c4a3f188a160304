/**
 * Conditions of writes: filters of what is stored that may also look at what comes in. Pure.
 *
 *   ["version", "Lt", {"$ref_new": "version"}]     the value of the incoming document; null if it
 *                                                  has none, or if nothing comes in (deletes)
 *   ["vector", "NotEq", {"$ref_new": "vector"}]    dense vectors can be compared as a whole
 *
 * All else is as in queries (filter.ts), and decided by the same code.
 */
import { decodeBase64 } from "../bytes/base64.ts";
import { f32View } from "../bytes/typed-view.ts";
import {
  anyElementOps,
  type CompareFilter,
  type CompareOp,
  elementOps,
  type FilterTree,
  matches,
  orderOps,
  prepareTest,
  setOps,
  testOf,
} from "../document/filter.ts";
import {
  type AttributeType,
  isArrayType,
  type Schema,
  type VectorColumn,
  type VectorElement,
  vectorColumns,
} from "../document/schema.ts";
import { describeJson, isJsonObject, malformedAt } from "../document/shape.ts";
import type { AttributeValue } from "../document/value.ts";
import { packVector } from "../format/packed-value.ts";
import { allocateVectors, narrowVector } from "../format/vector-element.ts";
import { PatternBudget, parseComparison, parseHead, parseTree, prepareTree } from "./filter.ts";
import {
  type ComparedType,
  comparedType,
  elementType,
  isTextOp,
  keyError,
} from "./filter-constant.ts";

/** One attribute against an attribute of the incoming document. */
interface ReferenceFilter {
  readonly kind: "reference";
  readonly attribute: string;
  readonly op: CompareOp;
  readonly of: string;
}

/** A dense vector as a whole against a constant. */
interface VectorFilter {
  readonly kind: "vector";
  readonly attribute: string;
  readonly op: CompareOp;
  /** Packed. */
  readonly value: Uint8Array | null;
}

type ConditionLeaf = CompareFilter | ReferenceFilter | VectorFilter;
export type Condition = FilterTree<ConditionLeaf>;

/** Values of one document by attribute, "id" included; vectors are packed, absent is null. */
export type DocumentValues = (attribute: string) => AttributeValue;

export interface Pair {
  readonly stored: DocumentValues;
  readonly incoming: DocumentValues;
}

/** A vector as `DocumentValues` has it; undefined if a component does not fit the element. */
export function packAs(values: Float32Array, element: VectorElement): Uint8Array | undefined {
  const into = allocateVectors(element, values.length);
  return narrowVector(values, into, 0) < 0 ? packVector(into) : undefined;
}

/** What nothing comes in as. */
export const nothingIncoming: DocumentValues = () => null;

export function parseCondition(json: unknown, schema: Schema, path: string): Condition {
  const patterns = new PatternBudget();
  return parseTree(json, path, (leaf, place) => parseLeaf(leaf, place, schema, patterns));
}

/** Names of the attributes that it looks at in the stored document. */
export function attributesOf(condition: Condition): ReadonlySet<string> {
  const names = new Set<string>();
  prepareTree(condition, ({ attribute }) => {
    names.add(attribute);
    return () => true;
  });
  return names;
}

export function prepareCondition(condition: Condition): (pair: Pair) => boolean {
  return prepareTree(condition, (leaf): ((pair: Pair) => boolean) => {
    const { attribute, op } = leaf;
    if (leaf.kind === "reference") {
      return ({ stored, incoming }) => matches(op, stored(attribute), incoming(leaf.of));
    }
    const test = leaf.kind === "compare" ? testOf(leaf) : prepareTest(op, leaf.value);
    return ({ stored }) => test(stored(attribute));
  });
}

function parseLeaf(
  json: readonly unknown[],
  path: string,
  schema: Schema,
  patterns: PatternBudget,
): ConditionLeaf {
  const { attribute, op } = parseHead(json, path);
  const of = referenceIn(json[2], `${path}[2]`);
  const vector = vectorColumns(schema).find(({ name }) => name === attribute);
  if (vector !== undefined && op !== "Eq" && op !== "NotEq") {
    throw keyError(attribute, `${op} does not apply to a vector`);
  }
  if (of === undefined) {
    return vector === undefined
      ? parseComparison(json, path, schema, patterns)
      : { kind: "vector", attribute, op, value: parseVector(vector, op, json[2]) };
  }
  const type =
    vector === undefined ? comparedType(attribute, op, schema) : typeOf(attribute, schema);
  checkReference({ kind: "reference", attribute, op, of }, type, typeOf(of, schema));
  return { kind: "reference", attribute, op, of };
}

function referenceIn(json: unknown, path: string): string | undefined {
  if (!isJsonObject(json)) {
    return undefined;
  }
  const of = json["$ref_new"];
  if (typeof of !== "string" || Object.keys(json).length !== 1) {
    throw malformedAt(path, "expected a value or a map with the one key `$ref_new`");
  }
  return of;
}

function typeOf(name: string, schema: Schema): ComparedType {
  if (name === "id") {
    return schema.idKind;
  }
  const known = schema.attributes.get(name);
  if (known === undefined) {
    throw keyError(name, "attribute not found in schema");
  }
  return known.type;
}

function checkReference(
  { attribute, op, of }: ReferenceFilter,
  type: ComparedType,
  other: ComparedType,
): void {
  if (isTextOp(op)) {
    throw keyError(attribute, `${op} takes a text, not the value of another attribute`);
  }
  if (type === undefined || other === undefined) {
    return;
  }
  if (!fitsReference(op, type, other)) {
    throw keyError(attribute, `type mismatch, ${op} expects ${type}, but \`${of}\` is ${other}`);
  }
}

function fitsReference(op: CompareOp, type: AttributeType, other: AttributeType): boolean {
  const isOf = (ops: readonly CompareOp[]): boolean => ops.includes(op);
  if (isOf(setOps)) return sharesElements(type, other);
  if (isOf(anyElementOps)) return isArrayType(other) && sharesElements(type, other);
  if (isOf(elementOps)) return !isArrayType(other) && sharesElements(type, other);
  return type === other || (!isOf(orderOps) && isUntyped(type, other));
}

/** Arrays of which one has only ever been empty. */
function isUntyped(type: AttributeType, other: AttributeType): boolean {
  const isUnknown = type === "[]unknown" || other === "[]unknown";
  return isUnknown && isArrayType(type) && isArrayType(other);
}

function sharesElements(type: AttributeType, other: AttributeType): boolean {
  const [a, b] = [elementType(type), elementType(other)];
  return a === b || a === undefined || b === undefined;
}

function parseVector(
  { name, dims, element }: VectorColumn,
  op: CompareOp,
  json: unknown,
): Uint8Array | null {
  if (json === null) {
    return null;
  }
  const type: AttributeType = `[${dims}]${element}`;
  const values = componentsOf(json);
  const packed = values?.length === dims ? packAs(values, element) : undefined;
  if (packed === undefined) {
    throw keyError(name, `type mismatch, ${op} expects ${type}, but got ${describeJson(json)}`);
  }
  return packed;
}

function componentsOf(json: unknown): Float32Array | undefined {
  if (Array.isArray(json)) {
    const isNumber = (each: unknown) => typeof each === "number" || typeof each === "bigint";
    return json.every(isNumber) ? Float32Array.from(json, Number) : undefined;
  }
  if (typeof json !== "string") {
    return undefined;
  }
  const bytes = decodeBase64(json);
  return bytes.length % 4 === 0 ? f32View(bytes, 0, bytes.length / 4) : undefined;
}
