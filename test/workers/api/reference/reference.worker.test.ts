/**
 * The reference against the server: the router has what the document has, every documented field is
 * one that the server checks, and it takes none that is not documented.
 */
import { env, exports } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { app } from "../../../../workers/api/app.ts";
import { openRoutes } from "../../../../workers/api/open-routes.ts";
import { describeApi } from "../../../../workers/api/reference/document.ts";
import {
  type Field,
  type FieldTable,
  isOfType,
  typesOf,
} from "../../../../workers/api/reference/field.ts";
import type { Operation } from "../../../../workers/api/reference/operation.ts";
import { renderPage } from "../../../../workers/api/reference/page.ts";
import { routes } from "../../../../workers/api/routes.ts";

const operations: readonly Operation[] = [...openRoutes, ...routes];
const document = describeApi(openRoutes, routes) as unknown as OpenApi;

interface OpenApi {
  readonly paths: Record<string, Record<string, { readonly requestBody?: RequestBody }>>;
}

interface RequestBody {
  readonly content: Record<string, { readonly schema: { readonly properties?: object } }>;
}

/** Bodies that are read through a table, by the place they are sent to. */
const tables = operations.flatMap(({ method, path, body }) =>
  body !== undefined && "fields" in body ? [{ method, path, fields: body.fields }] : [],
);

async function send(method: string, path: string, body: unknown) {
  const target = path.replace(":ns", "reference").replace(":id", "x");
  const request = new Request(`https://shoal.test${target}`, {
    method,
    headers: { authorization: `Bearer ${env.SHOAL_API_KEYS}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const response = await exports.default.fetch(request);
  return {
    status: response.status,
    error: (await response.json<{ error?: string }>()).error ?? "",
  };
}

describe("the document", () => {
  it("has the paths and methods that the router has, and no other", () => {
    const inRouter = app.routes
      .filter(({ method, path }) => method !== "ALL" && path !== "/*")
      .map(({ method, path }) => `${method} ${path.replaceAll(/:([a-z]+)/g, "{$1}")}`);
    const inDocument = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(inRouter.toSorted()).toEqual(inDocument.toSorted());
  });

  it("is served to anybody", async () => {
    const response = await exports.default.fetch(new Request("https://shoal.test/openapi.json"));
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual(JSON.parse(JSON.stringify(document)));
  });

  it("refers to nothing that is not there, and names every operation once", () => {
    const text = JSON.stringify(document);
    for (const [, path = ""] of text.matchAll(/"\$ref":"#\/([^"]+)"/g)) {
      const found = path
        .split("/")
        .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], document);
      expect(found, path).toBeDefined();
    }
    const ids = Array.from(text.matchAll(/"operationId":"([^"]+)"/g), ([, id]) => id);
    expect(new Set(ids).size).toBe(operations.length);
  });

  it("says of every body exactly the fields of its table", () => {
    for (const { method, path, fields } of tables) {
      const place = path.replaceAll(/:([a-z]+)/g, "{$1}");
      const described = document.paths[place]?.[method.toLowerCase()]?.requestBody;
      const { properties = {} } = described?.content["application/json"]?.schema ?? {};
      expect(Object.keys(properties)).toEqual(Object.keys(fields));
    }
  });
});

describe.each(tables)("$method $path", ({ method, path, fields }) => {
  it("refuses a wrong type of every documented field, naming it", async () => {
    for (const { place, value } of wrongTypes(fields)) {
      const { status, error } = await send(method, path, { ...minimum(fields), ...value });
      expect({ place, status, error }).toMatchObject({
        status: 422,
        error: expect.stringContaining(`: ${place}: `) as string,
      });
    }
  });

  it("takes no field that is not documented", async () => {
    const known = new Set(tables.flatMap((each) => Object.keys(each.fields)));
    for (const name of [...known, "message", "constructor"]) {
      if (Object.hasOwn(fields, name)) continue;
      const { status, error } = await send(method, path, { ...minimum(fields), [name]: 1 });
      expect({ name, status, error }).toMatchObject({
        status: 400,
        error: expect.stringContaining(`\`${name}\``) as string,
      });
    }
  });
});

describe("parameters", () => {
  const given = routes.flatMap(({ method, path, params = {} }) =>
    Object.entries(params).map(([name, field]) => ({ method, path, name, field: field as Field })),
  );

  it.each(given.filter(({ field }) => field.type === "count" || field.values !== undefined))(
    "$method $path refuses a wrong $name, naming it",
    async ({ method, path, name }) => {
      const { status, error } = await send(method, `${path}?${name}=x`, undefined);
      expect({ status, error }).toMatchObject({
        status: 400,
        error: expect.stringContaining(name) as string,
      });
    },
  );
});

/** For each field, and each key of an object, values of types it may not have. */
function wrongTypes(
  fields: FieldTable,
  within: (value: object) => object = (value) => value,
  path = "",
): readonly { readonly place: string; readonly value: object }[] {
  const samples = [true, "x", -1, 1.5, [1], { x: 1 }];
  return Object.entries(fields).flatMap(([name, field]) => {
    const place = path + name;
    const types = typesOf(field);
    const wrong = samples.filter((value) => !types.some((type) => isOfType(value, type)));
    const own = wrong.map((value) => ({ place, value: within({ [name]: value }) }));
    const { keys } = field;
    if (keys === undefined) return own;
    const around = (value: object) => within({ [name]: { ...minimum(keys), ...value } });
    return [...own, ...wrongTypes(keys, around, `${place}.`)];
  });
}

/** What must be there, with values of the right types. */
function minimum(fields: FieldTable): object {
  const required = Object.entries(fields).filter(([, field]) => field.required === true);
  return Object.fromEntries(required.map(([name, field]) => [name, sample(field)]));
}

function sample({ values: [first] = [], type }: Field): unknown {
  const samples = { boolean: true, string: "x", number: 1, count: 1, array: ["read"], object: {} };
  return first ?? samples[typeof type === "string" ? type : (type[0] ?? "string")];
}

describe("the page", () => {
  const page = renderPage(openRoutes, routes);

  it("is served to anybody, runs nothing and loads nothing", async () => {
    const response = await exports.default.fetch(new Request("https://shoal.test/docs"));
    expect(response.headers.get("content-type")).toMatch(/^text\/html/);
    expect(response.headers.get("content-security-policy")).toMatch(/default-src 'none'/);
    expect(await response.text()).toBe(page);
    expect(page).not.toMatch(/<script|<link|<img|src=|javascript:|\son[a-z]+=/i);
  });

  it("has every endpoint and every field", () => {
    for (const { method, path, body, params = {}, headers = {} } of operations) {
      expect(page).toContain(`<code>${method} ${path}</code></h3>`);
      const fields = body !== undefined && "fields" in body ? body.fields : {};
      for (const name of Object.keys({ ...fields, ...params, ...headers })) {
        expect(page).toContain(`<code>${name}</code>`);
      }
    }
  });

  it("closes what it opens", () => {
    const open: string[] = [];
    for (const [, slash, tag = ""] of page.matchAll(/<(\/?)([a-z][a-z0-9]*)[^>]*>/g)) {
      if (tag === "meta") continue;
      if (slash === "") open.push(tag);
      else expect(open.pop()).toBe(tag);
    }
    expect(open).toEqual([]);
  });
});
