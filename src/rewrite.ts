/**
 * Writes that are decided from documents: counters, claims, conditions, patches.
 *
 *   1. Decide what to write, if anything, from documents of one strong snapshot; and again from
 *      fresh documents if need be (decision-source.ts).
 *   2. Commit, with the hashes of all ids that the decision depends on, absent ones included, and
 *      the head they were read at. The owner refuses it if any of them was touched since, or if it
 *      does not know: its memory begins anew with each instance.
 *   3. Refused: everything that it lost against is durable, so from 1. Refused twice: others wait
 *      for this one, at most two seconds.
 *
 * What is committed was decided from the state right before it. A crash anywhere is a crash of the
 * commit: repeated under the same key it is applied once. If there is nothing to write, that was
 * true when the documents were read; a client's key is looked up all the same, for an earlier
 * attempt may be the reason.
 *
 * Cost: a query and a call of the owner; once more for each refusal.
 */
import { type DecisionSource, SnapshotSource } from "./decision-source.ts";
import { batchRows } from "./document/batch.ts";
import { type DocumentId, inferIdKind } from "./document/id.ts";
import { isEngineError, unavailable } from "./errors.ts";
import { hashIds } from "./format/id-hash.ts";
import type { WriteCounts } from "./format/wal.ts";
import type { Committed, NamespaceDescription } from "./namespace/protocol.ts";
import { onSnapshot } from "./search.ts";
import type { SearchPorts } from "./search-ports.ts";
import {
  type BuiltWrite,
  commit,
  describeTarget,
  foundingSettings,
  mintKey,
  submit,
  type WriteTarget,
} from "./submission.ts";
import type { WriteOptions } from "./write.ts";

/** What to write, given what is there; it may look at whatever it likes. */
export type Decide<T> = (source: DecisionSource) => Promise<T | undefined>;

export interface Decision extends BuiltWrite {
  /** What its writer is told, if not the number of its rows. */
  readonly counts?: WriteCounts;
}

export type Rewritten<T> =
  /** `built`: what was committed; undefined if that was an earlier attempt under the same key. */
  (Committed & { readonly built: T | undefined }) | { readonly kind: "nothing" };

/** Each attempt but the first lost against a committed write, or an instance that ended. */
const attemptsMax = 40;

/**
 * Commits what `decide` makes of the documents, as of the moment before it. Throws what it throws.
 */
export async function rewrite<T extends Decision>(
  ports: SearchPorts,
  target: WriteTarget,
  decide: Decide<T>,
  { disableBackpressure, key: chosen, shards }: WriteOptions,
): Promise<Rewritten<T>> {
  const key = chosen ?? mintKey(ports.random);
  let refusals = 0;
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const { description, next, built, asked } = await evaluate(ports, target, decide);
    const founding = shards === undefined ? {} : await decideShards(target, description, shards);
    const isEmpty = built === undefined || isEmptyWrite(built);
    if (isEmpty && chosen === undefined) {
      return { kind: "nothing" };
    }
    const kind = description.schema.idKind ?? inferIdKind(asked[0]) ?? "uint";
    const reply = isEmpty
      ? await commit(target, description, { ...nothing, disableBackpressure, key })
      : await submit(ports, target, description, {
          built,
          disableBackpressure,
          key,
          ...founding,
          reads: { next, ids: hashIds(kind, asked), refusals },
          ...(built.counts === undefined ? {} : { counts: built.counts }),
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

/** A snapshot does not say how many shards there are: their number is the owner's to know. */
async function decideShards(
  target: WriteTarget,
  description: NamespaceDescription,
  shards: number,
): Promise<ReturnType<typeof foundingSettings>> {
  const now = description.exists ? await describeTarget(target) : description;
  return foundingSettings(now, shards);
}

const nothing = { addition: undefined, upserts: 0, deletes: 0, chunks: [] };

function isEmptyWrite({ batch, addition }: BuiltWrite): boolean {
  return batchRows(batch) === 0 && addition === undefined;
}

/** A decision and what it was made from. */
interface Evaluated<T> {
  readonly description: NamespaceDescription;
  /** The documents are as of all entries below. */
  readonly next: number;
  readonly built: T | undefined;
  /** Ids that it depends on. */
  readonly asked: readonly DocumentId[];
}

async function evaluate<T>(
  ports: SearchPorts,
  target: WriteTarget,
  decide: Decide<T>,
): Promise<Evaluated<T>> {
  const strong = { consistency: "strong", disableCache: false } as const;
  for (;;) {
    try {
      return await onSnapshot(ports, target, strong, async (context) => {
        const { generation, schema, next } = context.snapshot;
        const source = new SnapshotSource(generation, schema, context);
        const built = await decide(source);
        context.reader.finish();
        const { asked } = source;
        return { description: { exists: true, generation, schema }, next, built, asked };
      });
    } catch (error) {
      if (!isEngineError(error, "notFound")) {
        throw error;
      }
    }
    const description = await describeTarget(target);
    if (!description.exists) {
      const source = new SnapshotSource(description.generation, description.schema, undefined);
      const built = await decide(source);
      return { description, next: 0, built, asked: source.asked };
    }
    // It has begun meanwhile.
  }
}
