import { describe, expect, it } from "vitest";
import { FingerprintSet } from "../../src/store/fingerprint-set.ts";

const names = (count: number) => Array.from({ length: count }, (_, i) => `object#${i * 8}+8`);

describe("fingerprint set", () => {
  it("has what was added and nothing else", () => {
    const set = new FingerprintSet(4_096);
    for (const name of names(400)) set.add(name);
    expect(names(400).filter((name) => !set.has(name))).toEqual([]);
    expect(
      names(5_000)
        .slice(400)
        .filter((name) => set.has(name)),
    ).toEqual([]);
  });

  it("forgets what was deleted, and says whether it was there", () => {
    const set = new FingerprintSet(64);
    set.add("a");
    set.add("b");
    expect([set.delete("a"), set.delete("a"), set.has("a"), set.has("b")]).toEqual([
      true,
      false,
      false,
      true,
    ]);
  });

  it("forgets the oldest of a bucket, of which adding again makes the newest", () => {
    const set = new FingerprintSet(4);
    for (const name of ["a", "b", "c", "d", "a", "e"]) set.add(name);
    expect(["a", "b", "c", "d", "e"].filter((name) => set.has(name))).toEqual(["a", "c", "d", "e"]);
  });
});
