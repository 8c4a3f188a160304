/**
 * From what a source has to documents: which column is the id and which the vector, which columns
 * are taken and what they are called; and what the wire cannot say, as it can.
 *
 *   vectors   base64 of 32-bit floats        bytes   base64
 *   times     ISO 8601                       whole numbers beyond 2^53: exact
 */
import { type ColumnTypes, exactNumber, isAbsent, readText } from "./column-schema.ts";
import { type Row, SourceError } from "./row-source.ts";

export interface Mapping {
  /** Column of the ids, as the source calls it. */
  readonly id: string;
  /** Ids are the numbers of rows. */
  readonly numbersRows: boolean;
  readonly vector: string;
  /** Columns to take; all if empty. */
  readonly columns: readonly string[];
  /** New names by old ones. */
  readonly renamed: ReadonlyMap<string, string>;
}

/** An `id`, `vector` if there is one, and attributes; ready for JSON. */
export type Document = Readonly<Record<string, unknown>>;

export function mapRow(
  row: Row,
  rowNumber: number,
  mapping: Mapping,
  types: ColumnTypes,
  isText: boolean,
): Document {
  const document: Record<string, unknown> = { id: idOf(row, rowNumber, mapping, types, isText) };
  const { columns, renamed } = mapping;
  for (const [name, raw] of Object.entries(row)) {
    const isVector = name === mapping.vector;
    if (name === mapping.id && !mapping.numbersRows) continue;
    if (!isVector && columns.length > 0 && !columns.includes(name)) continue;
    if (isAbsent(raw)) continue;
    const type = isVector ? undefined : types.get(name);
    const value = isText && typeof raw === "string" ? readText(raw, type, name) : raw;
    const target = isVector ? "vector" : (renamed.get(name) ?? name);
    if (target === "id") throw new SourceError(`column ${name} cannot be called id as well`);
    document[target] = isVector ? encodeVector(value, name) : encodeValue(value, type, name);
  }
  return document;
}

function idOf(
  row: Row,
  rowNumber: number,
  { id, numbersRows }: Mapping,
  types: ColumnTypes,
  isText: boolean,
): unknown {
  if (numbersRows) return rowNumber;
  const value = row[id];
  if (isAbsent(value)) {
    throw new SourceError(`there is no id: column ${id} is empty or missing`);
  }
  const type = types.get(id);
  if (isText) {
    const isNumber = type === "int" || type === "uint";
    return isNumber ? encodeValue(readText(String(value), type, id), type, id) : String(value);
  }
  return encodeValue(value, type, id);
}

export function encodeVector(value: unknown, name = "vector"): unknown {
  // Base64 already.
  if (typeof value === "string") return value;
  const isNumbers =
    value instanceof Float32Array ||
    value instanceof Float64Array ||
    (Array.isArray(value) && value.every((item) => typeof item === "number"));
  if (!isNumbers) throw new SourceError(`column ${name} is no vector: a list of numbers`);
  const floats = value instanceof Float32Array ? value : Float32Array.from(value);
  if (!floats.every(Number.isFinite)) {
    throw new SourceError(`the vector in column ${name} has a number that is not finite`);
  }
  return encodeFloats(floats);
}

export function encodeFloats(values: Float32Array): string {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString("base64");
}

function encodeValue(value: unknown, type: string | undefined, name: string): unknown {
  if (typeof value === "bigint") return encodeBigInt(value, type);
  if (typeof value === "object") return encodeObject(value, type, name);
  if (typeof value === "number" && !Number.isFinite(value)) {
    throw new SourceError(`column ${name}: ${value} is not finite`);
  }
  return value;
}

function encodeObject(value: object | null, type: string | undefined, name: string): unknown {
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw new SourceError(`column ${name} has no valid time`);
    return value.toISOString();
  }
  if (value instanceof Float64Array || value instanceof Float32Array) return Array.from(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (ArrayBuffer.isView(value)) {
    return Array.from(value as unknown as Iterable<unknown>, (item) =>
      encodeValue(item, type, name),
    );
  }
  if (Array.isArray(value)) return value.map((item: unknown) => encodeValue(item, type, name));
  return value;
}

function encodeBigInt(value: bigint, type: string | undefined): unknown {
  if (type === "string") return String(value);
  if (type === "float" || type === "[]float") return Number(value);
  const exact = exactNumber(String(value));
  return typeof exact === "number" ? exact : rawJson(String(value));
}

/** Written as it stands by JSON.stringify. The compiler's library does not know it yet. */
const { rawJSON: rawJson } = JSON as unknown as { readonly rawJSON: (text: string) => object };
