/**
 * Errors as answers: `{"status":"error","error":"<text>"}` and the status of the error's kind. This
 * is the only table of statuses. A field named `message` never appears: clients would show it
 * instead of the body.
 *
 * What went wrong inside is logged here under an id that the answer names, and told to nobody.
 */
import { EngineError, type ErrorKind } from "../../src/errors.ts";
import type { Log } from "../../src/ports.ts";
import { respondJson } from "./respond.ts";

const statuses: Readonly<Record<ErrorKind, number>> = {
  invalid: 400,
  malformed: 422,
  tooLarge: 413,
  forbidden: 403,
  notFound: 404,
  gone: 410,
  conflict: 409,
  fenced: 503,
  unavailable: 503,
  overloaded: 429,
  corrupt: 500,
};

const retryAfterMsDefault = 1_000;

/** Names the request, in every answer that refuses one. */
const idHeader = "x-request-id";

/** The answer to a request that ended in `error`. */
export function respondError(request: Request, error: unknown, log: Log): Response {
  const id = requestId(request);
  const named = { [idHeader]: id };
  if (!(error instanceof EngineError)) {
    log.error("request failed", { id, ...placeOf(request), error });
    const text = `internal error; the log has more under ${id}`;
    return refuse(request, 500, text, { headers: named });
  }
  const { kind, detail } = error;
  return refuse(request, statuses[kind], textOf(request, error, id, log), {
    headers: { ...retryHeaders(error), ...named },
    fields: {
      ...(detail.attribute === undefined ? {} : { attribute: detail.attribute }),
      ...(detail.outcomeUnknown === true ? { outcome_unknown: true } : {}),
    },
  });
}

export interface Refusal {
  readonly headers?: Readonly<Record<string, string>>;
  /** Beside `status` and `error`. */
  readonly fields?: Readonly<Record<string, string | boolean>>;
}

export function refuse(
  request: Request,
  status: number,
  text: string,
  { headers = {}, fields = {} }: Refusal = {},
): Response {
  const named = { [idHeader]: requestId(request), ...headers };
  const body = { status: "error", error: text, ...fields };
  return respondJson(request, body, { status, headers: named });
}

/**
 * Errors of storage name keys and objects: for the log. The others are written for the user, and so
 * are those that say which object an operator must do something about.
 */
function textOf(request: Request, error: EngineError, id: string, log: Log): string {
  const { kind, detail } = error;
  if (kind !== "unavailable" && kind !== "fenced" && kind !== "corrupt") {
    return error.message;
  }
  log.error("request failed", { id, ...placeOf(request), error });
  if (kind === "corrupt" && detail.object !== undefined) {
    return error.message;
  }
  if (kind === "corrupt") {
    return `stored data failed its check and was not used; the log has more under ${id}`;
  }
  return detail.outcomeUnknown === true
    ? `the write may or may not have been applied; repeat it (the log has more under ${id})`
    : `temporarily unavailable, try again (the log has more under ${id})`;
}

/** Clients repeat a request on 409, 429 and 5xx by themselves; this says when not, and when. */
function retryHeaders({ kind, detail }: EngineError): Record<string, string> {
  switch (kind) {
    case "conflict":
    case "corrupt":
      return { "x-should-retry": "false" };
    case "fenced":
    case "unavailable":
    case "overloaded": {
      const ms = Math.max(1, Math.ceil(detail.retryAfterMs ?? retryAfterMsDefault));
      return {
        "retry-after": String(Math.ceil(ms / 1_000)),
        "retry-after-ms": String(ms),
        "x-should-retry": "true",
      };
    }
    case "invalid":
    case "malformed":
    case "tooLarge":
    case "forbidden":
    case "notFound":
    case "gone":
      return {};
  }
}

/** The id under which the platform knows the request, so that its own logs can be found too. */
function requestId(request: Request): string {
  return request.headers.get("cf-ray") ?? crypto.randomUUID();
}

function placeOf(request: Request) {
  return { method: request.method, path: new URL(request.url).pathname };
}
