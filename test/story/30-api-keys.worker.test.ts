/**
 * API keys: a deployment key makes others, each does what it may and nothing else, and none of it
 * reaches another tenant.
 */
import { env, exports } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { routes } from "../../workers/api/routes.ts";

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly json: { readonly [field: string]: unknown };
}

async function ask(
  key: string,
  method: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const response = await exports.default.fetch(
    new Request(`https://shoal.test${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }),
  );
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    json: text.startsWith("{") ? (JSON.parse(text) as Answer["json"]) : {},
  };
}

const root = env.SHOAL_API_KEYS ?? "";

async function make(wish: object): Promise<{ readonly key: string; readonly id: string }> {
  const { status, json } = await ask(root, "POST", "/v1/keys", wish);
  expect(status).toBe(201);
  return json as { key: string; id: string };
}

const row = { distance_metric: "cosine_distance", upsert_rows: [{ id: 1, vector: [1, 2] }] };
const query = { rank_by: ["vector", "ANN", [1, 2]], top_k: 1 };

describe("a stored API key", () => {
  it("writes and reads within its prefix, and is refused beyond", async () => {
    const { key } = await make({ scopes: ["read", "write"], namespace_prefix: "keys-a-" });
    expect((await ask(key, "POST", "/v2/namespaces/keys-a-1", row)).status).toBe(200);
    expect((await ask(key, "POST", "/v2/namespaces/keys-a-1/query", query)).status).toBe(200);
    const refused = await ask(key, "POST", "/v2/namespaces/keys-b-1", row);
    expect(refused).toMatchObject({ status: 403, json: { status: "error" } });
    expect((await ask(root, "GET", "/v1/namespaces/keys-b-1/schema")).status).toBe(404);
  });

  it("makes no key that may more than its prefix says", async () => {
    const { key } = await make({ scopes: ["admin"], namespace_prefix: "keys-p-" });
    const wish = (prefix?: string) => ({
      scopes: ["read"],
      ...(prefix === undefined ? {} : { namespace_prefix: prefix }),
    });
    for (const prefix of [undefined, "keys-", "keys-q-"]) {
      expect((await ask(key, "POST", "/v1/keys", wish(prefix))).status).toBe(403);
    }
    expect((await ask(key, "POST", "/v1/keys", wish("keys-p-1"))).status).toBe(201);
  });

  it("does of every route only what its scopes allow", async () => {
    const keys = {
      read: (await make({ scopes: ["read"] })).key,
      write: (await make({ scopes: ["write"] })).key,
      admin: (await make({ scopes: ["admin"] })).key,
    };
    for (const { method, path, access } of routes) {
      const place = path.replace(":ns", "keys-none").replace(":id", "default-0000000000000000");
      for (const [scope, key] of Object.entries(keys)) {
        if (scope === access) continue;
        const { status } = await ask(key, method, place, method === "POST" ? {} : undefined);
        expect(`${scope}: ${method} ${path} ${status}`).toBe(`${scope}: ${method} ${path} 403`);
      }
    }
  });

  it("lists only names that begin with its prefix", async () => {
    await ask(root, "POST", "/v2/namespaces/keys-l-1", row);
    await ask(root, "POST", "/v2/namespaces/other-l-1", row);
    const { key } = await make({ scopes: ["read"], namespace_prefix: "keys-l-" });
    const names = async (params: string) =>
      (await ask(key, "GET", `/v1/namespaces${params}`)).json["namespaces"];
    expect(await names("")).toEqual([{ id: "keys-l-1" }]);
    expect(await names("?prefix=ke")).toEqual([{ id: "keys-l-1" }]);
    expect(await names("?prefix=keys-l-1")).toEqual([{ id: "keys-l-1" }]);
    expect(await names("?prefix=other")).toEqual([]);
  });

  it("is unknown once its time is over, once it is revoked, and when a character is wrong", async () => {
    const soon = new Date(Date.now() + 1_000).toISOString();
    const brief = await make({ scopes: ["read"], expires_at: soon });
    expect((await ask(brief.key, "GET", "/v1/namespaces")).status).toBe(200);
    await scheduler.wait(1_100);
    expect((await ask(brief.key, "GET", "/v1/namespaces")).status).toBe(401);
    const other = await make({ scopes: ["read"] });
    expect((await ask(`${other.key}0`, "GET", "/v1/namespaces")).status).toBe(401);
    expect((await ask(other.key, "GET", "/v1/namespaces")).status).toBe(200);
    expect((await ask(root, "DELETE", `/v1/keys/${other.id}`)).status).toBe(200);
    expect((await ask(other.key, "GET", "/v1/namespaces")).status).toBe(401);
    expect((await ask(root, "DELETE", `/v1/keys/${other.id}`)).status).toBe(404);
  });

  it("of another tenant sees a world of its own", async () => {
    await ask(root, "POST", "/v2/namespaces/keys-shared", row);
    const { key, id } = await make({ tenant: "acme", scopes: ["read", "write", "admin"] });
    expect(id).toMatch(/^acme-/);
    expect((await ask(key, "GET", "/v1/namespaces/keys-shared/schema")).status).toBe(404);
    const mine = { ...row, upsert_rows: [{ id: 7, vector: [3, 4] }] };
    expect((await ask(key, "POST", "/v2/namespaces/keys-shared", mine)).status).toBe(200);
    const rows = async (asker: string) =>
      (await ask(asker, "POST", "/v2/namespaces/keys-shared/query", query)).json["rows"];
    expect(await rows(key)).toMatchObject([{ id: 7 }]);
    expect(await rows(root)).toMatchObject([{ id: 1 }]);
    const listed = await ask(key, "GET", "/v1/keys");
    expect(listed.json["keys"]).toMatchObject([{ id, tenant: "acme" }]);
    const refused = await ask(key, "POST", "/v1/keys", { tenant: "default", scopes: ["read"] });
    expect(refused.status).toBe(403);
    expect((await ask(root, "DELETE", `/v1/keys/${id}`)).status).toBe(404);
  });

  it("is never shown again, and nothing that would give it away lies in the bucket", async () => {
    const { key, id } = await make({ scopes: ["read"], note: "seen once" });
    const { json } = await ask(root, "GET", "/v1/keys");
    expect(JSON.stringify(json)).toContain(id);
    const secret = key.slice(key.lastIndexOf("_") + 1, -8);
    expect(JSON.stringify(json)).not.toContain(secret);
    const stored = await env.BUCKET.get(`t/default/keys/${id}`);
    expect(await stored?.text()).not.toContain(secret);
  });

  it("is told 429 beyond its quota, with the time to wait, and counts anew for others", async () => {
    const { key } = await make({ scopes: ["read"], requests_per_minute: 3 });
    const statuses: number[] = [];
    for (let i = 0; i < 8; i++) {
      statuses.push((await ask(key, "GET", "/v1/limits")).status);
    }
    // Across the border of a minute the quota begins anew once.
    const passed = statuses.filter((status) => status === 200).length;
    expect(passed).toBeGreaterThanOrEqual(3);
    expect(passed).toBeLessThanOrEqual(6);
    const last = await ask(key, "GET", "/v1/limits");
    if (last.status === 429) expect(Number(last.headers.get("retry-after-ms"))).toBeGreaterThan(0);
    expect((await ask(root, "GET", "/v1/limits")).status).toBe(200);
    const bytes = await make({ scopes: ["write"], bytes_per_minute: 10 });
    expect((await ask(bytes.key, "POST", "/v2/namespaces/keys-q", row)).status).toBe(413);
  });

  it.each([
    [{}, 422],
    [{ scopes: "read" }, 422],
    [{ scopes: [] }, 400],
    [{ scopes: ["read", "fly"] }, 400],
    [{ scopes: ["read"], expires_at: "tomorrow" }, 400],
    [{ scopes: ["read"], expires_at: "2001-01-01T00:00:00Z" }, 400],
    [{ scopes: ["read"], namespace_prefix: "a/b" }, 400],
    [{ scopes: ["read"], requests_per_minute: -1 }, 422],
    [{ scopes: ["read"], tenant: "Not one" }, 400],
    [{ scopes: ["read"], more: 1 }, 400],
  ])("is not made of %j: %i", async (wish, status) => {
    expect((await ask(root, "POST", "/v1/keys", wish)).status).toBe(status);
  });
});

describe("a page of another origin", () => {
  const page = { origin: "https://page.test" };

  it("may only use keys that read and expire", async () => {
    const later = new Date(Date.now() + 3_600_000).toISOString();
    const fit = await make({ scopes: ["read"], expires_at: later });
    const forever = await make({ scopes: ["read"] });
    const writes = await make({ scopes: ["read", "write"], expires_at: later });
    const status = async (key: string) =>
      (await ask(key, "GET", "/v1/limits", undefined, page)).status;
    expect(await status(fit.key)).toBe(200);
    expect(await status(forever.key)).toBe(403);
    expect(await status(writes.key)).toBe(403);
    expect(await status(root)).toBe(403);
  });

  it("is allowed nothing by the browser until its origin is listed", async () => {
    const preflight = { ...page, "access-control-request-method": "POST" };
    const { headers } = await ask("", "OPTIONS", "/v2/namespaces/x/query", undefined, preflight);
    expect(headers.get("access-control-allow-origin")).toBeNull();
  });
});
