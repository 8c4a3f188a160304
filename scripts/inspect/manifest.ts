/** A manifest: its fields, then a table each of segments, attributes and what is dead. */
import { openManifest } from "../../src/format/manifest-codec.ts";
import { manifestFault } from "../../src/namespace/invariants.ts";
import type { Digest } from "../../src/ports.ts";
import { formatTable } from "../table.ts";
import type { Text } from "./text.ts";

export async function showManifest(
  text: Text,
  bytes: Uint8Array,
  place: { readonly generation: string; readonly version: number },
  digest: Digest,
): Promise<void> {
  const manifest = await openManifest(bytes, place, digest);
  const { segments, dead, schema, keys, inherited, nonce: _, ...fields } = manifest;
  text.value(`manifest ${manifest.version}`, fields);
  const fault = manifestFault(manifest);
  if (fault !== undefined) text.damage(fault);
  text.title(`schema, version ${schema.version}`);
  text.field("ids, metric", `${schema.idKind ?? "none yet"}, ${schema.metric ?? "none"}`);
  const attributes = [...schema.attributes].map(([name, { type, filterable }]) => {
    return [name, type, filterable ? "filterable" : ""];
  });
  table(text, ["attribute", "type", ""], attributes);
  text.title(`${segments.length} segments`);
  table(
    text,
    ["id", "shard", "level", "rows", "dead", "bytes", "objects", "clusters", "ids", "bitmap"],
    segments.map((segment) => [
      segment.id,
      segment.shard ?? "",
      segment.level,
      segment.rows,
      segment.dead.rows,
      segment.bytes,
      segment.parts.length,
      segment.clusters,
      `${segment.minId} … ${segment.maxId}`,
      segment.dead.name,
    ]),
  );
  for (const [title, items] of [
    ["inherited log", inherited],
    ["idempotency keys", keys],
    ["dead, to be collected", dead],
  ] as const) {
    if (items.length === 0) continue;
    text.title(title);
    text.rows<object>(items, (item) => text.flat(item));
  }
}

function table(text: Text, headings: readonly string[], rows: (string | number)[][]): void {
  if (rows.length === 0) return;
  for (const line of formatTable(headings, rows)) text.line(line);
}
