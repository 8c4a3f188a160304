/** What a question costs before it is asked, and so whether a client may wait for it. Pure. */
import { primaryVector } from "./document/schema.ts";
import type { Snapshot } from "./snapshot.ts";

/** Of a row of the refine plane, beside a byte for each dimension: scale, norms, id. */
const refineRowBytes = 32;

/** Bytes that an exhaustive search over all rows looks at. */
export function scanBytes({ manifest, schema, unindexedBytes }: Snapshot): number {
  const rowBytes = (primaryVector(schema)?.dims ?? 0) + refineRowBytes;
  const rows = manifest.segments.reduce((sum, segment) => sum + segment.rows, 0);
  return rows * rowBytes + unindexedBytes;
}
