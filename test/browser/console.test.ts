/**
 * The console in Chromium, against the bundled Worker: what a person does with it, step by step. On
 * the way every page is looked over for what keeps people out (axe), nothing may be said on the
 * browser's console, and nothing may be asked of another host.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import axe from "axe-core";
import { type Browser, chromium, type Locator, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { ApiClient } from "../../scripts/api-client.ts";
import { openBucket } from "../../scripts/bucket.ts";
import { findChromium } from "../../scripts/chromium.ts";
import { waitUntilIndexed } from "../../scripts/index-status.ts";
import { loadSampleOnce } from "../../scripts/sample.ts";
import { server } from "../e2e/harness.ts";

const shots = join(import.meta.dirname, "..", "..", ".shoal", "screenshots");
const firstLoadBytesMax = 300_000;
const { url, apiKey } = server;
const client = new ApiClient({ url, apiKey });

let browser: Browser;
let page: Page;
const said: string[] = [];
const hosts = new Set<string>();

beforeAll(async () => {
  mkdirSync(shots, { recursive: true });
  await loadSampleOnce(client);
  browser = await chromium.launch({
    executablePath: findChromium() ?? "",
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
  });
  page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  page.setDefaultTimeout(15_000);
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") said.push(message.text());
  });
  page.on("pageerror", (error) => said.push(error.message));
  page.on("request", (request) => hosts.add(new URL(request.url()).host));
}, 120_000);

afterAll(() => browser.close());

afterEach(() => {
  expect(said.splice(0)).toEqual([]);
  expect([...hosts]).toEqual([new URL(url).host]);
});

/** Looks the page over, in light and in dark, and keeps a picture of each. */
async function inspect(name: string): Promise<void> {
  await page.evaluate(axe.source);
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    const violations = await page.evaluate(async () => {
      const { run } = (globalThis as unknown as { axe: typeof axe }).axe;
      const found = (await run()).violations;
      return found.flatMap(({ id, impact, nodes }) =>
        nodes.map(({ html, failureSummary }) => `${impact}: ${id}: ${html} ${failureSummary}`),
      );
    });
    expect({ name, colorScheme, violations }).toEqual({ name, colorScheme, violations: [] });
    await page.screenshot({ path: join(shots, `${name}-${colorScheme}.png`), fullPage: true });
  }
  await page.emulateMedia({ colorScheme: "light" });
}

const tab = (name: string): Locator =>
  page.getByRole("navigation", { name: "Of this namespace" }).getByText(name, { exact: true });
const button = (name: string): Locator => page.getByRole("button", { name, exact: true });
const region = (name: string): Locator => page.getByRole("region", { name, exact: true });
const json = async (): Promise<unknown> =>
  JSON.parse(await page.getByLabel("The query as JSON").inputValue());

it("is little to load, and its policy lets nothing come from elsewhere", async () => {
  const sizes: Promise<number>[] = [];
  page.on("requestfinished", (request) => {
    sizes.push(request.sizes().then((of) => of.responseBodySize + of.responseHeadersSize));
  });
  const response = await page.goto(url);
  await page.getByLabel("API key").waitFor();
  page.removeAllListeners("requestfinished");
  const bytes = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
  console.log(`first load: ${bytes} bytes`);
  expect(bytes).toBeGreaterThan(10_000);
  expect(bytes).toBeLessThan(firstLoadBytesMax);
  const policy = response?.headers()["content-security-policy"];
  expect(policy).toMatch(/default-src 'none'.*script-src 'self'/);
  expect(policy).not.toMatch(/unsafe|https?:/);
  await inspect("sign-in");
});

it("refuses a wrong key with the server's words", async () => {
  await page.getByLabel("API key").fill("wrong");
  await button("Sign in").click();
  await page.getByRole("alert").getByText("not one of this server's").waitFor();
  // The browser says so, too.
  expect(said.splice(0)).toEqual([expect.stringContaining("401")]);
});

it("signs in by keyboard alone, and lists namespaces", async () => {
  await page.getByLabel("API key").fill(apiKey);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  const row = page.getByRole("row").filter({ hasText: "sample" });
  await row.getByText("up to date").waitFor();
  expect(await row.textContent()).toContain("300");
  await inspect("namespaces");
});

