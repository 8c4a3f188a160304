/** Attributes come over time: old segments and documents lack them, and queries know both. */
import { expect, it } from "vitest";
import { Namespace, send } from "../workerd/api.ts";

it("answers from segments that are older than an attribute", async () => {
  const tree = new Namespace("tree");
  await tree.write({ upsert_rows: [{ id: 1, species: "oak" }] });
  await tree.indexNow();
  await tree.write({ upsert_rows: [{ id: 2, species: "elm", rings: 40 }] });
  await tree.indexNow();
  await send("POST", "/v1/namespaces/tree/schema", { height: "float", felled: "datetime" });
  await tree.write({
    upsert_rows: [{ id: 3, species: "ash", height: 12.5, felled: "2026-03-02" }],
  });

  const ids = async (filters: unknown) => (await tree.rows({ filters })).map(({ id }) => id);
  for (const _ of ["tail", "segments"]) {
    expect(await ids(["rings", "Eq", null])).toEqual([1, 3]);
    expect(await ids(["rings", "Gt", 3])).toEqual([2]);
    expect(await ids(["height", "Gte", 12.5])).toEqual([3]);
    expect(await ids(["Not", ["felled", "Lt", "2027-01-01"]])).toEqual([]);
    expect(await ids(["felled", "Gt", "2026-03-01T23:59:59Z"])).toEqual([3]);
    expect(await tree.rows()).toEqual([
      { id: 1, species: "oak" },
      { id: 2, species: "elm", rings: 40 },
      { id: 3, species: "ash", height: 12.5, felled: "2026-03-02T00:00:00.000000000Z" },
    ]);
    await tree.indexNow();
  }
});

it("decides the type of an array by its first element, however late that comes", async () => {
  const shelf = new Namespace("shelf");
  await shelf.write({ upsert_rows: [{ id: 1, tags: [] }] });
  await shelf.indexNow();
  await shelf.write({ upsert_rows: [{ id: 2, tags: ["new"] }] });
  const wrong = await shelf.tryWrite({ upsert_rows: [{ id: 3, tags: [5] }] });
  expect(wrong.status).toBe(400);
  await shelf.indexNow();
  expect(await shelf.rows()).toEqual([
    { id: 1, tags: [] },
    { id: 2, tags: ["new"] },
  ]);
});
