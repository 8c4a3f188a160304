/**
 * How long a branch of a large namespace takes, beside writes of one document, through HTTP on the
 * bundled Worker. The three take turns, so that whatever else the machine does meets all of them.
 *
 *   write         to a namespace that is there: one put, into the log
 *   first write   to a new name: two puts, one after the other: registry, log
 *   branch        of the large namespace to a new name: two at once: refs, registry. The manifest
 *                 comes with the registry entry, and is put into its place behind the answer
 *
 * So where a bucket is far away a branch takes as long as the slower of two writes, whatever is
 * branched. Where it is near, calls between objects tell: the pin, and that of the branch.
 */
import type { ApiClient } from "../api-client.ts";
import type { Dataset } from "../datasets.ts";
import { mean, quantile, round } from "../quantiles.ts";
import { withTemporaryFolder } from "../temporary-folder.ts";
import { loadAndIndex, namespace, onServer } from "./http-queries.ts";

export interface BranchBench {
  readonly dataset: Dataset;
  /** The first rows of the data set are in the namespace that is branched. */
  readonly rows: number;
  /** Branches, and writes of either kind. */
  readonly times: number;
  /** Waiting added to requests to the bucket, as src/store/latency-store.ts reads it. */
  readonly latency?: string;
  readonly say: (line: string) => void;
}

/** One line of output. Times in ms. */
export interface BranchLine {
  readonly bench: "branch";
  readonly dataset: string;
  readonly rows: number;
  readonly segments: number;
  readonly times: number;
  readonly write_p50_ms: number;
  readonly first_write_p50_ms: number;
  readonly branch_p50_ms: number;
  readonly branch_p99_ms: number;
  readonly branch_mean_ms: number;
  /** Medians of a branch by those of a write. */
  readonly by_write: number;
  readonly by_first_write: number;
  readonly latency: string;
}

/** Not measured: code and connections warm up. */
const warmups = 3;

export function benchBranch(bench: BranchBench): Promise<BranchLine> {
  const { dataset, rows, times, latency, say } = bench;
  return withTemporaryFolder("bench", async (stateDir) => {
    const { status } = await onServer({ stateDir }, (client) =>
      loadAndIndex(client, dataset, rows, say),
    );
    const options = { stateDir, ...(latency && { latency }) };
    return await onServer(options, async (client) => {
      say(`${times} branches of ${status.segments.length} segments`);
      const { writes, firstWrites, branches } = await takeTurns(client, times);
      const [write, firstWrite, branch] = [writes, firstWrites, branches].map((tookMs) =>
        quantile(tookMs, 0.5),
      ) as [number, number, number];
      return {
        bench: "branch",
        dataset: dataset.name,
        rows,
        segments: status.segments.length,
        times,
        write_p50_ms: round(write, 1),
        first_write_p50_ms: round(firstWrite, 1),
        branch_p50_ms: round(branch, 1),
        branch_p99_ms: round(quantile(branches, 0.99), 1),
        branch_mean_ms: round(mean(branches), 1),
        by_write: round(branch / write, 2),
        by_first_write: round(branch / firstWrite, 2),
        latency: latency ?? "",
      };
    });
  });
}

async function takeTurns(client: ApiClient, times: number) {
  const took: Record<"writes" | "firstWrites" | "branches", number[]> = {
    writes: [],
    firstWrites: [],
    branches: [],
  };
  const timed = async (of: keyof typeof took, name: string, body: object, turn: number) => {
    const startedMs = performance.now();
    await client.post(`/v2/namespaces/${name}`, body);
    if (turn >= 0) took[of].push(performance.now() - startedMs);
  };
  await client.post("/v2/namespaces/written", { upsert_rows: [{ id: 1, n: 1 }] });
  for (let turn = -warmups; turn < times; turn++) {
    const row = { upsert_rows: [{ id: 1, n: turn + warmups }] };
    await timed("writes", "written", row, turn);
    await timed("firstWrites", `new-${turn + warmups}`, row, turn);
    const from = { branch_from_namespace: namespace };
    await timed("branches", `branch-${turn + warmups}`, from, turn);
  }
  return took;
}
