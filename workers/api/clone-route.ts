/**
 * POST /v2/namespaces/:ns with a source: the name begins as a copy or a branch of another. A copy
 * may be answered later, if its client wants that: `Prefer: respond-async, wait=0`.
 */
import { branch } from "../../src/branch.ts";
import { type Copied, copy } from "../../src/copy.ts";
import { isJsonObject } from "../../src/document/shape.ts";
import { corrupt, EngineError, invalid } from "../../src/errors.ts";
import { wholeValue } from "../../src/namespace/protocol.ts";
import { refuseAccess } from "./auth.ts";
import type { CloneRequest } from "./clone-request.ts";
import { encodeJson, type JsonEncodable } from "./json.ts";
import type { PinnedQuestion } from "./operation-kinds.ts";
import { respondAsync } from "./operation-routes.ts";
import { isAnsweredLater } from "./preference.ts";
import { respondJson } from "./respond.ts";
import type { Scope } from "./scope.ts";

/** Throws `notFound` for the source and `conflict` for the name. */
export async function respondClone(
  scope: Scope,
  name: string,
  request: CloneRequest,
): Promise<Response> {
  const { tenant, ports } = scope;
  const { kind, source, shards } = request;
  await checkSource(scope, request);
  const target = {
    tenant,
    parent: source,
    name,
    owner: (of: string) => scope.owner(of),
    defer: (work: Promise<void>) => ports.defer(work),
    ...(shards === undefined ? {} : { shards }),
  };
  // A copy takes no longer than a branch: what it shares is written again behind the answer. To ask
  // for an answer is to read.
  const mayAsk = scope.principal.scopes.has("read");
  if (kind === "copy" && mayAsk && (await isAnsweredLater(scope.request, async () => false))) {
    if (wholeValue(await scope.owner(name).describe(tenant, name)).exists) {
      throw new EngineError("conflict", `namespace '${name}' exists`);
    }
    const body = { source, name, ...(shards === undefined ? {} : { shards }) };
    return await respondAsync(scope, name, "copy", encodeJson(body), source);
  }
  let answer: JsonEncodable;
  if (kind === "branch") {
    await branch(target);
    answer = renderClone("namespace branched successfully", 0, 0, scope.elapsedMs());
  } else {
    answer = renderCopy(await copy(ports, target), scope.elapsedMs());
  }
  scope.forget(name);
  return respondJson(scope.request, answer);
}

// ---- As an operation ----------------------------------------------------------------------------

/** What is stored of it: no key of the client. */
interface StoredCopy {
  readonly source: string;
  readonly name: string;
  readonly shards?: number;
}

export function sourceOfCopy(body: unknown): string {
  return readStored(body).source;
}

/** Of several attempts the first that makes the copy counts, as long as its pin is held. */
export async function answerCopy(question: PinnedQuestion, body: unknown): Promise<JsonEncodable> {
  const { source, name, shards } = readStored(body);
  const { ports, pin } = question;
  const copied = await copy(ports, {
    tenant: question.target.tenant,
    parent: source,
    name,
    owner: (of) => question.owner(of),
    pin,
    ...(shards === undefined ? {} : { shards }),
  });
  return renderCopy(copied, question.elapsedMs());
}

function readStored(body: unknown): StoredCopy {
  const { source, name, shards } = isJsonObject(body) ? body : {};
  if (typeof source !== "string" || typeof name !== "string") {
    throw corrupt("the request of a copy says neither whose nor where");
  }
  return { source, name, ...(typeof shards === "number" ? { shards } : {}) };
}

// ---- Both ---------------------------------------------------------------------------------------

/** Whoever asks must be allowed to read the source, by this key or the one that came along. */
async function checkSource(scope: Scope, { source, sourceKey }: CloneRequest): Promise<void> {
  const principal = sourceKey === undefined ? scope.principal : await scope.identify(sourceKey);
  if (principal === undefined) {
    throw new EngineError("forbidden", "`source_api_key` is not one of this server's");
  }
  if (principal.tenant !== scope.tenant) {
    const text = "copies between tenants are not supported by this server";
    throw invalid(`💔 ${text}`, "copy_from_namespace.source_api_key");
  }
  const reason = refuseAccess(principal, "read", source);
  if (reason !== undefined) {
    throw new EngineError("forbidden", reason);
  }
}

function renderCopy({ rows, logicalBytes }: Copied, totalMs: number): JsonEncodable {
  return renderClone("namespace cloned successfully", rows, logicalBytes, totalMs);
}

function renderClone(message: string, rows: number, bytes: number, totalMs: number): JsonEncodable {
  return {
    status: "OK",
    message,
    rows_affected: rows,
    billing: { billable_logical_bytes_written: bytes },
    performance: { server_total_ms: totalMs },
  };
}
