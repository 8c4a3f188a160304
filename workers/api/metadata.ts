/**
 * A namespace's metadata as clients know it. Rows and bytes are those of segments: what is not
 * indexed yet does not count, nor does it make a small namespace "updating".
 *
 *   index   up-to-date while what waits is too little to be indexed, else updating with its bytes
 *   updated_at          documents or schema changed; last_write_at: documents
 *   pinning             ready_replicas: all once its caches were warmed in time, as no isolate is
 *                       reserved; utilization is 0 for the same reason
 *   pinning, branching, sharding, read_only, retention_seconds, retained_bytes
 *             only there when they say something
 *   recall              of sampled queries, once there were any
 *   quarantine, skipped_entries   only there when something cannot be read, or could not
 *   v1, v2  differ in how they say that objects are encrypted by the store
 */
import { formatDatetime } from "../../src/document/datetime.ts";
import { metadataSchemaView } from "../../src/document/schema-view.ts";
import { limits } from "../../src/limits.ts";
import type { HeadReply } from "../../src/namespace/protocol.ts";
import { type RecallHistory, recentRecall } from "../../src/namespace/recall-history.ts";
import { renderHealth } from "./health.ts";
import type { JsonEncodable } from "./json.ts";

export type ApiVersion = 1 | 2;

export interface PinningStatus {
  /** 0: never yet, as far as is known. */
  readonly warmedMs: number;
  readonly nowMs: number;
}

/** `head` must bring the manifest. */
export function renderMetadata(
  head: HeadReply,
  version: ApiVersion,
  pinning?: PinningStatus,
): JsonEncodable {
  const { rows, bytes } = indexedSize(head);
  return {
    schema: metadataSchemaView(head.schema),
    approx_logical_bytes: bytes,
    approx_row_count: rows,
    created_at: formatDatetime(head.createdMs),
    updated_at: formatDatetime(head.updatedMs),
    last_write_at: formatDatetime(head.lastWriteMs),
    encryption: version === 1 ? { sse: true } : { mode: "default" },
    index: isUpToDate(head)
      ? { status: "up-to-date" }
      : { status: "updating", unindexed_bytes: head.unindexedBytes },
    ...renderSettings(head, pinning),
    ...(head.recall === undefined ? {} : { recall: renderRecall(head.recall) }),
    ...renderHealth(head),
  };
}

/** Each is there only where it says something. */
function renderSettings(
  { settings, manifest }: HeadReply,
  pinning: PinningStatus | undefined,
): Record<string, JsonEncodable> {
  const { readOnly, replicas, shards, retentionMs } = settings;
  const { origin } = manifest ?? {};
  return {
    ...(replicas > 0 ? { pinning: { replicas, ...renderPinning(replicas, pinning) } } : {}),
    ...(origin?.kind === "branch" ? { branching: { parent: origin.name } } : {}),
    ...(shards > 0 ? { sharding: { num_shards: shards } } : {}),
    ...(readOnly ? { read_only: true } : {}),
    ...(retentionMs > 0 ? renderHistory(retentionMs, manifest) : {}),
  };
}

/** What sampled queries found, in all and hour by hour. */
function renderRecall(recall: RecallHistory): JsonEncodable {
  return {
    recent: recentRecall(recall) ?? null,
    probe_factor: recall.probes,
    hours: recall.hours.map(({ startMs, count, sum }) => {
      return { from: formatDatetime(startMs), samples: count, recall: sum / count };
    }),
  };
}

/** How far back the past is kept, and the bytes in the bucket that are there only for it. */
function renderHistory(retentionMs: number, manifest: HeadReply["manifest"]) {
  const dead = manifest?.dead ?? [];
  const retainedBytes = dead.reduce((sum, { bytes }) => sum + bytes, 0);
  return { retention_seconds: retentionMs / 1_000, retained_bytes: retainedBytes };
}

/** Nothing before the caches were warmed for the first time. */
function renderPinning(
  replicas: number,
  pinning: PinningStatus | undefined,
): Record<string, JsonEncodable> {
  if (pinning === undefined || pinning.warmedMs === 0) {
    return {};
  }
  const isWarm = pinning.nowMs - pinning.warmedMs < 2 * limits.warmEveryMs;
  return {
    status: {
      ready_replicas: isWarm ? replicas : 0,
      utilization: 0,
      updated_at: formatDatetime(pinning.warmedMs),
    },
  };
}

/** Live rows, and the share of the logical bytes that is theirs. */
export function indexedSize({ manifest }: HeadReply): { rows: number; bytes: number } {
  let rows = 0;
  let bytes = 0;
  for (const segment of manifest?.segments ?? []) {
    const live = segment.rows - segment.dead.rows;
    rows += live;
    bytes += segment.rows === 0 ? 0 : (segment.logicalBytes * live) / segment.rows;
  }
  return { rows, bytes: Math.round(bytes) };
}

export function isUpToDate({ floor, next, unindexedBytes, unindexedRows }: HeadReply): boolean {
  return (
    unindexedBytes < limits.flushBytes &&
    unindexedRows < limits.flushRows &&
    next - floor < limits.flushObjects
  );
}
