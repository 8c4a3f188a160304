import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeHex, encodeHex } from "../../src/bytes/hex.ts";
import { isEngineError } from "../../src/errors.ts";
import { decodeCbor, encodeCbor } from "../../src/format/cbor.ts";
import { cborLength } from "../../src/format/cbor-length.ts";

/** Values with the bytes that RFC 8949, appendix A, or its rules give them. */
const examples: readonly [unknown, string][] = [
  [0, "00"],
  [23, "17"],
  [24, "1818"],
  [255, "18ff"],
  [256, "190100"],
  [65_536, "1a00010000"],
  [1_000_000_000_000, "1b000000e8d4a51000"],
  [2 ** 53 - 1, "1b001fffffffffffff"],
  [2n ** 64n - 1n, "1bffffffffffffffff"],
  [-1, "20"],
  [-24, "37"],
  [-25, "3818"],
  [-1000, "3903e7"],
  [-(2 ** 53 - 1), "3b001ffffffffffffe"],
  [-(2n ** 64n), "3bffffffffffffffff"],
  [1.1, "fb3ff199999999999a"],
  [1e300, "fb7e37e43c8800759c"],
  [-0, "fb8000000000000000"],
  [Number.POSITIVE_INFINITY, "fb7ff0000000000000"],
  [false, "f4"],
  [true, "f5"],
  [null, "f6"],
  [new Uint8Array([1, 2, 3, 4]), "4401020304"],
  ["", "60"],
  ["IETF", "6449455446"],
  ["\u00fc", "62c3bc"],
  ["\u{10151}", "64f0908591"],
  [[], "80"],
  [[1, [2, 3]], "82018202" + "03"],
  [{ a: 1, b: [2, 3] }, "a26161016162820203"],
];

/** Everything that can be encoded, numbers and bigints in their canonical form. */
const { anyValue } = fc.letrec((tie) => ({
  anyValue: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true }),
    fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }),
    fc.bigInt({ min: -(2n ** 64n), max: -(2n ** 53n) }),
    fc.string(),
    fc.constantFrom("\ufeffmark", "\u{1f600}".repeat(30), "__proto__"),
    fc.uint8Array(),
    fc.array(tie("anyValue"), { maxLength: 5 }),
    fc.dictionary(fc.string(), tie("anyValue"), { maxKeys: 5, noNullPrototype: true }),
  ),
}));

function refuses(bytes: Uint8Array): boolean {
  try {
    decodeCbor(bytes);
    return false;
  } catch (error) {
    expect(isEngineError(error, "corrupt"), String(error)).toBe(true);
    return true;
  }
}