it("finds by words and meaning at once, and shows what it cost", async () => {
  await page.getByRole("link", { name: "sample" }).click();
  await page.getByLabel("Both").waitFor();
  expect(await page.getByLabel("Both").isChecked()).toBe(true);
  await page.getByLabel("Search for").fill("parents that look after their eggs");
  await button("Run").click();
  const cards = region("Results").getByRole("listitem");
  await cards.first().waitFor();
  expect(await cards.count()).toBe(10);
  expect(await cards.allTextContents()).toContainEqual(
    expect.stringContaining("The father carries the eggs"),
  );
  expect(await page.locator("mark").allTextContents()).toContain("eggs");
  expect(await json()).toMatchObject({ rerank_by: ["RRF"], limit: 10 });
  expect(await region("What it cost").textContent()).toMatch(/returned10.*A million of these\$/);
  // As it stands in the README.
  await page.screenshot({ path: join(shots, "console.png") });
  await inspect("query");
});

it("finds by vector alone and by words alone, with filters, as a table", async () => {
  await page.getByRole("radio", { name: "Vector" }).check();
  await button("Add a filter").click();
  await page.getByLabel("Attribute of filter 1").selectOption("year");
  await page.getByLabel("Comparison of filter 1").selectOption("Gte");
  await page.getByLabel("Value of filter 1").fill("2020");
  await page.keyboard.press("Control+Enter");
  const ranked = { rank_by: ["vector", "ANN", expect.any(String) as string] };
  await expect.poll(json).toMatchObject({ ...ranked, filters: ["year", "Gte", 2020] });

  await page.getByRole("radio", { name: "Full text" }).check();
  await page.getByLabel("Search for").fill("lighthouse keeper");
  await button("Run").click();
  await page.getByRole("radio", { name: "Table" }).check();
  await expect.poll(() => region("Documents").textContent()).toMatch(/lighthouse/i);
  expect(await json()).toMatchObject({ rank_by: ["Sum", expect.any(Array)] });
  await button("How was it answered?").click();
  await page.locator(".plan").waitFor();
  await inspect("query-table");
});

it("sends the JSON as it was changed by hand", async () => {
  const query = { aggregate_by: { n: ["Count"] }, group_by: ["topic"] };
  await page.getByLabel("The query as JSON").fill(JSON.stringify(query));
  await button("Run").click();
  await page.getByText('"topic": "birds"').waitFor();
});

it("browses documents a page at a time, and opens one", async () => {
  await tab("Documents").click();
  await region("Documents").getByRole("row").nth(25).waitFor();
  await inspect("documents");
  await button("Next").click();
  await button("26").click();
  const dialog = page.getByRole("dialog");
  expect(await dialog.textContent()).toContain('"id": 26');
  await inspect("document");
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
});

it("changes the schema", async () => {
  await tab("Schema").click();
  await page.getByLabel("New attribute").fill("rating");
  await page.getByLabel("Type", { exact: true }).selectOption("float");
  await button("Add").click();
  await button("Save 1 changes").click();
  await page.getByText("Saved.").waitFor();
  expect(await client.get("/v1/namespaces/sample/schema")).toMatchObject({
    rating: { type: "float", filterable: true },
  });
  await inspect("schema");
});

it("shows the index, follows changes as they happen, measures recall", async () => {
  await tab("Index").click();
  await page.getByText("Segments by level").waitFor();
  await page.getByLabel("A search for").fill("fog");
  await button("Show what it reads").click();
  await page
    .getByText(/A search at the cross reads 1 of them, 100/)
    .first()
    .waitFor();
  await inspect("index");

  await tab("Changes").click();
  await page.getByText("Follows the log").waitFor();
  await client.post("/v2/namespaces/sample", { patch_rows: [{ id: 26, rating: 4.5 }] });
  await page.getByText("rating: 4.5").waitFor();
  await inspect("changes");

  await tab("Recall and cost").click();
  await button("Measure now").click();
  await page.getByText(/Recall@10 of [01]\.\d{3}/).waitFor();
  await inspect("quality");
});

it("shows where the clusters of a larger index lie, and which a search reads", async () => {
  const row = (id: number): readonly number[] =>
    Array.from({ length: 24 }, (_, d) => Math.sin(id * (d + 1)) + 2 * Math.cos((id % 9) * d));
  const rows = Array.from({ length: 12_000 }, (_, id) => ({ id, vector: row(id) }));
  await client.post("/v2/namespaces/clustered", {
    upsert_rows: rows,
    distance_metric: "euclidean_squared",
  });
  await waitUntilIndexed(client, "clustered");
  await page.goto(`${url}/#/ns/clustered/index`);
  await page.getByLabel("A search near the document").fill("77");
  await button("Show what it reads").click();
  await page
    .getByText(/A search at the cross reads \d+ of them/)
    .first()
    .waitFor();
  const [probed, others] = await Promise.all([
    page.locator("circle.probed").count(),
    page.locator("circle.cluster").count(),
  ]);
  expect(probed).toBeGreaterThan(0);
  expect(others).toBeGreaterThan(0);
  await inspect("clusters");
});

