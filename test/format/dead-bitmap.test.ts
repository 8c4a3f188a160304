import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, it } from "vitest";
import { Bitmap } from "../../src/bytes/bitmap.ts";
import { decodeHex, encodeHex } from "../../src/bytes/hex.ts";
import { isEngineError } from "../../src/errors.ts";
import {
  decodeDeadBitmap,
  encodeDeadBitmap,
  verifyDeadBitmap,
} from "../../src/format/dead-bitmap.ts";

const place = { generation: "00112233445566778899aabbccddeeff", segment: "job-1", version: 3 };
const file = new URL("../golden/v1/dead-bitmap.hex", import.meta.url);

it("the bytes of a dead bitmap are those of the golden file, and are still understood", () => {
  const golden = readFileSync(file, "utf8").replace(/\s/g, "");
  const dead = Bitmap.of(70_000, [0, 1, 2, 77, 65_536, 69_999]);
  expect(encodeHex(encodeDeadBitmap(place, dead))).toBe(golden);
  expect(decodeDeadBitmap(decodeHex(golden), place, 70_000)).toEqual(dead);
});

it("a dead bitmap comes back as it was", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(5000)), (ordinals) => {
      const dead = Bitmap.of(5001, ordinals);
      expect(decodeDeadBitmap(encodeDeadBitmap(place, dead), place, 5001)).toEqual(dead);
    }),
  );
});

it("a dead bitmap is refused when any byte is changed, or when it is another's", () => {
  const bytes = encodeDeadBitmap(place, Bitmap.of(100, [3, 50, 99]));
  for (let at = 0; at < bytes.length; at++) {
    bytes[at] = (bytes[at] as number) ^ 0x10;
    expect(verifyDeadBitmap(bytes, place)).toBe(false);
    expect(() => decodeDeadBitmap(bytes, place, 100)).toThrow("checksum");
    bytes[at] = (bytes[at] as number) ^ 0x10;
  }
  expect(verifyDeadBitmap(bytes, place)).toBe(true);
  expect(verifyDeadBitmap(bytes.subarray(0, 3), place)).toBe(false);
  expect(verifyDeadBitmap(bytes, { ...place, segment: "job-2" })).toBe(false);
  for (const [wrong, rows] of [
    [{ ...place, version: 4 }, 100],
    [place, 101],
  ] as const) {
    try {
      decodeDeadBitmap(bytes, wrong, rows);
      expect.unreachable();
    } catch (error) {
      expect(isEngineError(error, "corrupt")).toBe(true);
    }
  }
});
