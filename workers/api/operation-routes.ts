/**
 * Answers that come later: 202 with the place to ask, and that place. The official clients ask by
 * themselves, once a second.
 */
import { EngineError } from "../../src/errors.ts";
import { replyValue } from "../../src/namespace/protocol.ts";
import { type Operation, readOperation, submitOperation } from "../../src/operations.ts";
import { respondChunks, respondJson } from "./respond.ts";
import type { Scope } from "./scope.ts";

/**
 * Takes the request in as an operation of this kind, on the namespace `reads` as it is now. Throws
 * `notFound` if there is none, `overloaded` if too many wait for the same namespace.
 */
export async function respondAsync(
  scope: Scope,
  name: string,
  kind: string,
  body: Uint8Array,
  reads = name,
): Promise<Response> {
  const token = await submit(scope, name, kind, body, reads);
  const headers = {
    "preference-applied": "respond-async",
    location: `/v1/namespaces/${name}/operations/${token}`,
  };
  return respondJson(scope.request, { status: "ACCEPTED", token }, { status: 202, headers });
}

/** The token of the operation, which is durable then. */
export async function submit(
  scope: Scope,
  name: string,
  kind: string,
  body: Uint8Array,
  reads = name,
): Promise<string> {
  const { tenant, ports } = scope;
  const pinned = replyValue(await scope.owner(reads).pin(tenant, reads));
  const { id, generation, version, next, skipped = [] } = pinned;
  const pin = { id, generation, version, next, skipped };
  const token = await submitOperation(ports, tenant, { kind, name, pin, body });
  await hint(scope, { tenant, token });
  return token;
}

/** GET /v1/namespaces/:ns/operations/:token */
export async function pollOperation(scope: Scope, name: string, token: string): Promise<Response> {
  const { tenant, ports, request } = scope;
  const state = await readOperation(ports, { tenant, token });
  if (state === undefined || state.name !== name) {
    throw new EngineError("notFound", "there is no such operation, or it expired");
  }
  if (state.kind === "running") {
    if (state.isNeglected) await hint(scope, { tenant, token });
    return respondJson(request, { status: "running" });
  }
  const { status, body } = state.result;
  const [before, after] =
    status < 300 ? ['{"success":', "}"] : [`{"error":{"status_code":${status},"detail":`, "}}"];
  const encoder = new TextEncoder();
  const whole = [
    encoder.encode(`{"status":"finished","result":${before}`),
    body,
    encoder.encode(`${after}}`),
  ];
  return respondChunks(request, whole.values());
}

/** A lost hint is sent again by whoever asks for the result. */
export async function hint(scope: Scope, { tenant, token, into }: Operation): Promise<void> {
  const message = { tenant, operation: token, ...(into === undefined ? {} : { into }) };
  await scope.sendHint(message).catch((error: unknown) => {
    scope.ports.log.warn("cannot send a hint", { ...message, error: String(error) });
  });
}
