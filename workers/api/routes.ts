/**
 * Every endpoint that wants a key: method, path, what the reference says of it, what a key must be
 * allowed to, and who answers. `:ns` is the name of a namespace. A path that is here with other
 * methods answers 405, any other path 404. The router, the OpenAPI document and the reference page
 * are all made from this list and that of open-routes.ts.
 *
 *   /v1 and /v2 are the API that clients know. Of our own: …/export, …/_debug/skip_entry, /v1/keys,
 *   /mcp, and what insight-routes.ts, past-routes.ts
 *   and import-table.ts list.
 */

import type { ApiScope } from "../../src/format/api-key.ts";
import { pollRosalind, queryRosalind } from "./adapters/rosalinddb.ts";
import { describeVecPuff, listVecPuff, queryVecPuff, writeVecPuff } from "./adapters/vecpuff.ts";
import { measureRecall, purgeCache, warmCache } from "./debug-routes.ts";
import { explainQuery } from "./explain-route.ts";
import { exportLines, exportPage } from "./export-routes.ts";
import { importRoutes } from "./import-table.ts";
import { insightRoutes } from "./insight-routes.ts";
import { createKeyRoute, listKeysRoute, revokeKeyRoute } from "./key-routes.ts";
import { answerMcp } from "./mcp/route.ts";
import { deleteNamespace, getMetadata, listRoute } from "./namespace-routes.ts";
import { pollOperation } from "./operation-routes.ts";
import { pastRoutes } from "./past-routes.ts";
import { queryNamespace } from "./query-route.ts";
import {
  rosalindQueryFields,
  vecPuffQueryFields,
  vecPuffWriteFields,
} from "./reference/adapter-fields.ts";
import { rpcMessage } from "./reference/mcp-fields.ts";
import type { Operation } from "./reference/operation.ts";
import {
  exportParams,
  keyFields,
  keyListParams,
  listParams,
  mcpParams,
  pageParams,
  recallFields,
  settingsFields,
  skipFields,
  writeHeaders,
} from "./reference/other-fields.ts";
import { queryFields } from "./reference/query-fields.ts";
import { writeFields } from "./reference/write-fields.ts";
import { getSchema, updateSchema } from "./schema-routes.ts";
import type { Scope } from "./scope.ts";
import { patchMetadata } from "./settings-route.ts";
import { skipEntry } from "./skip-route.ts";
import { writeNamespace } from "./write-route.ts";

/**
 * `name` is checked, and `id` as it stands in the path; each is empty for paths without one. Throws
 * what respondError knows.
 */
export type Handler = (scope: Scope, name: string, id: string) => Promise<Response>;

export interface Route extends Operation {
  /** What a key must be allowed to. */
  readonly access: ApiScope;
  readonly handle: Handler;
}

