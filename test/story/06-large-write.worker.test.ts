/** A write too large for one message travels as attachments, and is as atomic as any other. */
import { expect, it } from "vitest";
import { Namespace } from "../workerd/api.ts";

const dims = 256;
const count = 1_500;

function documentsOf(version: number) {
  return Array.from({ length: count }, (_, id) => ({
    id,
    version,
    vector: Array.from({ length: dims }, (_, d) => Math.fround(Math.cos(id + d * version))),
  }));
}

it("is stored beside the log, found before it is indexed and after, replaced as a whole", async () => {
  const whale = new Namespace("whale");
  await whale.write({ upsert_rows: documentsOf(1), distance_metric: "cosine_distance" });
  const { generation } = await whale.index();
  expect((await whale.keys(generation, "part/")).length).toBeGreaterThanOrEqual(1);

  const vector = documentsOf(1)[700]?.vector;
  const question = {
    rank_by: ["vector", "ANN", vector],
    // The third nearest differ from each other by less than codes can tell.
    limit: 2,
    include_attributes: ["version"],
  };
  const before = await whale.query(question);
  expect(before.rows[0]).toEqual({ id: 700, $dist: 0, version: 1 });
  await whale.indexNow();
  const after = await whale.query(question);
  expect(after.rows).toEqual(before.rows);

  await whale.write({ upsert_rows: documentsOf(2) });
  const versions = (await whale.rows({ include_attributes: ["version"] })).map(
    (row) => row["version"],
  );
  expect(versions).toHaveLength(count);
  expect(new Set(versions)).toEqual(new Set([2]));
  const { segments } = await whale.indexNow();
  expect(segments.reduce((sum, { rows, dead_rows }) => sum + rows - dead_rows, 0)).toBe(count);
});
