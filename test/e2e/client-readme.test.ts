/**
 * The examples of the official client's own README, in their order, but for full-text search. Only
 * the address is ours. What they print is compared with what it says they print.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Turbopuffer } from "@turbopuffer/turbopuffer";
import { beforeAll, describe, expect, it } from "vitest";
import { type ClientOptions, freshName, server } from "./harness.ts";

const prefix = freshName("products");
const example = `${prefix}-1`;
const names = [1, 2, 3].map((each) => `${prefix}-${each}`);

function open(options: ClientOptions = {}): Turbopuffer {
  return new Turbopuffer(options);
}

beforeAll(async () => {
  process.env["TURBOPUFFER_API_KEY"] = server.apiKey;
  process.env["TURBOPUFFER_BASE_URL"] = server.directUrl;
  delete process.env["TURBOPUFFER_REGION"];
  const upsert_rows = [
    { id: 1, vector: [0.1, 0.19], name: "foo", public: 1, text: "the quick walrus" },
    { id: 2, vector: [0.1, 0.2], name: "bar", public: 1, text: "a slow walrus" },
    { id: 3, vector: [0.1, 0.2], name: "foo", public: 0, text: "a fox" },
  ];
  for (const name of names) {
    await open().namespace(name).write({ upsert_rows, distance_metric: "cosine_distance" });
  }
});

describe("Usage", () => {
  it("queries nearest neighbors with a filter", async () => {
    const ns = open().namespace(example);
    const vectorResult = await ns.query({
      rank_by: ["vector", "ANN", [0.1, 0.2]],
      top_k: 10,
      filters: [
        "And",
        [
          ["name", "Eq", "foo"],
          ["public", "Eq", 1],
        ],
      ],
      include_attributes: ["name"],
    });
    expect(vectorResult.rows).toEqual([{ id: 1, name: "foo", $dist: expect.any(Number) }]);
  });
});

describe("Request & Response types", () => {
  it("lists what begins with a prefix", async () => {
    const params: Turbopuffer.NamespacesParams = { prefix };
    const { namespaces } = await open().namespaces(params);
    expect(namespaces.map(({ id }) => id)).toEqual(names);
  });
});

describe("Handling errors", () => {
  const errorsOf = async (call: Promise<unknown>) =>
    await call.then(
      () => undefined,
      (error: unknown) => {
        if (error instanceof Turbopuffer.APIError) return error;
        throw error;
      },
    );

  it("a subclass of APIError is thrown, with status, name and headers", async () => {
    const found = await errorsOf(open().namespaces({ prefix: "foo", page_size: 0 }));
    expect(found?.status).toBe(400);
    expect(found?.constructor).toBe(Turbopuffer.BadRequestError);
    expect(found?.headers?.get("x-request-id")).toMatch(/./);
  });

  it("every status of its table that a request can cause has its class", async () => {
    const once = { maxRetries: 0 };
    const ns = open(once).namespace(example);
    const { key: reader } = await open().post<{ key: string }>("/v1/keys", {
      body: { scopes: ["read"] },
    });
    const { key: hasty } = await open().post<{ key: string }>("/v1/keys", {
      body: { scopes: ["read"], requests_per_minute: 1 },
    });
    const limited = open({ ...once, apiKey: hasty });
    await limited.namespaces({ prefix });
    const cases = [
      [() => ns.query({ rank_by: ["nope", "asc"], top_k: 1 }), Turbopuffer.BadRequestError],
      [() => open({ ...once, apiKey: "wrong" }).namespaces({}), Turbopuffer.AuthenticationError],
      [
        () =>
          open({ ...once, apiKey: reader })
            .namespace(example)
            .deleteAll(),
        Turbopuffer.PermissionDeniedError,
      ],
      [() => open(once).namespace(`${prefix}-none`).schema(), Turbopuffer.NotFoundError],
      [() => ns.query({ rank_by: 1 as never, top_k: 1 }), Turbopuffer.UnprocessableEntityError],
      [() => limited.namespaces({ prefix }), Turbopuffer.RateLimitError],
      [
        () => open({ ...once, baseURL: "http://127.0.0.1:1" }).namespaces({}),
        Turbopuffer.APIConnectionError,
      ],
    ] as const;
    for (const [call, type] of cases) expect(await errorsOf(call())).toBeInstanceOf(type);
  });
});

describe("Retries and timeouts", () => {
  it("are set for a client or a request", async () => {
    const client = open({ maxRetries: 0, timeout: 20 * 1000 });
    const { namespaces } = await client.namespaces({ prefix }, { maxRetries: 5, timeout: 5_000 });
    expect(namespaces).toHaveLength(3);
  });

  it("a request that takes longer than it may is an APIConnectionTimeoutError", async () => {
    const slowly: typeof fetch = async (...request) => {
      await sleep(50);
      return fetch(...request);
    };
    const late = open({ maxRetries: 0, fetch: slowly }).namespaces({ prefix }, { timeout: 1 });
    await expect(late).rejects.toBeInstanceOf(Turbopuffer.APIConnectionTimeoutError);
  });
});

describe("Auto-pagination", () => {
  it("for await goes through all pages", async () => {
    const all: string[] = [];
    for await (const { id } of open().namespaces({ prefix, page_size: 1 })) all.push(id);
    expect(all).toEqual(names);
  });

  it("pages are asked for one at a time", async () => {
    const pages: string[][] = [];
    let page = await open().namespaces({ prefix, page_size: 2 });
    for (;;) {
      pages.push(page.namespaces.map(({ id }) => id));
      if (!page.hasNextPage()) break;
      page = await page.getNextPage();
    }
    expect(pages).toEqual([names.slice(0, 2), names.slice(2)]);
  });
});

describe("Advanced usage", () => {
  it("asResponse and withResponse give the raw answer", async () => {
    const client = open();
    const response = await client.namespaces({ prefix }).asResponse();
    expect(response.headers.get("content-type")).toContain("application/json");
    const { data, response: raw } = await client.namespaces({ prefix }).withResponse();
    expect(raw.status).toBe(200);
    const all: string[] = [];
    for await (const { id } of data) all.push(id);
    expect(all).toEqual(names);
  });

  it("a logger of one's own hears of requests", async () => {
    const heard: unknown[] = [];
    const hear = (...said: readonly unknown[]): void => void heard.push(said);
    const logger = { error: hear, warn: hear, info: hear, debug: hear };
    await open({ logger, logLevel: "debug" }).namespaces({ prefix });
    expect(JSON.stringify(heard)).toContain("/v1/namespaces");
    expect(JSON.stringify(heard)).not.toContain(server.apiKey);
  });

  it("endpoints and fields that the client does not know can be used", async () => {
    const client = open();
    expect(await client.get("/v1/limits")).toMatchObject({ namespace_name_length: 128 });
    await expect(
      client.post("/some/path", { body: { some_prop: "foo" }, query: { some_query_arg: "bar" } }),
    ).rejects.toBeInstanceOf(Turbopuffer.NotFoundError);
    const unknown = client.namespace(example).write({
      // @ts-expect-error baz is not yet public
      baz: "undocumented option",
    });
    await expect(unknown).rejects.toThrow(/baz/);
  });

  it("fetch may be another, with options of its own", async () => {
    let calls = 0;
    const counting: typeof fetch = (...given) => {
      calls += 1;
      return fetch(...given);
    };
    const client = open({ fetch: counting, fetchOptions: { redirect: "error" } });
    expect((await client.namespaces({ prefix })).namespaces).toHaveLength(3);
    expect(calls).toBe(1);
  });

  it("bodies and answers are compressed if asked for", async () => {
    const ns = open({ compression: true }).namespace(`${prefix}-compressed`);
    const text = "walrus ".repeat(200);
    const schema = { text: { type: "string", filterable: false } } as const;
    await ns.write({ upsert_rows: [{ id: 1, text }], schema });
    const { rows } = await ns.query({ rank_by: ["id", "asc"], limit: 1, include_attributes: true });
    expect(rows).toEqual([{ id: 1, text }]);
    await ns.deleteAll();
  });
});
