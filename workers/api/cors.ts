/**
 * Pages of other origins: none may call this server until SHOAL_CORS_ORIGINS lists theirs
 * (separated by commas, exactly as browsers send them). What a page holds, its visitors hold: from
 * there only keys pass that read, and that expire.
 */
import type { Context, Next } from "hono";
import { cors } from "hono/cors";
import type { Principal } from "./auth.ts";

const preflightSeconds = 3_600;

const answerOrigins = cors({
  origin: (origin, { env }) => (listedOrigins(env as Env).includes(origin) ? origin : null),
  allowMethods: ["GET", "POST"],
  // Whichever the page asks for: clients tell of themselves in headers of their own. What a request
  // may do is decided by its key alone, which no browser sends by itself.
  allowHeaders: [],
  exposeHeaders: [
    "location",
    "preference-applied",
    "retry-after",
    "x-request-id",
    "x-should-retry",
  ],
  maxAge: preflightSeconds,
});

/** Programs name no origin: nothing is said to them, for the answer would be copied to say it. */
export function allowOrigins(context: Context, next: Next): Promise<Response | void> {
  return context.req.header("origin") === undefined ? next() : answerOrigins(context, next);
}

/** Why a page may not use this key, or undefined. */
export function refuseBrowser(
  request: Request,
  { scopes, key }: Pick<Principal, "scopes" | "key">,
): string | undefined {
  const origin = request.headers.get("origin");
  if (origin === null || origin === new URL(request.url).origin) {
    return undefined;
  }
  const isHarmless = scopes.size === 1 && scopes.has("read") && key?.expiresMs !== undefined;
  return isHarmless
    ? undefined
    : "pages of other origins may only use API keys that have the one scope `read` and expire";
}

function listedOrigins({ SHOAL_CORS_ORIGINS = "" }: Pick<Env, "SHOAL_CORS_ORIGINS">): string[] {
  return SHOAL_CORS_ORIGINS.split(",").map((origin) => origin.trim());
}
