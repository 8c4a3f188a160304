/** Scrub finds and names every damage; inspect shows every kind of object, whole or not. */
import { expect, test } from "vitest";
import { inspectObject } from "../../scripts/inspect/object.ts";
import { Ledger } from "../../scripts/scrub/ledger.ts";
import { scrubNamespace } from "../../scripts/scrub/scrub.ts";
import type { ObjectStore } from "../../src/store/object-store.ts";
import type { OracleDocument } from "../oracle/brute-force.ts";
import { SearchRig } from "../search-rig.ts";
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
