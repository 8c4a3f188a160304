/** A namespace of eight shards beside its unsharded twin: the same writes, the same answers. */
import { expect, it } from "vitest";
import { Namespace, type Row, send } from "../workerd/api.ts";
import { rowsOf, vectorOf } from "./sharded-rows.ts";

const shards = 8;

interface SegmentAnswer {
  readonly id: string;
  readonly shard?: number;
  readonly rows: number;
  readonly dead_rows: number;
}

interface Answer {
  readonly rows?: readonly Row[];
  readonly aggregation_groups?: readonly object[];
  readonly error?: string;
}

const questions: readonly object[] = [
  { rank_by: ["vector", "ANN", vectorOf(5)], limit: 20, include_attributes: true },
  {
    rank_by: ["vector", "kNN", vectorOf(77)],
    filters: ["v", "Gte", 1],
    limit: 50,
    include_attributes: ["v"],
  },
  {
    rank_by: ["vector", "kNN", vectorOf(9)],
    filters: ["group", "Eq", "g3"],
    limit: 10,
    include_attributes: true,
  },
  { rank_by: ["id", "desc"], limit: 10_000, include_attributes: true },
  { rank_by: ["v", "desc"], limit: 300, filters: ["group", "In", ["g1", "g2"]] },
  { aggregate_by: { n: ["Count"], sum: ["Sum", "v"] }, group_by: ["group"] },
];

async function ask(name: string, question: object): Promise<unknown> {
  const path = `/v2/namespaces/${name}/query`;
  const { status, json } = await send<Answer>("POST", path, question);
  expect([status, json.error]).toEqual([200, undefined]);
  return json.rows ?? json.aggregation_groups;
}

async function segmentsOf(namespace: Namespace): Promise<readonly SegmentAnswer[]> {
  return (await namespace.index()).segments;
}

it("answers as its twin does: unindexed, flushed, overwritten, merged, copied", async () => {
  const sharded = new Namespace("eight");
  const twin = new Namespace("twin");
  const write = async (body: object): Promise<void> => {
    const all = { distance_metric: "euclidean_squared", ...body };
    await sharded.write({ ...all, sharding: { num_shards: shards } });
    await twin.write(all);
  };
  const compare = async (name = "eight"): Promise<void> => {
    for (const question of questions) {
      expect(await ask(name, question)).toEqual(await ask("twin", question));
    }
  };
  await write({ upsert_rows: rowsOf(0, 400, 1) });
  await compare();
  await sharded.indexNow();
  await twin.indexNow();
  const flushed = await segmentsOf(sharded);
  expect(new Set(flushed.map(({ shard }) => shard))).toEqual(new Set([0, 1, 2, 3, 4, 5, 6, 7]));
  expect(flushed).toHaveLength(shards);
  await compare();
  for (let version = 2; version <= 5; version++) {
    await write({
      upsert_rows: rowsOf(50 * version, 100, version),
      deletes: [version, 390 + version],
    });
    await compare();
    await sharded.indexNow();
    await twin.indexNow();
  }
  await write({ delete_by_filter: ["group", "Eq", "g5"] });
  await write({ patch_rows: [{ id: 20, v: 99 }] });
  await compare();
  await sharded.indexNow();
  await twin.indexNow();
  await compare();
  const merged = await segmentsOf(sharded);
  expect(merged.some(({ id }) => id.startsWith("m"))).toBe(true);
  expect(merged.every(({ shard, id }) => id.endsWith(`-s${shard}`))).toBe(true);

  const copied = { copy_from_namespace: "eight", sharding: { num_shards: 3 } };
  expect((await send("POST", "/v2/namespaces/three", copied)).status).toBe(200);
  await compare("three");
  const three = new Namespace("three");
  await three.indexNow();
  expect(new Set((await segmentsOf(three)).map(({ shard }) => shard))).toEqual(new Set([0, 1, 2]));
  await compare("three");
}, 60_000);
