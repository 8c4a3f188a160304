/** Reading in the order of ids: paging through segments and tail, with and without filters. */
import { beforeAll, describe, expect, test } from "vitest";
import { type OracleDocument, type OracleFilter } from "./oracle/brute-force.ts";
import { SearchRig } from "./search-rig.ts";

const count = 3_000;
let rig: SearchRig;

function documentAt(id: number, n = id % 97): OracleDocument {
  return {
    id,
    vector: Float32Array.of(id % 7, id % 11),
    attributes: { n, name: `w${id % 5}`, tags: null, note: null },
  };
}

/** Ids of several segments interleave; some are dead, some overwritten or deleted in the tail. */
beforeAll(async () => {
  rig = new SearchRig({ dims: 2 });
  for (const offset of [0, 1, 2]) {
    const ids = Array.from({ length: count / 3 }, (_, i) => i * 3 + offset);
    await rig.put(ids.map((id) => documentAt(id)));
    await rig.flush();
  }
  await rig.put([documentAt(10, 500), documentAt(2_000, 500)], [600, 601, 602]);
  await rig.flush();
  await rig.put([documentAt(11, 500), documentAt(count + 5)], [12, 13, 14, 2_999]);
});

async function page(filter: OracleFilter | undefined, descending: boolean, limit: number) {
  const ids: unknown[] = [];
  for (let last: unknown; ; ) {
    const after = [["id", descending ? "Lt" : "Gt", last]];
    const parts = [...(last === undefined ? [] : after), ...(filter === undefined ? [] : [filter])];
    const { rows, performance } = await rig.search({
      rank_by: ["id", descending ? "desc" : "asc"],
      limit,
      ...(parts.length === 0 ? {} : { filters: ["And", parts] }),
    });
    expect(performance.rounds).toBeLessThanOrEqual(3);
    ids.push(...rows.map(({ id }) => id));
    if (rows.length < limit) return ids;
    last = rows.at(-1)?.id;
  }
}

describe("pages by id", () => {
  const filters: readonly (OracleFilter | undefined)[] = [
    undefined,
    ["n", "Lt", 50],
    ["n", "Eq", 500],
    [
      "And",
      [
        ["name", "Eq", "w3"],
        ["id", "Gte", 1_000],
        ["id", "Lte", 2_500],
      ],
    ],
    ["Not", ["n", "Gte", 2]],
  ];
  for (const filter of filters) {
    for (const descending of [false, true]) {
      test(`cover everything once: ${JSON.stringify(filter)}${descending ? ", descending" : ""}`, async () => {
        const expected = rig.oracle.byId(descending, filter).map(({ id }) => id);
        expect(await page(filter, descending, 700)).toEqual(expected);
        expect((await page(filter, descending, 333)).length).toBe(expected.length);
      });
    }
  }

  test("begin where the bound on the id says, without reading what lies before", async () => {
    rig.newIsolate();
    const { performance } = await rig.search({
      rank_by: ["id", "asc"],
      limit: 5,
      filters: ["id", "Gt", 2_990],
    });
    expect(performance.rounds).toBe(1);
    expect(performance.storeBytes).toBeLessThan(60_000);
  });
});

test("an offset leaves out the first rows, whatever the order", async () => {
  const expected = rig.oracle.byId(false).map(({ id }) => id);
  const { rows } = await rig.search({ rank_by: ["id", "asc"], limit: 10, offset: 595 });
  expect(rows.map(({ id }) => id)).toEqual(expected.slice(595, 605));
  const body = { rank_by: ["vector", "kNN", [3, 3]], filters: ["n", "Gte", 0] };
  const all = await rig.search({ ...body, limit: 60 });
  const some = await rig.search({ ...body, limit: 10, offset: 50 });
  expect(some.rows).toEqual(all.rows.slice(50));
});

test("lookups by filter come in the order of ids", async () => {
  const filter: OracleFilter = ["id", "In", [2_500, 3, 12, 11, 9_999]];
  const { rows } = await rig.search({ filters: filter, limit: 10, include_attributes: ["n"] });
  expect(rows.map(({ id, attributes }) => [id, attributes])).toEqual([
    [3, [{ name: "n", value: 3 }]],
    [11, [{ name: "n", value: 500 }]],
    [2_500, [{ name: "n", value: 2_500 % 97 }]],
  ]);
});

test("only the attributes asked for come along", async () => {
  const body = { rank_by: ["id", "asc"], limit: 1 };
  const names = async (choice: object) => {
    const [row] = (await rig.search({ ...body, ...choice })).rows;
    const vector = row?.vector === undefined ? [] : [row.vector.name];
    return [...vector, ...(row?.attributes ?? []).map(({ name }) => name)];
  };
  expect(await names({})).toEqual([]);
  expect(await names({ include_attributes: ["name", "id"] })).toEqual(["name"]);
  expect(await names({ include_attributes: ["vector"] })).toEqual(["vector"]);
  expect(await names({ include_attributes: true })).toEqual(["vector", "n", "name"]);
  expect(await names({ exclude_attributes: ["vector", "n", "nope"] })).toEqual(["name"]);
});
