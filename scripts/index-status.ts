/** Waiting until a namespace is indexed: GET and POST /v1/namespaces/:ns/index. */
import { setTimeout as sleep } from "node:timers/promises";
import type { IndexAnswer as IndexStatus } from "../console/model/answers.ts";
import { type ApiClient, namespacePath, type SendOptions } from "./api-client.ts";

export type { IndexStatus };

const pollMs = 250;
/**
 * A request to index now is repeated this often: a job may have been planned before the last write.
 */
const nudgeMs = 5_000;

export function indexStatus(client: ApiClient, namespace: string): Promise<IndexStatus> {
  return client.get<IndexStatus>(`${namespacePath(namespace, "v1")}/index`);
}

export function flushNow(
  client: ApiClient,
  namespace: string,
  options: SendOptions = {},
): Promise<IndexStatus> {
  return client.post<IndexStatus>(`${namespacePath(namespace, "v1")}/index`, undefined, options);
}

/** Resolves when every row is in a segment and no job is left. Throws after `patienceMs`. */
export async function waitUntilIndexed(
  client: ApiClient,
  namespace: string,
  onStatus: (status: IndexStatus) => void = () => {},
  patienceMs = 15 * 60_000,
): Promise<IndexStatus> {
  const endMs = performance.now() + patienceMs;
  let nudgedMs = Number.NEGATIVE_INFINITY;
  for (;;) {
    let status = await indexStatus(client, namespace);
    if (!status.indexed && performance.now() - nudgedMs > nudgeMs) {
      status = await flushNow(client, namespace);
      nudgedMs = performance.now();
    }
    onStatus(status);
    if (status.indexed) return status;
    if (performance.now() > endMs) {
      const jobs = status.jobs.map(({ kind }) => kind).join(", ") || "no job";
      throw new Error(`${namespace} is not indexed yet: ${status.unindexed_rows} rows, ${jobs}`);
    }
    await sleep(pollMs);
  }
}
