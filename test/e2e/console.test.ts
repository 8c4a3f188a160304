/** The console's files as the server sends them; what it does is tested in a browser. */
import { expect, it } from "vitest";
import { ask } from "./harness.ts";

const open = { headers: { authorization: "" }, throughEdge: true };

it("is a page that runs and asks nothing but its own server", async () => {
  const { status, headers, text } = await ask("/", open);
  expect(status).toBe(200);
  expect(headers.get("content-type")).toMatch(/^text\/html/);
  expect(headers.get("content-security-policy")).toMatch(
    /^default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; /,
  );
  expect(headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
  expect(headers.get("referrer-policy")).toBe("no-referrer");
  expect(text).not.toMatch(/https?:|<script>|style=/);
});

it("names its files by their content, and lets browsers keep those for ever", async () => {
  const { text } = await ask("/", open);
  const files = Array.from(text.matchAll(/"(\/assets\/main-[A-Z0-9]{8}\.(?:js|css))"/g));
  expect(files).toHaveLength(2);
  for (const [, path = ""] of files) {
    const { status, headers } = await ask(path, open);
    expect({ path, status }).toEqual({ path, status: 200 });
    expect(headers.get("cache-control")).toContain("immutable");
  }
  expect((await ask("/", open)).headers.get("cache-control")).not.toContain("immutable");
});

it("brings the demo encoder, and no file that is not meant for it", async () => {
  const { text } = await ask("/encoder/vocab.txt", open);
  expect(text.split("\n")).toContain("herring");
  for (const path of ["/.built", "/_headers", "/main.tsx"]) {
    expect(await ask(path, open)).toMatchObject({ status: 401 });
  }
});
