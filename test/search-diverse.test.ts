/** `limit.per`, computed attributes and vector arrays, over segments and tail, by brute force. */
import { beforeAll, describe, expect, test } from "vitest";
import { write } from "../src/write.ts";
import { buildWrite } from "../workers/api/write-batch.ts";
import { parseWriteRequest } from "../workers/api/write-request.ts";
import { distance, type OracleDocument, type OracleFilter } from "./oracle/brute-force.ts";
import { type OracleRank, ordered, scored, valueOf } from "./oracle/ranks.ts";
import { SearchRig } from "./search-rig.ts";
import { SeededRandom } from "./seeded-random.ts";

let rig: SearchRig;
const random = new SeededRandom(3);
const pick = (most: number): number => (random.bytes(1)[0] as number) % most;

/** Kinds come in runs along n, so that one crowds out the next. */
function documentAt(id: number): OracleDocument {
  const n = pick(200);
  return {
    id,
    vector: Float32Array.of(pick(9), pick(9)),
    attributes: {
      n,
      name: pick(9) === 0 ? null : `k${Math.floor(n / 20)}`,
      tags: null,
      note: `m${pick(3)}`,
    },
  };
}

beforeAll(async () => {
  rig = new SearchRig({ dims: 2 });
  for (const offset of [0, 1]) {
    await rig.put(Array.from({ length: 600 }, (_, i) => documentAt(i * 2 + offset)));
    await rig.flush();
  }
  await rig.put(
    Array.from({ length: 50 }, (_, i) => documentAt(i * 23)),
    [600, 601],
  );
});

function capped(
  documents: readonly OracleDocument[],
  names: readonly string[],
  most: number,
): OracleDocument[] {
  const counts = new Map<string, number>();
  return documents.filter((document) => {
    const key = JSON.stringify(names.map((name) => valueOf(document, name)));
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    return count <= most;
  });
}

describe("at most so many of a kind", () => {
  const filters: readonly (OracleFilter | undefined)[] = [undefined, ["n", "Gt", 77]];
  for (const names of [["name"], ["note"], ["name", "note"], ["name", "id"]]) {
    for (const [total, most, offset] of [
      [5, 1, 0],
      [12, 2, 3],
      [40, 3, 0],
      [1_500, 1, 0],
    ] as const) {
      test(`${names.join(" and ")}: ${most} of ${total}, from ${offset} on`, async () => {
        for (const filter of filters) {
          const body = {
            limit: { total, per: { attributes: names, limit: most } },
            offset,
            include_attributes: [...names],
            ...(filter === undefined ? {} : { filters: filter }),
          };
          const orders = [["n", "desc"]] as const;
          const byOrder = await rig.search({ ...body, rank_by: orders[0] });
          expect(byOrder.rows.map(({ id }) => id)).toEqual(
            capped(ordered(rig.oracle, orders, filter), names, most)
              .slice(offset, offset + total)
              .map(({ id }) => id),
          );
          const rank = ["Saturate", ["Attribute", "n"], { midpoint: 9 }];
          const byScore = await rig.search({ ...body, rank_by: rank });
          const all = scored(rig.oracle, rank, filter).map(({ document }) => document);
          expect(byScore.rows.map(({ id }) => id)).toEqual(
            capped(all, names, most)
              .slice(offset, offset + total)
              .map(({ id }) => id),
          );
          const kNN = { rank_by: ["vector", "kNN", [1, 2]], filters: filter ?? ["And", []] };
          const near = await rig.search({ ...body, ...kNN });
          const nearest = rig.oracle
            .nearest("euclidean_squared", Float32Array.of(1, 2), filter)
            .map(({ document }) => document);
          expect(near.rows.map(({ id }) => id)).toEqual(
            capped(nearest, names, most)
              .slice(offset, offset + total)
              .map(({ id }) => id),
          );
        }
      });
    }
  }
});

test("computed attributes come along, and what they are computed from does not", async () => {
  const rank: OracleRank = [
    "Sum",
    [
      ["Saturate", ["Attribute", "n"], { midpoint: 9 }],
      ["name", "Eq", "k3"],
    ],
  ];
  const { rows } = await rig.search({
    rank_by: ["id", "asc"],
    limit: 1_300,
    include_attributes: ["name"],
    compute_attributes: {
      score: rank,
      is_first: ["name", "NotEq", "k0"],
      far: ["vector", "VectorDist", [4, 4]],
    },
  });
  const scores = new Map(scored(rig.oracle, rank).map((each) => [each.document.id, each.score]));
  expect(rows.length).toBe(rig.oracle.documents.size);
  for (const { id, attributes, vector, computed } of rows) {
    const document = rig.oracle.documents.get(id) as OracleDocument;
    expect(vector).toBeUndefined();
    expect(attributes.map(({ name }) => name)).toEqual(
      document.attributes["name"] === null ? [] : ["name"],
    );
    expect(computed).toEqual([
      { name: "score", value: scores.get(id) },
      { name: "is_first", value: document.attributes["name"] === "k0" ? 0 : 1 },
      {
        name: "far",
        value: distance(
          "euclidean_squared",
          Float32Array.of(4, 4),
          document.vector as Float32Array,
        ),
      },
    ]);
  }
});

describe("vector arrays", () => {
  const documents = Array.from({ length: 80 }, (_, id) => ({
    id,
    group: id % 2,
    views: Array.from({ length: 1 + pick(4) }, () => [pick(9) - 4, pick(9) - 4]),
  }));
  const query = [
    [1, 2],
    [-3, 1],
    [0, 4],
  ];

  for (const metric of ["euclidean_squared", "cosine_distance"] as const) {
    test(`are ranked by the nearest vector to each of the query: ${metric}`, async () => {
      const views = new SearchRig();
      const request = parseWriteRequest({
        upsert_rows: [...documents, { id: 900, group: 1 }],
        schema: { views: "[][2]f32" },
        distance_metric: metric,
      });
      await views.clock.run(
        write(views.ports(), views.writeTarget, (schema) => buildWrite(request, schema), {
          disableBackpressure: false,
        }),
      );
      const expected = documents
        .filter(({ group }) => group === 1)
        .map(({ id, views: vectors }) => {
          const sum = query.reduce(
            (total, token) =>
              total +
              Math.min(
                ...vectors.map((each) =>
                  distance(metric, Float32Array.from(token), Float32Array.from(each)),
                ),
              ),
            0,
          );
          return [id, Math.fround(sum)] as const;
        })
        .sort((a, b) => a[1] - b[1] || a[0] - b[0]);
      for (const _ of ["tail", "flushed"]) {
        for (const kind of ["ANN", "kNN"]) {
          const { rows } = await views.search({
            rank_by: ["views", kind, query],
            filters: ["group", "Eq", 1],
            limit: 100,
          });
          expect(rows.map(({ id, distance: sum }) => [id, sum])).toEqual(expected);
        }
        await views.flush();
      }
    });
  }
});
