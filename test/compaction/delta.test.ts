/** Deltas apply to the manifest as it is, or not at all. */
import { expect, test } from "vitest";
import { applyDelta } from "../../src/compaction/delta.ts";
import { emptySchema } from "../../src/document/schema.ts";
import { initialSettings } from "../../src/document/settings.ts";
import {
  type Delta,
  type Manifest,
  noneDead,
  type SegmentInfo,
} from "../../src/format/manifest.ts";
import { manifestFault, successorFault } from "../../src/namespace/invariants.ts";
import { firstManifest } from "../../src/namespace/state.ts";

const commit = { epoch: 3, nonce: new Uint8Array(16).fill(1), nowMs: 1_000, logBytes: 70 };

function segment(id: string, rows = 10): SegmentInfo {
  return {
    id,
    home: "0".repeat(32),
    digest: 0n,
    level: 0,
    rows,
    bytes: 100,
    logicalBytes: 80,
    parts: [{ bytes: 100, sha256: new Uint8Array(32) }],
    root: { part: 0, offset: 0, length: 50 },
    dead: noneDead,
    schemaVersion: 0,
    clusters: 0,
    minId: 0,
    maxId: rows,
    createdMs: 0,
  };
}

function manifest(...ids: string[]): Manifest {
  return { ...firstManifest("0".repeat(32)), segments: ids.map((id) => segment(id)) };
}

function flush(from: number, to: number, change: Partial<Delta> = {}): Delta {
  const hash = new Uint8Array(32).fill(to);
  return {
    id: `f${from}`,
    job: `f${from}`,
    remove: [],
    add: [segment(`new${from}`)],
    dead: [],
    floor: {
      from,
      to,
      hash,
      schema: emptySchema,
      settings: { ...initialSettings, readOnly: true },
      lastWriteMs: 5,
      updatedMs: 6,
      lastMs: 7,
    },
    ...change,
  };
}

function applied(before: Manifest, delta: Delta): Manifest {
  const result = applyDelta(before, delta, commit);
  if (result.kind === "refused") {
    throw new Error(result.reason);
  }
  expect(manifestFault(result.manifest)).toBeUndefined();
  expect(successorFault(before, result.manifest)).toBeUndefined();
  return result.manifest;
}

test("a flush adds its segment, moves the floor and buries its entries", () => {
  const after = applied(manifest("a"), flush(0, 4));
  expect(after.segments.map(({ id }) => id)).toEqual(["a", "new0"]);
  expect(after).toMatchObject({ version: 1, floor: 4, epoch: 3, lastWriteMs: 5 });
  expect(after).toMatchObject({ updatedMs: 6, lastMs: 7, settings: { readOnly: true } });
  expect(after.dead).toEqual([
    { object: { kind: "wal", from: 0, to: 4 }, version: 1, sinceMs: 1_000, bytes: 70 },
  ]);
});

test("a flush that does not begin at the floor is refused", () => {
  expect(applyDelta(manifest(), flush(2, 4), commit).kind).toBe("refused");
  const after = applied(manifest(), flush(0, 4));
  expect(applyDelta(after, flush(2, 6), commit).kind).toBe("refused");
});

test("the same delta is never applied twice", () => {
  const after = applied(manifest(), flush(0, 4));
  expect(applyDelta(after, flush(0, 4), commit).kind).toBe("refused");
  const next = flush(4, 8);
  expect(applyDelta(applied(after, next), next, commit).kind).toBe("refused");
});

test("a merge is refused when an input lost rows it does not know of", () => {
  const to = { version: 1, rows: 2, name: "1-x", bytes: 9, digest: 0n, home: "0".repeat(32) };
  const lossy = flush(0, 1, { dead: [{ segment: "a", from: 0, to }] });
  const after = applied(manifest("a", "b"), lossy);
  const merge = (deadVersion: number): Delta => ({
    id: "m1",
    job: "m1",
    remove: [
      { segment: "a", deadVersion },
      { segment: "b", deadVersion: 0 },
    ],
    add: [segment("merged", 18)],
    dead: [],
  });
  expect(applyDelta(after, merge(0), commit).kind).toBe("refused");
  const merged = applied(after, merge(1));
  expect(merged.segments.map(({ id }) => id)).toEqual(["new0", "merged"]);
  expect(merged.dead.map(({ object }) => object.kind)).toEqual([
    "wal",
    "bitmap",
    "segment",
    "segment",
  ]);
});

test("a flush is refused when a segment it kills rows of was merged away", () => {
  const merge: Delta = {
    id: "m1",
    job: "m1",
    remove: [{ segment: "a", deadVersion: 0 }],
    add: [segment("merged")],
    dead: [],
  };
  const to = { version: 1, rows: 2, name: "1-x", bytes: 9, digest: 0n, home: "0".repeat(32) };
  const after = applied(manifest("a"), merge);
  const late = flush(0, 1, { dead: [{ segment: "a", from: 0, to }] });
  expect(applyDelta(after, late, commit)).toMatchObject({
    kind: "refused",
    reason: "segment a is gone",
  });
});

test("a dead version that does not advance, or kills more rows than there are, is refused", () => {
  for (const to of [
    { version: 0, rows: 1, name: "", bytes: 0, digest: 0n, home: "0".repeat(32) },
    { version: 1, rows: 11, name: "1-x", bytes: 9, digest: 0n, home: "0".repeat(32) },
  ]) {
    const delta = flush(0, 1, { dead: [{ segment: "a", from: 0, to }] });
    expect(applyDelta(manifest("a"), delta, commit).kind).toBe("refused");
  }
});

test("only the newest 64 delta ids are kept", () => {
  let now = manifest();
  for (let i = 0; i < 100; i++) {
    now = applied(now, flush(i, i + 1));
  }
  expect(now.applied).toHaveLength(64);
  expect(now.applied.at(-1)).toBe("f99");
});

test("a delta that changes nothing is our own mistake", () => {
  const nothing: Delta = { id: "x", job: "x", remove: [], add: [], dead: [] };
  expect(() => applyDelta(manifest(), nothing, commit)).toThrow("assertion failed");
});
