/** The portable Roaring format against CRoaring, with golden bytes and damage of every kind. */
import fc from "fast-check";
import { RoaringBitmap32 } from "roaring-wasm";
import { afterAll, describe, expect, test } from "vitest";
import { Bitmap } from "../../src/bytes/bitmap.ts";
import { decodeHex, encodeHex } from "../../src/bytes/hex.ts";
import {
  decodeBitmap,
  decodeBitmapInto,
  encodeBitmap,
  encodeOrdinals,
} from "../../src/bytes/roaring.ts";
import { bytesOf } from "../../src/bytes/typed-view.ts";
import { isEngineError } from "../../src/errors.ts";

const oracle = new RoaringBitmap32();
afterAll(() => oracle.dispose());

function oracleBytes(ordinals: Iterable<number>): Uint8Array {
  oracle.clear();
  oracle.addMany([...ordinals]);
  oracle.runOptimize();
  return Uint8Array.from(oracle.serialize("portable"));
}

/** Stretches of every density, so that all three containers occur, also at their bounds. */
const ordinalsArbitrary = fc
  .array(
    fc.record({
      start: fc.nat(400_000),
      count: fc.oneof(fc.nat(40), fc.constantFrom(1, 4095, 4096, 4097, 9000, 70_000)),
      step: fc.constantFrom(1, 1, 2, 3, 7, 40),
    }),
    { maxLength: 5 },
  )
  .map((stretches) => {
    const ordinals = new Set<number>();
    for (const { start, count, step } of stretches) {
      for (let i = 0; i < count && start + i * step < 600_000; i++) {
        ordinals.add(start + i * step);
      }
    }
    return Uint32Array.from(ordinals).sort();
  });

function range(from: number, to: number, step = 1): number[] {
  return Array.from({ length: Math.ceil((to - from) / step) }, (_, i) => from + i * step);
}

describe("roaring", () => {
  test("writes the bytes of CRoaring and reads them back", () => {
    fc.assert(
      fc.property(ordinalsArbitrary, fc.nat(100), (ordinals, room) => {
        const bytes = encodeOrdinals(ordinals);
        expect(Buffer.compare(bytes, oracleBytes(ordinals))).toBe(0);
        const size = (ordinals.at(-1) ?? -1) + 1 + room;
        const bitmap = decodeBitmap(bytes, size);
        expect(Buffer.compare(bytesOf(bitmap.ordinals()), bytesOf(ordinals))).toBe(0);
        expect(Buffer.compare(encodeBitmap(bitmap), bytes)).toBe(0);
      }),
      { numRuns: 40 },
    );
  });

  test("reads what CRoaring writes without run optimisation", () => {
    fc.assert(
      fc.property(ordinalsArbitrary, (ordinals) => {
        oracle.clear();
        oracle.addMany([...ordinals]);
        const bytes = Uint8Array.from(oracle.serialize("portable"));
        const decoded = decodeBitmap(bytes, 600_000).ordinals();
        expect(Buffer.compare(bytesOf(decoded), bytesOf(ordinals))).toBe(0);
      }),
      { numRuns: 20 },
    );
  });

  test("adds a stored set to one that is there", () => {
    const target = Bitmap.of(100_000, [1, 99_999]);
    decodeBitmapInto(encodeOrdinals(Uint32Array.of(2, 70_000)), target);
    decodeBitmapInto(encodeOrdinals(Uint32Array.from(range(10, 20_000, 3))), target);
    expect([...target]).toEqual([1, 2, ...range(10, 20_000, 3), 70_000, 99_999]);
  });

  const golden: readonly [string, readonly number[], string][] = [
    ["nothing", [], "3a30000000000000"],
    [
      "arrays",
      [1, 5, 65_536, 65_539],
      "3a300000020000000000010001000100" + "18000000" + "1c000000" + "01000500" + "00000300",
    ],
    ["a run", range(3, 9), "3b300000" + "01" + "00000500" + "0100" + "03000500"],
    [
      "four containers with runs, hence offsets",
      [...range(0, 9), 65_536, ...range(131_072, 131_080), 196_608],
      "3b300300" +
        "05" +
        "00000800" +
        "01000000" +
        "02000700" +
        "03000000" +
        "25000000" +
        "2b000000" +
        "2d000000" +
        "33000000" +
        "010000000800" +
        "0000" +
        "010000000700" +
        "0000",
    ],
    [
      "a bitset",
      range(0, 8194, 2),
      "3a300000" +
        "01000000" +
        "00000010" +
        "10000000" +
        "55".repeat(1024) +
        "01" +
        "00".repeat(7167),
    ],
  ];
  for (const [name, ordinals, hex] of golden) {
    test(`the bytes of ${name} are fixed`, () => {
      expect(encodeHex(encodeOrdinals(Uint32Array.from(ordinals)))).toBe(hex);
      expect([...decodeBitmap(decodeHex(hex), 200_000)]).toEqual(ordinals);
    });

    test(`every changed byte of ${name} gives another set or corrupt`, () => {
      const bytes = decodeHex(hex);
      for (let at = 0; at < Math.min(bytes.length, 80); at++) {
        for (const flip of [1, 2, 4, 8, 16, 32, 64, 128, 255]) {
          const damaged = bytes.slice();
          damaged[at] = (damaged[at] as number) ^ flip;
          expectOtherOrCorrupt(damaged, ordinals);
        }
        expectCorrupt(bytes.subarray(0, at), 200_000);
      }
      expectCorrupt(Uint8Array.from([...bytes, 0]), 200_000);
    });
  }

  test("ordinals at or beyond the size are corrupt in every container", () => {
    for (const ordinals of [[7, 99], range(50, 100), range(0, 20_000, 2)]) {
      const last = ordinals.at(-1) as number;
      const bytes = encodeOrdinals(Uint32Array.from(ordinals));
      expect(decodeBitmap(bytes, last + 1).count()).toBe(ordinals.length);
      for (const size of [last, last - 1, last - 40, 1, 0]) {
        expectCorrupt(bytes, size);
      }
    }
  });

  test("a claim of many containers allocates nothing", () => {
    expectCorrupt(decodeHex("3a300000ffffffff"), 2 ** 20);
    expectCorrupt(decodeHex("3b30ffffff"), 2 ** 20);
  });

  test("random bytes are a set or corrupt", () => {
    const cookie = fc.constantFrom("3a300000", "3b300000", "3b300300", "");
    fc.assert(
      fc.property(cookie, fc.uint8Array({ maxLength: 60 }), (start, rest) => {
        const bytes = Uint8Array.from([...decodeHex(start), ...rest]);
        try {
          decodeBitmap(bytes, 70_000);
        } catch (error) {
          expect(isEngineError(error, "corrupt")).toBe(true);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test("ordinals out of order are our own mistake", () => {
    for (const ordinals of [
      [2, 1],
      [1, 1],
      [70_000, 3],
    ]) {
      expect(() => encodeOrdinals(Uint32Array.from(ordinals))).toThrow("assertion failed");
    }
  });
});

function expectOtherOrCorrupt(bytes: Uint8Array, ordinals: readonly number[]): void {
  let decoded: Bitmap;
  try {
    decoded = decodeBitmap(bytes, 200_000);
  } catch (error) {
    expect(isEngineError(error, "corrupt")).toBe(true);
    return;
  }
  expect([...decoded]).not.toEqual(ordinals);
}

function expectCorrupt(bytes: Uint8Array, size: number): void {
  expect(() => decodeBitmap(bytes, size)).toThrow(expect.objectContaining({ kind: "corrupt" }));
}
