/** The membership filter: no member is ever denied, few others are admitted. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeBloom, encodeBloom, mayContain } from "../../src/bytes/bloom.ts";
import { decodeHex, encodeHex } from "../../src/bytes/hex.ts";
import { writeMurmur3 } from "../../src/bytes/murmur3.ts";

function hashesOf(names: readonly string[]): Uint8Array {
  const ascii = new TextEncoder();
  const hashes = new Uint8Array(16 * names.length);
  for (const [i, name] of names.entries()) {
    writeMurmur3(ascii.encode(name), hashes, 16 * i);
  }
  return hashes;
}

function names(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}-${i}`);
}

describe("membership filter", () => {
  test("never denies a member, whatever the hashes", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 16, maxLength: 16 })), (list) => {
        const hashes = Uint8Array.from(list.flatMap((hash) => [...hash]));
        const filter = decodeBloom(encodeBloom(hashes));
        for (let at = 0; at < hashes.length; at += 16) {
          expect(mayContain(filter, hashes, at)).toBe(true);
        }
      }),
    );
  });

  test("costs ten bits a key and admits about one stranger in a hundred", () => {
    const bytes = encodeBloom(hashesOf(names("member", 10_000)));
    expect(bytes.length).toBe(8 + 12_500);
    const filter = decodeBloom(bytes);
    const strangers = hashesOf(names("stranger", 20_000));
    let admitted = 0;
    for (let at = 0; at < strangers.length; at += 16) {
      admitted += mayContain(filter, strangers, at) ? 1 : 0;
    }
    expect(admitted / 20_000).toBeLessThan(0.012);
  });

  test("of nothing denies everything", () => {
    const filter = decodeBloom(encodeBloom(new Uint8Array(0)));
    expect(mayContain(filter, hashesOf(["a"]), 0)).toBe(false);
  });

  test("has fixed bytes", () => {
    const hex = encodeHex(encodeBloom(hashesOf(names("id", 6))));
    expect(hex).toBe("0700000008000000176aa41e70ae8d81");
    expect(mayContain(decodeBloom(decodeHex(hex)), hashesOf(["id-3"]), 0)).toBe(true);
  });

  test("is refused with a damaged header or a wrong length", () => {
    const bytes = encodeBloom(hashesOf(names("id", 6)));
    const damage: [number, number][] = [
      [0, 0],
      [0, 17],
      [1, 1],
      [2, 1],
      [3, 1],
      [4, 7],
      [4, 9],
      [7, 255],
    ];
    for (const [at, value] of damage) {
      const damaged = bytes.slice();
      damaged[at] = value;
      expect(() => decodeBloom(damaged)).toThrow(expect.objectContaining({ kind: "corrupt" }));
    }
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeBloom(bytes.subarray(0, length))).toThrow(
        expect.objectContaining({ kind: "corrupt" }),
      );
    }
  });
});
