/**
 * The change feed: what was written to a namespace, in its one order, read from the log.
 * Entries that are in segments by now are read like the others, as long as retention, or at least
 * the grace, keeps them.
 *
 *   1. `head`, for where the log ends, which life it is of and which slots are skipped
 *   2. entries from the cursor on, a few at a time, each with its attachments. A slot that is
 *      skipped, or a fence, has no changes
 *
 * A cursor names the life it is of and the next entry, so it may be kept for as long as it is
 * wanted. What is gone, and a cursor of another life, throws `gone`: nothing is ever passed over.
 *
 * Cost: the call, a get for each entry and each attachment. At most six entries are in memory.
 */
import type { Batch } from "./document/batch.ts";
import type { Schema } from "./document/schema.ts";
import { corrupt, EngineError } from "./errors.ts";
import { decodeBatch } from "./format/batch.ts";
import { equalBytes } from "./format/envelope.ts";
import { homeOfEntry } from "./format/homes.ts";
import { type ChunkRef, type OpenedWalEntry, openWalEntry } from "./format/wal.ts";
import { limits } from "./limits.ts";
import { readSlot } from "./log-read.ts";
import {
  type HeadReply,
  type NamespaceApi,
  protocolVersion,
  wholeValue,
} from "./namespace/protocol.ts";
import { firstManifest } from "./namespace/state.ts";
import type { Ports } from "./ports.ts";
import { attachmentKey, generationRoot, walKey } from "./store/keys.ts";

export interface ChangesTarget {
  readonly tenant: string;
  readonly name: string;
  readonly owner: Pick<NamespaceApi, "head">;
}

export interface ChangesCursor {
  readonly generation: string;
  /** Of the first entry that is wanted. */
  readonly next: number;
}

/** One entry of the log that changed documents. */
export interface Change {
  readonly sequence: number;
  readonly timeMs: number;
  readonly batches: readonly Batch[];
  /** Goes on behind it. */
  readonly after: ChangesCursor;
}

export interface Changes {
  /** As of the newest entry. */
  readonly schema: Schema;
  /** Where the log ends for now. */
  readonly end: ChangesCursor;
  entries(): AsyncGenerator<Change, void>;
}

/** Without a cursor: from the first entry of the name's present life. */
export async function openChanges(
  ports: Ports,
  { tenant, name, owner }: ChangesTarget,
  cursor?: ChangesCursor,
): Promise<Changes> {
  const request = { protocol: protocolVersion, tenant, name, brief: true };
  // In quarantine the log goes on behind what cannot be read: that is not its end.
  const head = wholeValue(await owner.head(request));
  const { generation, next, schema } = head;
  if (cursor !== undefined && cursor.generation !== generation) {
    throw notKept("the namespace was deleted or restored since");
  }
  const from = cursor?.next ?? 0;
  if (from > next) {
    throw notKept("the cursor lies behind the end of the log");
  }
  return {
    schema,
    end: { generation, next },
    entries: () => readChanges(ports, tenant, head, from),
  };
}

async function* readChanges(
  ports: Ports,
  tenant: string,
  head: HeadReply,
  from: number,
): AsyncGenerator<Change, void> {
  const { generation, next, skips = [] } = head;
  const skipped = new Set(skips.map(({ sequence }) => sequence));
  for (let at = from; at < next; at += limits.connectionsMax) {
    const length = Math.min(limits.connectionsMax, next - at);
    const wave = await Promise.all(
      Array.from({ length }, async (_, i) => {
        return skipped.has(at + i) ? undefined : await readEntry(ports, tenant, head, at + i);
      }),
    );
    for (const entry of wave) {
      const batches = entry === undefined ? [] : await batchesOf(ports, tenant, entry);
      if (entry !== undefined && batches.length > 0) {
        const { sequence, timeMs } = entry;
        yield { sequence, timeMs, batches, after: { generation, next: sequence + 1 } };
      }
    }
  }
}

/** Undefined: it is skipped. */
async function readEntry(
  ports: Ports,
  tenant: string,
  head: HeadReply,
  sequence: number,
): Promise<OpenedWalEntry | undefined> {
  const { manifest = firstManifest(head.generation), floor } = head;
  const home = homeOfEntry(manifest, sequence);
  const root = generationRoot(tenant, home);
  const stored = await ports.store.get(walKey(root, sequence));
  if (stored === undefined && sequence < floor) {
    throw notKept("these changes are not kept any more");
  }
  const slot =
    stored === undefined
      ? await readSlot(ports, root, home, sequence)
      : await openOrDoubt(ports, root, home, sequence, stored.bytes);
  if (slot.kind === "unreadable") {
    throw corrupt(`WAL entry ${sequence} of ${home} ${slot.reason}`);
  }
  return slot.kind === "entry" ? slot.entry : undefined;
}

async function openOrDoubt(
  ports: Ports,
  root: string,
  generation: string,
  sequence: number,
  bytes: Uint8Array,
): ReturnType<typeof readSlot> {
  try {
    const entry = await openWalEntry(bytes, { generation, sequence }, ports.digest);
    return { kind: "entry", entry, bytes };
  } catch {
    return await readSlot(ports, root, generation, sequence);
  }
}

async function batchesOf(ports: Ports, tenant: string, entry: OpenedWalEntry): Promise<Batch[]> {
  const root = generationRoot(tenant, entry.generation);
  const batches: Batch[] = [];
  for (const member of entry.members) {
    for (const chunk of member.kind === "batch" ? member.chunks : []) {
      batches.push(decodeBatch(await bytesOf(ports, root, chunk)));
    }
  }
  return batches;
}

async function bytesOf(ports: Ports, root: string, chunk: ChunkRef): Promise<Uint8Array> {
  if (chunk.kind === "inline") {
    return chunk.bytes;
  }
  const key = attachmentKey(root, chunk.id);
  const stored = await ports.store.get(key);
  if (stored === undefined) {
    throw notKept("these changes are not kept any more");
  }
  if (!equalBytes(await ports.digest(stored.bytes), chunk.sha256)) {
    throw corrupt(`${key} is not what was stored`);
  }
  return stored.bytes;
}

function notKept(why: string): EngineError {
  return new EngineError("gone", `💔 after: ${why}; begin anew with an export`, { field: "after" });
}
