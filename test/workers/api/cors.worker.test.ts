/** Which origins' pages a browser lets in. */
import { env } from "cloudflare:workers";
import { Hono } from "hono";
import { expect, it } from "vitest";
import { allowOrigins } from "../../../workers/api/cors.ts";

async function preflight(origin: string, listed: string | undefined): Promise<string | null> {
  const { headers } = await ask(origin, listed);
  return headers.get("access-control-allow-origin");
}

async function ask(
  origin: string,
  listed: string | undefined,
  more: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const api = new Hono<{ Bindings: Env }>();
  api.use(allowOrigins);
  const headers = { origin, "access-control-request-method": "POST", ...more };
  const request = new Request("https://shoal.test/v1/limits", { method: "OPTIONS", headers });
  const settings = listed === undefined ? env : { ...env, SHOAL_CORS_ORIGINS: listed };
  return await api.fetch(request, settings);
}

it("lets in the origins that are listed, and none until some are", async () => {
  const two = "https://a.test, https://b.test";
  expect(await preflight("https://a.test", two)).toBe("https://a.test");
  expect(await preflight("https://b.test", two)).toBe("https://b.test");
  expect(await preflight("https://c.test", two)).toBeNull();
  expect(await preflight("https://a.test", undefined)).toBeNull();
  expect(await preflight("", "")).toBeNull();
  expect(await preflight("null", two)).toBeNull();
});

it("lets clients send headers of their own, and see where an answer will be", async () => {
  // As the official client asks for in a browser.
  const names = "authorization,content-type,prefer,x-stainless-lang,x-stainless-retry-count";
  const page = "https://a.test";
  const { headers } = await ask(page, page, { "access-control-request-headers": names });
  expect(headers.get("access-control-allow-headers")?.split(",")).toEqual(names.split(","));
  const exposed = headers.get("access-control-expose-headers") ?? "";
  for (const name of ["location", "preference-applied", "retry-after"]) {
    expect(exposed.split(",")).toContain(name);
  }
});
