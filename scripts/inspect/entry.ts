/** A log entry with its members and chunks, and a chunk with its first rows. */
import type { Batch } from "../../src/document/batch.ts";
import { decodeBatch } from "../../src/format/batch.ts";
import { openWalEntry } from "../../src/format/wal.ts";
import type { Digest } from "../../src/ports.ts";
import { formatTable } from "../table.ts";
import type { Text } from "./text.ts";

export async function showEntry(
  text: Text,
  bytes: Uint8Array,
  place: { readonly generation: string; readonly sequence: number },
  digest: Digest,
): Promise<void> {
  const entry = await openWalEntry(bytes, place, digest);
  text.title(`log entry ${entry.sequence} of ${new Date(entry.timeMs).toISOString()}`);
  if (entry.members.length === 0) text.line("no members: it only fills its slot");
  if (entry.repeats !== undefined) text.field("repeats of the schema", text.flat(entry.repeats));
  if (entry.skips !== undefined) text.field("skipped before it", text.flat(entry.skips));
  for (const [index, member] of entry.members.entries()) {
    if (member.kind === "tombstone") {
      text.title(`member ${index}: tombstone, the namespace ends here`);
      continue;
    }
    const { upserts, deletes, schemaVersion, addition, key, chunks } = member;
    text.title(`member ${index}: ${upserts} upserts, ${deletes} deletes`);
    text.field("schema version", schemaVersion);
    if (addition !== undefined) text.field("adds to the schema", text.flat(addition));
    if (key !== undefined) text.field("idempotency key", text.flat(key));
    for (const chunk of chunks) {
      if (chunk.kind === "part") text.field("attachment", text.flat(chunk));
      else showBatch(text, `chunk of ${chunk.rows} rows`, chunk.bytes);
    }
  }
}

export function showBatch(text: Text, title: string, bytes: Uint8Array): void {
  text.title(`${title}, ${bytes.length} bytes`);
  void text.guard("rows", () => showRows(text, decodeBatch(bytes)));
}

function showRows(text: Text, batch: Batch): void {
  const { ids, upserts, deletes, dims, attributes } = batch;
  text.field("ids", batch.idKind);
  if (dims > 0) text.field("vectors", `${dims} dimensions`);
  const names = attributes.map(({ name }) => name);
  const rows = ids.slice(0, Math.min(upserts, text.rowsMax)).map((id, row) => {
    const start = Array.from(batch.vectors.subarray(row * dims, row * dims + Math.min(dims, 4)));
    const vector = dims === 0 ? [] : [`[${start.join(", ")}${dims > 4 ? ", …" : ""}]`];
    return [
      String(id),
      ...vector,
      ...attributes.map(({ values }) => text.flat(values[row] ?? null)),
    ];
  });
  for (const line of formatTable(["id", ...(dims > 0 ? ["vector"] : []), ...names], rows, 40)) {
    text.line(line);
  }
  if (upserts > rows.length) text.line(`… and ${upserts - rows.length} more`);
  if (deletes > 0) {
    text.field("deletes", text.flat(ids.slice(upserts, upserts + text.rowsMax).map(String)));
  }
}
