/** Which origins' pages a browser lets in. */
import { env } from "cloudflare:workers";
import { Hono } from "hono";
import { expect, it } from "vitest";
import { allowOrigins } from "../../../workers/api/cors.ts";

async function preflight(origin: string, listed: string | undefined): Promise<string | null> {
  const api = new Hono<{ Bindings: Env }>();
  api.use(allowOrigins);
  const headers = { origin, "access-control-request-method": "POST" };
  const request = new Request("https://shoal.test/v1/limits", { method: "OPTIONS", headers });
  const settings = listed === undefined ? env : { ...env, SHOAL_CORS_ORIGINS: listed };
  const response = await api.fetch(request, settings);
  return response.headers.get("access-control-allow-origin");
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