async function putObject(name: string, text: string): Promise<void> {
  const bucket = await openBucket({ state: server.stateDir, remote: false }, { writes: true });
  const bytes = new TextEncoder().encode(text);
  await bucket.store.put(`imports/default/${name}`, bytes, { kind: "create" });
  await bucket.close();
}

it("has the server import an object, shows what was rejected, and cancels", async () => {
  const rows = Array.from({ length: 500 }, (_, i) => `${i},boat ${i},${i % 100 === 7 ? "" : i}`);
  await putObject("boats.csv", `number,name,length\n${rows.join("\n")}\nlast,no number,1\n`);
  await putObject(
    "many.jsonl",
    Array.from({ length: 200_000 }, (_, id) => `{"id":${id}}`).join("\n"),
  );
  await client.post("/v2/namespaces/fleet", { upsert_rows: [{ id: 1_000, name: "first" }] });
  await page.goto(`${url}/#/ns/fleet/imports`);
  await page.getByText("No imports in the last week.").waitFor();

  await page.getByLabel("Source").fill("absent.csv");
  await button("Import").click();
  await page.getByRole("alert").waitFor();
  expect(said.splice(0)).toEqual([expect.stringContaining("404")]);

  await page.getByLabel("Source").fill("boats.csv");
  await page.getByLabel("Column of ids").fill("number");
  await page.getByLabel("A row that is refused").selectOption("continue");
  await page.getByLabel("Columns to take").fill("number, name, length");
  await page.getByLabel("Rename").fill("name");
  await button("Import").click();
  await page.getByText('"name" is not column=attribute').waitFor();
  await page.getByLabel("Rename").fill("name = title");
  await page.getByLabel("Schema as JSON").fill('{"length": "float"}');
  await button("Import").click();
  const boats = page.getByRole("row").filter({ hasText: "boats.csv" });
  await boats.getByText("finished").waitFor();
  expect(await boats.textContent()).toMatch(/500/);
  expect(await client.get("/v1/namespaces/fleet/schema")).toMatchObject({
    title: { type: "string" },
    length: { type: "float" },
  });
  await inspect("imports");
  await button("1 … rejected of boats.csv").click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("no number").waitFor();
  await inspect("rejected");
  await page.keyboard.press("Escape");

  await page.getByLabel("Source").fill("many.jsonl");
  await page.getByLabel("Column of ids").fill("");
  await page.getByLabel("Columns to take").fill("");
  await page.getByLabel("Rename").fill("");
  await page.getByLabel("Schema as JSON").fill("");
  await button("Import").click();
  await button("Cancel the import of many.jsonl").click();
  const many = page.getByRole("row").filter({ hasText: "many.jsonl" });
  await many.getByText("cancelled").waitFor();
});

it("makes a key, shows it once, and revokes it", async () => {
  await page.getByRole("link", { name: "Keys" }).click();
  await page.getByLabel("For", { exact: true }).fill("the test");
  await button("Make it").click();
  const secret = (await page.getByRole("dialog").locator("pre").textContent())?.trim() ?? "";
  const reader = new ApiClient({ url, apiKey: secret });
  expect(await reader.get("/v1/namespaces")).toHaveProperty("namespaces");
  await page.keyboard.press("Escape");
  const row = page.getByRole("row").filter({ hasText: "the test" });
  await row.waitFor();
  await inspect("keys");
  await row.getByRole("button").click();
  await button("Revoke").click();
  await row.waitFor({ state: "detached" });
  const { keys } = await client.get<{ keys: { note: string }[] }>("/v1/keys");
  expect(keys.filter(({ note }) => note === "the test")).toEqual([]);
});

it("charts what the server does", async () => {
  await page.getByRole("link", { name: "Server" }).click();
  await page.getByText("Requests a second").first().waitFor();
  await inspect("server");
});

it("fits a small screen, and signs out", async () => {
  await page.setViewportSize({ width: 390, height: 800 });
  await page.goto(`${url}/#/ns/sample/query`);
  await page.getByRole("radio", { name: "Both" }).waitFor();
  const overflow = await page.evaluate<number>(
    "document.documentElement.scrollWidth - document.documentElement.clientWidth",
  );
  expect(overflow).toBeLessThanOrEqual(0);
  await inspect("small");
  await button("Sign out").click();
  await page.getByLabel("API key").waitFor();
  await page.reload();
  await page.getByLabel("API key").waitFor();
});

it("takes a key from a link, and leaves none in the address", async () => {
  await page.goto(`${url}/docs`);
  await page.goto(`${url}/#key=${encodeURIComponent(apiKey)}`);
  await page.getByRole("link", { name: "sample" }).waitFor();
  expect(page.url()).toBe(`${url}/`);
});
