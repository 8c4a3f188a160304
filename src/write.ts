/**
 * The write flow as a Worker runs it: from a request to its commit by the namespace's owner.
 *
 *   1. Describe: which generation the name has, and its schema. Remembered from earlier writes,
 *      because the owner checks it anyway; but no request is refused by a remembered schema.
 *   2. Build the batch under that schema (the caller's part: it knows the request's language).
 *   3. Encode it. Up to 1 MiB it travels inside the commit; larger ones as parts that are put
 *      first, under random ids. Crash here: parts that nothing names, collected a day later.
 *   4. Commit. `stale`: the namespace has another schema or generation by now; nothing was
 *      written; build again under what the owner says, from 2.
 *
 * Cost: one call of the owner in the ordinary case, two for the first write of an isolate; one put
 * for each 8 MiB of a large batch.
 */
import { encodeHex } from "./bytes/hex.ts";
import { type Batch, batchRows } from "./document/batch.ts";
import {
  applyAddition,
  isEmptyAddition,
  type Schema,
  type SchemaAddition,
} from "./document/schema.ts";
import { EngineError, unavailable } from "./errors.ts";
import { encodeBatch, splitBatch } from "./format/batch.ts";
import type { ChunkRef } from "./format/wal.ts";
import { limits } from "./limits.ts";
import {
  type NamespaceApi,
  type NamespaceDescription,
  protocolVersion,
  replyValue,
} from "./namespace/protocol.ts";
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

export interface WriteOptions {
  readonly disableBackpressure: boolean;
}

/**
 * Every attempt but the first follows from another writer's success: as many as may found a
 * namespace at once, each with attributes of its own.
 */
const attemptsMax = 40;

/** Resolves with what was built once it is durable. `build` may run several times. */
export async function write<T extends BuiltWrite>(
  ports: PutUniquePorts,
  target: WriteTarget,
  build: (schema: Schema) => T,
  { disableBackpressure }: WriteOptions,
): Promise<T> {
  const remembered = target.memory.recall(target.name);
  let description = remembered ?? (await describe(target));
  let isCurrent = remembered === undefined;
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const built = buildUnder(description, isCurrent, build);
    const chunks = built === undefined ? undefined : encodeChunks(built.batch);
    const isInline = chunks?.kind === "inline";
    if (built === undefined || chunks === undefined || !(isInline || isCurrent)) {
      // Refused by a schema that may be old, or about to store parts in a generation that may be.
      description = await describe(target);
      isCurrent = true;
      continue;
    }
    if (batchRows(built.batch) === 0 && built.addition === undefined) {
      return built;
    }
    const root = generationRoot(target.tenant, description.generation);
    const next = await commit(target, description, {
      addition: built.addition,
      upserts: built.batch.upserts,
      deletes: built.batch.deletes,
      chunks: isInline ? chunks.refs : await storeParts(ports, root, chunks.batches),
      disableBackpressure,
    });
    if (next.kind === "committed") {
      return built;
    }
    description = next.now;
    isCurrent = true;
  }
  throw unavailable("the schema of this namespace kept changing; repeat the write");
}

/**
 * Commits what `merge` adds to the schema of an existing namespace and returns the schema after
 * it. Throws `notFound`, and what `merge` throws.
 */
export async function changeSchema(
  target: WriteTarget,
  merge: (schema: Schema) => SchemaAddition,
): Promise<Schema> {
  let description = await describe(target);
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    if (!description.exists) {
      throw new EngineError("notFound", `🤷 namespace '${target.name}' was not found`);
    }
    const addition = merge(description.schema);
    if (isEmptyAddition(addition)) {
      return description.schema;
    }
    const next = await commit(target, description, {
      addition,
      upserts: 0,
      deletes: 0,
      chunks: [],
      disableBackpressure: false,
    });
    if (next.kind === "committed") {
      return applyAddition(description.schema, addition);
    }
    description = next.now;
  }
  throw unavailable("the schema of this namespace kept changing; repeat the request");
}

async function describe({ tenant, name, owner, memory }: WriteTarget) {
  const description = replyValue(await owner.describe(tenant, name));
  memory.remember(name, description);
  return description;
}

/** What was built; undefined when a schema that may be out of date refused it. */
function buildUnder<T extends BuiltWrite>(
  description: NamespaceDescription,
  isCurrent: boolean,
  build: (schema: Schema) => T,
): T | undefined {
  try {
    const built = build(description.schema);
    const isEmpty = batchRows(built.batch) === 0 && built.addition === undefined;
    return isEmpty && !isCurrent ? undefined : built;
  } catch (error) {
    if (isCurrent || !(error instanceof EngineError)) {
      throw error;
    }
    return undefined;
  }
}

type Encoded =
  | { readonly kind: "inline"; readonly refs: readonly ChunkRef[] }
  | { readonly kind: "parts"; readonly batches: readonly Batch[] };

function encodeChunks(batch: Batch): Encoded {
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

interface Change {
  readonly addition: SchemaAddition | undefined;
  readonly upserts: number;
  readonly deletes: number;
  readonly chunks: readonly ChunkRef[];
  readonly disableBackpressure: boolean;
}

async function commit(target: WriteTarget, description: NamespaceDescription, change: Change) {
  const { tenant, name, owner, memory } = target;
  const { generation, schema } = description;
  const schemaVersion = schema.version;
  const reply = replyValue(
    await owner.commit({
      protocol: protocolVersion,
      tenant,
      name,
      generation,
      schemaVersion,
      ...change,
    }),
  );
  const known =
    reply.kind === "stale"
      ? reply.now
      : { exists: true, generation, schema: applyAddition(schema, change.addition) };
  memory.remember(name, known);
  return reply;
}
