/**
 * Several queries at once, rows and aggregates, on one snapshot: each sees the same documents, and
 * what one has read is in the caches for the next. Rankings may be fused into one.
 */
import { bindAggregates, bindQuery } from "./query/bind.ts";
import { type Fusion, fuseRows } from "./query/fusion.ts";
import type { AggregateQuery, Query } from "./query/query.ts";
import {
  type AggregateAnswer,
  groupAnswer,
  type PartResult,
  type ResultRow,
  type SearchResult,
} from "./query/result.ts";
import { onSnapshot, runQuery } from "./search.ts";
import { aggregateRows } from "./search-aggregate.ts";
import { concludeSearch } from "./search-answer.ts";
import type { SearchContext, SearchPorts } from "./search-ports.ts";
import type { SnapshotTarget } from "./snapshot.ts";

export type Part =
  | { readonly kind: "rows"; readonly query: Omit<Query, "consistency" | "disableCache"> }
  | { readonly kind: "aggregates"; readonly query: AggregateQuery };

export interface Parts extends Pick<Query, "consistency" | "disableCache"> {
  readonly parts: readonly Part[];
  /** Of all parts, which are rows then. */
  readonly fusion: Fusion | undefined;
}

export interface PartsResult extends Omit<SearchResult, "rows"> {
  readonly parts: readonly PartResult[];
}

/** Throws what `search` throws. */
export async function searchParts(
  ports: SearchPorts,
  target: SnapshotTarget,
  asked: Parts,
): Promise<PartsResult> {
  const startedMs = ports.clock.now();
  return onSnapshot(ports, target, asked, async (context) => {
    const answered: (PartResult & Pick<SearchResult, "billing" | "performance">)[] = [];
    const isAlone = asked.parts.length === 1 && target.snapshot === undefined;
    for (const part of bindParts(context, asked, isAlone)) {
      answered.push(await part(startedMs));
    }
    context.reader.finish();
    const last = answered.at(-1);
    if (last === undefined) throw new RangeError("there is at least one query");
    const total = (field: "queriedBytes" | "returnedBytes"): number =>
      answered.reduce((sum, { billing }) => sum + billing[field], 0);
    return {
      parts: asked.fusion === undefined ? answered : fuse(answered, asked.fusion),
      schema: context.snapshot.schema,
      billing: { queriedBytes: total("queriedBytes"), returnedBytes: total("returnedBytes") },
      performance: last.performance,
    };
  });
}

type BoundPart = (
  startedMs: number,
) => Promise<PartResult & Pick<SearchResult, "billing" | "performance">>;

/** All of them before the first runs: a bad one costs nothing. */
function bindParts(
  context: SearchContext,
  { parts, consistency, disableCache }: Parts,
  isAlone: boolean,
) {
  const { schema } = context.snapshot;
  return parts.map((part): BoundPart => {
    if (part.kind === "rows") {
      const query = { ...part.query, consistency, disableCache };
      const bound = bindQuery(query, schema);
      return async (startedMs) => {
        const result = await runQuery(context, bound, startedMs, isAlone ? query : undefined);
        return { kind: "rows", ...result };
      };
    }
    const bound = bindAggregates(part.query, schema);
    return async (startedMs) => {
      const { groups, fold } = await aggregateRows(context, bound);
      const elapsedMs = context.ports.clock.now() - startedMs;
      const answer: AggregateAnswer = groupAnswer(bound, groups);
      return { ...answer, ...concludeSearch(context, [], { fold }, elapsedMs) };
    };
  });
}

function fuse(answered: readonly PartResult[], fusion: Fusion): readonly PartResult[] {
  const rankings = answered.map((part): readonly ResultRow[] =>
    part.kind === "rows" ? part.rows : [],
  );
  return [{ kind: "rows", rows: fuseRows(rankings, fusion) }];
}
