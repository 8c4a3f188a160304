/**
 * From what a source has to documents: which column is the id and which the vector, which columns
 * are taken and what they are called; and what the wire cannot say, as it can.
 *
 *   vectors   base64 of 32-bit floats        bytes   base64
 *   times     ISO 8601                       whole numbers beyond 2^53: exact, as `Wire` says them
 */
import { type ColumnTypes, exactNumber, isAbsent, readText } from "./column-schema.ts";
import { type Row, SourceError } from "./row.ts";

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

/** How those who read the documents want what JSON has no word for. */
export interface Wire {
  readonly base64: (bytes: Uint8Array) => string;
  /** Beyond 2^53. */
  readonly integer: (value: bigint) => unknown;
}

/** An `id`, `vector` if there is one, and attributes. */
export type Document = Readonly<Record<string, unknown>>;

export function mapRow(
  row: Row,
  rowNumber: number,
  mapping: Mapping,
  types: ColumnTypes,
  isText: boolean,
  wire: Wire,
): Document {
  const id = idOf(row, rowNumber, mapping, types, isText, wire);
  const document: Record<string, unknown> = { id };
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
    document[target] = isVector
      ? encodeVector(value, wire, name)
      : encodeValue(value, type, name, wire);
  }
  return document;
}

function idOf(
  row: Row,
  rowNumber: number,
  { id, numbersRows }: Mapping,
  types: ColumnTypes,
  isText: boolean,
  wire: Wire,
): unknown {
  if (numbersRows) return rowNumber;
  const value = row[id];
  if (isAbsent(value)) {
    throw new SourceError(`there is no id: column ${id} is empty or missing`);
  }
  const type = types.get(id);
  if (isText) {
    const isNumber = type === "int" || type === "uint";
    return isNumber
      ? encodeValue(readText(String(value), type, id), type, id, wire)
      : String(value);
  }
  return encodeValue(value, type, id, wire);
}

export function encodeVector(value: unknown, wire: Wire, name = "vector"): unknown {
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
  return wire.base64(new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength));
}

function encodeValue(value: unknown, type: string | undefined, name: string, wire: Wire): unknown {
  if (typeof value === "bigint") return encodeBigInt(value, type, wire);
  if (typeof value === "object") return encodeObject(value, type, name, wire);
  if (typeof value === "number" && !Number.isFinite(value)) {
    throw new SourceError(`column ${name}: ${value} is not finite`);
  }
  return value;
}

function encodeObject(
  value: object | null,
  type: string | undefined,
  name: string,
  wire: Wire,
): unknown {
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw new SourceError(`column ${name} has no valid time`);
    return value.toISOString();
  }
  if (value instanceof Float64Array || value instanceof Float32Array) return Array.from(value);
  if (value instanceof Uint8Array) return wire.base64(value);
  if (ArrayBuffer.isView(value)) {
    return Array.from(value as unknown as Iterable<unknown>, (item) =>
      encodeValue(item, type, name, wire),
    );
  }
  if (Array.isArray(value))
    return value.map((item: unknown) => encodeValue(item, type, name, wire));
  return value;
}

function encodeBigInt(value: bigint, type: string | undefined, { integer }: Wire): unknown {
  if (type === "string") return String(value);
  if (type === "float" || type === "[]float") return Number(value);
  const exact = exactNumber(String(value));
  return typeof exact === "number" ? exact : integer(value);
}
