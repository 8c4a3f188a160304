/** Search among vectors stored as half floats and as bytes, compared with the oracle. */
import { describe, expect, test } from "vitest";
import { createPrng } from "../src/index/vector/prng.ts";
import { write } from "../src/write.ts";
import { encodeJson, parseJson } from "../workers/api/json.ts";
import { renderPartsResponse } from "../workers/api/query-response.ts";
import { buildWrite } from "../workers/api/write-batch.ts";
import { parseWriteRequest } from "../workers/api/write-request.ts";
import { simdKernels } from "./kernels/simd.ts";
import type { OracleDocument } from "./oracle/brute-force.ts";
import { asParts, SearchRig } from "./search-rig.ts";

const dims = 40;

/** Values that both elements hold: around some centers, so that neighbours mean something. */
function makeDocuments(count: number, scale: number): OracleDocument[] {
  const prng = createPrng({ low: 5, high: scale });
  const center = (c: number, d: number): number => ((c * 37 + d * 11) % 160) - 80;
  return Array.from({ length: count }, (_, id) => ({
    id,
    vector: Float32Array.from(
      { length: dims },
      (_unused, d) => (center(id % 9, d) + prng.below(40) - 20) / scale,
    ),
    attributes: { n: id % 10, name: null, tags: null, note: null },
  }));
}

describe.each([
  ["f16", 8],
  ["i8", 1],
] as const)("vectors of %s", (element, scale) => {
  const documents = makeDocuments(1_500, scale);
  // Whole numbers are no matter for a query.
  const queries = [3, 77, 1_200].map((id) =>
    Float32Array.from(documents[id]?.vector ?? [], (x) => x + 0.3),
  );

  for (const metric of ["cosine_distance", "euclidean_squared"] as const) {
    test(`are found exactly, in the tail, flushed and merged (${metric})`, async () => {
      const rig = new SearchRig({ dims, metric, element, kernels: simdKernels });
      await rig.put(documents.slice(0, 900));
      for (const step of ["tail", "flushed", "overwritten", "merged"]) {
        if (step === "overwritten") await rig.put(documents.slice(600), [1, 2]);
        if (step === "flushed" || step === "merged") await rig.flush();
        for (const query of queries) {
          await rig.expectExact(query, 15, ["n", "Gte", 0]);
          await rig.expectExact(query, 15, ["n", "Lt", 3]);
          expect(await rig.recall(query, 10), step).toBeGreaterThan(0.9);
        }
        rig.newIsolate();
      }
    });
  }

  test("take half or a quarter of the bytes that f32 takes", async () => {
    const sizes = [];
    for (const each of ["f32", element] as const) {
      const rig = new SearchRig({ dims, element: each });
      await rig.put(documents.slice(0, 500));
      await rig.flush();
      const [segment] = (await rig.ask(rig.owner.status(rig.tenant, rig.name))).segments;
      sizes.push(segment?.bytes ?? 0);
    }
    const [wide, narrow] = sizes as [number, number];
    expect(wide - narrow).toBeGreaterThan(500 * dims * (element === "f16" ? 1.9 : 2.9));
  });
});

test("several vector columns: each can be ranked by, and all are returned", async () => {
  const rig = new SearchRig();
  const body = {
    upsert_rows: [
      { id: 1, image: [1, 0], text: [0.1, 0.2, 0.3], views: [[1, 2]] },
      { id: 2, image: [0, 1], text: [0.3, 0.2, 0.1] },
    ],
    schema: {
      image: { type: "[2]i8", ann: true },
      text: { type: "[3]f32", ann: true },
      views: "[][2]f32",
    },
    distance_metric: "cosine_distance",
  };
  const request = parseWriteRequest(body);
  await rig.clock.run(
    write(rig.ports(), rig.writeTarget, (schema) => buildWrite(request, schema), {
      disableBackpressure: false,
    }),
  );
  for (const _ of ["tail", "flushed"]) {
    const result = await rig.search({
      rank_by: ["image", "ANN", [1, 0.1]],
      limit: 2,
      include_attributes: ["text", "image", "views"],
    });
    const shown = parseJson(encodeJson(renderPartsResponse(asParts(result), false, "float", 1)));
    expect((shown as { rows: unknown }).rows).toEqual([
      { id: 1, $dist: expect.any(Number), image: [1, 0], text: [0.1, 0.2, 0.3], views: [[1, 2]] },
      { id: 2, $dist: expect.any(Number), image: [0, 1], text: [0.3, 0.2, 0.1] },
    ]);
    const byText = await rig.search({ rank_by: ["text", "ANN", [1, 0, 0]], limit: 1 });
    expect(byText.rows.map(({ id }) => id)).toEqual([2]);
    const byViews = await rig.search({
      rank_by: [
        "views",
        "ANN",
        [
          [2, 4],
          [-1, -2],
        ],
      ],
      limit: 5,
    });
    expect(byViews.rows.map(({ id, distance }) => [id, distance])).toEqual([[1, 2]]);
    await rig.flush();
  }
});
