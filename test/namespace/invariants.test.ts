import { expect, test } from "vitest";
import { emptySchema } from "../../src/document/schema.ts";
import { initialSettings } from "../../src/document/settings.ts";
import { type Manifest, noneDead, type SegmentInfo } from "../../src/format/manifest.ts";
import { conservationFault, sumLive } from "../../src/namespace/conservation.ts";
import {
  collectFault,
  entryFault,
  epochFault,
  floorFault,
  type LogEntry,
  liveIdsFault,
  manifestFault,
  stateFault,
  strayFault,
  successorFault,
  tableFault,
} from "../../src/namespace/invariants.ts";
import { firstManifest, zeroHash } from "../../src/namespace/state.ts";

const generation = "a".repeat(32);
const batch = { kind: "batch" } as const;
const tombstone = { kind: "tombstone" } as const;

function segment(id: string, rows: number, digest: bigint): SegmentInfo {
  return {
    id,
    home: generation,
    level: 0,
    rows,
    bytes: 100,
    digest,
    logicalBytes: 50,
    parts: [{ bytes: 100, sha256: new Uint8Array(32) }],
    root: { part: 0, offset: 0, length: 10 },
    dead: noneDead,
    schemaVersion: 0,
    clusters: 0,
    minId: 1,
    maxId: 9,
    createdMs: 1,
  };
}

function withDead(of: SegmentInfo, rows: number, digest: bigint): SegmentInfo {
  const version = of.dead.version + 1;
  return { ...of, dead: { version, rows, name: `${version}`, bytes: 9, digest, home: generation } };
}

function manifest(version: number, segments: readonly SegmentInfo[], floor = 5): Manifest {
  return { ...firstManifest(generation), version, segments, floor, schema: emptySchema };
}

test("a log continues without a gap, in one chain, and never after its tombstone", () => {
  const log = { generation, next: 3, hash: new Uint8Array(32).fill(7), ended: false };
  const entry: LogEntry = { generation, sequence: 3, previous: log.hash, members: [batch] };
  expect(entryFault(log, entry)).toBeUndefined();
  expect(entryFault(log, { ...entry, members: [] })).toBeUndefined();
  expect(entryFault(log, { ...entry, members: [batch, tombstone] })).toBeUndefined();
  expect(entryFault(log, { ...entry, generation: "b" })).toMatch(/generation/);
  expect(entryFault(log, { ...entry, sequence: 4 })).toMatch(/does not continue the log at 3/);
  expect(entryFault(log, { ...entry, previous: zeroHash })).toMatch(/hash/);
  expect(entryFault(log, { ...entry, members: [tombstone, batch] })).toMatch(/tombstone/);
  expect(entryFault({ ...log, ended: true }, entry)).toMatch(/tombstone/);
  expect(epochFault(4, 4)).toBeUndefined();
  expect(epochFault(4, 5)).toMatch(/newer/);
});

test("an owner knows every entry from the floor to the log's end", () => {
  const tail = [{ sequence: 5 }, { sequence: 6 }];
  expect(stateFault({ next: 7, manifest: { floor: 5 }, tail })).toBeUndefined();
  expect(stateFault({ next: 8, manifest: { floor: 5 }, tail })).toMatch(/2 entries/);
  expect(stateFault({ next: 8, manifest: { floor: 6 }, tail })).toMatch(/entry 6 is missing/);
  expect(stateFault({ next: 4, manifest: { floor: 5 }, tail: [] })).toMatch(/beyond/);
  expect(floorFault(4, 4)).toBeUndefined();
});

