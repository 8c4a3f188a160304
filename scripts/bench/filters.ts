/**
 * What filters cost a vector query, and what they cost its recall: the same queries without a
 * filter and with each filter of a data set, cold and warm, on the bundled Worker. Of a data set
 * with the attributes `u` and `label` also orders by them, and ranges (orders.ts).
 *
 *   filters.json   [{name, filter, matches, truth}]   filter: `u < 500`, `label == 9 and u < 100`,
 *                                                     `label in {0,6}`, `label != 9`
 *   <truth>        nq x k   row numbers of the true neighbours among the rows that match; -1: none
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Dataset, DatasetError, placeOf } from "../datasets.ts";
import { encodeFloats } from "../import/json-wire.ts";
import { mean, round } from "../quantiles.ts";
import { withTemporaryFolder } from "../temporary-folder.ts";
import {
  loadAndIndex,
  type Measured,
  measureColdInTurn,
  measureWarm,
  onServer,
  type Phase,
  type QueryBody,
  type QueryCosts,
  summarizeCosts,
  summarizeRuns,
} from "./http-queries.ts";
import { orderCases } from "./orders.ts";
import { shuffle, topK } from "./questions.ts";

export interface FilterBench {
  readonly dataset: Dataset;
  /** Its folder. */
  readonly data: string;
  readonly queries: number;
  readonly phases: readonly Phase[];
  /** Orders the queries. */
  readonly seed: number;
  readonly runQueriesMin?: number;
  readonly say: (line: string) => void;
}

export interface FilterLine extends QueryCosts {
  readonly bench: "filters";
  readonly dataset: string;
  readonly phase: Phase;
  /** `none`: without one. */
  readonly filter: string;
  readonly matches: number;
  readonly recall_at_10: number;
  /** Against the same queries without a filter. */
  readonly cpu_ratio: number;
  readonly bytes_ratio: number;
  readonly rounds_more: number;
  readonly queries: number;
  readonly rows: number;
}

export interface FilterCase {
  readonly name: string;
  readonly filters: unknown;
  /** Undefined: by distance to each of the queries. */
  readonly rankBy?: unknown;
  readonly matches: number;
  readonly truth: (query: number) => Int32Array;
}

const runQueriesMinDefault = 300;

export function benchFilters(bench: FilterBench): Promise<readonly FilterLine[]> {
  const { dataset, say } = bench;
  const { rows } = dataset.base;
  const cases = [
    unfiltered(dataset),
    ...readFilters(dataset, bench.data),
    ...orderCases(dataset, topK),
  ];
  const all = Array.from({ length: dataset.queries.rows }, (_, i) => i);
  const queries = shuffle(all, bench.seed).slice(0, bench.queries);
  return withTemporaryFolder("bench", async (stateDir) => {
    await onServer({ stateDir }, (client) => loadAndIndex(client, dataset, rows, say));
    const lines: FilterLine[] = [];
    for (const phase of bench.phases) {
      let plain: FilterLine | undefined;
      for (const each of cases) {
        say(`${phase}, ${each.name}: ${queries.length} queries`);
        const line = await measure(bench, stateDir, phase, each, queries, plain);
        plain ??= line;
        lines.push(line);
      }
    }
    return lines;
  });
}

