import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as keys from "../../src/store/keys.ts";

const root = keys.generationRoot("acme", "00112233445566778899aabbccddeeff");
const number = fc.maxSafeNat();

describe("keys", () => {
  it("lie where the layout says", () => {
    const below = (path: string) => `t/acme/n/00112233445566778899aabbccddeeff/${path}`;
    expect(keys.registryKey("acme", "docs")).toBe("t/acme/names/docs");
    expect(keys.graveKey("acme", "0011")).toBe("t/acme/graves/0011");
    expect(keys.operationRequestKey({ tenant: "acme", token: "x1" })).toBe("t/acme/ops/x1/request");
    expect(keys.operationResultKey({ tenant: "acme", token: "x1" })).toBe("t/acme/ops/x1/result");
    expect(root).toBe(below(""));
    expect(keys.currentKey(root)).toBe(below("current"));
    expect(keys.walKey(root, 0)).toBe(below("wal/0000000000000000"));
    expect(keys.walKey(root, 255)).toBe(below("wal/00000000000000ff"));
    expect(keys.manifestKey(root, 4_096)).toBe(below("manifest/0000000000001000"));
    expect(keys.attachmentKey(root, "p1")).toBe(below("part/p1"));
    expect(keys.segmentKey(root, "job-1", 1, 0)).toBe(below("segment/job-1"));
    expect(keys.segmentKey(root, "job-1", 20, 17)).toBe(below("segment/job-1/0017"));
    expect(keys.deadKey(root, "job-1", "3-ab")).toBe(below("segment/job-1/dead/3-ab"));
    expect(keys.refKey(root, "ffee")).toBe(below("refs/ffee"));
  });

  it("are read back to what they were made of", () => {
    fc.assert(
      fc.property(number, (n) => {
        expect(keys.sequenceOfWalKey(keys.walKey(root, n))).toBe(n);
        expect(keys.versionOfManifestKey(keys.manifestKey(root, n))).toBe(n);
      }),
    );
    expect(keys.nameOfRegistryKey(keys.registryKey("acme", "a.b-c_d"))).toBe("a.b-c_d");
    expect(keys.generationOfGraveKey(keys.graveKey("acme", "0011"))).toBe("0011");
    expect(keys.idOfAttachmentKey(keys.attachmentKey(root, "p1"))).toBe("p1");
    expect(keys.childOfRefKey(keys.refKey(root, "ffee"))).toBe("ffee");
    const segmentOf = (key: string) => keys.segmentOfKey(key);
    expect(segmentOf(keys.segmentKey(root, "job-1", 1, 0))).toEqual({ kind: "whole", id: "job-1" });
    expect(segmentOf(keys.segmentKey(root, "job-1", 20, 17))).toEqual({
      kind: "part",
      id: "job-1",
      part: 17,
    });
    expect(segmentOf(keys.deadKey(root, "job-1", "3-ab"))).toEqual({
      kind: "dead",
      id: "job-1",
      name: "3-ab",
    });
  });

  it("sort as their numbers do", () => {
    fc.assert(
      fc.property(number, number, (a, b) => {
        const [x, y] = [keys.walKey(root, a), keys.walKey(root, b)];
        expect(x < y).toBe(a < b);
      }),
    );
  });

  it("begin with the prefix that lists them", () => {
    expect(keys.registryKey("acme", "docs").startsWith(keys.registryPrefix("acme"))).toBe(true);
    expect(keys.graveKey("acme", "0").startsWith(keys.gravePrefix("acme"))).toBe(true);
    expect(
      keys
        .operationResultKey({ tenant: "acme", token: "x" })
        .startsWith(keys.operationPrefix("acme")),
    ).toBe(true);
    expect(keys.walKey(root, 1).startsWith(keys.walPrefix(root))).toBe(true);
    expect(keys.manifestKey(root, 1).startsWith(keys.manifestPrefix(root))).toBe(true);
    expect(keys.attachmentKey(root, "p").startsWith(keys.attachmentPrefix(root))).toBe(true);
    expect(keys.deadKey(root, "s", "1").startsWith(keys.segmentsPrefix(root))).toBe(true);
    expect(keys.refKey(root, "c").startsWith(keys.refsPrefix(root))).toBe(true);
  });

  it("of other kinds are not taken for what they are not", () => {
    const wal = keys.walKey(root, 1);
    expect(keys.versionOfManifestKey(wal)).toBeUndefined();
    expect(keys.segmentOfKey(wal)).toBeUndefined();
    expect(keys.nameOfRegistryKey(wal)).toBeUndefined();
    expect(keys.generationOfGraveKey(wal)).toBeUndefined();
    expect(keys.idOfAttachmentKey(wal)).toBeUndefined();
    expect(keys.childOfRefKey(wal)).toBeUndefined();
    for (const odd of ["wal/1", "wal/00000000000000FF", "wal/ffffffffffffffff", "wal/x"]) {
      expect(keys.sequenceOfWalKey(root + odd), odd).toBeUndefined();
    }
    for (const odd of ["segment/", "segment/a/b", "segment/a/dead", "segment/a/dead/b/c"]) {
      expect(keys.segmentOfKey(root + odd), odd).toBeUndefined();
    }
  });

  it("are never made of parts that would leave their place", () => {
    expect(() => keys.registryKey("acme", "a/b")).toThrow(/assertion/);
    expect(() => keys.generationRoot("", "00")).toThrow(/assertion/);
    expect(() => keys.walKey(root, -1)).toThrow(/assertion/);
    expect(() => keys.walKey(root, 1.5)).toThrow(/assertion/);
    expect(() => keys.walKey(root, 2 ** 53)).toThrow(/assertion/);
    expect(() => keys.segmentKey(root, "a", 2, 2)).toThrow(/assertion/);
    expect(() => keys.segmentKey(root, "a", 20_000, 10_000)).toThrow(/assertion/);
  });
});
