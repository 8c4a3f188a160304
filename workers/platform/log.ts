/**
 * Log lines as JSON objects, one a line, for the platform's log viewer. Fields are for operators:
 * ids, counts, times, errors; never documents, vectors, queries or keys of the API.
 */
import { EngineError } from "../../src/errors.ts";
import type { Log } from "../../src/ports.ts";

type Fields = Readonly<Record<string, unknown>>;

/** `common` goes into every line, for instance which Worker wrote it. */
export function createLog(common: Fields = {}): Log {
  const line = (level: string, event: string, fields: Fields = {}): string =>
    JSON.stringify({ level, event, ...common, ...fields }, printable);
  return {
    info: (event, fields) => console.log(line("info", event, fields)),
    warn: (event, fields) => console.warn(line("warn", event, fields)),
    error: (event, fields) => console.error(line("error", event, fields)),
  };
}

/** What JSON has no form for. */
function printable(_name: string, value: unknown): unknown {
  if (typeof value === "bigint") return String(value);
  if (value instanceof Uint8Array) return `<${value.length} bytes>`;
  if (!(value instanceof Error)) return value;
  return {
    name: value.name,
    message: value.message,
    ...(value instanceof EngineError ? { kind: value.kind } : {}),
    ...(value.cause === undefined ? {} : { cause: value.cause }),
    stack: value.stack,
  };
}
