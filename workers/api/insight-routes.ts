/** Endpoints about how the server does its work: part of the list in routes.ts. */
import { describeMemory } from "./debug-routes.ts";
import { mapIndexRoute } from "./index-map-route.ts";
import { describeIndex, flushNow } from "./index-routes.ts";
import { describeIsolate } from "./isolate-metrics-route.ts";
import { getLimits } from "./limits-route.ts";
import { describeMetrics } from "./metrics-route.ts";
import { mapFields } from "./reference/other-fields.ts";
import type { Route } from "./routes.ts";

export const insightRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/v1/namespaces/:ns/index",
    access: "read",
    about: "How far indexing is: the log, segments and jobs.",
    answer: { status: 200, is: "Index" },
    handle: describeIndex,
  },
  {
    method: "POST",
    path: "/v1/namespaces/:ns/index",
    access: "write",
    about: "Index now what would otherwise wait for company. GET tells when it is done.",
    answer: { status: 202, is: "Index" },
    handle: flushNow,
  },
  {
    method: "POST",
    path: "/v1/namespaces/:ns/index/map",
    access: "read",
    about:
      "A picture of the vector index: centroids of its clusters in the plane in which they differ " +
      "most. With `rank_by` it shows which of them that search would read.",
    body: { fields: mapFields, optional: true },
    answer: { status: 200, is: "IndexMap" },
    handle: mapIndexRoute,
  },
  {
    method: "GET",
    path: "/v1/namespaces/:ns/metrics",
    access: "read",
    about:
      "Figures for Prometheus: recall of sampled queries, what is indexed and what is not, bytes " +
      "written.",
    answer: { status: 200, is: "Metrics", media: "text/plain" },
    handle: describeMetrics,
  },
  {
    method: "GET",
    path: "/metrics",
    access: "admin",
    about:
      "Figures for Prometheus of the isolate that answers, labelled with its name: requests and " +
      "their times, cache tiers, requests to the bucket and their cost by what they were for, memory. " +
      "For keys of the deployment's own tenant: they are of all tenants.",
    answer: { status: 200, is: "Metrics", media: "text/plain" },
    handle: describeIsolate,
  },
  {
    method: "GET",
    path: "/v1/namespaces/:ns/_debug/memory",
    access: "admin",
    about: "What the isolate that answers holds in memory.",
    answer: { status: 200, is: "Memory" },
    handle: describeMemory,
  },
  {
    method: "GET",
    path: "/v1/limits",
    access: "read",
    about: "The bounds of this server.",
    answer: { status: 200, is: "Limits" },
    handle: getLimits,
  },
];