describe("CBOR", () => {
  it.each(examples)("writes %s as %s and reads it back", (value, hex) => {
    const bytes = encodeCbor(value);
    expect(encodeHex(bytes)).toBe(hex);
    expect(decodeCbor(bytes)).toStrictEqual(value);
  });

  it("returns whatever was written, in an exact copy", () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const bytes = encodeCbor(value);
        expect(bytes.byteLength).toBe(bytes.buffer.byteLength);
        expect(cborLength(value)).toBe(bytes.length);
        expect(decodeCbor(bytes)).toStrictEqual(value);
      }),
    );
  });

  it("returns what is longer than the room it begins with, whatever crosses the end", () => {
    const long = "x".repeat(30);
    for (const last of [new Uint8Array(40).fill(7), long, "é".repeat(9), 1.5, 2 ** 40, 2n ** 60n]) {
      for (let before = 4_050; before < 4_100; before++) {
        const value = [new Uint8Array(before).fill(1), last, [last, { a: last }], true];
        expect(decodeCbor(encodeCbor(value))).toStrictEqual(value);
      }
    }
    const large = Array.from({ length: 20_000 }, (_, i) => [i, String(i)]);
    expect(decodeCbor(encodeCbor(large))).toStrictEqual(large);
  });

  it("brings integers to their canonical form: numbers while safe", () => {
    expect(decodeCbor(encodeCbor(5n))).toBe(5);
    expect(decodeCbor(encodeCbor(-(2n ** 53n - 1n)))).toBe(-(2 ** 53 - 1));
    expect(decodeCbor(encodeCbor(2n ** 53n))).toBe(2n ** 53n);
  });

  it("keeps a leading byte order mark, also in long text", () => {
    const text = `\ufeff${"a".repeat(100)}`;
    expect(decodeCbor(encodeCbor(text))).toBe(text);
  });

  it("keeps `__proto__` as a key and the prototype as it is", () => {
    const value = JSON.parse('{"__proto__":{"polluted":true},"constructor":1}') as object;
    const decoded = decodeCbor(encodeCbor(value)) as Record<string, unknown>;
    expect(Object.keys(decoded)).toEqual(["__proto__", "constructor"]);
    expect(Object.getPrototypeOf(decoded)).toBe(Object.prototype);
    expect(decoded["polluted"]).toBeUndefined();
  });

  it("copies byte strings, so that they outlive and never expose the input", () => {
    const bytes = encodeCbor([new Uint8Array([1, 2, 3])]);
    const [copy] = decodeCbor(bytes) as [Uint8Array];
    bytes.fill(0);
    expect([...copy]).toEqual([1, 2, 3]);
    expect(copy.buffer.byteLength).toBe(3);
  });

  it("does not encode what it could not return", () => {
    for (const value of [
      undefined,
      Number.NaN,
      "\ud800",
      new Map(),
      new Date(0),
      () => 0,
      2n ** 64n,
    ]) {
      expect(() => encodeCbor([value])).toThrow("assertion failed");
    }
    const cycle: unknown[] = [];
    cycle.push(cycle);
    expect(() => encodeCbor(cycle)).toThrow("nests too deeply");
  });
});

describe("CBOR from storage", () => {
  it.each([
    ["nothing", ""],
    ["a second value", "0000"],
    ["a longer form of an integer", "1800"],
    ["a longer form of an integer", "1b0000000000000001"],
    ["a longer form of a length", "790001" + "61"],
    ["a float that is an integer", "fb3ff0000000000000"],
    ["a float that is NaN", "fb7ff8000000000000"],
    ["a half float", "f93c00"],
    ["a single float", "fa47c35000"],
    ["undefined", "f7"],
    ["a simple value", "e0"],
    ["a break", "ff"],
    ["an array without length", "9f01ff"],
    ["a map without length", "bf616101ff"],
    ["text without length", "7f6161ff"],
    ["a tag", "c001"],
    ["a record definition", "d9dfff8301816161" + "00"],
    ["a map with a key that is no text", "a10102"],
    ["a map with a key twice", "a2616101616102"],
    ["text that is not UTF-8", "61ff"],
    ["text cut inside a character", "61c3"],
    ["a length beyond the end", "9a7fffffff"],
    ["a length beyond the end", "bb00000000ffffffff"],
    ["a length beyond the end", "5b7fffffffffffffff"],
    ["a length beyond the end", "7affffffff"],
    ["arrays nested deeper than 32", "81".repeat(33) + "00"],
  ])("is refused when it holds %s (%s)", (_, hex) => {
    expect(refuses(decodeHex(hex))).toBe(true);
  });

  it("nests up to 32 deep", () => {
    expect(refuses(decodeHex(`${"81".repeat(32)}00`))).toBe(false);
  });

  it("costs no more than the input allows, however deep or long it claims to be", () => {
    expect(refuses(new Uint8Array(1_000_000).fill(0x81))).toBe(true);
    expect(refuses(new Uint8Array(1_000_000).fill(0x9a))).toBe(true);
  });

  it("is refused or read, never anything else, whatever the bytes", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => void refuses(bytes)));
  });

  it("has one encoding for each value", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 24 }), (bytes) => {
        if (!refuses(bytes)) {
          expect(encodeCbor(decodeCbor(bytes))).toEqual(bytes);
        }
      }),
    );
  });
});
