/**
 * The HTTP API. One request: open routes aside, check the key, check the name, let its route
 * answer, and turn what was thrown into an answer. The query string matters to one route only
 * (the list); clients attach parameters of their own to others.
 */
import { type Context, Hono, type Next } from "hono";
import { systemClock } from "../platform/clock.ts";
import { createLog } from "../platform/log.ts";
import { openMeter, type UsageMeter } from "../platform/usage-meter.ts";
import { authenticate, type Principal, refuseAccess } from "./auth.ts";
import { UnsupportedEncoding } from "./body.ts";
import { allowOrigins, refuseBrowser } from "./cors.ts";
import { refuse, respondError } from "./errors.ts";
import { checkNamespaceName, InvalidUrl } from "./namespace-name.ts";
import { openRoutes } from "./open-routes.ts";
import { countRequest } from "./request-counts.ts";
import { type Route, routes } from "./routes.ts";
import { keyFinder, openScope, spend } from "./scope.ts";

interface ApiEnv {
  readonly Bindings: Env;
  readonly Variables: {
    readonly principal: Principal;
    readonly meter: UsageMeter;
    /** Path of the route that answers, once one does. */
    readonly route?: string;
  };
}

type ApiContext = Context<ApiEnv>;

export const app = createApp();

function createApp(): Hono<ApiEnv> {
  const api = new Hono<ApiEnv>();
  for (const { method, path, handle } of openRoutes) {
    api.on(method, path, ({ req }) => handle(req.raw));
  }
  api.use(measure);
  api.use(allowOrigins);
  api.use(checkKey);
  for (const route of routes) {
    api.on(route.method, route.path, (context) => answer(context, route));
  }
  for (const path of new Set([...openRoutes, ...routes].map((route) => route.path))) {
    api.all(path, ({ req }) => refuseMethod(req.raw, path));
  }
  api.notFound(({ req }) => refuse(req.raw, 404, `there is no ${req.method} ${req.path} here`));
  api.onError((error, { req }) => answerFailure(req.raw, error));
  return api;
}

/** Counts the request, and what it uses; the time is until its answer begins. */
async function measure(context: ApiContext, next: Next): Promise<void> {
  const startedMs = systemClock.now();
  context.set("meter", openMeter("request"));
  await next();
  const { method } = context.req;
  const route = context.get("route") ?? "other";
  const tookMs = systemClock.now() - startedMs;
  countRequest({ method, route, status: context.res.status, tookMs });
}

/** 401 for whom nobody knows; the routes say what the others may do. */
async function checkKey(context: ApiContext, next: Next): Promise<Response | undefined> {
  const { req, env, executionCtx } = context;
  const keys = keyFinder(env, executionCtx, context.get("meter"));
  const found = await authenticate(req.raw, env, keys, systemClock.now());
  if (found.kind === "unknown") {
    const headers = { "www-authenticate": "Bearer" };
    return refuse(req.raw, 401, found.reason, { headers });
  }
  const { principal } = found;
  const reason = refuseBrowser(req.raw, principal);
  if (reason !== undefined) return refuse(req.raw, 403, reason);
  context.set("principal", principal);
  await next();
  return undefined;
}

async function answer(context: ApiContext, route: Route): Promise<Response> {
  const { req, env, executionCtx } = context;
  const { path, access, handle } = route;
  const meter = context.get("meter");
  context.set("route", path);
  const name = path.includes(":ns") ? checkNamespaceName(req.param("ns") ?? "") : undefined;
  const principal = context.get("principal");
  const reason = refuseAccess(principal, access, name);
  if (reason !== undefined) return refuse(req.raw, 403, reason);
  await spend(env, principal, { requests: 1, bytes: 0 }, meter);
  const scope = openScope(req.raw, env, executionCtx, principal, meter);
  return await handle(scope, name ?? "", req.param("id") ?? "");
}

function refuseMethod(request: Request, path: string): Response {
  const here = [...openRoutes, ...routes].filter((route) => route.path === path);
  const allowed = here.map(({ method }) => method);
  const text = `${request.method} is not supported here, only ${allowed.join(" and ")}`;
  return refuse(request, 405, text, { headers: { allow: allowed.join(", ") } });
}

function answerFailure(request: Request, error: unknown): Response {
  if (error instanceof InvalidUrl) {
    return new Response(error.message, {
      status: 400,
      headers: { "content-type": "text/plain; charset=utf-8" },
    });
  }
  if (error instanceof UnsupportedEncoding) {
    return refuse(request, 415, error.message, { headers: { "accept-encoding": "gzip" } });
  }
  return respondError(request, error, createLog());
}
