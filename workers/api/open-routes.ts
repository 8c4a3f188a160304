/** What is answered without a key: whether the server runs, and how it is used. */
import { describeApi } from "./reference/document.ts";
import type { Operation } from "./reference/operation.ts";
import { renderPage } from "./reference/page.ts";
import { respondJson } from "./respond.ts";
import { routes } from "./routes.ts";

export interface OpenRoute extends Operation {
  readonly handle: (request: Request) => Response;
}

/** A page that runs nothing and loads nothing, whatever is in it. */
const pageHeaders = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
  "x-content-type-options": "nosniff",
};

export const openRoutes: readonly OpenRoute[] = [
  {
    method: "GET",
    path: "/health",
    about: "Is the server there? Asks nothing of storage.",
    answer: { status: 200, is: "Status" },
    handle: (request) => respondJson(request, { status: "OK" }),
  },
  {
    method: "GET",
    path: "/openapi.json",
    about: "This reference for machines, OpenAPI 3.1.",
    answer: { status: 200, is: "OpenApi" },
    handle: (request) => respondJson(request, describeApi(openRoutes, routes)),
  },
  {
    method: "GET",
    path: "/docs",
    about: "This reference for people.",
    answer: { status: 200, is: "Page", media: "text/html" },
    handle: () => new Response(renderPage(openRoutes, routes), { headers: pageHeaders }),
  },
];
