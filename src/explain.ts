/**
 * How a query is answered, in words: the parts of the namespace it meets, and what it took. The
 * query is run for that, so nothing is said that did not happen. Cost: that of the query.
 */
import type { CompareFilter, Filter } from "./document/filter.ts";
import { invalid } from "./errors.ts";
import { boundMatches, type FilterPlan, planFilter } from "./index/filter/filter-plan.ts";
import { clusterDirectory } from "./index/segment/scan-plane.ts";
import {
  type BoundAggregates,
  type BoundQuery,
  type BoundRank,
  bindAggregates,
  bindQuery,
  type NearQuery,
} from "./query/bind.ts";
import { refineMax } from "./query/plan.ts";
import type { Query } from "./query/query.ts";
import type { SearchPerformance } from "./query/result.ts";
import { onSnapshot, runQuery } from "./search.ts";
import { aggregateRows } from "./search-aggregate.ts";
import { concludeSearch } from "./search-answer.ts";
import type { Part, Parts } from "./search-parts.ts";
import { openContext, type SearchContext, type SearchPorts } from "./search-ports.ts";
import { matchRows, type OpenSegment, openSegments } from "./search-segments.ts";
import type { SnapshotTarget } from "./snapshot.ts";

/** Throws what `search` throws; `invalid` if nothing is indexed yet. */
export async function explain(
  ports: SearchPorts,
  target: SnapshotTarget,
  asked: Parts,
): Promise<string> {
  return await onSnapshot(ports, target, asked, async ({ snapshot, disableCache }) => {
    const texts: string[] = [];
    for (const part of asked.parts) {
      // Of its own: what it counts is the cost of this part alone.
      const context = openContext(ports, snapshot, disableCache);
      texts.push(await explainPart(context, part, asked));
    }
    if (asked.fusion !== undefined) {
      const { constant, weights } = asked.fusion;
      texts.push(`fused      by ranks, constant ${constant}, weights ${weights.join(", ")}`);
    }
    return texts.join("\n\n");
  });
}

async function explainPart(
  context: SearchContext,
  part: Part,
  { consistency, disableCache }: Parts,
): Promise<string> {
  const { clock } = context.ports;
  const { schema, manifest } = context.snapshot;
  const startedMs = clock.now();
  if (part.kind === "rows") {
    const bound = bindQuery({ ...part.query, consistency, disableCache }, schema);
    requireSegments(manifest);
    const { performance } = await runQuery(context, bound, startedMs);
    return describeParts(context, consistency, bound, performance, [
      ...(await describePlan(
        context,
        bound,
        await openSegments(context, context.reader.round()),
        performance,
      )),
      `rank       ${describeRank(bound.rank, performance)}`,
      `rows       ${describeRows(bound)}`,
    ]);
  }
  const bound = bindAggregates(part.query, schema);
  requireSegments(manifest);
  const { groups, fold } = await aggregateRows(context, bound);
  const { performance } = concludeSearch(context, [], { fold }, clock.now() - startedMs);
  return describeParts(context, consistency, bound, performance, [
    `aggregates ${describeAggregates(bound, groups.length)}`,
  ]);
}

function requireSegments({ segments }: SearchContext["snapshot"]["manifest"]): void {
  if (segments.length === 0) {
    throw invalid("💔 index does not exist, cannot explain");
  }
}

async function describeParts(
  context: SearchContext,
  consistency: Query["consistency"],
  bound: Pick<BoundQuery, "filter">,
  performance: SearchPerformance,
  lines: readonly string[],
): Promise<string> {
  const opened = await openSegments(context, context.reader.round());
  return [
    `snapshot   ${describeSnapshot(context, consistency)}`,
    `tail       ${describeTail(context, performance)}`,
    ...opened.map((segment, i) => `${i === 0 ? "segments" : "        "}   ${describe(segment)}`),
    `filter     ${describeFilter(bound, opened)}`,
    ...(await describePredicates(context, bound, opened)),
    ...lines,
    `cost       ${describeCost(performance)}`,
  ].join("\n");
}

