/**
 * Words for JSON of the wrong shape. Requests are refused in two ways: `malformed` when a value has
 * the wrong JSON type for its place, `invalid` when the shape is right and the meaning is not. The
 * texts of the first kind are those that users of the API know from its deserializer.
 */
import { type EngineError, malformed } from "../errors.ts";

/** An object as parsed from JSON: every key is an own property, `__proto__` included. */
export type JsonObject = Readonly<Record<string, unknown>>;

const textMax = 64;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What a JSON value is, for an error text: `string "abc"`, `integer `5``, `map`. */
export function describeJson(value: unknown): string {
  if (typeof value === "string") {
    return `string ${JSON.stringify(shorten(value))}`;
  }
  if (typeof value === "number" && !Number.isInteger(value)) {
    return `floating point \`${value}\``;
  }
  if (typeof value === "number" || typeof value === "bigint") {
    return `integer \`${shorten(String(value))}\``;
  }
  if (typeof value === "boolean") {
    return `boolean \`${value}\``;
  }
  return value === null ? "null" : Array.isArray(value) ? "sequence" : "map";
}

/** `path` empty: the body as a whole. */
export function malformedAt(path: string, reason: string): EngineError {
  const place = path === "" ? "" : `${path}: `;
  return malformed(
    `Failed to deserialize the JSON body into the target type: ${place}${reason}`,
    path === "" ? undefined : path,
  );
}

export function wrongShape(path: string, value: unknown, expected: string): EngineError {
  return malformedAt(path, `invalid type: ${describeJson(value)}, expected ${expected}`);
}

function shorten(text: string): string {
  return text.length <= textMax ? text : `${text.slice(0, textMax).toWellFormed()}…`;
}
