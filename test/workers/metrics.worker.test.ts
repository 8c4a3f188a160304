/**
 * Figures against the platform itself: a bucket binding that counts what is asked of it knows what
 * a request has cost, whatever the Worker says.
 */
import { createExecutionContext, env, waitOnExecutionContext } from "cloudflare:test";
import { expect, it } from "vitest";
import { app } from "../../workers/api/app.ts";
import { consume } from "../../workers/compactor.ts";
import { Namespace } from "../workerd/api.ts";

const kinds = ["get", "head", "put", "list", "delete"] as const;
type Counts = Record<(typeof kinds)[number], number>;

/** The bindings, with a bucket that counts calls. */
function countedEnv(): { readonly bindings: Env; readonly counts: Counts } {
  const counts: Counts = { get: 0, head: 0, put: 0, list: 0, delete: 0 };
  const BUCKET = new Proxy(env.BUCKET, {
    get: (bucket, name) => {
      const value: unknown = Reflect.get(bucket, name);
      if (typeof value !== "function") return value;
      return (...args: unknown[]): unknown => {
        const kind = kinds.find((each) => each === name);
        if (kind !== undefined) counts[kind] += 1;
        return Reflect.apply(value, bucket, args);
      };
    },
  });
  return { bindings: { ...env, BUCKET } as unknown as Env, counts };
}

