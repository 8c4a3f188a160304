/** Sends a query that was answered to the queue, if it is one to be compared with the truth. */
import { encodeBase64 } from "../../src/bytes/base64.ts";
import { bytesOf } from "../../src/bytes/typed-view.ts";
import { vectorColumns } from "../../src/document/schema.ts";
import { scanBytes } from "../../src/operation-cost.ts";
import type { RecallSampleHint } from "../../src/ports.ts";
import type { RecallSampler } from "../../src/recall-sample.ts";
import type { Parts } from "../../src/search-parts.ts";
import type { SearchPorts } from "../../src/search-ports.ts";
import { encodeJson, type JsonValue } from "./json.ts";

/** A message has 128 KB, of which a vector may take 57. */
const filterBytesMax = 32 * 1024;

/** What it needs of a request. */
interface SampleScope {
  readonly tenant: string;
  readonly ports: SearchPorts;
  readonly sampler: RecallSampler;
  sendHint(hint: RecallSampleHint): Promise<void>;
}

/** A hint that is lost is a sample less. */
export function sampleQuery(scope: SampleScope, name: string, of: Parts): void {
  const { ports, sampler, tenant } = scope;
  const vectorQueries = of.parts.flatMap((part) => {
    if (part.kind !== "rows" || part.query.rank.kind !== "vector") return [];
    const { rank, filters } = part.query;
    return rank.exhaustive ? [] : [{ rank, filters }];
  });
  // One of a request: which does not matter.
  const [sampled] = vectorQueries;
  const snapshot = ports.memory.snapshots.recall(tenant, name);
  if (sampled === undefined || snapshot === undefined) {
    return;
  }
  const { rank, filters } = sampled;
  if (!vectorColumns(snapshot.schema).some(({ name: column }) => column === rank.column)) {
    return;
  }
  if (!sampler.wants(ports, `${tenant}/${name}`, scanBytes(snapshot))) {
    return;
  }
  const filter = filters === undefined ? undefined : encodeJson(filters as JsonValue);
  if (filter !== undefined && filter.length > filterBytesMax) {
    return;
  }
  const hint = {
    tenant,
    sampled: name,
    column: rank.column,
    vector: encodeBase64(bytesOf(rank.vector)),
    ...(filter === undefined ? {} : { filters: new TextDecoder().decode(filter) }),
  };
  ports.defer(
    scope.sendHint(hint).catch((error: unknown) => {
      ports.log.warn("cannot send a sample", { name, error: String(error) });
    }),
  );
}
