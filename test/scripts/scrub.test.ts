/** Scrub finds and names every damage; inspect shows every kind of object, whole or not. */
import { expect, test } from "vitest";
import { inspectObject } from "../../scripts/inspect/object.ts";
import { checkColumns } from "../../scripts/scrub/columns.ts";
import { checkFurther } from "../../scripts/scrub/further.ts";
import { Ledger } from "../../scripts/scrub/ledger.ts";
import { scrubNamespace } from "../../scripts/scrub/scrub.ts";
import type { FurtherPlanes } from "../../src/format/segment-root.ts";
import { locateBlock } from "../../src/format/segment-section.ts";
import { blockAt, type Segment } from "../../src/index/segment/segment.ts";
import { openContext } from "../../src/search-ports.ts";
import { type OpenSegment, openSegments } from "../../src/search-segments.ts";
import { takeSnapshot } from "../../src/snapshot.ts";
import type { ObjectStore } from "../../src/store/object-store.ts";
import type { OracleDocument } from "../oracle/brute-force.ts";
import { SearchRig } from "../search-rig.ts";
import { withBounds } from "../sim/sizes.ts";
import { syncDigest } from "../sync-digest.ts";

/** A namespace with everything: segments, bitmaps, manifests, a tail, inline and attached. */
async function load(): Promise<SearchRig> {
  const rig = new SearchRig({ dims: 8 });
  await rig.put(documents(0, 60));
  await rig.flush();
  await rig.put(documents(54, 40));
  await rig.flush();
  await rig.put(documents(70, 20));
  return rig;
}

function documents(from: number, count: number): OracleDocument[] {
  return Array.from({ length: count }, (_, i) => ({
    id: from + i,
    vector: Float32Array.from({ length: 8 }, (_, d) => ((from + i) * 7 + d * 3) % 11),
    attributes: { n: i, name: `name ${i % 5}`, tags: [`t${i % 3}`], note: "x".repeat(i) },
  }));
}

/** Of which rows have places of their own, in planes of a second vector column. */
async function loadSides(): Promise<SearchRig> {
  const side = { type: "[3]i8", filterable: false, ann: true } as const;
  const rig = new SearchRig({ dims: 8, more: [["side", side]] });
  const sides = documents(0, 90).map((document, i) => ({
    ...document,
    attributes: { ...document.attributes, side: Uint8Array.of(i % 7, (i * 5) % 11, i) },
  }));
  await withBounds({ clusteredRowsMin: 50, clusterRowsTarget: 8 }, async () => {
    await rig.put(sides);
    await rig.flush();
  });
  return rig;
}

async function scrub({ memory, tenant, name, clock }: SearchRig): Promise<Ledger> {
  const ledger = new Ledger(memory, syncDigest);
  expect(await scrubNamespace(ledger, tenant, name, clock.now())).toBe(true);
  return ledger;
}

async function keysOf(store: ObjectStore): Promise<string[]> {
  return (await store.list("")).objects.map(({ key }) => key);
}

async function replaced(store: ObjectStore, key: string, bytes: Uint8Array): Promise<void> {
  const metadata = (await store.head(key))?.metadata ?? {};
  await store.delete([key]);
  await store.put(key, bytes, { kind: "create" }, { metadata });
}

async function firstSegment({ isolate, target, clock }: SearchRig): Promise<Segment> {
  const { snapshots } = isolate.memory;
  const snapshot = await clock.run(takeSnapshot(isolate, snapshots, target, "strong", undefined));
  const context = openContext(isolate, snapshot, false);
  const [opened] = await clock.run(openSegments(context, context.reader.round()));
  return (opened as OpenSegment).segment;
}

const readable = { store: undefined as unknown as ObjectStore, digest: syncDigest, rowsMax: 5 };

test("a namespace that is whole is found to be, and everything in it was looked at", async () => {
  const rig = await load();
  const ledger = await scrub(rig);
  expect(ledger.faults).toEqual([]);
  expect(ledger).toMatchObject({ entries: 3, segments: 2, rows: 100 });
  expect(ledger.objects).toBe((await keysOf(rig.memory)).length);
  expect(Object.fromEntries(ledger.verified)).toMatchObject({
    "registry entry": 1,
    "log entries": 3,
    "links of the log's hash chain": 2,
    "operations in the log": 120,
    segments: 2,
    "documents in segments": 100,
    "bitmaps of superseded rows": 1,
    "live documents, each in one segment only": 94,
  });
});

test("planes of a second vector column hold the vectors of the documents, or it is named", async () => {
  const rig = await loadSides();
  const ledger = await scrub(rig);
  expect(ledger.faults).toEqual([]);
  expect(ledger.verified.get("vectors of further columns")).toBe(90);
  const segment = await firstSegment(rig);
  const planes = segment.root.further?.[0] as FurtherPlanes;
  expect(planes.ordinals).toBeDefined();
  const { ordinals: _, ...unordered } = planes;
  const wrong = { ...segment, root: { ...segment.root, further: [unordered] } };
  const again = new Ledger(rig.memory, syncDigest);
  await checkFurther(again, wrong);
  expect(again.faults.map(({ what }) => what).join()).toContain("is not there with its vector");
});

