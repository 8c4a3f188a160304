/**
 * The tools: each reads its arguments through a table, says them as a request of the API, and lets
 * the handler of that endpoint answer it. So what a tool does, refuses and returns is what the API
 * does, refuses and returns.
 */

import { isJsonObject } from "../../../src/document/shape.ts";
import { invalid } from "../../../src/errors.ts";
import type { ApiScope } from "../../../src/format/api-key.ts";
import { protocolVersion, replyValue } from "../../../src/namespace/protocol.ts";
import { isNamespaceName } from "../namespace-name.ts";
import { getMetadata, listRoute } from "../namespace-routes.ts";
import { queryNamespace } from "../query-route.ts";
import { type FieldTable, readFields } from "../reference/field.ts";
import {
  deleteToolFields,
  describeToolFields,
  fetchToolFields,
  listToolFields,
  queryToolFields,
  writeToolFields,
} from "../reference/mcp-fields.ts";
import type { Handler } from "../routes.ts";
import type { Scope } from "../scope.ts";
import { writeNamespace } from "../write-route.ts";
import { buildQuery, type Columns, columnsOf } from "./tool-query.ts";

/** What a tool asks of the API. */
export interface ApiRequest {
  readonly params?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export interface Tool {
  readonly name: string;
  readonly title: string;
  readonly about: string;
  /** What a key must be allowed to. */
  readonly access: ApiScope;
  readonly fields: FieldTable;
  /** May remove what is there: clients ask their users first. */
  readonly destructive: boolean;
  /** `name`: the namespace, which the key may use; empty for tools about none. */
  readonly plan: (scope: Scope, name: string, args: unknown) => Promise<ApiRequest>;
  /** Of the endpoint that answers. */
  readonly handle: Handler;
}

const listPageSize = "200";

export const tools: readonly Tool[] = [
  {
    name: "list_namespaces",
    title: "List namespaces",
    about: "Names of the namespaces, in order. A namespace holds documents of one kind.",
    access: "read",
    fields: listToolFields,
    destructive: false,
    plan: async (_scope, _name, args) => {
      const { prefix, cursor } = readFields(args, listToolFields);
      const params = {
        page_size: listPageSize,
        ...(prefix === undefined ? {} : { prefix }),
        ...(cursor === undefined ? {} : { cursor }),
      };
      return { params };
    },
    handle: listRoute,
  },
  {
    name: "describe_namespace",
    title: "Describe a namespace",
    about:
      "Attributes with their types and indexes, how many documents, when it was written to. Ask " +
      "this before the first query.",
    access: "read",
    fields: describeToolFields,
    destructive: false,
    plan: async (_scope, _name, args) => {
      readFields(args, describeToolFields);
      return {};
    },
    handle: getMetadata(2),
  },
  {
    name: "query",
    title: "Search documents",
    about:
      "Documents by words (`text`), by embedding (`vector`), by both, or in an order (`rank_by`), " +
      "among those that `filters` select; or figures about them (`aggregate_by`, `group_by`). The " +
      "answer contains every write that was answered before.",
    access: "read",
    fields: queryToolFields,
    destructive: false,
    plan: async (scope, name, args) => {
      const given = readFields(args, queryToolFields);
      return { body: buildQuery(given, await readColumns(scope, name)) };
    },
    handle: queryNamespace,
  },
  {
    name: "fetch_documents",
    title: "Fetch documents by id",
    about: "Documents of known ids. Those that do not exist are left out.",
    access: "read",
    fields: fetchToolFields,
    destructive: false,
    plan: async (scope, name, args) => {
      const { ids, ...given } = readFields(args, fetchToolFields);
      const asked = { ...given, filters: ["id", "In", ids], limit: ids.length };
      return { body: buildQuery(asked, await readColumns(scope, name)) };
    },
    handle: queryNamespace,
  },
  {
    name: "write_documents",
    title: "Write documents",
    about:
      "Inserts documents or puts them in place of those of the same id (`upsert_rows`), or sets " +
      "attributes of some (`patch_rows`). All of it or nothing, durable when answered. The first " +
      "write makes the namespace.",
    access: "write",
    fields: writeToolFields,
    destructive: true,
    plan: async (_scope, _name, args) => {
      const { namespace: _namespace, ...given } = readFields(args, writeToolFields);
      return { body: withoutAbsent(given) };
    },
    handle: writeNamespace,
  },
  {
    name: "delete_documents",
    title: "Delete documents",
    about: "Deletes documents by id, or all that match filters. It cannot be undone.",
    access: "write",
    fields: deleteToolFields,
    destructive: true,
    plan: async (_scope, _name, args) => {
      const { ids, filters } = readFields(args, deleteToolFields);
      if ((ids === undefined) === (filters === undefined)) {
        throw invalid("💔 give either `ids` or `filters`", "ids");
      }
      return { body: ids === undefined ? { delete_by_filter: filters } : { deletes: ids } };
    },
    handle: writeNamespace,
  },
];

/**
 * The namespace that a call is about; undefined for tools about none. Read before the rest, because
 * nothing may be said of a namespace that the key may not use.
 */
export function namespaceOf({ fields }: Tool, args: unknown): string | undefined {
  if (!Object.hasOwn(fields, "namespace")) return undefined;
  const given = isJsonObject(args) ? { namespace: args["namespace"] } : args;
  const { namespace } = readFields(given, describeToolFields);
  if (isNamespaceName(namespace)) return namespace;
  throw invalid("💔 namespace is no name of a namespace, [A-Za-z0-9-_.]{1,128}", "namespace");
}

/** Throws `notFound` if there is no such namespace. */
async function readColumns(scope: Scope, name: string): Promise<Columns> {
  const asked = { protocol: protocolVersion, tenant: scope.tenant, name, brief: true };
  return columnsOf(replyValue(await scope.owner(name).head(asked)).schema);
}

function withoutAbsent(given: object): object {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
