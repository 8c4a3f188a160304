/**
 * The write flow as a Worker runs it: from a request to its commit by the namespace's owner.
 *
 *   1. Describe: which generation the name has, and its schema. Remembered from earlier writes,
 *      because the owner checks it anyway; but no request is refused by a remembered schema.
 *   2. Build the batch under that schema (the caller's part: it knows the request's language).
 *   3. Encode and commit it (submission.ts), every attempt under one key: the client's, or one
 *      minted here. However often it is sent, it is applied once.
 *   4. `stale`: the namespace has another schema or generation by now; nothing was written; build
 *      again under what the owner says, from 2.
 *
 * Cost: one call of the owner in the ordinary case, two for the first write of an isolate; one put
 * for each 8 MiB of a large batch.
 */
import { batchRows } from "./document/batch.ts";
import {
  applyAddition,
  isEmptyAddition,
  type Schema,
  type SchemaAddition,
} from "./document/schema.ts";
import type { SettingsChange } from "./document/settings.ts";
import { assert, EngineError, unavailable } from "./errors.ts";
import type { WriteKey } from "./format/wal.ts";
import {
  type CommitReply,
  type Committed,
  type NamespaceDescription,
} from "./namespace/protocol.ts";
import { readOnlyError } from "./namespace/refusals.ts";
import type { PutUniquePorts } from "./store/put-unique.ts";
import {
  type BuiltWrite,
  commit,
  describeTarget,
  encodeChunks,
  foundingSettings,
  mintKey,
  submit,
  type WriteTarget,
} from "./submission.ts";

export interface WriteOptions {
  readonly disableBackpressure: boolean;
  /** What its client calls this write, if it does. */
  readonly key?: WriteKey;
  /** For a first write to decide; later ones may only repeat it. */
  readonly shards?: number;
  /** Only into this life of the name: `gone` if it has ended. */
  readonly generation?: string;
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
  { disableBackpressure, key = mintKey(ports.random), shards, generation }: WriteOptions,
): Promise<T> {
  const remembered = shards === undefined ? target.memory.recall(target.name) : undefined;
  let description = remembered ?? (await describeTarget(target));
  let isCurrent = remembered === undefined;
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    if (generation !== undefined && description.generation !== generation) {
      throw new EngineError("gone", "the namespace was deleted or restored meanwhile");
    }
    const founding = foundingSettings(description, shards);
    const built = buildUnder(description, isCurrent, build);
    const chunks = built === undefined ? undefined : encodeChunks(built.batch);
    const isInline = chunks?.kind === "inline";
    if (built === undefined || chunks === undefined || !(isInline || isCurrent)) {
      // Refused by a schema that may be old, or about to store parts in a generation that may be.
      description = await describeTarget(target);
      isCurrent = true;
      continue;
    }
    if (batchRows(built.batch) === 0 && built.addition === undefined) {
      return built;
    }
    const change = { built, disableBackpressure, key, ...founding };
    const reply = await submit(ports, target, description, change, chunks);
    if (reply.kind === "committed") {
      return built;
    }
    description = newsOf(reply);
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
  let description = await describeTarget(target);
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    mustExist(description, target);
    const addition = merge(description.schema);
    if (isEmptyAddition(addition)) {
      refuseReadOnly(description);
      return description.schema;
    }
    const members = { ...noRows, addition, disableBackpressure: false };
    const reply = await commit(target, description, members);
    if (reply.kind === "committed") {
      return applyAddition(description.schema, addition);
    }
    description = newsOf(reply);
  }
  throw unavailable("the schema of this namespace kept changing; repeat the request");
}

/** Throws `notFound` if the namespace does not exist. */
export async function changeSettings(target: WriteTarget, settings: SettingsChange): Promise<void> {
  let description = await describeTarget(target);
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    mustExist(description, target);
    if (Object.keys(settings).length === 0) {
      return;
    }
    const reply = await commit(target, description, { ...noRows, addition: undefined, settings });
    if (reply.kind === "committed") {
      return;
    }
    description = newsOf(reply);
  }
  throw unavailable("the schema of this namespace kept changing; repeat the request");
}

/** Throws if it is read-only: a write that changes nothing is a write all the same. */
export async function mustBeWritable(target: WriteTarget): Promise<void> {
  refuseReadOnly(await describeTarget(target));
}

function refuseReadOnly({ readOnly }: NamespaceDescription): void {
  if (readOnly === true) {
    throw readOnlyError();
  }
}

const noRows = { upserts: 0, deletes: 0, chunks: [], disableBackpressure: true };

function mustExist({ exists }: NamespaceDescription, { name }: WriteTarget): void {
  if (!exists) {
    throw new EngineError("notFound", `🤷 namespace '${name}' was not found`);
  }
}

/** What a reply says that is not a commit. */
function newsOf(reply: Exclude<CommitReply, Committed>): NamespaceDescription {
  assert(reply.kind === "stale", "only what read something conflicts");
  return reply.now;
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
