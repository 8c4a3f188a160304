/**
 * The HTTP API. One request: open `/health` aside, check the key, check the name, let its route
 * answer, and turn what was thrown into an answer. The query string matters to one route only
 * (the list); clients attach parameters of their own to others.
 */
import { type Context, Hono } from "hono";
import { createLog } from "../platform/log.ts";
import { refuseKey } from "./auth.ts";
import { UnsupportedEncoding } from "./body.ts";
import { refuse, respondError } from "./errors.ts";
import { checkNamespaceName, InvalidUrl } from "./namespace-name.ts";
import { respondJson } from "./respond.ts";
import { type Route, routes } from "./routes.ts";
import { openScope } from "./scope.ts";

type ApiContext = Context<{ Bindings: Env }>;

export const app = createApp();

function createApp(): Hono<{ Bindings: Env }> {
  const api = new Hono<{ Bindings: Env }>();
  api.get("/health", ({ req }) => respondJson(req.raw, { status: "OK" }));
  api.use(async ({ req, env }, next) => {
    const reason = await refuseKey(req.raw, env);
    if (reason === undefined) return await next();
    const headers = { "www-authenticate": "Bearer" };
    return refuse(req.raw, 401, reason, { headers });
  });
  for (const route of routes) {
    api.on(route.method, route.path, (context) => answer(context, route));
  }
  for (const path of new Set(routes.map((route) => route.path))) {
    api.all(path, ({ req }) => refuseMethod(req.raw, path));
  }
  api.notFound(({ req }) => refuse(req.raw, 404, `there is no ${req.method} ${req.path} here`));
  api.onError((error, { req }) => answerFailure(req.raw, error));
  return api;
}

function answer(context: ApiContext, { path, handle }: Route): Promise<Response> {
  const name = context.req.param("ns");
  const checked = path.includes(":ns") ? checkNamespaceName(name ?? "") : "";
  return handle(openScope(context.req.raw, context.env, context.executionCtx), checked);
}

function refuseMethod(request: Request, path: string): Response {
  const allowed = routes.filter((route) => route.path === path).map(({ method }) => method);
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
