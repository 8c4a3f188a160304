/**
 * Cursors of queries: opaque to clients. Hex of JSON: id of the pin, checksum of the query, then
 * the last id or the number of rows so far. The checksum tells whose cursor it is: a query goes on
 * with its own.
 */
import { crc32c } from "../../src/bytes/crc32c.ts";
import { decodeHex, encodeHex } from "../../src/bytes/hex.ts";
import type { DocumentId } from "../../src/document/id.ts";
import { isJsonObject } from "../../src/document/shape.ts";
import { type EngineError, invalid } from "../../src/errors.ts";
import type { PageCursor, PagePlace } from "../../src/pages.ts";
import { encodeJson, type JsonValue, parseJson } from "./json.ts";

const hexMax = 1_024;

export function renderPageCursor({ pin, place }: PageCursor, body: unknown): string {
  const at = place.kind === "after" ? ["after", place.id] : ["rows", place.count];
  return encodeHex(encodeJson([pin, checksum(body), ...at]));
}

export function parsePageCursor(text: string, body: unknown): PageCursor {
  const isHex = text.length <= hexMax && /^(?:[0-9a-f]{2})+$/.test(text);
  const json = isHex ? parseOrNothing(decodeHex(text)) : undefined;
  if (!Array.isArray(json) || json.length !== 4)
    throw badCursor("is not one that a query returned");
  const [pin, sum, kind, at] = json as readonly unknown[];
  const place = readPlace(kind, at);
  if (typeof pin !== "string" || !/^[0-9a-f]{32}$/.test(pin) || place === undefined) {
    throw badCursor("is not one that a query returned");
  }
  if (sum !== checksum(body)) throw badCursor("is of another query");
  return { pin, place };
}

function readPlace(kind: unknown, at: unknown): PagePlace | undefined {
  const isCount = typeof at === "number" && Number.isSafeInteger(at) && at >= 0;
  if (kind === "rows") return isCount ? { kind, count: at } : undefined;
  const isId = isCount || typeof at === "string" || typeof at === "bigint";
  return kind === "after" && isId ? { kind, id: at as DocumentId } : undefined;
}

function parseOrNothing(bytes: Uint8Array): unknown {
  try {
    return parseJson(bytes);
  } catch {
    return undefined;
  }
}

/** Of everything but the cursor. */
function checksum(body: unknown): number {
  const entries = isJsonObject(body) ? Object.entries(body) : [];
  const others = Object.fromEntries(entries.filter(([name]) => name !== "cursor"));
  return crc32c(encodeJson(others as JsonValue));
}

function badCursor(reason: string): EngineError {
  return invalid(`💔 cursor ${reason}`, "cursor");
}
