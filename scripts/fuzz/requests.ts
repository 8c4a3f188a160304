/**
 * One request from a seed and a number: a valid one for some endpoint of the document, with one or
 * two things wrong with it. Some stay valid by chance, and some are left as they are, so that the
 * server has something to do.
 */
import { compress, damageBytes } from "./damage.ts";
import { Dice } from "./dice.ts";
import { printTree, type Tree, treeOf } from "./json-tree.ts";
import { mutate } from "./mutations.ts";
import { type JsonSchema, sampleBody, sampleField } from "./samples.ts";

/** The namespace that requests are about, unless they are wrong in that. */
export const victim = "fuzz";

export interface FuzzRequest {
  /** What it began as: method and path of the document. */
  readonly endpoint: string;
  readonly method: string;
  /** As it goes over the wire. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array<ArrayBuffer> | undefined;
  /** The client hangs up when it has sent half of the body. */
  readonly hangsUp: boolean;
}

export interface Endpoint {
  readonly method: string;
  readonly path: string;
  readonly params: readonly { readonly name: string; readonly schema: JsonSchema }[];
  readonly body: JsonSchema | undefined;
}

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly schema: JsonSchema;
}

export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>;
}

interface OpenApiOperation {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: {
    readonly content: { readonly "application/json": { readonly schema: JsonSchema } };
  };
}

export function endpointsOf({ paths }: OpenApi): readonly Endpoint[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { parameters = [], requestBody }]) => ({
      method: method.toUpperCase(),
      path,
      params: parameters.filter((parameter) => parameter.in === "query"),
      body: requestBody?.content["application/json"].schema,
    })),
  );
}

/** Of endpoints with a body, so that they come more often: that is where most can be wrong. */
const weightOfBodies = 4;

export function generate(
  endpoints: readonly Endpoint[],
  seed: number,
  number: number,
): FuzzRequest {
  const dice = new Dice(seed, number);
  const weighted = endpoints.flatMap((each) =>
    Array.from({ length: each.body === undefined ? 1 : weightOfBodies }, () => each),
  );
  const endpoint = dice.pick(weighted);
  const wrong = dice.below(100);
  const plain = endpoint.body === undefined ? undefined : bodyFor(dice, endpoint.body, wrong < 55);
  const damaged =
    plain !== undefined && wrong >= 55 && wrong < 67 ? damageBytes(dice, plain) : plain;
  const { bytes, encoding } =
    damaged !== undefined && wrong >= 67 && wrong < 76
      ? compress(dice, damaged)
      : { bytes: damaged, encoding: undefined };
  const inUrl = endpoint.body === undefined ? wrong < 70 : wrong >= 76 && wrong < 84;
  return {
    endpoint: `${endpoint.method} ${endpoint.path}`,
    method: wrong >= 84 && wrong < 87 ? dice.pick(methods) : endpoint.method,
    path: pathOf(dice, endpoint, inUrl) + queryOf(dice, endpoint, inUrl),
    headers: {
      ...(bytes === undefined ? {} : { "content-type": "application/json" }),
      ...(encoding === undefined ? {} : { "content-encoding": encoding }),
      ...(wrong >= 87 && wrong < 96 ? wrongHeaders(dice) : {}),
    },
    body: bytes,
    hangsUp: wrong >= 96 && wrong < 97 && bytes !== undefined && bytes.length > 1,
  };
}

const methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

function bodyFor(dice: Dice, schema: JsonSchema, isWrong: boolean): Uint8Array<ArrayBuffer> {
  const root: { tree: Tree } = { tree: treeOf(sampleBody(dice, schema)) };
  if (isWrong) mutate(dice, root);
  return new TextEncoder().encode(printTree(root.tree));
}

// ---- Paths --------------------------------------------------------------------------------------