export const routes: readonly Route[] = [
  {
    method: "POST",
    path: "/v2/namespaces/:ns",
    access: "write",
    about:
      "Write documents. One request is one commit: all of it or nothing, durable when answered " +
      "and visible to every later query. The first write makes the namespace.",
    headers: writeHeaders,
    body: { fields: writeFields },
    answer: { status: 200, is: "Write" },
    later: true,
    conflicts: true,
    handle: writeNamespace,
  },
  {
    method: "DELETE",
    path: "/v2/namespaces/:ns",
    access: "write",
    about: "Delete the namespace. Its name is free at once.",
    answer: { status: 200, is: "Status" },
    handle: deleteNamespace,
  },
  {
    method: "POST",
    path: "/v2/namespaces/:ns/query",
    access: "read",
    about: "Search. The answer sees every write that was answered before, and says what it cost.",
    body: { fields: queryFields },
    answer: { status: 200, is: "Query" },
    later: true,
    expires: true,
    handle: queryNamespace,
  },
  {
    method: "POST",
    path: "/v2/namespaces/:ns/explain_query",
    access: "read",
    about: "Run a query and say how it was answered, in words for people.",
    body: { fields: queryFields },
    answer: { status: 200, is: "Plan" },
    handle: explainQuery,
  },
  {
    method: "GET",
    path: "/v2/namespaces/:ns/metadata",
    access: "read",
    about: "What is in it. Rows and bytes are of what is indexed.",
    answer: { status: 200, is: "Metadata" },
    handle: getMetadata(2),
  },
  {
    method: "GET",
    path: "/v1/namespaces/:ns",
    access: "read",
    about:
      "Every document, a page at a time by columns, all pages of one moment. Deprecated: prefer " +
      "`/export`. HEAD answers whether it exists, with its size in headers.",
    params: pageParams,
    answer: { status: 200, is: "ExportPage" },
    expires: true,
    handle: exportPage,
  },
  {
    method: "GET",
    path: "/v1/namespaces/:ns/export",
    access: "read",
    about:
      "Every document of one moment, as lines of JSON. With `limit` the last line is " +
      '{"next_cursor": …}, null at the end; a cursor lives for a quarter of an hour.',
    params: exportParams,
    answer: { status: 200, is: "ExportLine", media: "application/x-ndjson" },
    expires: true,
    handle: exportLines,
  },
  {
    method: "GET",
    path: "/v1/namespaces/:ns/metadata",
    access: "read",
    about: "The same, with `encryption` in the older form.",
    answer: { status: 200, is: "Metadata" },
    handle: getMetadata(1),
  },
  {
    method: "PATCH",
    path: "/v1/namespaces/:ns/metadata",
    access: "write",
    about: "Change what a namespace is set to. What is not given stays; answers the metadata.",
    body: { fields: settingsFields },
    answer: { status: 200, is: "Metadata" },
    handle: patchMetadata,
  },
  {
    method: "GET",
    path: "/v1/namespaces/:ns/schema",
    access: "read",
    about: "The schema. Also tells whether there is such a namespace.",
    answer: { status: 200, is: "Schema" },
    handle: getSchema,
  },
  {
    method: "POST",
    path: "/v1/namespaces/:ns/schema",
    access: "write",
    about: "Add attributes to the schema, or change options of known ones. Answers all of it.",
    body: {
      schema: { $ref: "#/components/schemas/SchemaInput" },
      about: "by attribute a type, or an object with its `type` and options.",
    },
    answer: { status: 200, is: "Schema" },
    handle: updateSchema,
  },
  {
    method: "GET",
    path: "/v1/namespaces/:ns/hint_cache_warm",
    access: "read",
    about: "Read what a query will need into the caches. Answers before that is done.",
    answer: { status: 202, is: "Warming" },
    handle: warmCache,
  },
  {
    method: "POST",
    path: "/v1/namespaces/:ns/_debug/recall",
    access: "read",
    about: "Measure recall. Approximate answers are compared with exact ones, for stored vectors.",
    body: { fields: recallFields, optional: true },
    answer: { status: 200, is: "Recall" },
    later: true,
    handle: measureRecall,
  },
  {
    method: "GET",
    path: "/v1/namespaces/:ns/_debug/warm_cache",
    access: "read",
    about: "The same as hint_cache_warm.",
    answer: { status: 202, is: "Warming" },
    handle: warmCache,
  },
  {
    method: "GET",
    path: "/v1/namespaces/:ns/_debug/purge_cache",
    access: "admin",
    about: "Drop the caches of the isolate that answers.",
    answer: { status: 200, is: "Status" },
    handle: purgeCache,
  },
  {
    method: "POST",
    path: "/v1/namespaces/:ns/_debug/skip_entry",
    access: "admin",
    about: "Go on without a log entry that cannot be read. What was written with it is lost.",
    body: { fields: skipFields },
    answer: { status: 200, is: "SkippedEntry" },
    conflicts: true,
    handle: skipEntry,
  },
  ...insightRoutes,
  ...pastRoutes,
  ...importRoutes,
  {
    method: "GET",
    path: "/v1/namespaces/:ns/operations/:id",
    access: "read",
    about: "Whether an operation has finished, and its answer, for a day after it was asked for.",
    answer: { status: 200, is: "Operation" },
    handle: pollOperation,
  },
  {
    method: "GET",
    path: "/v1/namespaces",
    access: "read",
    about: "List namespaces by name, a page at a time.",
    params: listParams,
    answer: { status: 200, is: "NamespaceList" },
    handle: listRoute,
  },
  {
    method: "POST",
    path: "/v1/keys",
    access: "admin",
    about: "Make an API key. The answer shows it this once.",
    body: { fields: keyFields },
    answer: { status: 201, is: "NewKey" },
    handle: createKeyRoute,
  },
  {
    method: "GET",
    path: "/v1/keys",
    access: "admin",
    about: "List API keys, without their secrets.",
    params: keyListParams,
    answer: { status: 200, is: "KeyList" },
    handle: listKeysRoute,
  },
  {
    method: "DELETE",
    path: "/v1/keys/:id",
    access: "admin",
    about: "Revoke an API key. It is refused everywhere within a minute.",
    answer: { status: 200, is: "Status" },
    handle: revokeKeyRoute,
  },
  {
    method: "POST",
    path: "/mcp",
    access: "read",
    about:
      "The Model Context Protocol, for agents: tools to list, describe, query, fetch, write and " +
      "delete, as far as the key may.",
    params: mcpParams,
    body: { schema: rpcMessage, about: "one message of JSON-RPC 2.0." },
    answer: { status: 200, is: "McpMessage" },
    handle: answerMcp,
  },
  {
    method: "GET",
    path: "/namespaces",
    access: "read",
    about: "VecPuff: list namespaces. `next_cursor` only where there are more.",
    params: listParams,
    answer: { status: 200, is: "VecPuffList" },
    handle: listVecPuff,
  },
  {
    method: "POST",
    path: "/namespaces/:ns",
    access: "write",
    about: "VecPuff: write documents.",
    body: { fields: vecPuffWriteFields },
    answer: { status: 200, is: "VecPuffWrite" },
    conflicts: true,
    handle: writeVecPuff,
  },
  {
    method: "POST",
    path: "/namespaces/:ns/query",
    access: "read",
    about: "VecPuff: the documents nearest to a vector, with all attributes.",
    body: { fields: vecPuffQueryFields },
    answer: { status: 200, is: "VecPuffQuery" },
    handle: queryVecPuff,
  },
  {
    method: "POST",
    path: "/namespaces/:ns/metadata",
    access: "read",
    about: "VecPuff: what is in it. Times are in seconds.",
    answer: { status: 200, is: "VecPuffMetadata" },
    handle: describeVecPuff,
  },
  {
    method: "GET",
    path: "/namespaces/:ns/metadata",
    access: "read",
    about: "VecPuff: the same.",
    answer: { status: 200, is: "VecPuffMetadata" },
    handle: describeVecPuff,
  },
  {
    method: "POST",
    path: "/v1/query",
    access: "read",
    about:
      "RosalindDB: the documents of a dataset nearest to a vector. With " +
      "`Prefer: respond-async, wait=0` a job.",
    body: { fields: rosalindQueryFields },
    answer: { status: 200, is: "RosalindQuery" },
    handle: queryRosalind,
  },
  {
    method: "GET",
    path: "/v1/query/status/:id",
    access: "read",
    about: "RosalindDB: what became of a query job.",
    answer: { status: 200, is: "RosalindJob" },
    handle: pollRosalind,
  },
];
