/** `npm run bench`, small: each bench starts and stops its own servers. No peer is installed. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { benchBranch } from "../../scripts/bench/branch.ts";
import { benchFilters } from "../../scripts/bench/filters.ts";
import { benchGrowth } from "../../scripts/bench/growth.ts";
import { isMeasured } from "../../scripts/bench/lines.ts";
import { benchPhrases, openPhraseTexts } from "../../scripts/bench/phrases.ts";
import { benchRecall } from "../../scripts/bench/recall.ts";
import { benchRelevance, openJudgedTexts } from "../../scripts/bench/relevance.ts";
import { benchReplace, findDecay } from "../../scripts/bench/replace.ts";
import { benchSegments } from "../../scripts/bench/segments.ts";
import { benchText } from "../../scripts/bench/text/bench.ts";
import type { PhraseLine, TextSummary } from "../../scripts/bench/text/lines.ts";
import { benchVectors } from "../../scripts/bench/vectors.ts";
import { type Dataset, openDataset } from "../../scripts/datasets.ts";
import { writeDataFolder } from "./data-folder.ts";

const { folder, name } = writeDataFolder(600, 16, 30);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const lastingKeys = (
  "bench engine dataset phase rows recall_at_10 p50_ms p99_ms cpu_ms_per_query " +
  "store_requests_per_query rounds_per_query bytes_per_query"
).split(" ");

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
    expect(Object.keys(line).slice(0, 12)).toEqual(lastingKeys);
    expect(line).toMatchObject({ bench: "recall", engine: "shoal", dataset: name, rows: 500 });
    expect(line.recall_at_10).toBeGreaterThan(0.95);
    expect(line.put_bytes).toBeGreaterThan(500 * 4);
    expect(line.cpu_seconds_own).toBeCloseTo(line.cpu_seconds_load - line.cpu_seconds_puts, 1);
    expect(line.p99_ms).toBeGreaterThanOrEqual(line.p50_ms);
  }
  const [cold, warm] = lines;
  expect(cold?.store_requests_per_query).toBeGreaterThan(0);
  expect(cold?.rounds_per_query).toBeGreaterThan(0);
  expect(warm).toMatchObject({ store_requests_max: 0, rounds_max: 0, bytes_per_query: 0 });
});

it("measures filters, and orders by attributes", async () => {
  const small = writeDataFolder(300, 8, 5);
  try {
    const data = join(small.folder, small.name);
    const dataset = openDataset(data);
    const u = Uint16Array.from({ length: 300 }, (_, i) => (i * 37) % 500);
    writeFileSync(join(data, "attr_u.u16"), u);
    writeFileSync(
      join(data, "labels_base.u8"),
      Uint8Array.from(u, (_, i) => i % 3),
    );
    const rows = [...u.keys()].filter((i) => (u[i] as number) < 250 && i % 3 !== 1);
    const truth = Array.from({ length: 5 }, (_, query) => nearestOf(dataset, query, rows));
    writeFileSync(join(data, "truth.half"), Int32Array.from(truth.flat()));
    const half = { name: "half", filter: "u < 250 and label != 1", matches: rows.length };
    writeFileSync(join(data, "filters.json"), JSON.stringify([{ ...half, truth: "truth.half" }]));
    const lines = await benchFilters({
      dataset: openDataset(data),
      data,
      queries: 5,
      phases: ["cold"],
      seed: 1,
      say: () => {},
    });
    const names = "none half order_u order_label_u order_u_range order_label_range range_by_id";
    expect(lines.map(({ filter }) => filter)).toEqual(names.split(" "));
    expect(lines.map((line) => line.recall_at_10)).toEqual(lines.map(() => 1));
  } finally {
    rmSync(small.folder, { recursive: true, force: true });
  }
});

function nearestOf({ base, queries }: Dataset, query: number, rows: readonly number[]): number[] {
  const vector = queries.slice(query, query + 1);
  const distanceOf = (row: number): number =>
    base.slice(row, row + 1).reduce((sum, x, i) => sum + (x - (vector[i] as number)) ** 2, 0);
  const measured = rows.map((row) => ({ row, distance: distanceOf(row) }));
  measured.sort((a, b) => a.distance - b.distance || a.row - b.row);
  return measured.slice(0, 10).map(({ row }) => row);
}

it("measures branches beside writes", async () => {
  const line = await benchBranch({
    dataset: openDataset(join(folder, name)),
    rows: 500,
    times: 3,
    latency: "get=2/4 put=2/4",
    say: () => {},
  });
  expect(line).toMatchObject({ bench: "branch", dataset: name, rows: 500, times: 3 });
  expect(line.branch_p99_ms).toBeGreaterThanOrEqual(line.branch_p50_ms);
  expect(line.by_write).toBeGreaterThan(0);
  expect(line.by_first_write).toBeGreaterThan(0);
});

it("measures each setting of ours for a comparison", async () => {
  const place = join(folder, name);
  const lines = await benchVectors({
    dataset: openDataset(place),
    data: place,
    engines: ["shoal"],
    rows: 600,
    queries: 10,
    coldQueries: 3,
    seed: 1,
    runQueriesMin: 20,
    runSecondsMax: 5,
    latency: "get=2/4 put=2/4",
    objectLatencyMs: 20,
    say: () => {},
  });
  const measured = lines.filter(isMeasured);
  expect(measured).toHaveLength(lines.length);
  for (const line of measured) {
    expect(Object.keys(line).slice(0, 12)).toEqual(lastingKeys);
    expect(line).toMatchObject({ bench: "vectors", engine: "shoal", plan: "flat", rows: 600 });
    // Warm, too, the object is asked whether there is anything new.
    expect(line.p50_ms).toBeGreaterThan(18);
    expect(line.usd_per_million_queries).toBeGreaterThanOrEqual(0.45);
    expect(line.queries).toBe(line.phase === "cold" ? 3 : 10);
    if (line.phase === "warm") expect(line.search_cpu_ms_per_query).toBeGreaterThan(0);
  }
  const exact = measured.filter(({ setting }) => setting === "kNN");
  expect(exact.map(({ phase, recall_at_10 }) => [phase, recall_at_10])).toEqual([
    ["cold", 1],
    ["warm", 1],
  ]);
});

it("measures growth, and what was written for it", async () => {
  const lines = await benchGrowth({
    source: { images: openDataset(join(folder, name)), dimensions: 8, seed: 1, folder },
    sizes: [600],
    queries: 10,
    coldQueries: 3,
    seed: 1,
    runQueriesMin: 20,
    latency: "get=2/4 put=2/4",
    objectLatencyMs: 20,
    say: () => {},
  });
  expect(lines.map(({ rows, phase }) => [rows, phase])).toEqual([
    [600, "cold"],
    [600, "warm"],
  ]);
  for (const line of lines) {
    expect(Object.keys(line).slice(0, 12)).toEqual(lastingKeys);
    expect(line).toMatchObject({ bench: "growth", dataset: `${name}-shifted-8` });
    expect(line.recall_at_10).toBeGreaterThan(0.95);
    expect(line.log_bytes_written).toBeGreaterThan(line.rows * 8 * 4);
    expect(line.segment_rewrites).toBeGreaterThanOrEqual(1);
    expect(line.write_amplification).toBeGreaterThan(2);
    expect(line.write_amplification_flush).toBeGreaterThan(1);
  }
});

const growing = () => ({
  source: { images: openDataset(join(folder, name)), dimensions: 8, seed: 1, folder },
  queries: 10,
  seed: 1,
  say: () => {},
});

it("measures what growing by small writes leaves behind", async () => {
  const lines = await benchReplace({
    ...growing(),
    firstRows: 100,
    rows: 600,
    rowsPerWrite: 100,
    replacedShare: 0.2,
    deletedShare: 0.1,
    coldQueries: 3,
    runQueriesMin: 20,
    latency: "get=2/4 put=2/4",
    objectLatencyMs: 20,
  });
  expect(lines.map(({ build, phase }) => [build, phase])).toEqual([
    ["grown", "cold"],
    ["grown", "warm"],
    ["fresh", "cold"],
    ["fresh", "warm"],
  ]);
  const [grown] = lines;
  expect(Object.keys(grown ?? {}).slice(0, 12)).toEqual(lastingKeys);
  expect(grown).toMatchObject({ rows: 600, replaced: 120, deleted: 60 });
  for (const line of lines) expect(line.recall_at_10).toBeGreaterThan(0.95);
  const worse = lines.map((line) => ({ ...line, recall_at_10: line.build === "grown" ? 0.5 : 1 }));
  expect(findDecay(worse)).toContain("recall of cold queries");
});

it("measures what cold queries read by the number of segments", async () => {
  const lines = await benchSegments({ ...growing(), rows: 300, segments: [1, 4], queries: 3 });
  expect(lines.map(({ segments, planes }) => [segments, planes])).toEqual([
    [1, 1],
    [1, 2],
    [4, 1],
    [4, 2],
  ]);
  for (const line of lines) expect(line.store_requests_per_query).toBeGreaterThan(0);
});

it("counts the phrases that are found exactly where they stand", async () => {
  const place = join(folder, "phrases");
  mkdirSync(place, { recursive: true });
  const docs = ["床前明月光，疑是地上霜。", "明月松間照，清泉石上流。", "舉頭望明月。", "月明"];
  const lines = (list: readonly object[]) => list.map((each) => JSON.stringify(each)).join("\n");
  writeFileSync(join(place, "docs.jsonl"), lines(docs.map((text, id) => ({ id, text }))));
  const phrases = [
    { phrase: "明月", ids: [0, 1, 2] },
    { phrase: "月明", ids: [3] },
    { phrase: "光疑", ids: [0] },
  ];
  writeFileSync(join(place, "phrase_queries.jsonl"), lines(phrases));
  const line = await benchPhrases(openPhraseTexts(place));
  expect(line).toMatchObject({ bench: "phrases", docs: 4, queries: 3, exact: 2, wrong: ["光疑"] });
});

it("measures relevance, beside an exhaustive search", async () => {
  const place = join(folder, "judged");
  mkdirSync(place, { recursive: true });
  const lines = (texts: readonly string[]) =>
    texts.map((text, i) => JSON.stringify({ id: `d${i}`, text })).join("\n");
  const docs = ["the fish swims", "a walrus swam", "swimming fishes of the sea", "nothing"];
  writeFileSync(join(place, "docs.jsonl"), `${lines(docs)}\n`);
  writeFileSync(join(place, "queries.jsonl"), `${lines(["the fish", "swimming walrus"])}\n`);
  const judged = "query\tdocument\trelevance\nd0\td0\t2\nd0\td2\t1\nd1\td1\t1\n";
  writeFileSync(join(place, "qrels.tsv"), judged);
  const measured = await benchRelevance(openJudgedTexts(place), () => {});
  expect(measured.map(({ settings }) => settings)).toEqual(["words", "all", "stems"]);
  for (const line of measured) {
    expect(line).toMatchObject({ bench: "relevance", dataset: "judged", docs: 4, queries: 2 });
    expect(line.ndcg_at_10).toBe(line.exhaustive_ndcg_at_10);
  }
  expect(measured.at(-1)).toMatchObject({ ndcg_at_10: 1, recall_at_100: 1 });
});

it("measures full-text search of ours and of SQLite, with a summary", async () => {
  const passages = Array.from({ length: 40 }, (_, i) =>
    Array.from({ length: 4 }, (_, j) => `The walrus of island${i} swam around rock${i + j} again.`),
  );
  const questions = ["which walrus swam around the rock of island7 again and again in the winter"];
  let summary: TextSummary | undefined;
  const phrases: PhraseLine[] = [];
  const lines = await benchText({
    collections: [{ passages, questions }],
    engines: ["shoal", "sqlite-fts5"],
    rows: 300,
    queries: 14,
    coldQueries: 3,
    seed: 1,
    runQueriesMin: 20,
    runSecondsMax: 5,
    buildSecondsMax: 30,
    latency: "get=2/4 put=2/4",
    phrases: ["swam around"],
    onLine: (line) => {
      if ("summary" in line) summary = line;
      if ("phrase" in line) phrases.push(line);
    },
    say: () => {},
  });
  const shown = lines.filter((line) => "phase" in line);
  expect(shown.map(({ engine, phase, top_k }) => `${engine} ${phase} ${top_k}`)).toEqual([
    "shoal cold 10",
    "shoal cold 100",
    "shoal warm 10",
    "shoal warm 100",
    "sqlite-fts5 warm 10",
    "sqlite-fts5 warm 100",
  ]);
  for (const line of shown) expect(line).toMatchObject({ bench: "text", rows: 300 });
  expect(shown[2]).toMatchObject({ rounds_max: 0, bytes_max: 0 });
  expect(phrases.map(({ phrase, phase }) => `${phrase} ${phase}`)).toEqual([
    "swam around cold",
    "swam around warm",
  ]);
  expect(shown[0]?.index_bytes).toBeGreaterThan(1_000);
  expect(shown[0]?.cpu_seconds_puts).toBeGreaterThanOrEqual(0);
  expect(summary).toMatchObject({ bench: "text", summary: true, rows: 300, seed: 1 });
});
