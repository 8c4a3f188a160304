/** Metadata from the answer of a namespace's owner. */
import { describe, expect, it } from "vitest";
import { emptySchema } from "../../../src/document/schema.ts";
import { initialSettings } from "../../../src/document/settings.ts";
import type { SegmentInfo } from "../../../src/format/manifest.ts";
import { limits } from "../../../src/limits.ts";
import type { HeadReply } from "../../../src/namespace/protocol.ts";
import { firstManifest } from "../../../src/namespace/state.ts";
import { renderMetadata } from "../../../workers/api/metadata.ts";

function headWith(change: Partial<HeadReply>): HeadReply {
  return {
    generation: "0".repeat(32),
    epoch: 1,
    manifestVersion: 0,
    manifest: firstManifest("0".repeat(32)),
    floor: 0,
    next: 1,
    schema: emptySchema,
    createdMs: Date.UTC(2026, 8, 29, 10),
    lastWriteMs: Date.UTC(2026, 8, 29, 11),
    updatedMs: Date.UTC(2026, 8, 29, 12),
    settings: initialSettings,
    unindexedRows: 3,
    unindexedBytes: 500,
    wal: [],
    inline: { roots: [], dead: [] },
    ...change,
  };
}

function segment(rows: number, deadRows: number, logicalBytes: number): SegmentInfo {
  return {
    id: `s${rows}`,
    home: "own",
    digest: 0n,
    level: 0,
    rows,
    bytes: 0,
    logicalBytes,
    parts: [],
    root: { part: 0, offset: 0, length: 0 },
    dead: {
      version: deadRows > 0 ? 1 : 0,
      rows: deadRows,
      name: "",
      bytes: 0,
      digest: 0n,
      home: "own",
    },
    schemaVersion: 1,
    clusters: 0,
    minId: 0,
    maxId: 0,
    createdMs: 0,
  };
}

describe("metadata", () => {
  it("counts what is indexed and alive, and nothing of the tail", () => {
    expect(renderMetadata(headWith({}), 2)).toMatchObject({
      approx_row_count: 0,
      approx_logical_bytes: 0,
    });
    const segments = [segment(10, 0, 1_000), segment(4, 1, 400)];
    const manifest = { ...firstManifest("0".repeat(32)), segments };
    expect(renderMetadata(headWith({ manifest }), 2)).toMatchObject({
      approx_row_count: 13,
      approx_logical_bytes: 1_300,
    });
  });

  it("is up to date while too little waits to be worth indexing", () => {
    const indexOf = (change: Partial<HeadReply>) => renderMetadata(headWith(change), 2);
    const small = { unindexedBytes: limits.flushBytes - 1, unindexedRows: limits.flushRows - 1 };
    expect(indexOf(small)).toMatchObject({ index: { status: "up-to-date" } });
    for (const much of [
      { unindexedBytes: limits.flushBytes },
      { unindexedRows: limits.flushRows },
      { next: limits.flushObjects },
    ]) {
      const { unindexedBytes } = headWith(much);
      expect(indexOf(much)).toMatchObject({
        index: { status: "updating", unindexed_bytes: unindexedBytes },
      });
    }
  });

  it("says of both versions of the API that the store encrypts, each in its words", () => {
    expect(renderMetadata(headWith({}), 1)).toMatchObject({ encryption: { sse: true } });
    expect(renderMetadata(headWith({}), 2)).toMatchObject({ encryption: { mode: "default" } });
  });

  it("has exactly the keys of a fresh namespace, and others only when they say something", () => {
    expect(Object.keys(renderMetadata(headWith({}), 2) as object)).toEqual([
      "schema",
      "approx_logical_bytes",
      "approx_row_count",
      "created_at",
      "updated_at",
      "last_write_at",
      "encryption",
      "index",
    ]);
    const settings = { readOnly: true, replicas: 2, shards: 4, retentionMs: 3_600_000 };
    const origin = { kind: "branch", name: "trunk" } as const;
    const manifest = { ...firstManifest("0".repeat(32)), origin };
    expect(renderMetadata(headWith({ settings, manifest }), 2)).toMatchObject({
      pinning: { replicas: 2 },
      branching: { parent: "trunk" },
      sharding: { num_shards: 4 },
      read_only: true,
      retention_seconds: 3_600,
    });
    const copied = { ...manifest, origin: { ...origin, kind: "copy" as const } };
    expect(renderMetadata(headWith({ manifest: copied }), 2)).not.toHaveProperty("branching");
  });

  it("writes times with nine decimals", () => {
    expect(renderMetadata(headWith({}), 2)).toMatchObject({
      created_at: "2026-09-29T10:00:00.000000000Z",
      updated_at: "2026-09-29T12:00:00.000000000Z",
      last_write_at: "2026-09-29T11:00:00.000000000Z",
    });
  });
});
