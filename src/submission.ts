/**
 * From a built write to its commit: what the flows that write share.
 *
 *   1. Encode it. Up to 1 MiB it travels inside the commit; larger ones as parts that are put
 *      first, under random ids. Crash here: parts that nothing names, collected a day later.
 *   2. Commit, with a hash of each id it touches.
 */
import { encodeHex } from "./bytes/hex.ts";
import { type Batch, batchRows } from "./document/batch.ts";
import { applyAddition, type SchemaAddition } from "./document/schema.ts";
import type { SettingsChange } from "./document/settings.ts";
import { invalid } from "./errors.ts";
import { encodeBatch, splitBatch } from "./format/batch.ts";
import { hashIds } from "./format/id-hash.ts";
import type { ChunkRef, WriteCounts, WriteKey } from "./format/wal.ts";
import { limits } from "./limits.ts";
import {
  type CommitReply,
  type NamespaceApi,
  type NamespaceDescription,
  protocolVersion,
  type ReadSet,
  replyValue,
  wholeValue,
} from "./namespace/protocol.ts";
import type { Random } from "./ports.ts";
import { attachmentKey, generationRoot } from "./store/keys.ts";
import { type PutUniquePorts, putUnique } from "./store/put-unique.ts";

export interface WriteTarget {
  readonly tenant: string;
  readonly name: string;
  /** The owner of this name. */
  readonly owner: NamespaceApi;
  /** What earlier writes learned about it; kept by the caller between requests. */
  readonly memory: DescriptionMemory;
}

/** May forget, and may be out of date. */
export interface DescriptionMemory {
  recall(name: string): NamespaceDescription | undefined;
  remember(name: string, description: NamespaceDescription): void;
}

export interface BuiltWrite {
  readonly batch: Batch;
  /** Undefined when the schema stays as it is. */
  readonly addition: SchemaAddition | undefined;
}

/** A key for a write whose client chose none: known to nobody else, so its body needs no check. */
export function mintKey(random: Random): WriteKey {
  const id = random.bytes(16);
  return { id, body: id.slice(), keepMs: limits.mintedKeyKeepMs };
}

export async function describeTarget({
  tenant,
  name,
  owner,
  memory,
}: WriteTarget): Promise<NamespaceDescription> {
  const description = wholeValue(await owner.describe(tenant, name));
  memory.remember(name, description);
  return description;
}

export interface Change {
  readonly built: BuiltWrite;
  readonly disableBackpressure: boolean;
  readonly key: WriteKey;
  readonly settings?: SettingsChange;
  readonly reads?: ReadSet;
  readonly counts?: WriteCounts;
}

/** What only a first write decides. Throws `invalid` if it was decided otherwise. */
export function foundingSettings(
  { exists, shards: known }: NamespaceDescription,
  shards: number | undefined,
): Pick<Change, "settings"> {
  if (shards === undefined || known === shards) {
    return {};
  }
  if (exists) {
    const text = "sharding is decided by the first write to a namespace and stays as it is";
    throw invalid(`💔 ${text}`, "sharding");
  }
  return { settings: { shards } };
}

/** Stores what is too large to travel along, and commits. */
export async function submit(
  ports: PutUniquePorts,
  target: WriteTarget,
  description: NamespaceDescription,
  { built, ...change }: Change,
  encoded: Encoded = encodeChunks(built.batch),
): Promise<CommitReply> {
  const { addition, batch } = built;
  const { upserts, deletes, idKind, ids } = batch;
  const root = generationRoot(target.tenant, description.generation);
  return await commit(target, description, {
    addition,
    upserts,
    deletes,
    chunks:
      encoded.kind === "inline" ? encoded.refs : await storeParts(ports, root, encoded.batches),
    touches: hashIds(idKind, ids),
    ...change,
  });
}

export type Encoded =
  | { readonly kind: "inline"; readonly refs: readonly ChunkRef[] }
  | { readonly kind: "parts"; readonly batches: readonly Batch[] };

export function encodeChunks(batch: Batch): Encoded {
  const batches = splitBatch(batch);
  const [first, ...others] = batches;
  if (first === undefined) {
    return { kind: "inline", refs: [] };
  }
  // A vector block alone tells that encoding would be in vain.
  if (others.length === 0 && first.vectors.byteLength <= limits.inlineBatchBytesMax) {
    const bytes = encodeBatch(first);
    if (bytes.length <= limits.inlineBatchBytesMax) {
      return { kind: "inline", refs: [{ kind: "inline", bytes, rows: batchRows(first) }] };
    }
  }
  return { kind: "parts", batches };
}

/** One after the other: only one is encoded in memory at a time. */
async function storeParts(
  ports: PutUniquePorts,
  root: string,
  batches: readonly Batch[],
): Promise<ChunkRef[]> {
  const refs: ChunkRef[] = [];
  for (const batch of batches) {
    const id = encodeHex(ports.random.bytes(16));
    const bytes = encodeBatch(batch);
    const { sha256 } = await putUnique(ports, attachmentKey(root, id), bytes);
    refs.push({ kind: "part", id, length: bytes.length, sha256, rows: batchRows(batch) });
  }
  return refs;
}

interface Members {
  readonly addition: SchemaAddition | undefined;
  readonly settings?: SettingsChange;
  readonly upserts: number;
  readonly deletes: number;
  readonly chunks: readonly ChunkRef[];
  readonly disableBackpressure: boolean;
  readonly touches?: Uint32Array;
  readonly key?: WriteKey;
  readonly reads?: ReadSet;
  readonly counts?: WriteCounts;
}

export async function commit(
  target: WriteTarget,
  { generation, schema }: NamespaceDescription,
  members: Members,
): Promise<CommitReply> {
  const { tenant, name, owner, memory } = target;
  const schemaVersion = schema.version;
  const place = { protocol: protocolVersion, tenant, name, generation, schemaVersion };
  const reply = replyValue(await owner.commit({ ...place, ...members }));
  if (reply.kind === "stale") {
    memory.remember(name, reply.now);
  } else if (reply.kind === "committed" && !reply.repeated) {
    const after = applyAddition(schema, members.addition);
    memory.remember(name, { exists: true, generation, schema: after });
  }
  return reply;
}
