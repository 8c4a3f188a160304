/**
 * Writes that are decided from documents: counters, claims, conditions, patches.
 *
 *   1. Read the documents of the ids, on one strong snapshot, by an ordinary query.
 *   2. Evaluate: which rows to write, if any. Pure, and run again on fresh documents if need be.
 *   3. Commit, with the hashes of all ids that were read, absent ones included, and the head they
 *      were read at. The owner refuses it if any of them was touched since, or if it does not
 *      know: its memory begins anew with each instance.
 *   4. Refused: everything that it lost against is durable, so from 1. Refused twice: others wait
 *      for this one, at most two seconds.
 *
 * What is committed was decided from the state right before it. A crash anywhere is a crash of the
 * commit: repeated under the same key it is applied once. If there is nothing to write, that was
 * true when the documents were read; a client's key is looked up all the same, for an earlier
 * attempt may be the reason.
 *
 * Cost: a query and a call of the owner; once more for each refusal.
 */
import { batchRows } from "./document/batch.ts";
import { type DocumentId, inferIdKind } from "./document/id.ts";
import type { Schema } from "./document/schema.ts";
import { isEngineError, unavailable } from "./errors.ts";
import { hashIds } from "./format/id-hash.ts";
import { limits } from "./limits.ts";
import type { Committed, NamespaceDescription } from "./namespace/protocol.ts";
import { bindQuery } from "./query/bind.ts";
import type { Query } from "./query/query.ts";
import type { ResultRow } from "./query/result.ts";
import { onSnapshot, runQuery } from "./search.ts";
import type { SearchContext, SearchPorts } from "./search-ports.ts";
import {
  type BuiltWrite,
  commit,
  describeTarget,
  mintKey,
  submit,
  type WriteTarget,
} from "./submission.ts";
import type { WriteOptions } from "./write.ts";

/** Documents by id, with all attributes; an id without one is absent. */
export type ReadDocuments = ReadonlyMap<DocumentId, ResultRow>;

export type Rewritten<T> =
  /** `built`: what was committed; undefined if that was an earlier attempt under the same key. */
  (Committed & { readonly built: T | undefined }) | { readonly kind: "nothing" };

/** Each attempt but the first lost against a committed write, or an instance that ended. */
const attemptsMax = 40;

/**
 * Commits what `evaluate` makes of the documents, as of the moment before it. `ids` are canonical
 * and different. Throws what `evaluate` throws.
 */
export async function rewrite<T extends BuiltWrite>(
  ports: SearchPorts,
  target: WriteTarget,
  ids: readonly DocumentId[],
  evaluate: (schema: Schema, documents: ReadDocuments) => T | undefined,
  { disableBackpressure, key: chosen }: WriteOptions,
): Promise<Rewritten<T>> {
  const key = chosen ?? mintKey(ports.random);
  let refusals = 0;
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const { description, next, documents } = await read(ports, target, ids);
    const { schema } = description;
    const built = evaluate(schema, documents);
    const isEmpty = built === undefined || isEmptyWrite(built);
    if (isEmpty && chosen === undefined) {
      return { kind: "nothing" };
    }
    const hashes = hashIds(schema.idKind ?? inferIdKind(ids[0]) ?? "uint", ids);
    const reply = isEmpty
      ? await commit(target, description, { ...nothing, disableBackpressure, key })
      : await submit(ports, target, description, {
          built,
          disableBackpressure,
          key,
          reads: { next, ids: hashes, refusals },
        });
    if (reply.kind === "committed") {
      return { ...reply, built: reply.repeated ? undefined : built };
    }
    if (reply.kind === "nothing") {
      return reply;
    }
    refusals += reply.kind === "conflict" ? 1 : 0;
  }
  throw unavailable("the documents that this write depends on kept changing; repeat it");
}

const nothing = { addition: undefined, upserts: 0, deletes: 0, chunks: [] };

function isEmptyWrite({ batch, addition }: BuiltWrite): boolean {
  return batchRows(batch) === 0 && addition === undefined;
}

/** What a decision is made from. */
interface ReadState {
  readonly description: NamespaceDescription;
  /** The documents are as of all entries below. */
  readonly next: number;
  readonly documents: ReadDocuments;
}

async function read(
  ports: SearchPorts,
  target: WriteTarget,
  ids: readonly DocumentId[],
): Promise<ReadState> {
  const strong = { consistency: "strong", disableCache: false } as const;
  for (;;) {
    try {
      return await onSnapshot(ports, target, strong, async (context) => {
        const { generation, schema, next } = context.snapshot;
        const documents = await readDocuments(context, ids);
        return { description: { exists: true, generation, schema }, next, documents };
      });
    } catch (error) {
      if (!isEngineError(error, "notFound")) {
        throw error;
      }
    }
    const description = await describeTarget(target);
    if (!description.exists) {
      return { description, next: 0, documents: new Map() };
    }
    // It has begun meanwhile.
  }
}

async function readDocuments(
  context: SearchContext,
  ids: readonly DocumentId[],
): Promise<ReadDocuments> {
  const { schema } = context.snapshot;
  const documents = new Map<DocumentId, ResultRow>();
  for (let at = 0; schema.idKind !== undefined && at < ids.length; at += limits.inListMax) {
    const some = ids.slice(at, at + limits.inListMax);
    const bound = bindQuery(queryOf(some), schema);
    const { rows } = await runQuery(context, bound, context.ports.clock.now());
    for (const row of rows) {
      documents.set(row.id, row);
    }
  }
  context.reader.finish();
  return documents;
}

function queryOf(ids: readonly DocumentId[]): Query {
  return {
    rank: { kind: "id", descending: false },
    limit: ids.length,
    offset: 0,
    filters: ["id", "In", ids],
    attributes: { kind: "all" },
    metric: undefined,
    consistency: "strong",
    disableCache: false,
  };
}