async function measure(
  { dataset, runQueriesMin = runQueriesMinDefault }: FilterBench,
  stateDir: string,
  phase: Phase,
  { name, filters, rankBy, matches, truth }: FilterCase,
  queries: readonly number[],
  plain: FilterLine | undefined,
): Promise<FilterLine> {
  const bodyOf = (query: number, more: object): QueryBody => {
    const vector = encodeFloats(dataset.queries.slice(query, query + 1));
    return { rank_by: ["vector", "ANN", vector], top_k: topK, ...more };
  };
  const own = {
    ...(rankBy === undefined ? {} : { rank_by: rankBy }),
    ...(filters === undefined ? {} : { filters }),
  };
  const bodies = queries.map((query) => bodyOf(query, own));
  const plainBodies = queries.map((query) => bodyOf(query, {}));
  // A process of its own: what one filter has left in caches and heaps is not another's. Cold
  // queries without a filter are asked in turn, for the CPU of others disturbs both alike.
  const [{ answers, runs }, beside] = await onServer(
    { stateDir },
    async (client, pid): Promise<readonly [Measured, Measured | undefined]> => {
      if (phase === "warm") {
        return [await measureWarm(client, pid, bodies, runQueriesMin), undefined];
      }
      const sides = plain === undefined ? [bodies] : [bodies, plainBodies];
      const [measured, second] = await measureColdInTurn(client, pid, sides);
      return [measured as Measured, second];
    },
  );
  const plainCpu =
    beside === undefined ? plain?.cpu_ms_per_query : summarizeRuns(beside.runs).cpu_ms_per_query;
  const recalls = answers.map((answer, i) => {
    const wanted = [...truth(queries[i] as number).subarray(0, topK)].filter((row) => row >= 0);
    const found = new Set(answer.rows.map(({ id }) => id));
    return wanted.filter((row) => found.has(row)).length / Math.max(1, wanted.length);
  });
  const costs = { ...summarizeRuns(runs), ...summarizeCosts(answers) };
  const ratio = (cost: number, of: number | undefined): number =>
    of === undefined ? 1 : of === 0 ? (cost === 0 ? 1 : cost) : round(cost / of, 2);
  return {
    bench: "filters",
    dataset: dataset.name,
    phase,
    filter: name,
    matches,
    recall_at_10: round(mean(recalls), 4),
    ...costs,
    cpu_ratio: ratio(costs.cpu_ms_per_query, plainCpu),
    bytes_ratio: ratio(costs.bytes_per_query, plain?.bytes_per_query),
    rounds_more: round(
      costs.rounds_per_query - (plain?.rounds_per_query ?? costs.rounds_per_query),
      2,
    ),
    rows: dataset.base.rows,
  };
}

function unfiltered(dataset: Dataset): FilterCase {
  const truth = (query: number): Int32Array => dataset.truth(query);
  return { name: "none", filters: undefined, matches: dataset.base.rows, truth };
}

// ---- Filters of a data set
// --------------------------------------------------------------------------

interface StoredFilter {
  readonly name: string;
  readonly filter: string;
  readonly matches: number;
  readonly truth: string;
}

function readFilters(dataset: Dataset, data: string): readonly FilterCase[] {
  const folder = placeOf(data);
  const path = join(folder, "filters.json");
  if (!existsSync(path)) throw new DatasetError(`${path} is missing: the data set has no filters.`);
  const stored = JSON.parse(readFileSync(path, "utf8")) as readonly StoredFilter[];
  return stored.map(({ name, filter, matches, truth }) => {
    const bytes = Uint8Array.from(readFileSync(join(folder, truth)));
    const rows = new Int32Array(bytes.buffer);
    const k = rows.length / dataset.queries.rows;
    const truthOf = (query: number) => rows.subarray(query * k, (query + 1) * k);
    return { name, filters: parseTextFilter(filter), matches, truth: truthOf };
  });
}

const operators = new Map([
  ["<", "Lt"],
  ["==", "Eq"],
  ["!=", "NotEq"],
  ["in", "In"],
]);

/** As the API takes it; what stands in parentheses is a remark. */
export function parseTextFilter(text: string): unknown {
  const parts = text
    .replace(/\(.*\)/, "")
    .trim()
    .split(" and ")
    .map((part) => {
      const [, attribute, operator, value] = /^(\w+) (<|==|!=|in) (.+)$/.exec(part) ?? [];
      const op = operators.get(operator ?? "");
      if (op === undefined || value === undefined) throw new DatasetError(`no filter: ${text}`);
      const list = value.replace(/^\{(.*)\}$/, "[$1]");
      return [attribute, op, JSON.parse(list) as unknown];
    });
  return parts.length === 1 ? parts[0] : ["And", parts];
}