test("one changed byte in any object is found and named", async () => {
  const rig = await load();
  for (const key of await keysOf(rig.memory)) {
    const { bytes } = (await rig.memory.get(key)) ?? { bytes: new Uint8Array() };
    for (const share of [0.1, 0.5, 0.95]) {
      const damaged = bytes.slice();
      const at = Math.floor(bytes.length * share);
      damaged[at] = (damaged[at] as number) ^ 4;
      await replaced(rig.memory, key, damaged);
      const { faults } = await scrub(rig);
      expect(faults.map((fault) => fault.key)).toContain(key);
      expect(faults.every(({ meaning, remedy }) => meaning !== "" && remedy !== "")).toBe(true);
      const lines = await inspectObject(key, damaged, { ...readable, store: rig.memory });
      expect(lines.filter(({ kind }) => kind === "damage").length, key).toBeGreaterThan(0);
    }
    await replaced(rig.memory, key, bytes);
  }
  expect((await scrub(rig)).faults).toEqual([]);
});

/** Another first row in the first list that can have one. All numbers are single bytes. */
function misplaceRow(block: Uint8Array, rows: number): void {
  const content = block.subarray(4);
  for (let at = 0; ; ) {
    const [listed = 0, first = 0, step = 0] = content.subarray(at, at + 3);
    if (listed === 1) content[at + 1] = (first + 1) % rows;
    if (listed > 1 && step > 1) content.set([first + 1, step - 1], at + 1);
    if (listed === 1 || (listed > 1 && step > 1)) return;
    at += 1 + listed;
  }
}

test("a list that names another row is found, of values and of elements of arrays", async () => {
  const rig = new SearchRig({ dims: 8 });
  await rig.put(documents(0, 30));
  await rig.flush();
  const { memory } = rig;
  const segment = await firstSegment(rig);
  const check = async (): Promise<readonly string[]> => {
    const ledger = new Ledger(memory, syncDigest);
    await checkColumns(ledger, segment);
    return ledger.faults.map(({ what }) => what);
  };
  expect(await check()).toEqual([]);
  const found: string[] = [];
  for (const { column } of segment.root.attributes) {
    const lists = column?.lists ?? column?.elements?.lists;
    if (lists === undefined) continue;
    const { key, offset, length } = blockAt(segment, locateBlock(lists.blocks, 0));
    const { bytes } = (await memory.get(key)) ?? { bytes: new Uint8Array() };
    const damaged = bytes.slice();
    misplaceRow(damaged.subarray(offset, offset + length), segment.root.rows);
    await replaced(memory, key, damaged);
    found.push(...(await check()));
    await replaced(memory, key, bytes);
  }
  expect(found.toSorted()).toEqual(
    ["elements of tags", "n", "name"].map(
      (name) => `lists of ${name} name rows that have other values`,
    ),
  );
});

test("a missing object is found and named, but for what only helps to find others", async () => {
  const rig = await load();
  for (const key of await keysOf(rig.memory)) {
    const { bytes } = (await rig.memory.get(key)) ?? { bytes: new Uint8Array() };
    const isNeeded = !/\/(current|names\/.*|wal\/0+[02]|manifest\/.*|keys\/f0-.*)$/.test(key);
    await rig.memory.delete([key]);
    if (isNeeded) {
      const { faults } = await scrub(rig);
      expect(faults.length, key).toBeGreaterThan(0);
    }
    await rig.memory.put(key, bytes, { kind: "create" });
  }
});

test("inspect shows what is in each kind of object", async () => {
  const rig = await load();
  const shown = new Map<string, string>();
  for (const key of await keysOf(rig.memory)) {
    const { bytes } = (await rig.memory.get(key)) ?? { bytes: new Uint8Array() };
    const lines = await inspectObject(key, bytes, { ...readable, store: rig.memory });
    expect(lines.filter(({ kind }) => kind === "damage")).toEqual([]);
    shown.set(key, lines.map(({ text }) => text).join("\n"));
  }
  const textOf = (pattern: RegExp) => [...shown].findLast(([key]) => pattern.test(key))?.[1] ?? "";
  expect(textOf(/\/names\//)).toContain("state                    live");
  expect(textOf(/\/wal\//)).toMatch(/log entry 2 .*\n.*\n?.*member 0: 20 upserts/s);
  expect(textOf(/\/manifest\//)).toMatch(/2 segments/);
  expect(textOf(/\/segment\/[^/]+$/)).toMatch(/documents by row\n *row +id/);
  expect(textOf(/\/dead\//)).toContain("superseded               6 of 60 rows");
  expect(textOf(/\/current$/)).toContain("manifestVersion");
});
