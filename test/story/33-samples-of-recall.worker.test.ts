/** Queries are compared with the truth behind the scenes, and what was found out can be seen. */
import { env, exports } from "cloudflare:workers";
import { afterAll, beforeAll, expect, it } from "vitest";
import { limits } from "../../src/limits.ts";
import { Namespace, send } from "../workerd/api.ts";
import { QueueTap } from "../workerd/queue-tap.ts";

const name = "sampled";
const bounds = limits as { recallSampleShare: number };
const usual = limits.recallSampleShare;
let tap: QueueTap;

beforeAll(() => {
  // Every query that may be is compared.
  bounds.recallSampleShare = 1;
  tap = new QueueTap();
});

afterAll(() => {
  bounds.recallSampleShare = usual;
  tap.close();
});

interface Metadata {
  readonly recall?: {
    readonly recent: number;
    readonly probe_factor: number;
    readonly hours: readonly { readonly samples: number; readonly recall: number }[];
  };
}

async function metadata(): Promise<Metadata> {
  return (await send<Metadata>("GET", `/v2/namespaces/${name}/metadata`)).json;
}

async function metrics(): Promise<string> {
  const url = `https://shoal.test/v1/namespaces/${name}/metrics`;
  const headers = { authorization: `Bearer ${env.SHOAL_API_KEYS}` };
  const response = await exports.default.fetch(new Request(url, { headers }));
  expect(response.headers.get("content-type")).toMatch(/^text\/plain; version=0.0.4/);
  return await response.text();
}

it("shows nothing before there was a sample", async () => {
  const namespace = new Namespace(name);
  const rows = Array.from({ length: 60 }, (_, id) => {
    return { id, vector: [Math.sin(id), Math.cos(id), id % 7], n: id };
  });
  await namespace.write({ upsert_rows: rows, distance_metric: "euclidean_squared" });
  expect((await metadata()).recall).toBeUndefined();
  expect(await metrics()).not.toContain("recall_at_10");
});

it("compares an approximate query, with its filter, and no exact one", async () => {
  const namespace = new Namespace(name);
  const filters = [
    "And",
    [
      ["n", "Gte", 10],
      ["n", "NotEq", 17],
    ],
  ];
  await namespace.query({ rank_by: ["vector", "kNN", [1, 0, 3]], limit: 5, filters });
  await namespace.query({ rank_by: ["vector", "ANN", [1, 0, 3]], limit: 5, filters });
  const delivered = await tap.deliverSamples(name, 2);
  expect(delivered).toBe(1);
  const { recall } = await metadata();
  expect(recall).toMatchObject({ recent: 1, probe_factor: 1, hours: [{ samples: 2, recall: 1 }] });
  const text = await metrics();
  expect(text).toContain(`shoal_recall_at_10{namespace="${name}"} 1\n`);
  expect(text).toContain(`shoal_recall_samples{namespace="${name}"} 2\n`);
  expect(text).toContain("# TYPE shoal_written_bytes_total counter\n");
});

it("survives samples of a namespace that is gone, or that mean nothing", async () => {
  await new Namespace(name).query({ rank_by: ["vector", "ANN", [1, 0, 2]], limit: 5 });
  tap.samples.push(
    { tenant: "default", sampled: "never-there", column: "vector", vector: "AAAAAA==" },
    { tenant: "default", sampled: name, column: "vector", vector: "AAAAAA==" },
    { tenant: "default", sampled: name, column: "other", vector: "!" },
  );
  await tap.deliverSamples(name);
  expect((await metadata()).recall?.hours[0]?.samples).toBeLessThanOrEqual(3);
});
