/** Which queries go to the queue to be compared with the truth, and what is told of them. */
import { expect, test } from "vitest";
import { decodeBase64 } from "../../../src/bytes/base64.ts";
import { f32View } from "../../../src/bytes/typed-view.ts";
import type { RecallSampleHint } from "../../../src/ports.ts";
import { RecallSampler } from "../../../src/recall-sample.ts";
import { parseParts } from "../../../workers/api/query-parts.ts";
import { sampleQuery } from "../../../workers/api/recall-sampling.ts";
import { SearchRig } from "../../search-rig.ts";

const near = { rank_by: ["vector", "ANN", [1, 0, 0, 0]], limit: 1 };
const exact = { ...near, rank_by: ["vector", "kNN", [1, 0, 0, 0]], filters: ["n", "Gt", 0] };
const byId = { rank_by: ["id", "asc"], limit: 1 };
const filtered = { rank_by: ["vector", "ANN", [0, 1, 0, 0]], limit: 1, filters: ["n", "Eq", 7] };
const fused = { queries: [byId, filtered, near], rerank_by: ["RRF"], limit: 1 };

/** Every query is drawn. */
async function samplesOf(body: object) {
  const rig = new SearchRig();
  const attributes = { n: 1, name: null, tags: null, note: null };
  await rig.put([{ id: 1, vector: Float32Array.of(1, 2, 3, 4), attributes }]);
  await rig.search(byId);
  const hints: RecallSampleHint[] = [];
  const random = { bytes: (length: number) => new Uint8Array(length) };
  const sendHint = async (hint: RecallSampleHint): Promise<void> => {
    hints.push(hint);
  };
  const ports = { ...rig.isolate, random };
  const scope = { tenant: rig.tenant, ports, sampler: new RecallSampler(), sendHint };
  sampleQuery(scope, rig.name, parseParts(body).asked);
  return hints.map((hint) => {
    const bytes = decodeBase64(hint.vector);
    const vector = Array.from(f32View(bytes, 0, bytes.length / 4));
    return { column: hint.column, vector, filters: hint.filters };
  });
}

test("an approximate query is compared, and of several in a request one", async () => {
  const first = { column: "vector", vector: [1, 0, 0, 0], filters: undefined };
  expect(await samplesOf(near)).toEqual([first]);
  const second = { column: "vector", vector: [0, 1, 0, 0], filters: '["n","Eq",7]' };
  expect(await samplesOf({ queries: [byId, filtered, near] })).toEqual([second]);
  expect(await samplesOf(fused)).toEqual([second]);
});

test("exact queries and others are not", async () => {
  expect(await samplesOf(exact)).toEqual([]);
  expect(await samplesOf(byId)).toEqual([]);
  expect(await samplesOf({ queries: [byId, exact] })).toEqual([]);
});
