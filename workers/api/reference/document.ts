/**
 * Operations -> OpenAPI 3.1. Bodies and parameters come from the tables that requests are read
 * through, paths and methods from the routes themselves.
 */
import { answers, errorAnswer, schemaInput } from "./answers.ts";
import { type Field, type FieldTable, type JsonSchema, typesOf } from "./field.ts";
import { type Operation, pathParams, type RequestBody } from "./operation.ts";

const media = "application/json";

export const apiTitle = "Shoal";
export const apiAbout =
  "Vectors and documents on object storage. Compatible with turbopuffer clients: change the base " +
  "URL and the key. Every endpoint but those marked open wants `Authorization: Bearer <key>`.";

/** What each status that is no success means; `retry`: the same request may succeed later. */
export const refusals: Readonly<Record<number, { readonly about: string; readonly retry?: true }>> =
  {
    400: { about: "Not valid JSON, or a value that is not allowed here" },
    401: { about: "No API key, or not one of this server's" },
    403: { about: "The API key may not do this" },
    404: { about: "There is no such namespace, key or endpoint" },
    405: { about: "Another method; `allow` lists those there are" },
    409: { about: "Something else is there already; `x-should-retry: false`" },
    410: { about: "What was there for a time is over; begin again" },
    413: { about: "Larger than one of the limits" },
    415: { about: "Compressed in another way than gzip" },
    422: { about: "Valid JSON of another shape: a wrong type, or a missing field" },
    429: { about: "Too much at once; `retry-after` says when to come again", retry: true },
    500: { about: "A mistake of the server; the text names the entry in its log" },
    503: { about: "Something below the server failed; the same request may succeed", retry: true },
  };

/** `open`: operations that need no key. */
export function describeApi(open: readonly Operation[], closed: readonly Operation[]): JsonSchema {
  const paths: Record<string, Record<string, JsonSchema>> = {};
  for (const operation of [...open, ...closed]) {
    const path = operation.path.replaceAll(/:([a-z]+)/g, "{$1}");
    const methods = (paths[path] ??= {});
    methods[operation.method.toLowerCase()] = describe(operation, open.includes(operation));
  }
  return {
    openapi: "3.1.0",
    info: {
      title: apiTitle,
      version: "2",
      description: apiAbout,
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    security: [{ key: [] }],
    paths,
    components: {
      securitySchemes: { key: { type: "http", scheme: "bearer" } },
      schemas: { ...answers, Error: errorAnswer, SchemaInput: schemaInput },
      responses: Object.fromEntries(
        Object.entries(refusals).map(([status, { about }]) => [
          `Error${status}`,
          { description: about, content: { [media]: { schema: ref("schemas", "Error") } } },
        ]),
      ),
    },
  };
}

function describe(operation: Operation, isOpen: boolean): JsonSchema {
  const { method, path, about, params = {}, headers = {}, body, answer } = operation;
  const [summary = about] = about.split(/(?<=\.) /);
  const placed = [
    ...pathParams(path).map(describePathParam),
    ...describeParams(params, "query"),
    ...describeParams(headers, "header"),
  ];
  return {
    operationId: `${method.toLowerCase()}${path.replaceAll(/[^a-z0-9]+/gi, "_")}`,
    summary: summary.replace(/\.$/, ""),
    description: about,
    ...(isOpen ? { security: [] } : {}),
    ...(placed.length === 0 ? {} : { parameters: placed }),
    ...(body === undefined ? {} : { requestBody: describeBody(body) }),
    responses: {
      [answer.status]: {
        description: "Success",
        content: { [answer.media ?? media]: { schema: ref("schemas", answer.is) } },
      },
      ...(operation.later === true ? { 202: acceptance } : {}),
      ...Object.fromEntries(
        (isOpen ? [] : refusalsOf(operation)).map((status) => [
          status,
          ref("responses", `Error${status}`),
        ]),
      ),
    },
  };
}

const acceptance = {
  description: "Accepted: with `Prefer: respond-async`, where answering takes long",
  headers: { location: { description: "Where to ask", schema: { type: "string" } } },
  content: { [media]: { schema: ref("schemas", "Accepted") } },
};

/** Statuses that an operation with a key may be refused with. */
export function refusalsOf({ path, body, conflicts, expires }: Operation): readonly number[] {
  return [
    400,
    401,
    403,
    ...(path.includes(":") ? [404] : []),
    ...(conflicts === true ? [409] : []),
    ...(expires === true ? [410] : []),
    ...(body === undefined ? [] : [413, 415, 422]),
    429,
    500,
    503,
  ];
}

function describePathParam(name: string): JsonSchema {
  const namespace = { type: "string", pattern: "^[A-Za-z0-9-_.]{1,128}$" };
  return {
    name,
    in: "path",
    required: true,
    schema: name === "ns" ? namespace : { type: "string" },
  };
}

function describeParams(table: FieldTable, place: "query" | "header"): readonly JsonSchema[] {
  return Object.entries(table).map(([name, field]) => ({
    name,
    in: place,
    required: field.required === true,
    description: field.about,
    schema: typeSchema(field),
  }));
}

function describeBody(body: RequestBody): JsonSchema {
  const schema =
    "fields" in body
      ? { ...describeTable(body.fields), additionalProperties: false }
      : { ...body.schema };
  return { required: body.optional !== true, content: { [media]: { schema } } };
}

/** The object that a table describes, as a JSON Schema. */
export function describeTable(table: FieldTable): JsonSchema {
  const entries = Object.entries(table);
  const required = entries.filter(([, { required }]) => required === true).map(([name]) => name);
  return {
    type: "object",
    properties: Object.fromEntries(entries.map(([name, field]) => [name, describeField(field)])),
    ...(required.length === 0 ? {} : { required }),
  };
}

function describeField(field: Field): JsonSchema {
  const { schema = {} } = field;
  const { $ref } = schema;
  // null stands for "not given".
  const none = field.nullable === false || field.required === true ? [] : [{ type: "null" }];
  const value = typeof $ref === "string" ? { $ref } : typeSchema(field);
  return none.length === 0
    ? { description: field.about, ...value }
    : { description: field.about, anyOf: [value, ...none] };
}

function typeSchema(field: Field): JsonSchema {
  const types = typesOf(field).map((type) => (type === "count" ? "integer" : type));
  const [first = "string"] = types;
  return {
    ...(field.keys === undefined ? {} : describeTable(field.keys)),
    ...(field.closed === true ? { additionalProperties: false } : {}),
    type: types.length === 1 ? first : types,
    ...(typesOf(field).includes("count") ? { minimum: 0 } : {}),
    ...(field.values === undefined ? {} : { enum: field.values }),
    ...field.schema,
  };
}

function ref(kind: "schemas" | "responses", name: string): JsonSchema {
  return { $ref: `#/components/${kind}/${name}` };
}
