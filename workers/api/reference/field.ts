/**
 * Declarations of what a request may hold. One table for each body names its fields, their JSON
 * types and what they mean. Parsers read bodies through their table, and the OpenAPI document and
 * the reference page are made from the same tables: what is accepted is documented and the other
 * way round.
 *
 *   type      a wrong one is `malformed` (422), with the path and what was expected there
 *   null      the same as not given, unless the field says `nullable: false` (400 then)
 *   unknown   refused by name (400) at the top of a body, ignored inside option objects, which
 *             clients send with keys to come, unless the field is `closed`
 *
 * What a value means beyond its type (ranges, names, combinations) is for the parser.
 */
import {
  describeJson,
  isJsonObject,
  type JsonObject,
  malformedAt,
  wrongShape,
} from "../../../src/document/shape.ts";
import { invalid } from "../../../src/errors.ts";

/** What a value of each type is once it was read. `count`: an integer from 0 on. */
interface ValueTypes {
  readonly boolean: boolean;
  readonly string: string;
  readonly number: number;
  readonly count: number;
  readonly array: readonly unknown[];
  readonly object: JsonObject;
}

export type FieldType = keyof ValueTypes;

/** A JSON Schema, of the dialect of OpenAPI 3.1. */
export type JsonSchema = { readonly [keyword: string]: JsonSchemaPart };
type JsonSchemaPart =
  | string
  | number
  | boolean
  | null
  | readonly JsonSchemaPart[]
  | { readonly [key: string]: JsonSchemaPart };

export interface Field {
  /** Several: any of them. */
  readonly type: FieldType | readonly FieldType[];
  /** Plain text for the reference. */
  readonly about: string;
  /** What the refusal of another type says was expected, where clients know other words. */
  readonly expected?: string;
  /** The whole reason of such a refusal, in place of what was found and expected. */
  readonly reason?: string;
  readonly required?: boolean;
  readonly nullable?: false;
  /** The texts it may be. */
  readonly values?: readonly string[];
  /** Of an object: the keys that mean something. */
  readonly keys?: FieldTable;
  /** Other keys of the object are refused. */
  readonly closed?: true;
  /** More about the value, for the document only. */
  readonly schema?: JsonSchema;
}

export type FieldTable = Readonly<Record<string, Field>>;

type TypesOf<F extends Field> = F["type"] extends readonly (infer T)[] ? T : F["type"];
type ValueOf<F extends Field> =
  | ("object" extends TypesOf<F>
      ? F extends { keys: infer K extends FieldTable }
        ? Given<K>
        : JsonObject
      : never)
  | ("string" extends TypesOf<F>
      ? F extends { values: readonly (infer V)[] }
        ? V
        : string
      : never)
  | ValueTypes[Exclude<TypesOf<F>, "object" | "string"> & FieldType];
type RequiredNames<T extends FieldTable> = {
  [N in keyof T]: T[N] extends { required: true } ? N : never;
}[keyof T];

/** A body read through its table; whatever is not given is undefined. */
export type Given<T extends FieldTable> = {
  readonly [N in RequiredNames<T>]: ValueOf<T[N]>;
} & { readonly [N in Exclude<keyof T, RequiredNames<T>>]: ValueOf<T[N]> | undefined };

/**
 * Reads a body. `missing` are fields of the API that this server does not have: they are refused
 * too, in words of their own.
 */
export function readFields<const T extends FieldTable>(
  body: unknown,
  table: T,
  missing: ReadonlySet<string> = new Set(),
): Given<T> {
  if (!isJsonObject(body)) {
    throw wrongShape("", body, "a map");
  }
  for (const [name, value] of Object.entries(body)) {
    if (Object.hasOwn(table, name)) continue;
    if (!missing.has(name)) {
      throw invalid(`💔 unknown field \`${name}\``, name);
    }
    if (value !== null) {
      throw invalid(`💔 \`${name}\` is not supported by this server`, name);
    }
  }
  return readKeys(body, table, "");
}

function readKeys<const T extends FieldTable>(json: JsonObject, table: T, path: string): Given<T> {
  const given: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(table)) {
    const place = path === "" ? name : `${path}.${name}`;
    const value = Object.hasOwn(json, name) ? json[name] : undefined;
    if (value === null && field.nullable === false) {
      throw invalid(`💔 ${place} must not be null`, place);
    }
    if (value === undefined || value === null) {
      if (field.required === true) {
        throw malformedAt(path, `missing field \`${name}\``);
      }
      given[name] = undefined;
    } else {
      given[name] = readValue(value, field, place);
    }
  }
  return given as Given<T>;
}

function readValue(value: unknown, field: Field, place: string): unknown {
  const type = typesOf(field).find((each) => isOfType(value, each));
  if (type === undefined) {
    const { reason = `invalid type: ${describeJson(value)}, expected ${expectation(field)}` } =
      field;
    throw malformedAt(place, reason);
  }
  if (type === "string" && field.values !== undefined && !field.values.includes(String(value))) {
    throw malformedAt(
      place,
      `unknown variant \`${String(value)}\`, expected ${quoted(field.values)}`,
    );
  }
  if (type === "object" && field.keys !== undefined) {
    const json = value as JsonObject;
    const { keys } = field;
    const other = Object.keys(json).find((key) => !Object.hasOwn(keys, key));
    if (field.closed === true && other !== undefined) {
      throw invalid(`💔 unknown field \`${other}\` in \`${place}\``, `${place}.${other}`);
    }
    return readKeys(json, keys, place);
  }
  return type === "count" ? Number(value) : value;
}

export function typesOf({ type }: Field): readonly FieldType[] {
  return typeof type === "string" ? [type] : type;
}

export function isOfType(value: unknown, type: FieldType): boolean {
  switch (type) {
    case "boolean":
    case "string":
    case "number":
      return typeof value === type;
    case "count":
      return (Number.isInteger(value) || typeof value === "bigint") && Number(value) >= 0;
    case "array":
      return Array.isArray(value);
    case "object":
      return isJsonObject(value);
  }
}

const expectations: Readonly<Record<FieldType, string>> = {
  boolean: "a boolean",
  string: "a string",
  number: "a number",
  count: "usize",
  array: "a sequence",
  object: "a map",
};

function expectation(field: Field): string {
  const { expected, values } = field;
  return (
    expected ??
    (values === undefined
      ? typesOf(field)
          .map((type) => expectations[type])
          .join(" or ")
      : quoted(values))
  );
}

function quoted(values: readonly string[]): string {
  return values.map((value) => `\`${value}\``).join(" or ");
}
