/**
 * Writes that are decided from documents, in a form that the log alone can judge: each of their
 * documents says in `r` what the decision was made from (ids with the tags they had, or null), and
 * counters in `c` how often they were counted.
 *
 *   count     adds one to some counters, having looked at others too
 *   claim     writes a document if there is none
 *   release   deletes such a document if there is one, and writes so into a journal
 */

import type { Batch } from "../../src/document/batch.ts";
import type { Schema } from "../../src/document/schema.ts";
import type { BuiltWrite } from "../../src/submission.ts";
import type { ReadDocuments } from "../decide.ts";
import type { Documents } from "./history.ts";
import type { World } from "./world.ts";
import { buildRows, claims, counters, vectorsFor } from "./writes.ts";

const journal = 1_020;

export interface RewriteIntent {
  readonly kind: "count" | "claim" | "release";
  readonly tag: number;
  /** All that is read. */
  readonly ids: readonly number[];
  /** Those of them that are counted or claimed. */
  readonly targets: readonly number[];
  readonly vectors: readonly (readonly number[])[];
  readonly hasSides: boolean;
}

export function planRewrite(world: World): RewriteIntent {
  const { random, newTag, sizes } = world;
  const { hasSides } = sizes;
  const kind = random.pick(["count", "count", "claim", "release"] as const);
  const tag = newTag();
  if (kind === "count") {
    const ids = counters.filter(() => random.chance(0.6));
    if (ids.length === 0) ids.push(random.pick(counters));
    const targets = ids.slice(random.below(ids.length));
    return { kind, tag, ids, targets, vectors: vectorsFor(world, targets), hasSides };
  }
  const target = random.pick(claims);
  const ids = kind === "claim" ? [target] : [target, journal];
  return { kind, tag, ids, targets: [target], vectors: vectorsFor(world, [target]), hasSides };
}

/** What it comes to, given these documents; undefined if nothing is to be done. */
export function decideRewrite(
  { kind, tag, ids, targets, vectors, hasSides }: RewriteIntent,
  schema: Schema,
  documents: ReadDocuments,
): BuiltWrite | undefined {
  const value = (id: number, attribute: string): number | null => {
    const found = documents.get(id)?.attributes.find(({ name }) => name === attribute)?.value;
    return found === undefined ? null : Number(found);
  };
  const [target] = targets;
  const isTaken = target !== undefined && documents.has(target);
  if (kind === "claim" ? isTaken : kind === "release" && !isTaken) return undefined;
  const upserts = kind === "release" ? [journal] : targets;
  const seen = JSON.stringify(ids.map((id) => [id, value(id, "w")]));
  return buildRows(
    schema,
    { upserts, deletes: kind === "release" ? targets : [], tag, vectors, hasSides },
    [
      { name: "r", type: "string", values: upserts.map(() => seen) },
      {
        name: "c",
        type: "int",
        values: upserts.map((id) => (kind === "count" ? (value(id, "c") ?? 0) + 1 : null)),
      },
    ],
  );
}

/** What is wrong with there having been nothing to do at this state of the documents. */
export function idleFault({ kind, targets }: RewriteIntent, now: Documents): string | undefined {
  const isTaken = targets.some((id) => now.has(id));
  if (kind === "count") return "a counter can always be counted";
  return isTaken === (kind === "claim") ? undefined : `a ${kind} had something to do`;
}

/** What is wrong with the rows of one write as the next after these documents. */
export function rewriteFault(before: Documents, batches: readonly Batch[]): string | undefined {
  for (const { ids, attributes } of batches) {
    const column = (name: string) => attributes.find((each) => each.name === name)?.values ?? [];
    const counts = column("c");
    for (const [row, text] of column("r").entries()) {
      if (typeof text !== "string") continue;
      for (const [id, tag] of JSON.parse(text) as [number, number | null][]) {
        const was = before.get(id)?.attributes["w"] ?? null;
        if (was !== tag) return `it saw write ${tag} of ${id}, yet that was ${String(was)}`;
      }
      const id = Number(ids[row]);
      const count = counts[row] ?? null;
      const next = Number(before.get(id)?.attributes["c"] ?? 0) + 1;
      if (count !== null && count !== next) return `${id} counts ${String(count)}, not ${next}`;
    }
  }
  return undefined;
}
