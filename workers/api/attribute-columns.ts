/**
 * Columns of raw JSON values -> attribute columns in canonical form, of the types the schema says
 * or the values suggest.
 */
import { inferType } from "../../src/document/infer.ts";
import {
  type AttributeSchema,
  type AttributeType,
  isIndexed,
  isPackedType,
  mayBecome,
  parseVectorType,
  type Schema,
} from "../../src/document/schema.ts";
import { utf8Length } from "../../src/document/size.ts";
import {
  type AttributeColumn,
  type AttributeValue,
  attributeError,
  parseValue,
} from "../../src/document/value.ts";
import { limits } from "../../src/limits.ts";
import { packedParser } from "./packed-input.ts";
import type { RawColumns } from "./raw-columns.ts";
import { inferVector } from "./vector-columns.ts";

/** Attributes the batch makes known: new ones, and those whose arrays have a first element. */
export function inferColumns(raw: RawColumns, known: Schema): Map<string, AttributeSchema> {
  const inferred = new Map<string, AttributeSchema>();
  for (const [name, values] of raw) {
    const current = known.attributes.get(name);
    if (current === undefined && name === "vector") {
      inferred.set(name, inferVector(values));
    } else if (current === undefined || current.type === "[]unknown") {
      const type = inferType(values, name);
      if (type !== undefined && type !== current?.type) {
        if (current === undefined || mayBecome(current.type, type)) {
          inferred.set(name, { type, filterable: current?.filterable ?? true });
        }
      }
    }
  }
  return inferred;
}

export function readAttributes(raw: RawColumns, schema: Schema): AttributeColumn[] {
  const columns: AttributeColumn[] = [];
  for (const [name, values] of raw) {
    const attribute = schema.attributes.get(name);
    // Without a type the column is null throughout.
    if (attribute === undefined || parseVectorType(attribute.type) !== undefined) {
      continue;
    }
    const parsed = values.map(valueParser(name, attribute));
    if (parsed.some((value) => value !== null)) {
      columns.push({ name, values: parsed });
    }
  }
  return columns;
}

/** Reads values of the attribute; null stays null. */
export function valueParser(
  name: string,
  attribute: AttributeSchema,
): (value: unknown) => AttributeValue {
  const parse = parserOf(attribute.type, name);
  if (!attribute.filterable || !isIndexed(attribute)) {
    return parse;
  }
  return (value) => {
    const parsed = parse(value);
    checkFilterable(parsed, name);
    return parsed;
  };
}

function parserOf(type: AttributeType, name: string): (value: unknown) => AttributeValue {
  return isPackedType(type) ? packedParser(type, name) : (value) => parseValue(value, type, name);
}

function checkFilterable(value: AttributeValue, name: string): void {
  const max = limits.filterableBytesMax;
  if (typeof value === "string") {
    if (3 * value.length > max && utf8Length(value) > max) {
      throw attributeError(
        name,
        `a filterable value has at most ${max} bytes, but got ${utf8Length(value)}; ` +
          'longer text needs `"filterable": false` in the schema',
      );
    }
  } else if (Array.isArray(value)) {
    for (const element of value as readonly AttributeValue[]) {
      checkFilterable(element, name);
    }
  }
}
