/** Scrub and inspect as commands, on the bucket of a local server, while it runs and after. */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Shoal, spawnShoal } from "../../scripts/miniflare.ts";
import { startCommand } from "./command.ts";
import type { IndexAnswer } from "./harness.ts";

const folder = mkdtempSync(join(tmpdir(), "shoal-scrub-"));
const state = join(folder, "state");
let server: Shoal | undefined;

beforeAll(async () => {
  mkdirSync(state);
  server = await spawnShoal({ stateDir: state, apiKey: "scrub-key" });
  await write(0, 3_000);
  await write(2_900, 3_000);
  await call<IndexAnswer>("POST", "/v1/namespaces/checked/index");
  for (let tries = 0; tries < 300; tries++) {
    const { indexed } = await call<IndexAnswer>("GET", "/v1/namespaces/checked/index");
    if (indexed) break;
    await sleep(100);
  }
  await write(0, 10);
});

afterAll(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function call<T>(method: string, path: string, body?: object): Promise<T> {
  const response = await fetch(server?.directUrl + path, {
    method,
    headers: { authorization: "Bearer scrub-key" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  expect(response.status).toBeLessThan(300);
  return (await response.json()) as T;
}

function write(from: number, count: number): Promise<unknown> {
  const rows = Array.from({ length: count }, (_, i) => ({
    id: from + i,
    vector: Array.from({ length: 64 }, (__, d) => ((from + i) * 7 + d) % 23),
    text: `document ${from + i}`,
  }));
  const body = { upsert_rows: rows, distance_metric: "cosine_distance" };
  return call("POST", "/v2/namespaces/checked", body);
}

async function run(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const command = startCommand(args, env);
  const code = await command.ended;
  const lines = command.stdout().trim().split("\n");
  return { code, lines, stdout: command.stdout(), stderr: command.stderr() };
}

const scrub = (...more: string[]) => run(["scrub", "checked", "--state", state, ...more]);

it("a namespace of a running server is whole", async () => {
  const { code, lines, stderr } = await scrub("--json");
  expect(stderr).toBe("");
  expect(code).toBe(0);
  const summary = JSON.parse(lines.at(-1) ?? "") as Record<string, number>;
  expect(summary).toMatchObject({ scrub: "summary", namespace: "checked", entries: 3, faults: 0 });
  expect(summary["rows"]).toBeGreaterThanOrEqual(5_900);
  const { stdout } = await scrub();
  expect(stdout).toContain("Nothing is wrong.");
  expect(stdout).toMatch(/\d+ {2}live documents, each in one segment only/);
});

it("a namespace that is not there, and a bucket that is not, cannot be looked at", async () => {
  const { code, stderr } = await run(["scrub", "nothing", "--state", state]);
  expect([code, stderr]).toEqual([2, expect.stringContaining("There is no namespace nothing")]);
  const other = await run(["scrub", "nothing", "--state", join(folder, "none")]);
  expect([other.code, other.stderr]).toEqual([2, expect.stringContaining("There is no bucket")]);
});

it("without a login the real bucket cannot be looked at, and it is said what to do", async () => {
  const home = join(folder, "home");
  mkdirSync(home, { recursive: true });
  const nobody = { HOME: home, XDG_CONFIG_HOME: home, CLOUDFLARE_API_TOKEN: "", CI: "1" };
  const { code, stderr } = await run(["scrub", "checked", "--remote"], nobody);
  expect(stderr).toContain("Log in first: npx wrangler login");
  expect(code).toBe(2);
});

it("inspect lists keys, and shows objects", async () => {
  const list = await run(["inspect", "t/default/n/", "--state", state, "--json"]);
  expect(list.code).toBe(0);
  const objects = list.lines.map((line) => JSON.parse(line) as { inspect: string; key: string });
  expect(objects.at(-1)).toMatchObject({ inspect: "summary" });
  const segment = objects.find(({ key }) => /\/segment\/[^/]+$/.test(key ?? ""))?.key ?? "";
  const shown = await run(["inspect", segment, "--state", state]);
  expect(shown.code).toBe(0);
  expect(shown.stdout).toMatch(/64 of f32, padded to 64, cosine_distance/);
  // The rows of a cluster, each an id and its own title.
  expect(shown.stdout).toMatch(/^ +0 +(\d+) +document \1$/m);
  const nothing = await run(["inspect", "t/default/x", "--state", state]);
  expect(nothing.code).toBe(2);
});

it("a bit that flips on disk is found, named, and explained", async () => {
  await server?.stop();
  server = undefined;
  const files = readdirSync(state, { recursive: true, encoding: "utf8" })
    .filter((path) => path.includes("blobs"))
    .map((path) => join(state, path))
    .filter((path) => statSync(path).isFile());
  const largest = files.toSorted((a, b) => statSync(b).size - statSync(a).size)[0] as string;
  const bytes = readFileSync(largest);
  const middle = Math.floor(bytes.length / 2);
  bytes.writeUInt8(bytes.readUInt8(middle) ^ 1, middle);
  writeFileSync(largest, bytes);
  const { code, lines, stderr } = await scrub("--json");
  expect(code).toBe(1);
  expect(stderr).toMatch(/\d+ faults\./);
  const faults = lines.map((line) => JSON.parse(line) as { scrub: string; what: string });
  expect(faults[0]).toMatchObject({
    scrub: "fault",
    what: expect.stringMatching(/does not match/),
    meaning: expect.any(String),
    remedy: expect.any(String),
  });
});
