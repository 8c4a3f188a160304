/** Endpoints of imports: part of the list in routes.ts. */
import {
  cancelImportRoute,
  createImport,
  getImport,
  getRejected,
  listImportsRoute,
} from "./import-routes.ts";
import { importFields, importListParams } from "./reference/import-fields.ts";
import type { Route } from "./routes.ts";

export const importRoutes: readonly Route[] = [
  {
    method: "POST",
    path: "/v1/namespaces/:ns/imports",
    access: "write",
    about:
      "Import objects that lie in the bucket. The server reads them in the background; the answer " +
      "says where to ask.",
    body: { fields: importFields },
    answer: { status: 202, is: "Import" },
    handle: createImport,
  },
  {
    method: "GET",
    path: "/v1/namespaces/:ns/imports",
    access: "read",
    about: "List imports into the namespace, in the order they were asked for. Kept for a week.",
    params: importListParams,
    answer: { status: 200, is: "ImportList" },
    handle: listImportsRoute,
  },
  {
    method: "GET",
    path: "/v1/namespaces/:ns/imports/:id",
    access: "read",
    about: "How far an import has come, and how it ended.",
    answer: { status: 200, is: "Import" },
    handle: getImport,
  },
  {
    method: "GET",
    path: "/v1/namespaces/:ns/imports/:id/rejected",
    access: "read",
    about: "The rows that it has refused so far, as lines of JSON, with the reasons.",
    answer: { status: 200, is: "RejectedRow", media: "application/x-ndjson" },
    handle: getRejected,
  },
  {
    method: "DELETE",
    path: "/v1/namespaces/:ns/imports/:id",
    access: "write",
    about: "End an import. What it has written stays.",
    answer: { status: 200, is: "Import" },
    handle: cancelImportRoute,
  },
];