test("a manifest lists nothing twice and nothing both live and dead", () => {
  const [a, b] = [segment("a", 3, 10n), segment("b", 2, 20n)];
  const good = manifest(1, [a, b]);
  expect(manifestFault(good)).toBeUndefined();
  expect(manifestFault({ ...good, segments: [a, a] })).toMatch(/twice/);
  expect(manifestFault({ ...good, applied: ["j", "j"] })).toMatch(/twice/);
  expect(manifestFault(manifest(1, [withDead(a, 4, 0n)]))).toMatch(/4 dead of 3/);
  expect(manifestFault(manifest(1, [withDead(a, 0, 5n)]))).toMatch(/no dead rows/);
  const bury = (object: Manifest["dead"][number]["object"]): Manifest => ({
    ...good,
    segments: [withDead(a, 1, 5n), b],
    dead: [{ object, version: 1, sinceMs: 1, bytes: 0 }],
  });
  expect(manifestFault(bury({ kind: "bitmap", segment: "a", name: "0" }))).toBeUndefined();
  expect(manifestFault(bury({ kind: "bitmap", segment: "a", name: "1" }))).toMatch(/both/);
  expect(manifestFault(bury({ kind: "segment", id: "b", parts: 1 }))).toMatch(/both/);
  expect(manifestFault(bury({ kind: "wal", from: 0, to: 6 }))).toMatch(/above the floor/);
});

test("versions go up by one, floors, epochs and dead versions never down", () => {
  const a = segment("a", 3, 10n);
  const before = { ...manifest(1, [withDead(a, 1, 4n)]), epoch: 2 };
  const after = { ...before, version: 2 };
  expect(successorFault(before, after)).toBeUndefined();
  expect(successorFault(before, { ...after, version: 3 })).toMatch(/does not follow/);
  expect(successorFault(before, { ...after, floor: 4 })).toMatch(/floor falls/);
  expect(successorFault(before, { ...after, epoch: 1 })).toMatch(/epoch falls/);
  expect(successorFault(before, { ...after, segments: [a] })).toMatch(/dead version/);
  const floorHash = new Uint8Array(32).fill(1);
  expect(successorFault(before, { ...after, floorHash })).toMatch(/hash below the floor/);
});

test("a merge conserves the living rows and their digest", () => {
  const [a, b] = [withDead(segment("a", 3, 10n), 1, 4n), segment("b", 2, 20n)];
  const before = manifest(1, [a, b]);
  const merged = (rows: number, digest: bigint): string | undefined =>
    conservationFault(before, manifest(2, [segment("m", rows, digest)]));
  expect(sumLive(before.segments)).toEqual({ rows: 4, digest: 26n });
  expect(merged(4, 26n)).toBeUndefined();
  expect(merged(3, 26n)).toBe("4 living rows became 3");
  expect(merged(5, 26n)).toBe("4 living rows became 5");
  expect(merged(4, 27n)).toBe("4 living rows are not the documents they were");
  const carried = withDead(segment("m", 5, 30n), 1, 4n);
  expect(conservationFault(before, manifest(2, [carried]))).toBeUndefined();
  expect(conservationFault(before, manifest(2, [a]))).toBe("2 living rows became 0");
  expect(sumLive([segment("a", 1, 2n ** 64n - 1n), segment("b", 1, 3n)]).digest).toBe(2n);
});

test("outside of a flush nothing dies, and dead rows stay the same rows", () => {
  const a = withDead(segment("a", 3, 10n), 1, 4n);
  const step = (is: SegmentInfo, floor = 5): string | undefined =>
    conservationFault(manifest(1, [a]), manifest(2, [is], floor));
  expect(step(a)).toBeUndefined();
  expect(step(withDead(a, 2, 5n))).toMatch(/1 rows died outside/);
  expect(step(withDead(a, 2, 5n), 6)).toBeUndefined();
  expect(step(withDead(a, 1, 5n), 6)).toMatch(/other rows of segment a are dead/);
  expect(step(withDead(a, 0, 0n), 6)).toMatch(/come back to life/);
  expect(step({ ...a, digest: 11n }, 6)).toMatch(/segment a changes/);
});

test("a flush makes and kills at most one row for each operation", () => {
  const a = segment("a", 3, 10n);
  const after = manifest(2, [withDead(a, 2, 5n), segment("f", 2, 9n)], 6);
  expect(conservationFault(manifest(1, [a]), after, 2)).toBeUndefined();
  expect(conservationFault(manifest(1, [a]), after, 1)).toMatch(/1 operations made 2 rows/);
  const two = manifest(2, [a, segment("f", 1, 1n), segment("g", 1, 1n)], 6);
  expect(conservationFault(manifest(1, [a]), two, 2)).toMatch(/adds 2 segments/);
});

