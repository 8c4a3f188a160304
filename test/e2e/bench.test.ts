/** `npm run bench -- recall`, small: it starts and stops its own servers. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { benchRecall } from "../../scripts/bench/recall.ts";
import { openDataset } from "../../scripts/datasets.ts";
import { writeDataFolder } from "./data-folder.ts";

const { folder, name } = writeDataFolder(600, 16, 30);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("measures recall and cost, cold and warm", async () => {
  const lines = await benchRecall({
    dataset: openDataset(join(folder, name)),
    rows: 500,
    queries: 20,
    phases: ["cold", "warm"],
    seed: 1,
    runQueriesMin: 40,
    latency: "get=2/4 put=2/4",
    say: () => {},
  });
  expect(lines.map(({ phase }) => phase)).toEqual(["cold", "warm"]);
  for (const line of lines) {
    const keys = Object.keys(line).slice(0, 12);
    expect(keys.join(" ")).toBe(
      "bench engine dataset phase rows recall_at_10 p50_ms p99_ms cpu_ms_per_query " +
        "store_requests_per_query rounds_per_query bytes_per_query",
    );
    expect(line).toMatchObject({ bench: "recall", engine: "shoal", dataset: name, rows: 500 });
    expect(line.recall_at_10).toBeGreaterThan(0.95);
    expect(line.p99_ms).toBeGreaterThanOrEqual(line.p50_ms);
  }
  const [cold, warm] = lines;
  expect(cold?.store_requests_per_query).toBeGreaterThan(0);
  expect(cold?.rounds_per_query).toBeGreaterThan(0);
  expect(warm).toMatchObject({ store_requests_max: 0, rounds_max: 0, bytes_per_query: 0 });
});
