/**
 * GET and POST /v1/namespaces/:ns/index, which are this server's own: how far indexing is, and the
 * request to index now what would otherwise wait for company.
 *
 *   indexed   nothing waits and no job is due or running
 *   head      WAL entries so far; floor: those of them that are in segments
 */
import { formatDatetime } from "../../src/document/datetime.ts";
import { type IndexStatus, replyValue } from "../../src/namespace/protocol.ts";
import { renderHealth } from "./health.ts";
import type { JsonEncodable } from "./json.ts";
import { respondJson } from "./respond.ts";
import type { Scope } from "./scope.ts";

export async function describeIndex(scope: Scope, name: string): Promise<Response> {
  const status = replyValue(await scope.owner(name).status(scope.tenant, name));
  return respondJson(scope.request, renderStatus(status));
}

/** Answers at once; GET tells when it is done. */
export async function flushNow(scope: Scope, name: string): Promise<Response> {
  const status = replyValue(await scope.owner(name).requestFlush(scope.tenant, name));
  return respondJson(scope.request, renderStatus(status), { status: 202 });
}

function renderStatus(status: IndexStatus): JsonEncodable {
  return {
    indexed: status.indexed,
    generation: status.generation,
    head: status.head,
    floor: status.floor,
    unindexed_rows: status.unindexedRows,
    unindexed_bytes: status.unindexedBytes,
    manifest_version: status.manifestVersion,
    segments: status.segments.map((segment) => ({
      id: segment.id,
      ...(segment.shard === undefined ? {} : { shard: segment.shard }),
      level: segment.level,
      rows: segment.rows,
      dead_rows: segment.deadRows,
      bytes: segment.bytes,
      clusters: segment.clusters,
    })),
    jobs: status.jobs.map(renderJob),
    written_bytes: { flush: status.written.flushed, merge: status.written.merged },
    ...renderHealth(status),
  };
}

/** A job that failed says how often, why, and when it is tried again. */
function renderJob(job: IndexStatus["jobs"][number]): JsonEncodable {
  const { id, kind, attempt, state, failures, reason, notBeforeMs } = job;
  return {
    id,
    kind,
    attempt,
    state,
    ...(failures === undefined ? {} : { failures }),
    ...(reason === undefined ? {} : { reason }),
    ...(state === "failing" ? { retry_at: formatDatetime(notBeforeMs ?? 0) } : {}),
  };
}