test("shards are conserved each by itself", () => {
  const of = (
    shard: number | undefined,
    id: string,
    rows: number,
    digest: bigint,
  ): SegmentInfo => ({
    ...segment(id, rows, digest),
    ...(shard === undefined ? {} : { shard }),
  });
  const settings = { ...initialSettings, shards: 2 };
  const state = (version: number, segments: SegmentInfo[], floor?: number) => ({
    ...manifest(version, segments, floor),
    settings,
  });
  const [a, b] = [of(0, "a", 3, 10n), of(1, "b", 3, 10n)];
  const step = (before: SegmentInfo[], after: SegmentInfo[]): string | undefined =>
    conservationFault(state(1, before), state(2, after));
  expect(step([a, b], [a, of(1, "m", 3, 10n)])).toBeUndefined();
  expect(step([a, b], [of(0, "m", 6, 20n)])).toMatch(/shard 0 became 6/);
  expect(step([a], [of(1, "m", 3, 10n)])).toMatch(/shard 0 became 0/);
  expect(step([a], [of(undefined, "m", 3, 10n)])).toMatch(/shard 0 became 0/);
  const mixed = of(undefined, "u", 5, 30n);
  expect(step([mixed], [of(0, "m", 2, 10n), of(1, "n", 3, 20n)])).toBeUndefined();
  expect(step([mixed], [of(0, "m", 2, 10n)])).toBe("5 living rows became 2");
  const flushed = state(2, [a, of(0, "f", 1, 1n), of(1, "g", 1, 1n)], 6);
  expect(conservationFault(state(1, [a]), flushed, 2)).toBeUndefined();
  const twice = state(2, [a, of(0, "f", 1, 1n), of(0, "g", 1, 1n)], 6);
  expect(conservationFault(state(1, [a]), twice, 2)).toMatch(/some of one shard/);
  expect(manifestFault(state(1, [of(2, "a", 1, 1n)]))).toMatch(/of shard 2, and there are 2/);
  expect(manifestFault(manifest(1, [a]))).toMatch(/of shard 0, and there are 1/);
  expect(successorFault(state(1, [a]), manifest(2, [a]))).toMatch(/2 shards become 1/);
  expect(successorFault(state(1, [a]), state(2, [of(1, "a", 3, 10n)]))).toMatch(/another shard/);
});

test("an id of another shard is found out", () => {
  expect(strayFault({ id: "a", shard: 0 }, "uint", [0], 2)).toBeUndefined();
  expect(strayFault({ id: "a", shard: 0 }, "uint", [0, 1], 2)).toMatch(/id 1 lies in a/);
  expect(strayFault({ id: "a" }, "uint", [0, 1], 2)).toBeUndefined();
});

test("ranges belong to one flush, inputs to one merge", () => {
  const wal = (id: string, from: number, to: number) => ({ id, wal: { from, to } });
  expect(tableFault({ jobs: [wal("a", 5, 9), wal("b", 0, 5)] })).toBeUndefined();
  expect(tableFault({ jobs: [wal("a", 4, 9), wal("b", 0, 5)] })).toMatch(/taken/);
  expect(tableFault({ jobs: [wal("a", 0, 0)] })).toMatch(/empty/);
  expect(tableFault({ jobs: [wal("a", 0, 2), wal("a", 2, 4)] })).toMatch(/twice/);
  const merge = (id: string, ...inputs: string[]) => ({ id, inputs });
  expect(tableFault({ jobs: [merge("m", "a", "b"), merge("n", "b")] })).toMatch(/b is an input/);
});

test("what is dead is deleted after the grace, if the manifest that says so cannot be lost", () => {
  const record = { version: 3, sinceMs: 100 };
  expect(collectFault(record, { version: 3, deadBeforeMs: 100 })).toBeUndefined();
  expect(collectFault(record, { version: 2, deadBeforeMs: 100 })).toMatch(/might still be lost/);
  expect(collectFault(record, { version: 3, deadBeforeMs: 99 })).toMatch(/still be reading/);
});

test("an id lives in one segment", () => {
  expect(liveIdsFault([["a", [1, 2]] as const, ["b", [3]] as const])).toBeUndefined();
  expect(liveIdsFault([["a", [1, 2]] as const, ["b", [2]] as const])).toBe(
    "id 2 lives in a and in b",
  );
});