function describeAggregates({ aggregates, groups: by }: BoundAggregates, groups: number): string {
  const functions = aggregates.map(({ kind }) => kind).join(", ");
  const names = by.map(({ attribute, each }) => (each ? `elements of ${attribute}` : attribute));
  return by.length === 0
    ? `${functions}, from columns`
    : `${functions} by ${names.join(", ")}, from columns: ${groups} groups`;
}

function describeSnapshot({ snapshot }: SearchContext, consistency: Query["consistency"]): string {
  const { manifest, next } = snapshot;
  return `${consistency}; manifest ${manifest.version} and the log up to entry ${next}`;
}

function describeTail({ snapshot }: SearchContext, { masked }: SearchPerformance): string {
  const { floor, next, unindexedRows, unindexedBytes } = snapshot;
  return next === floor
    ? "everything is indexed"
    : `${next - floor} entries, ${unindexedRows} rows in ${unindexedBytes} bytes, looked at one ` +
        `by one; ${masked} rows of segments are masked by it`;
}

function describe({ segment, dead }: OpenSegment): string {
  const { info, root } = segment;
  const shape = info.clusters > 0 ? `${info.clusters} clusters` : "flat";
  return `${info.id}: ${root.rows} rows, ${dead?.count() ?? 0} of them dead, ${shape}`;
}

function describeFilter(
  { filter }: Pick<BoundQuery, "filter">,
  opened: readonly OpenSegment[],
): string {
  if (filter === undefined) {
    return "none";
  }
  const byColumns = opened.filter(({ segment }) => planFilter(segment, filter) !== undefined);
  const others = opened.length - byColumns.length;
  return (
    `decided from columns and ids in ${byColumns.length} segments` +
    (others === 0 ? "" : `, from all documents in ${others}`)
  );
}

/** Each comparison by itself, as decided from columns: rows of segments that it matches. */
async function describePredicates(
  context: SearchContext,
  { filter }: Pick<BoundQuery, "filter">,
  opened: readonly OpenSegment[],
): Promise<readonly string[]> {
  const comparisons = filter === undefined ? [] : comparisonsOf(filter);
  if (comparisons.length > predicatesMax) return [];
  const all = opened.reduce((sum, { segment }) => sum + segment.root.rows, 0);
  const lines: { readonly text: string; readonly count: number }[] = [];
  for (const comparison of comparisons) {
    // Blocks are at hand since the query has run; what has no column is not read again for this.
    const plans = opened.map(({ segment }) => planFilter(segment, comparison));
    if (plans.includes(undefined)) continue;
    const matched = await matchRows(context, context.reader.round(), opened, comparison);
    const count = matched.reduce((sum, each) => sum + each.count, 0);
    const share = all === 0 ? 0 : Math.round((1_000 * count) / all) / 10;
    const { attribute, op, value } = comparison;
    const found = `${count} of ${all} rows, ${share} %${expectation(plans)}`;
    const text = `           ${attribute} ${op} ${shortText(value)}: ${found}`;
    lines.push({ text, count });
  }
  return lines.sort((a, b) => a.count - b.count).map(({ text }) => text);
}

/** What roots alone say of the number of rows, dead ones included. */
function expectation(plans: readonly (FilterPlan | undefined)[]): string {
  const bounds = plans.map((plan) => plan && boundMatches(plan));
  const known = bounds.filter((each) => each !== undefined);
  if (known.length < bounds.length) return "";
  const least = known.reduce((sum, each) => sum + each.least, 0);
  const most = known.reduce((sum, each) => sum + each.most, 0);
  return `; roots said ${least} to ${most}`;
}

const predicatesMax = 32;

function comparisonsOf(filter: Filter): readonly CompareFilter[] {
  switch (filter.kind) {
    case "and":
    case "or":
      return filter.filters.flatMap(comparisonsOf);
    case "not":
      return comparisonsOf(filter.filter);
    case "compare":
      return [filter];
    // Tokens are found in postings, which say nothing by themselves.
    case "tokens":
      return [];
  }
}

