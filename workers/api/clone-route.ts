/** POST /v2/namespaces/:ns with a source: the name begins as a copy or a branch of another. */
import { branch } from "../../src/branch.ts";
import { copy } from "../../src/copy.ts";
import { EngineError, invalid } from "../../src/errors.ts";
import { refuseAccess } from "./auth.ts";
import type { CloneRequest } from "./clone-request.ts";
import type { JsonEncodable } from "./json.ts";
import type { Scope } from "./scope.ts";

/** The answer's body. Throws `notFound` for the source and `conflict` for the name. */
export async function cloneNamespace(
  scope: Scope,
  name: string,
  request: CloneRequest,
): Promise<JsonEncodable> {
  const { tenant, ports } = scope;
  const { kind, source, shards } = request;
  await checkSource(scope, request);
  const owner = (of: string) => scope.owner(of);
  const target = { tenant, parent: source, name, owner };
  if (kind === "branch") {
    await branch(target);
    scope.forget(name);
    return renderClone("namespace branched successfully", 0, 0, scope.elapsedMs());
  }
  const { rows, logicalBytes } = await copy(ports, {
    ...target,
    ...(shards === undefined ? {} : { shards }),
  });
  scope.forget(name);
  return renderClone("namespace cloned successfully", rows, logicalBytes, scope.elapsedMs());
}

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

function renderClone(message: string, rows: number, bytes: number, totalMs: number): JsonEncodable {
  return {
    status: "OK",
    message,
    rows_affected: rows,
    billing: { billable_logical_bytes_written: bytes },
    performance: { server_total_ms: totalMs },
  };
}
