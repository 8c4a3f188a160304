/** `as_of`, in bodies and query strings: a time, or the number of an entry of the log. */
import { parseDatetime } from "../../src/document/datetime.ts";
import { invalid } from "../../src/errors.ts";
import type { AsOf } from "../../src/history.ts";

export function parseAsOf(value: string | number): AsOf {
  if (typeof value === "number" || /^\d{1,15}$/.test(value)) {
    return { kind: "sequence", sequence: Number(value) };
  }
  const ms = parseDatetime(value);
  if (ms === undefined) {
    throw invalid("💔 as_of must be a time as 2027-01-31T12:00:00Z, or a sequence", "as_of");
  }
  return { kind: "time", ms };
}
