/**
 * The examples that `npm start` prints. All are for a shell and work as they are printed; the
 * end-to-end test runs them.
 */
import type { Connection } from "./api-client.ts";
import { sampleNamespace } from "./sample.ts";
import { localUrl } from "./shoal/connection.ts";

/** Newer notes on lighthouses, in the order of their ids. */
export function curlExample({ url, apiKey }: Connection): string {
  return `curl -s ${url}/v2/namespaces/${sampleNamespace}/query \\
  -H 'authorization: Bearer ${apiKey}' \\
  -H 'content-type: application/json' \\
  -d '{"rank_by": ["id", "asc"], "limit": 3,
       "filters": ["And", [["topic", "Eq", "lighthouses"], ["year", "Gte", 2020]]],
       "include_attributes": ["title", "year"]}'`;
}

/** By words, as a table. The server of the usual port, and its key, need not be said. */
export function shellExample({ url, apiKey }: Connection): string {
  const where = url === localUrl ? "" : ` \\\n  --url ${url} --api-key ${apiKey}`;
  return `npm run -s cli -- query ${sampleNamespace} --text "octopus eggs" --top 3${where}`;
}

/** What is like the document about herring? Plain enough for any Node to run it from its input. */
export function typescriptExample({ url, apiKey }: Connection): string {
  return `node --input-type=module <<'END'
import Turbopuffer from "@turbopuffer/turbopuffer";
const client = new Turbopuffer({ baseURL: "${url}", apiKey: "${apiKey}" });
const sample = client.namespace("${sampleNamespace}");
const { rows: [herring] } = await sample.query({
  rank_by: ["id", "asc"], filters: ["id", "Eq", 1], limit: 1, include_attributes: ["vector"],
});
const { rows } = await sample.query({
  rank_by: ["vector", "ANN", herring.vector], limit: 5, include_attributes: ["title", "topic"],
});
console.table(rows);
END`;
}
