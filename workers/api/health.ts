/** What answers say of objects that cannot be read, and of entries that were skipped for it. */
import { formatDatetime } from "../../src/document/datetime.ts";
import type { SkippedEntry } from "../../src/namespace/protocol.ts";
import type { Quarantine } from "../../src/namespace/refusals.ts";
import type { JsonEncodable } from "./json.ts";

/** Nothing while all is well, which is nearly always. */
export function renderHealth({
  quarantine,
  skips = [],
}: {
  readonly quarantine?: Quarantine;
  readonly skips?: readonly SkippedEntry[];
}): Readonly<Record<string, JsonEncodable>> {
  return {
    ...(quarantine === undefined ? {} : { quarantine: { ...quarantine } }),
    ...(skips.length === 0 ? {} : { skipped_entries: skips.map(renderSkip) }),
  };
}

export function renderSkip({ sequence, timeMs, reason, fault }: SkippedEntry): JsonEncodable {
  return { sequence, skipped_at: formatDatetime(timeMs), reason, fault };
}
