/** Orders by attributes and rank expressions, over segments and tail, against brute force. */
import { beforeAll, describe, expect, test } from "vitest";
import type { OracleDocument, OracleFilter } from "./oracle/brute-force.ts";
import { type OracleOrder, type OracleRank, ordered, scored } from "./oracle/ranks.ts";
import { SearchRig } from "./search-rig.ts";
import { SeededRandom } from "./seeded-random.ts";

const count = 2_400;
let rig: SearchRig;
const random = new SeededRandom(7);

/** Few distinct values, so that much ties; some are absent. */
function documentAt(id: number): OracleDocument {
  const pick = (most: number): number => (random.bytes(1)[0] as number) % most;
  return {
    id,
    vector: Float32Array.of(pick(5), pick(5)),
    attributes: {
      n: pick(10) === 0 ? null : pick(20) - 5,
      name: pick(8) === 0 ? null : `w${pick(40)}é`,
      tags: null,
      note: pick(3) === 0 ? null : `note ${pick(6)}`,
    },
  };
}

beforeAll(async () => {
  rig = new SearchRig({ dims: 2 });
  await rig.fill(count, documentAt);
});

const filters: readonly (OracleFilter | undefined)[] = [
  undefined,
  ["n", "Lt", 3],
  ["name", "Eq", "w7é"],
  ["n", "Eq", 99],
];

describe("an order by attributes", () => {
  const orders: readonly (readonly OracleOrder[])[] = [
    [["n", "asc"]],
    [["n", "desc"]],
    [["name", "asc"]],
    [["name", "desc"]],
    [["note", "desc"]],
    [
      ["n", "asc"],
      ["name", "desc"],
    ],
    [
      ["note", "asc"],
      ["n", "desc"],
      ["id", "desc"],
    ],
    [
      ["n", "desc"],
      ["id", "desc"],
      ["name", "asc"],
    ],
  ];
  for (const order of orders) {
    test(`is that of brute force: ${JSON.stringify(order)}`, async () => {
      for (const filter of filters) {
        for (const [limit, offset] of [
          [1, 0],
          [10, 0],
          [25, 140],
          [3_000, 0],
        ] as const) {
          const { rows } = await rig.search({
            rank_by: order.length === 1 ? order[0] : order,
            limit,
            offset,
            include_attributes: ["n", "name"],
            ...(filter === undefined ? {} : { filters: filter }),
          });
          const expected = ordered(rig.oracle, order, filter).slice(offset, offset + limit);
          expect(rows.map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
          const values = rows.map(({ attributes }) =>
            Object.fromEntries(attributes.map(({ name, value }) => [name, value])),
          );
          expect(values.map(({ n }) => n)).toEqual(
            expected.map(({ attributes: { n } }) => n ?? undefined),
          );
          expect(rows.every(({ distance }) => distance === undefined)).toBe(true);
        }
      }
    });
  }
});

describe("an expression", () => {
  const n = ["Attribute", "n"];
  const ranks: readonly OracleRank[] = [
    ["Max", [0, n]],
    ["Max", [3, n]],
    ["Saturate", n, { midpoint: 5 }],
    ["Saturate", n, { midpoint: 5, exponent: 2 }],
    ["Decay", n, { midpoint: 2 }],
    ["Dist", n, 5],
    ["Decay", ["Dist", n, 5], { midpoint: 3, exponent: 0.5 }],
    ["Product", 2, ["Max", [0, n]]],
    ["Product", ["Max", [0, n]], 0],
    [
      "Sum",
      [
        ["Max", [0, n]],
        ["n", "Gt", 7],
      ],
    ],
    ["n", "Eq", 3],
    ["Not", ["n", "Eq", 3]],
    [
      "Or",
      [
        ["n", "Eq", 3],
        ["name", "Eq", "w7é"],
      ],
    ],
    [
      "Sum",
      [
        ["n", "Eq", 3],
        ["Product", 3, ["name", "Gt", "w3"]],
      ],
    ],
    ["Max", [2, ["n", "Eq", 3]]],
    ["Dist", ["n", "Eq", 3], 0.25],
  ];
  for (const rank of ranks) {
    test(`scores as brute force does: ${JSON.stringify(rank)}`, async () => {
      for (const filter of filters) {
        for (const [limit, offset] of [
          [7, 0],
          [50, 200],
          [3_000, 0],
        ] as const) {
          const { rows } = await rig.search({
            rank_by: rank,
            limit,
            offset,
            ...(filter === undefined ? {} : { filters: filter }),
          });
          const expected = scored(rig.oracle, rank, filter).slice(offset, offset + limit);
          expect(rows.map(({ id, distance }) => [id, distance])).toEqual(
            expected.map(({ document, score }) => [document.id, score]),
          );
        }
      }
    });
  }
});

test("an order over ties reads few ids, and a warm one nothing", async () => {
  rig.newIsolate();
  const body = { rank_by: ["n", "desc"], limit: 10 };
  const cold = await rig.search(body);
  expect(cold.performance.storeBytes).toBeLessThan(300_000);
  expect((await rig.search(body)).performance.storeRequests).toBe(0);
});
