/**
 * Cost of facets: groups and counts over all rows of a collection of documents, through HTTP, on
 * the bundled Worker.
 *
 *   1. A server with empty state; documents are loaded and indexed. Each phase has a new server.
 *   2. Each shape of query alone, cold and warm as http-queries.ts measures them.
 *
 * A collection is a folder with docs.jsonl.gz: one document a line, with a number `id`.
 */
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { type ApiClient, namespacePath } from "../api-client.ts";
import { waitUntilIndexed } from "../index-status.ts";
import { round } from "../quantiles.ts";
import { withTemporaryFolder } from "../temporary-folder.ts";
import {
  measureCold,
  measureWarm,
  namespace,
  onServer,
  type Phase,
  type QueryBody,
  type QueryCosts,
  summarizeCosts,
  summarizeRuns,
} from "./http-queries.ts";

export interface FacetsBench {
  readonly folder: string;
  readonly rows?: number;
  readonly phases: readonly Phase[];
  /** Queries of a measured run. */
  readonly runQueries: number;
  readonly say: (line: string) => void;
}

export interface FacetsLine extends QueryCosts {
  readonly bench: "facets";
  readonly dataset: string;
  readonly phase: Phase;
  /** What is asked. */
  readonly shape: string;
  readonly rows: number;
}

export type FacetDocument = Readonly<Record<string, unknown>> & { readonly id: number };

const count = { count: ["Count"] };
const facet = (attribute: string): QueryBody => ({ aggregate_by: count, group_by: [attribute] });
const elements = (attribute: string): QueryBody => ({
  aggregate_by: count,
  group_by: [{ [attribute]: ["ForEachUnique", attribute] }],
  group_order: ["count", "desc"],
  top_k: 20,
});
const facets = [facet("type"), facet("rating"), facet("release_year"), elements("genres")];
const shown = { limit: 10, include_attributes: ["title", "release_year"] };

const shapes: Readonly<Record<string, QueryBody>> = {
  "count by type": facet("type"),
  "count by genre": elements("genres"),
  "five facets": { queries: [...facets, elements("country")] },
  "results and facets": {
    queries: [{ rank_by: ["release_year", "desc"], ...shown }, ...facets],
  },
  "filtered facets": {
    queries: facets.map((body) => ({ ...body, filters: ["release_year", "Gte", 2015] })),
  },
  statistics: {
    aggregate_by: {
      count: ["Count"],
      sum: ["Sum", "duration"],
      average: ["Avg", "duration"],
      titles: ["CountDistinct", "title"],
      decades: ["Histogram", "release_year", { interval: 10 }],
      percentiles: ["Percentiles", "duration", [50, 90, 99]],
    },
    group_by: ["type"],
  },
  "order by two": {
    rank_by: [
      ["release_year", "desc"],
      ["title", "asc"],
    ],
    ...shown,
  },
  expression: {
    rank_by: [
      "Sum",
      [
        ["Decay", ["Dist", ["Attribute", "release_year"], 2015], { midpoint: 3 }],
        ["type", "Eq", "Movie"],
      ],
    ],
    ...shown,
  },
};

export function readDocuments(folder: string): readonly FacetDocument[] {
  const text = gunzipSync(readFileSync(join(folder, "docs.jsonl.gz"))).toString("utf8");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as FacetDocument);
}

export function benchFacets(bench: FacetsBench): Promise<readonly FacetsLine[]> {
  const { folder, phases, runQueries, say } = bench;
  const documents = readDocuments(folder).slice(0, bench.rows);
  return withTemporaryFolder("bench", async (stateDir) => {
    await onServer({ stateDir }, (client) => load(client, documents));
    say(`loaded ${documents.length} documents`);
    const lines: FacetsLine[] = [];
    for (const phase of phases) {
      await onServer({ stateDir }, async (client, pid) => {
        for (const [shape, body] of Object.entries(shapes)) {
          say(`${phase}: ${shape}`);
          const { answers, runs } =
            phase === "cold"
              ? await measureCold(client, pid, [body, body, body])
              : await measureWarm(client, pid, [body], runQueries);
          const costs = summarizeCosts(answers);
          lines.push({
            bench: "facets",
            dataset: basename(folder),
            phase,
            shape,
            rows: documents.length,
            ...summarizeRuns(runs),
            store_requests_per_query: costs.store_requests_per_query,
            rounds_per_query: costs.rounds_per_query,
            bytes_per_query: round(costs.bytes_per_query, 0),
          });
        }
      });
    }
    return lines;
  });
}

const batchRows = 1_000;

async function load(client: ApiClient, documents: readonly FacetDocument[]): Promise<void> {
  for (let from = 0; from < documents.length; from += batchRows) {
    await client.post(namespacePath(namespace), {
      upsert_rows: documents.slice(from, from + batchRows),
      schema: { description: { type: "string", filterable: false } },
    });
  }
  await waitUntilIndexed(client, namespace);
}