function shortText(value: CompareFilter["value"]): string {
  const text = Array.isArray(value) ? `of ${value.length} values` : String(value);
  return text.length > 40 ? `${text.slice(0, 40).toWellFormed()}…` : text;
}

/** What approximate search meant to read beside what it read. */
async function describePlan(
  context: SearchContext,
  { rank, wanted, filter }: BoundQuery,
  opened: readonly OpenSegment[],
  { candidates, refined, clustersProbed }: SearchPerformance,
): Promise<readonly string[]> {
  if (rank.kind !== "vector" || rank.exhaustive) return [];
  const clustered = opened.filter(({ segment }) => segment.info.clusters > 0);
  const rows = clustered.reduce((sum, { segment }) => sum + segment.root.rows, 0);
  const clusters = clustered.reduce((sum, { segment }) => sum + segment.info.clusters, 0);
  if (rows === 0) return ["plan       segments are flat: scanned whole"];
  const most = refineMax(wanted, filter !== undefined);
  const masked = context.snapshot.unindexedRows;
  const refinement = `at most ${most} and ${masked} that the tail may mask are refined`;
  if (filter === undefined) {
    const actual = `actually ${candidates} and ${refined}`;
    const chosen = `the most promising of ${clusters} clusters with ${rows} rows`;
    return [`plan       ${chosen}; ${refinement}; ${actual}`];
  }
  const matched = await matchRows(context, context.reader.round(), clustered, filter);
  const matches = matched.reduce((sum, { count }) => sum + count, 0);
  const holding = matched.reduce((sum, { segment, rows: found }) => {
    return sum + clusterDirectory(segment, found).rows.filter((count) => count > 0).length;
  }, 0);
  const isExhaustive = candidates === 0 && clustersProbed === holding;
  const how =
    candidates > 0
      ? `those that promise most, until the others hold next to none of the best; ${refinement}`
      : `${isExhaustive ? "all" : "few"} of them are looked at, without a scan`;
  return [`plan       ${matches} matches in ${holding} of ${clusters} clusters: ${how}`];
}

function describeRank(rank: BoundRank, cost: SearchPerformance): string {
  switch (rank.kind) {
    case "vector":
      return describeNear(rank, cost);
    case "score":
      return rank.near === undefined
        ? "a score, computed for every row that matches"
        : describeNear(rank.near, cost);
    case "ranked":
      return rank.ranking.kind === "expression"
        ? "by an expression, computed for every row that matches"
        : `by ${rank.ranking.keys.map(({ attribute }) => attribute).join(", ")}, from columns`;
    case "id":
      return `by id, ${rank.descending ? "descending" : "ascending"}`;
  }
}

function describeNear({ exhaustive }: Pick<NearQuery, "exhaustive">, cost: SearchPerformance) {
  const { clustersProbed, candidates, refined, exact } = cost;
  return (
    `${exhaustive ? "kNN, exact" : "ANN"}: ${clustersProbed} clusters probed, ` +
    `${candidates} rows by 1-bit codes, ${refined} by int8, ${exact} by their vectors`
  );
}

function describeRows({ wanted, offset, columns }: BoundQuery): string {
  const { attributes, vector } = columns;
  const shown = ["id", ...(vector === undefined ? [] : [vector]), ...attributes];
  return `${wanted - offset} from ${offset} on, with ${shown.join(", ")}`;
}

function describeCost(cost: SearchPerformance): string {
  const { temperature, rounds, roundBytes, storeRequests, storeBytes, executionMs } = cost;
  const each = roundBytes.length > 1 ? ` (${roundBytes.join(", ")})` : "";
  return (
    `${temperature}: ${storeRequests} reads of ${storeBytes} bytes in ${rounds} rounds${each}, ` +
    `${Math.max(1, Math.ceil(executionMs))} ms`
  );
}
