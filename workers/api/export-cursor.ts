/** Cursors of exports: opaque to clients, in hex so that they need no escaping in a URL. */
import { decodeHex, encodeHex } from "../../src/bytes/hex.ts";
import { type EngineError, invalid } from "../../src/errors.ts";
import type { ExportCursor } from "../../src/export.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const parts = ["tail", "segment"] as const;

export function renderExportCursor({ pin, place }: ExportCursor): string {
  const { part, at, done } = place;
  return encodeHex(encoder.encode([pin, parts.indexOf(part), at, done].join(".")));
}

export function parseExportCursor(text: string): ExportCursor {
  if (!/^(?:[0-9a-f]{2}){1,64}$/.test(text)) {
    throw badCursor();
  }
  const match = /^([0-9a-f]{32})\.([01])\.(\d{1,15})\.(\d{1,15})$/.exec(
    decoder.decode(decodeHex(text)),
  );
  const [, pin, part, at, done] = match ?? [];
  if (pin === undefined) {
    throw badCursor();
  }
  const place = { part: parts[Number(part)] ?? "tail", at: Number(at), done: Number(done) };
  return { pin, place };
}

function badCursor(): EngineError {
  return invalid("💔 cursor is not one that an export has returned", "cursor");
}