const wrongNames: readonly string[] = [
  "other",
  "absent",
  ".",
  "..",
  "%2e%2e",
  "...",
  "a%20b",
  "a%2Fb",
  "a%2561",
  "a%",
  "%ff",
  "%00",
  "%C3%A9",
  "é",
  "a?b",
  "a+b",
  "A-Z_0.9",
  "n".repeat(128),
  "n".repeat(129),
  "n".repeat(9_000),
  "",
  "__proto__",
  "constructor",
  "t/default/names/x",
];

function pathOf(dice: Dice, { path }: Endpoint, isWrong: boolean): string {
  const named = path.replaceAll(/\{([a-z]+)\}/g, (_, name: string) => {
    if (isWrong && dice.chance(0.6)) return dice.pick(wrongNames);
    return name === "ns" ? victim : dice.pick(["x", "default-0000000000000000", "a".repeat(40)]);
  });
  if (!isWrong || dice.chance(0.7)) return named;
  return dice.pick([
    `${named}/`,
    named.replace("/", "//"),
    named.toUpperCase(),
    `${named}/x`,
    `${named}%00`,
    named.replace("v2", "v1"),
    named.replace("v1", "v2"),
    named.replace(/\/[^/]+$/, "/"),
    `${named};x=1`,
    `/..${named}`,
  ]);
}

const wrongTexts: readonly string[] = [
  "",
  "-1",
  "0",
  "1.5",
  "1e3",
  "10001",
  "99999999999999999999",
  "true",
  "x",
  "a/b",
  "%00",
  "%ff",
  "é",
  "..",
  "2e2e",
  "null",
  "c".repeat(3_000),
  "&cursor=1",
];

function queryOf(dice: Dice, { params }: Endpoint, isWrong: boolean): string {
  const given = params.filter(() => dice.chance(isWrong ? 0.7 : 0.3));
  const pairs = given.map(({ name, schema }) => {
    const valid = sampleField(dice, name, schema);
    return `${name}=${isWrong && dice.chance(0.8) ? dice.pick(wrongTexts) : String(valid)}`;
  });
  if (dice.chance(0.05)) pairs.push(dice.pick(["stainless_overload=x", "&&", "=", "%", "a=b=c"]));
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`;
}

// ---- Headers ------------------------------------------------------------------------------------

/** `KEY` stands for the right key. */
const headerFaults: readonly Readonly<Record<string, string>>[] = [
  { authorization: "" },
  { authorization: "Bearer" },
  { authorization: "Bearer x" },
  { authorization: "Basic eDp5" },
  { authorization: "Bearer shoal_default-0000000000000000_x" },
  { authorization: `Bearer ${"k".repeat(4_000)}` },
  { authorization: "bearer KEY" },
  { authorization: "Bearer KEY KEY" },
  { authorization: "Bearer KEYx" },
  { "content-type": "text/plain" },
  { "content-type": "application/json; charset=utf-16" },
  { "content-type": "multipart/form-data; boundary=x" },
  { "content-type": "" },
  { "idempotency-key": "" },
  { "idempotency-key": "k" },
  { "idempotency-key": "k".repeat(65) },
  { "idempotency-key": "\u00e9" },
  { "accept-encoding": "gzip" },
  { "accept-encoding": "gzip;q=0, *;q=0" },
  { "accept-encoding": "br, zstd" },
  { accept: "text/html" },
  { prefer: "respond-async" },
  { prefer: "respond-async, wait=0" },
  { prefer: 'respond-async; x="' },
  { origin: "https://elsewhere.test" },
  { origin: "null" },
  { range: "bytes=0-1" },
  { "if-none-match": "*" },
  { expect: "200-ok" },
  { "transfer-encoding": "gzip, chunked" },
  { "x-http-method-override": "DELETE" },
  { "x-forwarded-for": "1.2.3.4" },
  { cookie: "c".repeat(7_000) },
];

function wrongHeaders(dice: Dice): Readonly<Record<string, string>> {
  return { ...dice.pick(headerFaults), ...(dice.chance(0.3) ? dice.pick(headerFaults) : {}) };
}