async function ask(bindings: Env, path: string, body?: unknown): Promise<Response> {
  const context = createExecutionContext();
  const request = new Request(`https://shoal.test${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { authorization: `Bearer ${env.SHOAL_API_KEYS}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const response = await app.fetch(request, bindings, context);
  await waitOnExecutionContext(context);
  return response;
}

interface Costed {
  readonly cost: Readonly<Record<string, number>>;
}

/** Figures of one metric, by their labels. */
async function read(bindings: Env, path: string, name: string): Promise<Map<string, number>> {
  const text = await (await ask(bindings, path)).text();
  const found = new Map<string, number>();
  for (const line of text.split("\n")) {
    const match = new RegExp(`^shoal_${name}\\{(.*)\\} (\\S+)$`).exec(line);
    if (match !== null)
      found.set((match[1] ?? "").replace(/isolate="\w+",?/, ""), Number(match[2]));
  }
  return found;
}

const storeRequests = (bindings: Env) => read(bindings, "/metrics", "store_requests_total");

function of(figures: Map<string, number>, by: string): Counts {
  const values = kinds.map((kind) => [kind, figures.get(`by="${by}",kind="${kind}"`) ?? 0]);
  return Object.fromEntries(values) as Counts;
}

function minus(a: Counts, b: Counts): Counts {
  return Object.fromEntries(kinds.map((kind) => [kind, a[kind] - b[kind]])) as Counts;
}

it("an answer's cost and /metrics are the bucket's own counts, to the request", async () => {
  const name = "costed";
  const rows = Array.from({ length: 300 }, (_, id) => ({ id, vector: [id, 1], title: `t${id}` }));
  await new Namespace(name).write({ upsert_rows: rows, distance_metric: "euclidean_squared" });
  await new Namespace(name).indexNow();
  const { bindings, counts } = countedEnv();
  const before = of(await storeRequests(bindings), "request");
  const start = { ...counts };

  const vector = { rank_by: ["vector", "ANN", [3, 1]], limit: 3, include_attributes: true };
  const query = `/v2/namespaces/${name}/query`;
  const asked: readonly (readonly [string, unknown])[] = [
    [query, { ...vector, disable_cache: true }],
    [query, vector],
    [query, { ...vector, filters: ["title", "Eq", "t7"], disable_cache: true }],
    [query, { aggregate_by: { n: ["Count"] } }],
    [`/v2/namespaces/${name}`, { upsert_rows: [{ id: 1_000, vector: [0, 0] }] }],
    [`/v2/namespaces/${name}`, { patch_rows: [{ id: 7, title: "seven" }] }],
  ];
  for (const [path, body] of asked) {
    const was = { ...counts };
    const { cost } = await (await ask(bindings, path, body)).json<Costed>();
    const made = minus(counts, was);
    expect(cost).toMatchObject({
      store_reads: made.get + made.head,
      store_writes: made.put + made.list,
      store_deletes: made.delete,
      worker_requests: 1,
    });
    const { store_reads: reads = 0, store_writes: writes = 0, object_calls: calls = 0 } = cost;
    // One query in a hundred has its recall measured, and sends a message for it.
    const { queue_messages: messages = 0 } = cost;
    expect(cost["dollars"]).toBeCloseTo(
      (reads * 0.36 + writes * 4.5 + calls * 0.15 + messages * 1.2 + 0.3) / 1e6,
      11,
    );
  }
  expect(counts.get).toBeGreaterThan(start.get);
  const after = of(await storeRequests(bindings), "request");
  expect(minus(after, before)).toEqual(minus(counts, start));
});

it("what jobs cost is counted by kind, and told to the namespace", {
  timeout: 60_000,
}, async () => {
  const { bindings, counts } = countedEnv();
  const name = "worked";
  const rows = Array.from({ length: 200 }, (_, id) => ({ id, vector: [id, 1] }));
  await new Namespace(name).write({ upsert_rows: rows, distance_metric: "euclidean_squared" });
  await ask(bindings, `/v1/namespaces/${name}/index`, {});
  const before = await storeRequests(bindings);
  const start = { ...counts };
  const message = {
    body: { tenant: "default", name },
    ack: () => undefined,
    retry: () => undefined,
  };
  await consume(
    { queue: "shoal-jobs", messages: [message] } as unknown as MessageBatch<never>,
    bindings,
  );
  const used = minus(counts, start);
  const made = async (by: string): Promise<Counts> =>
    minus(of(await storeRequests(bindings), by), of(before, by));
  // The queue may have been faster, with bindings that nobody counts here.
  const jobs = ["flush", "merge", "collect", "warm", "purge"];
  for (const kind of kinds) {
    let sum = 0;
    for (const by of jobs) sum += (await made(by))[kind];
    expect(sum).toBeGreaterThanOrEqual(used[kind]);
  }
  await new Namespace(name).indexNow();
  const path = `/v1/namespaces/${name}/metrics`;
  const told = async (label: string, metric = "work_store_requests_total") =>
    (await read(bindings, path, metric)).get(`namespace="${name}",by="flush"${label}`);
  await expect.poll(() => told("", "work_runs_total")).toBe(1);
  const flushed = await made("flush");
  expect(flushed.put).toBeGreaterThan(0);
  expect(await told(',class="write"')).toBe(flushed.put + flushed.list);
  expect(await told(',class="read"')).toBe(flushed.get + flushed.head);
  expect(await told(',class="delete"')).toBe(flushed.delete);
});

it("requests are counted by route and status, with their times", async () => {
  const { bindings } = countedEnv();
  const labels = 'method="GET",route="/v1/namespaces/:ns/schema",status="404"';
  const count = async () => (await read(bindings, "/metrics", "requests_total")).get(labels) ?? 0;
  const before = await count();
  await ask(bindings, "/v1/namespaces/nowhere/schema");
  expect(await count()).toBe(before + 1);
  const text = await (await ask(bindings, "/metrics")).text();
  expect(text).toMatch(/^# TYPE shoal_request_seconds histogram$/m);
  expect(text).toMatch(
    /^shoal_cache_requests_total\{isolate="[0-9a-f]{8}",tier="memory",outcome="hit"\} \d+$/m,
  );
  expect(text).toMatch(/^shoal_memory_bytes\{isolate="[0-9a-f]{8}",of="reads"\} 0$/m);
  for (const line of text.trimEnd().split("\n")) {
    expect(line).toMatch(
      /^(# (HELP|TYPE) shoal_\w+ .+|shoal_\w+\{([a-z]+="[^"]*",?)+\} [\d.e+-]+)$/,
    );
  }
});

it("figures of the isolate are for administrators of the deployment's own tenant", async () => {
  const { bindings } = countedEnv();
  const statusFor = async (wish: object): Promise<number> => {
    const { key } = await (await ask(bindings, "/v1/keys", wish)).json<{ key: string }>();
    const headers = { authorization: `Bearer ${key}` };
    const request = new Request("https://shoal.test/metrics", { headers });
    return (await app.fetch(request, bindings, createExecutionContext())).status;
  };
  expect(await statusFor({ scopes: ["read"] })).toBe(403);
  expect(await statusFor({ scopes: ["admin"] })).toBe(200);
  expect(await statusFor({ scopes: ["admin"], tenant: "other" })).toBe(403);
});
