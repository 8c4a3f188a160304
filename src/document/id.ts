/**
 * Document ids: the user's names for documents. All ids of a namespace are of one kind, fixed by
 * its first write.
 *
 *   uint    0 … 2^64-1     number while <= 2^53-1, bigint above
 *   string  <= 64 bytes    any Unicode text, the empty one included
 *   uuid    16 bytes       lower case with dashes
 *
 * One canonical form each, so that ids work as keys of a Map.
 */
import { invalid } from "../errors.ts";
import { limits } from "../limits.ts";

export type IdKind = "uint" | "string" | "uuid";
export type DocumentId = number | bigint | string;

const uintMax = 0xffff_ffff_ffff_ffffn;
const [hex4, hex8, hex12] = [4, 8, 12].map((count) => `([0-9a-f]{${count}})`);
const uuidPattern = new RegExp(
  `^(?:urn:uuid:)?\\{?${hex8}-?${hex4}-?${hex4}-?${hex4}-?${hex12}\\}?$`,
  "i",
);
const encoder = new TextEncoder();

/** The kind an id of the first write decides; undefined if no id can have this JSON type. */
export function inferIdKind(value: unknown): IdKind | undefined {
  if (typeof value === "string") {
    return "string";
  }
  return typeof value === "number" || typeof value === "bigint" ? "uint" : undefined;
}

/** The canonical id. Throws `invalid` with the text users of the API know. */
export function parseId(value: unknown, kind: IdKind, field: string): DocumentId {
  switch (kind) {
    case "uint":
      return parseUint(value, field);
    case "string":
      if (typeof value !== "string") {
        throw mixed(kind, value, field);
      }
      return parseText(value, field);
    case "uuid":
      if (typeof value !== "string") {
        throw mixed(kind, value, field);
      }
      return parseUuid(value, field);
  }
}

function parseText(value: string, field: string): string {
  if (!value.isWellFormed()) {
    throw invalid(`💔 ${field}: id is not valid Unicode text`, field);
  }
  const max = limits.idBytesMax;
  if (value.length > max || (value.length * 3 > max && encoder.encode(value).length > max)) {
    throw invalid(`💔 ${field}: id is longer than ${max} bytes`, field);
  }
  return value;
}

function parseUint(value: unknown, field: string): DocumentId {
  if (typeof value === "number") {
    if (!Number.isInteger(value) || value < 0) {
      throw invalid(`💔 ${field}: ${value} is not a valid id, expected an unsigned integer`, field);
    }
    // Above 2^53 a float can only have come from text such as 1e20: not the integer that was meant.
    if (!Number.isSafeInteger(value)) {
      throw invalid(`💔 ${field}: ${value} is not an exact unsigned integer`, field);
    }
    return value === 0 ? 0 : value;
  }
  if (typeof value === "bigint") {
    if (value < 0n || value > uintMax) {
      throw invalid(`💔 ${field}: ${value} is outside 0 … 2^64-1`, field);
    }
    return canonicalUint(value);
  }
  throw mixed("uint", value, field);
}

/** A u64 as number where that is exact, as bigint above. */
export function canonicalUint(value: bigint): DocumentId {
  return value <= 9_007_199_254_740_991n ? Number(value) : value;
}

export function parseUuid(value: string, field: string): string {
  const uuid = canonicalUuid(value);
  if (uuid === undefined) {
    throw invalid(
      "💔 namespace ID type is uuid, but a written ID could not be parsed as uuid",
      field,
    );
  }
  return uuid;
}

/** Any common spelling brought to lower case with dashes; undefined for other text. */
export function canonicalUuid(value: string): string | undefined {
  const match = uuidPattern.exec(value.trim());
  return match === null ? undefined : match.slice(1).join("-").toLowerCase();
}

function mixed(kind: IdKind, value: unknown, field: string): Error {
  const sent = inferIdKind(value) ?? typeof value;
  return invalid(
    `💔 namespace ID type is ${kind}, but you sent ${sent}; ` +
      "you are not allowed to mix ID types in the same namespace",
    field,
  );
}

/** Total order of ids of one kind: uint numeric, string and uuid by their bytes. */
export function compareIds(a: DocumentId, b: DocumentId): number {
  if (typeof a === "string" && typeof b === "string") {
    return compareText(a, b);
  }
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * UTF-8 byte order of two strings. UTF-16 order differs only where a surrogate meets U+E000…U+FFFF,
 * so the first differing units are moved to make surrogates the largest.
 */
export function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) {
      return rankUnit(x) - rankUnit(y);
    }
  }
  return a.length - b.length;
}

function rankUnit(unit: number): number {
  return unit < 0xd800 ? unit : unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}
