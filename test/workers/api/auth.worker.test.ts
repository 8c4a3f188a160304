/** Who may pass: Bearer keys against the configured secrets. */
import { describe, expect, it } from "vitest";
import { authenticate } from "../../../workers/api/auth.ts";

/** Why it is refused, or undefined. */
async function ask(authorization: string | undefined, secrets: Parameters<typeof authenticate>[1]) {
  const headers = authorization === undefined ? {} : { authorization };
  const request = new Request("https://shoal.test/v1/namespaces", { headers });
  const nothingStored = { find: () => Promise.resolve(undefined) };
  const found = await authenticate(request, secrets, nothingStored, 0);
  return found.kind === "unknown" ? found.reason : undefined;
}

const two = { SHOAL_API_KEYS: "alpha, beta," };

describe("a key", () => {
  it("passes when it is one of the configured ones", async () => {
    expect(await ask("Bearer alpha", two)).toBeUndefined();
    expect(await ask("Bearer beta", two)).toBeUndefined();
    expect(await ask("bearer  beta ", two)).toBeUndefined();
    expect(await ask("Bearer one", { SHOAL_API_KEY: "one" })).toBeUndefined();
  });

  it.each(["Bearer alph", "Bearer alphaa", "Bearer alpha,beta", "Bearer ALPHA", "Bearer ,"])(
    "is refused when it is not: %s",
    async (authorization) => {
      expect(await ask(authorization, two)).toMatch(/not one of/);
    },
  );

  it.each([undefined, "", "alpha", "Basic alpha", "Bearer", "Bearer ", "Bearer alpha beta"])(
    "is missing in %j",
    async (authorization) => {
      expect(await ask(authorization, two)).toMatch(/missing API key/);
    },
  );

  it("is never enough where none is configured, and the answer says how to set one", async () => {
    for (const secrets of [{}, { SHOAL_API_KEYS: " , " }, { SHOAL_API_KEY: "" }]) {
      expect(await ask("Bearer ", secrets)).toMatch(/wrangler secret put SHOAL_API_KEYS/);
      expect(await ask("Bearer x", secrets)).toMatch(/wrangler secret put SHOAL_API_KEYS/);
    }
  });
});
