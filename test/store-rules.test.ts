/** The whole life of a namespace, with what it asks of object storage held against the rules. */
import { describe, expect, test } from "vitest";
import { failuresOf } from "./crash/run.ts";
import { scenarios } from "./crash/scenarios.ts";
import { CrashRig } from "./crash-rig.ts";
import { StoreRules } from "./store-rules.ts";

const wal = "t/a/n/g/wal/0000000000000001";
const segment = "t/a/n/g/segment/f0-1";
const create = { kind: "create" } as const;
const replace = { kind: "replace", etag: "e" } as const;

function bytes(...values: readonly number[]): Uint8Array {
  return Uint8Array.from(values);
}

describe("in a whole life of a namespace", () => {
  test("nothing but pointers and registry entries is overwritten, and no name is used twice", async () => {
    const rig = new CrashRig();
    for (const { before, live } of scenarios) {
      await before?.(rig);
      await live(rig);
    }
    const { puts, replacements, deletes } = rig.rules;
    expect(rig.broken).toEqual([]);
    expect(puts).toBeGreaterThan(100);
    expect(replacements).toBeGreaterThan(10);
    expect(deletes).toBeGreaterThan(20);
  });

  test("nor when things fail", async () => {
    const life = scenarios.find(({ isLong }) => isLong === true);
    const dry = new CrashRig();
    await life?.live(dry);
    const failures = failuresOf(dry.effects).filter(({ mode }) => mode === "late");
    expect(failures.length).toBeGreaterThan(20);
    for (const failure of failures) {
      const rig = new CrashRig(failure);
      await life?.live(rig);
      expect(rig.broken).toEqual([]);
    }
  });
});

describe("the rules", () => {
  test("see what is replaced, but for pointers and registry entries", () => {
    const rules = new StoreRules();
    expect(rules.put(segment, bytes(1), replace)).toBe(`${segment} is replaced`);
    expect(rules.put("t/a/n/g/current", bytes(1), replace)).toBeUndefined();
    expect(rules.put("t/a/n/g/current", bytes(2), replace)).toBeUndefined();
    expect(rules.put("t/a/names/fish", bytes(1), replace)).toBeUndefined();
  });

  test("see a name that is used again, unless a put of the same bytes was late", () => {
    const rules = new StoreRules();
    expect(rules.put(segment, bytes(1), create)).toBeUndefined();
    expect(rules.delete("collect", [segment])).toBeUndefined();
    expect(rules.put(segment, bytes(1), create)).toBeUndefined();
    expect(rules.put(segment, bytes(2), create)).toBe(`the name ${segment} is used again`);
  });

  test("let a late put land in a slot that was collected, and in no other", () => {
    const rules = new StoreRules();
    expect(rules.put(wal, bytes(1), create)).toBeUndefined();
    expect(rules.put(wal, bytes(2), create)).toBe(`the name ${wal} is used again`);
    expect(rules.delete("collect", [wal])).toBeUndefined();
    expect(rules.put(wal, bytes(3), create)).toBeUndefined();
  });

  test("see who lists, and who deletes what", () => {
    const rules = new StoreRules();
    expect(rules.list("reader", "t/a/n/g/wal/")).toContain("on the query path");
    expect(rules.list("owner", "t/a/n/g/wal/")).toBeUndefined();
    expect(rules.delete("owner", [wal])).toBe(`${wal} is deleted by: owner`);
    expect(rules.delete("purge", ["t/a/names/fish"])).toContain("registry entry");
    expect(rules.delete("flush", [])).toBeUndefined();
  });
});
