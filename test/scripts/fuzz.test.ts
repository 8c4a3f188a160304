/** What the fuzzer sends: the same for the same seed, to every endpoint, of bounded size. */
import { expect, it } from "vitest";
import { endpointsOf, generate, type OpenApi } from "../../scripts/fuzz/requests.ts";
import { describeApi } from "../../workers/api/reference/document.ts";
import { keyFields, listParams } from "../../workers/api/reference/other-fields.ts";
import { queryFields } from "../../workers/api/reference/query-fields.ts";
import { writeFields } from "../../workers/api/reference/write-fields.ts";

const answer = { status: 200, is: "Status" } as const;
const document = describeApi(
  [],
  [
    { method: "POST", path: "/w/:ns", about: "", body: { fields: writeFields }, answer },
    { method: "POST", path: "/q/:ns", about: "", body: { fields: queryFields }, answer },
    { method: "POST", path: "/keys", about: "", body: { fields: keyFields }, answer },
    { method: "GET", path: "/list", about: "", params: listParams, answer },
  ],
);
const endpoints = endpointsOf(document as unknown as OpenApi);
const requests = Array.from({ length: 3_000 }, (_, number) => generate(endpoints, 1, number));

it("the same seed and number give the same request, others another", () => {
  for (const number of [0, 1, 77, 2_999]) {
    expect(generate(endpoints, 1, number)).toEqual(requests[number]);
  }
  const texts = new Set(requests.map((request) => JSON.stringify(request)));
  expect(texts.size).toBeGreaterThan(2_500);
  expect(generate(endpoints, 2, 77)).not.toEqual(requests[77]);
});

it("every endpoint is reached, those with bodies more often", () => {
  const counts = new Map<string, number>();
  for (const { endpoint } of requests) counts.set(endpoint, (counts.get(endpoint) ?? 0) + 1);
  expect(counts.size).toBe(endpoints.length);
  expect(counts.get("POST /w/{ns}")).toBeGreaterThan(2 * (counts.get("GET /list") ?? 0));
});

it("they are wrong in every way, and sometimes right", () => {
  const bodies = requests.flatMap(({ body }) => (body === undefined ? [] : [Buffer.from(body)]));
  const texts = bodies.map((body) => body.toString());
  const parses = (text: string): boolean => {
    try {
      JSON.parse(text);
      return true;
    } catch {
      return false;
    }
  };
  const isIn = (part: string | RegExp): boolean => texts.some((text) => text.search(part) >= 0);
  expect(texts.filter(parses).length).toBeGreaterThan(1_500);
  expect(texts.filter((text) => !parses(text)).length).toBeGreaterThan(300);
  expect(isIn(/"__proto__":/)).toBe(true);
  expect(isIn(/"([a-z_]+)":(?:true|null|\[\]|"[^"]*"|\d+),"\1":/)).toBe(true);
  expect(isIn(/\[\[\[\[|:\{"And":\{"And":/)).toBe(true);
  expect(isIn("1e400")).toBe(true);
  expect(isIn("\ufffd")).toBe(true);
  expect(requests.some(({ headers }) => headers["content-encoding"] === "br")).toBe(true);
  expect(requests.some(({ headers }) => headers["authorization"] === "")).toBe(true);
  expect(requests.some(({ path }) => path.includes("%2e%2e"))).toBe(true);
  expect(requests.some(({ hangsUp }) => hangsUp)).toBe(true);
  expect(requests.some(({ method }) => method === "PUT")).toBe(true);
});

it("none takes long to make or to send", () => {
  const largest = Math.max(...requests.map(({ body }) => body?.length ?? 0));
  expect(largest).toBeGreaterThan(20_000);
  expect(largest).toBeLessThan(4 * 1_024 * 1_024);
});
