/**
 * JSON as the API speaks it, in: request bodies, parsed without losing a digit or trusting a byte.
 *
 *   integers      within 2^53 a number; beyond, within i64 or u64, a bigint; beyond those a number
 *   other numbers the nearest double; too large for one is an error, never Infinity
 *   text          valid UTF-8 and whole surrogate pairs only
 *   objects       plain; no key twice; "__proto__" is a key like any other
 *   bounds        nesting and estimated heap of limits.ts, checked before anything is built
 *
 *   1. Decode strictly.
 *   2. Scan the bytes once (json-scan.ts): enforce bounds, notice what JSON.parse would get wrong.
 *   3. Nothing to notice, the ordinary case: JSON.parse. Else, and to say what is wrong with a body
 *      that JSON.parse refuses, our own parser (json-exact.ts), which takes five times as long.
 */
import { syntaxError } from "./json-error.ts";
import { type JsonValue, parseExactly } from "./json-exact.ts";
import { scanJson } from "./json-scan.ts";

export {
  encodeJson,
  encodeJsonChunks,
  encodeJsonLines,
  F32,
  F64,
  type JsonEncodable,
} from "./json-encode.ts";
export type { JsonObject, JsonValue } from "./json-exact.ts";

/** Throws `invalid` with what is wrong and where, `tooLarge` for more than memory can hold. */
export function parseJson(bytes: Uint8Array): JsonValue {
  const text = decodeUtf8(bytes);
  if (scanJson(bytes, text) === "plain") {
    try {
      return JSON.parse(text) as JsonValue;
    } catch {
      // Our own parser will meet the same mistake and name it and its place.
    }
  }
  return parseExactly(text);
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return decodeStrictly(bytes, false);
  } catch {
    const valid = decodeStrictly(bytes.subarray(0, validUtf8Length(bytes)), true);
    throw syntaxError("invalid UTF-8", valid, valid.length);
  }
}

/** By bisection the length of the longest start in which nothing is wrong yet. */
function validUtf8Length(bytes: Uint8Array): number {
  let valid = 0;
  let invalid = bytes.length + 1;
  while (invalid - valid > 1) {
    const middle = (valid + invalid) >>> 1;
    try {
      decodeStrictly(bytes.subarray(0, middle), true);
      valid = middle;
    } catch {
      invalid = middle;
    }
  }
  return valid;
}

/** A byte order mark is kept, so that the parser refuses it: JSON has none. */
const strictly = { fatal: true, ignoreBOM: true };
const decoder = new TextDecoder("utf-8", strictly);

/** With `stream`, a character cut off by the end is left out instead of refused. */
function decodeStrictly(bytes: Uint8Array, stream: boolean): string {
  // What is cut off stays in a decoder.
  return (stream ? new TextDecoder("utf-8", strictly) : decoder).decode(bytes, { stream });
}
