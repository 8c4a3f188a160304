import { describe, expect, test } from "vitest";
import type { DocumentId, IdKind } from "../../src/document/id.ts";
import { hashIds } from "../../src/format/id-hash.ts";
import { limits } from "../../src/limits.ts";
import { IdMemory } from "../../src/namespace/id-memory.ts";

function uints(...ids: readonly number[]): Uint32Array {
  return hashIds("uint", ids);
}

function range(from: number, to: number): Uint32Array {
  return uints(...Array.from({ length: to - from }, (_, i) => from + i));
}

describe("hashes of ids", () => {
  test("differ where ids differ, in each kind", () => {
    const kinds: readonly [IdKind, readonly DocumentId[]][] = [
      ["uint", [0, 1, 2 ** 32, 2 ** 53 - 1, 2n ** 63n, 2n ** 64n - 1n]],
      ["string", ["", "a", "b", "ab", "ü", "long".repeat(12)]],
      ["uuid", ["00000000-0000-0000-0000-000000000000", "018f3c1e-0000-7000-8000-000000000001"]],
    ];
    for (const [kind, ids] of kinds) {
      const hashes = hashIds(kind, ids);
      expect(hashes).toHaveLength(2 * ids.length);
      const seen = new Set(ids.map((_, i) => `${hashes[2 * i]} ${hashes[2 * i + 1]}`));
      expect(seen.size).toBe(ids.length);
      const alone = hashIds(kind, ids.slice(1));
      expect(alone).toEqual(hashes.slice(2));
    }
  });

  test("of the number are the number", () => {
    expect([...hashIds("uint", [5, 2 ** 32 + 7, 2n ** 63n])]).toEqual([5, 0, 7, 1, 0, 2 ** 31]);
  });
});

describe("the memory of ids", () => {
  test("names what was touched since, and nothing that was touched before", () => {
    const memory = new IdMemory(10);
    memory.record(uints(1, 2), 10);
    memory.record(uints(2, 3), 11);
    expect(memory.conflict(uints(1, 2, 3, 4), 12)).toBeUndefined();
    expect(memory.conflict(uints(1, 2, 3, 4), 11)?.ids).toEqual(uints(2, 3));
    expect(memory.conflict(uints(1, 4), 11)).toBeUndefined();
    expect(memory.conflict(uints(1, 4), 10)?.ids).toEqual(uints(1));
  });

  test("knows nothing of what was before its time", () => {
    expect(new IdMemory(10).conflict(uints(1), 9)).toEqual({ ids: new Uint32Array(0) });
    expect(new IdMemory(10).conflict(uints(1), 10)).toBeUndefined();
  });

  test("takes an entry whose ids are not known for one that touched them all", () => {
    const memory = new IdMemory(0);
    memory.record(uints(1), 0);
    memory.record(undefined, 1);
    expect(memory.conflict(uints(7), 1)).toEqual({ ids: new Uint32Array(0) });
    expect(memory.conflict(uints(7), 2)).toBeUndefined();
    memory.record(uints(7), 2);
    expect(memory.conflict(uints(1, 7), 2)?.ids).toEqual(uints(7));
  });

  test("never lowers the entry of an id", () => {
    const memory = new IdMemory(0);
    memory.record(uints(1), 5);
    memory.record(uints(1), 3);
    expect(memory.conflict(uints(1), 5)).toBeDefined();
  });

  test("is bounded: the older half goes, and is then not known", () => {
    const memory = new IdMemory(0);
    const most = limits.rememberedIdsMax;
    for (let at = 0; at < most; at += 1_024) {
      memory.record(range(at, at + 1_024), at / 1_024);
    }
    expect(memory.rememberedFrom).toBe(0);
    const newest = most / 1_024;
    memory.record(range(most, most + 10), newest);
    const from = memory.rememberedFrom;
    expect(from).toBeGreaterThan(newest / 3);
    expect(from).toBeLessThan((2 * newest) / 3);
    expect(memory.conflict(uints(most + 20), from - 1)).toEqual({ ids: new Uint32Array(0) });
    // Everything from there on is remembered.
    for (let sequence = from; sequence < newest; sequence++) {
      const id = uints(sequence * 1_024 + 3);
      expect(memory.conflict(id, sequence)?.ids).toEqual(id);
      expect(memory.conflict(id, sequence + 1)).toBeUndefined();
    }
  });

  test("of one entry larger than itself knows that it does not know", () => {
    const memory = new IdMemory(0);
    memory.record(range(0, limits.rememberedIdsMax + 1), 0);
    expect(memory.rememberedFrom).toBe(1);
    expect(memory.conflict(uints(1), 0)).toBeDefined();
    expect(memory.conflict(uints(1), 1)).toBeUndefined();
  });

  test("agrees with a map, whatever comes", () => {
    const memory = new IdMemory(3);
    const model = new Map<number, number>();
    let state = 1;
    const next = (below: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return (state >>> 8) % below;
    };
    for (let sequence = 3; sequence < 400; sequence++) {
      const ids = Array.from({ length: next(12) }, () => next(2_000));
      memory.record(uints(...ids), sequence);
      for (const id of ids) model.set(id, sequence);
      const [asked, at] = [next(2_000), 3 + next(sequence)];
      const expected = (model.get(asked) ?? 0) >= at;
      expect(memory.conflict(uints(asked), at) !== undefined).toBe(expected);
    }
  });
});
