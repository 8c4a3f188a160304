import { describe, expect, test } from "vitest";
import { foldedKeys, keptKeys, keptRefs } from "../../src/compaction/keys.ts";
import type { KeysRef } from "../../src/format/manifest.ts";
import type { KeyRecord } from "../../src/format/write-keys.ts";
import { limits } from "../../src/limits.ts";
import { KeyMemory } from "../../src/namespace/key-memory.ts";

const others = { patches: 0, remain: false };

function record(sequence: number, timeMs = 0, keepMs = 1_000): KeyRecord {
  const id = new Uint8Array(16);
  new DataView(id.buffer).setUint32(0, sequence);
  return { id, body: id, keepMs, sequence, timeMs, upserts: 1, deletes: 0, ...others };
}

function records(from: number, to: number, timeMs = 0): KeyRecord[] {
  return Array.from({ length: to - from }, (_, i) => record(from + i, timeMs));
}

function ref(from: number, to: number, untilMs = 1_000): KeysRef {
  return { name: `${from}`, from, to, keys: to - from, bytes: 100, untilMs };
}

const { keysMax, keysKeptMin, keysObjectMin } = limits;

describe("the memory of keys", () => {
  test("holds the newest and no more than its bound", () => {
    const keys = new KeyMemory(0);
    keys.remember(records(0, keysMax + 10));
    expect(keys.find(record(9).id)).toBeUndefined();
    expect(keys.find(record(10).id)?.sequence).toBe(10);
    expect(keys.find(record(keysMax + 9).id)?.sequence).toBe(keysMax + 9);
  });

  test("lacks what lies in objects from before its time, until they are read", () => {
    const keys = new KeyMemory(10);
    keys.remember(records(10, 12));
    const refs = [ref(0, 4), ref(4, 11), ref(11, 12)];
    expect(keys.lacking(refs)).toEqual(refs.slice(0, 2));
    keys.complete(records(0, 10));
    expect(keys.lacking(refs)).toEqual([]);
    for (const { id, sequence } of records(0, 12)) expect(keys.find(id)?.sequence).toBe(sequence);
  });

  test("answers with the newest write of a key that was forgotten between", () => {
    const keys = new KeyMemory(5);
    keys.remember([{ ...record(1), sequence: 6 }]);
    keys.complete([record(1)]);
    expect(keys.find(record(1).id)?.sequence).toBe(6);
  });
});

describe("a flush keeps", () => {
  test("keys until their time is over, and the newest whatever the clock says", () => {
    const all = records(0, keysKeptMin + 5);
    expect(keptKeys(all, 999)).toEqual(all);
    expect(keptKeys(all, 1_000)).toEqual(all.slice(5));
    expect(keptKeys(all, Number.MAX_SAFE_INTEGER)).toHaveLength(keysKeptMin);
  });

  test("no more keys than the bound, the newest", () => {
    const kept = keptKeys(records(0, keysMax + 3), 0);
    expect(kept).toHaveLength(keysMax);
    expect(kept[0]?.sequence).toBe(3);
  });

  test("objects whose time is not over, and those that hold the newest keys", () => {
    const refs = [ref(0, keysKeptMin), ref(keysKeptMin, 2 * keysKeptMin)];
    expect(keptRefs(refs, 0, 999)).toEqual(refs);
    expect(keptRefs(refs, 0, 1_000)).toEqual(refs.slice(1));
    expect(keptRefs(refs, keysKeptMin, 1_000)).toEqual([]);
    expect(keptRefs(refs, keysKeptMin - 1, 1_000)).toEqual(refs.slice(1));
    expect(keptRefs(refs, keysMax, 0)).toEqual([]);
  });

  test("the newest object apart once it is large", () => {
    expect(foldedKeys([])).toBeUndefined();
    expect(foldedKeys([ref(0, 5), ref(5, 6)])).toEqual(ref(5, 6));
    expect(foldedKeys([ref(0, 5), ref(5, 5 + keysObjectMin)])).toBeUndefined();
  });
});
