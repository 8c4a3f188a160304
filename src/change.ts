/**
 * Writes that patch, go by a filter or have conditions. In this order, each step on what the ones
 * before have left, and all of it one commit:
 *
 *   1. Documents that `deleteByFilter` matches go.
 *   2. Documents that `patchByFilter` matches are patched.
 *   3. By id: patches of what exists, upserts and deletes, each if its condition holds.
 *
 * Everything is decided from the state right before the commit (rewrite.ts), with one exception:
 * which documents a filter is tried on is found out once, on the first snapshot. If the commit is
 * refused, those that match no longer drop out, and those that have begun to match are not looked
 * for. What is committed are whole documents and deletes.
 *
 * Cost: a query for the matches of each filter, one for each 8 MiB of documents to be patched or
 * looked at, and a commit.
 */
import { type AskedWrite, Attempt, type BuiltChange, type Candidates } from "./change-attempt.ts";
import type { DecisionSource } from "./decision-source.ts";
import type { Schema } from "./document/schema.ts";
import { assert } from "./errors.ts";
import type { WriteCounts } from "./format/wal.ts";
import { rewrite } from "./rewrite.ts";
import type { SearchPorts } from "./search-ports.ts";
import type { WriteTarget } from "./submission.ts";
import type { WriteOptions } from "./write.ts";

export interface Changed {
  readonly counts: WriteCounts;
  /** Undefined if an earlier attempt under the same key was committed. */
  readonly built: BuiltChange | undefined;
  /** Size of all documents, for bills. */
  readonly logicalBytes: number;
}

/** Resolves once it is durable. `ask` may be called several times. */
export async function change(
  ports: SearchPorts,
  target: WriteTarget,
  ask: (schema: Schema) => AskedWrite,
  options: WriteOptions,
): Promise<Changed> {
  let candidates: Candidates | undefined;
  let built: BuiltChange | undefined;
  let logicalBytes = 0;
  const decide = async (source: DecisionSource): Promise<BuiltChange> => {
    logicalBytes = source.logicalBytes;
    const attempt = new Attempt(source, ask(source.schema));
    // Those of a deleted namespace mean nothing in its next life.
    candidates =
      candidates?.generation === source.generation
        ? await attempt.tryAgain(candidates)
        : await attempt.findCandidates();
    built = await attempt.decide(candidates);
    return built;
  };
  const reply = await rewrite(ports, target, decide, options);
  if (reply.kind === "committed") {
    const { upserts, patches, deletes, remain } = reply;
    return { counts: { upserts, patches, deletes, remain }, built: reply.built, logicalBytes };
  }
  assert(built !== undefined, "nothing to write is a decision too");
  return { counts: built.counts, built, logicalBytes };
}
