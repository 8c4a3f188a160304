/** Shortest decimal texts against their definition in exact integer arithmetic. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { f32Text, f32TextBytesMax, f64Text, writeF32Text } from "../../src/bytes/float-text.ts";

const scratch = new Float32Array(1);
const scratchBits = new Uint32Array(scratch.buffer);

function fromBits(bits: number): number {
  scratchBits[0] = bits;
  return scratch[0] as number;
}

/** Finite, not NaN: every sign and exponent equally often. */
const anyF32 = fc
  .tuple(fc.boolean(), fc.nat(254), fc.nat(0x7f_ffff))
  .map(([negative, exponent, fraction]) => {
    return fromBits(((negative ? 2 ** 31 : 0) + exponent * 2 ** 23 + fraction) >>> 0);
  });

/** A double as an exact fraction. */
function exact(value: number): { over: bigint; under: bigint } {
  let under = 1n;
  let rest = value;
  while (!Number.isInteger(rest)) {
    rest *= 2;
    under *= 2n;
  }
  return { over: BigInt(rest), under };
}

/**
 * By brute force: for each number of digits the two decimals around the value, the nearer first.
 * The first that reads back is the shortest.
 */
function definition(value: number): string {
  if (value === 0) {
    return Object.is(value, -0) ? "-0" : "0";
  }
  const sign = value < 0 ? "-" : "";
  const { over, under } = exact(Math.abs(value));
  const magnitude = Math.floor(Math.log10(Math.abs(value)));
  for (let digits = 1; ; digits++) {
    for (const shift of [magnitude + 1, magnitude, magnitude - 1]) {
      // Decimals n * 10^-places with about `digits` digits.
      const places = digits - 1 - shift;
      const scaled = places >= 0 ? over * 10n ** BigInt(places) : over;
      const divisor = places >= 0 ? under : under * 10n ** BigInt(-places);
      const floor = scaled / divisor;
      const upIsNearer = 2n * (scaled - floor * divisor) >= divisor;
      for (const n of upIsNearer ? [floor + 1n, floor] : [floor, floor + 1n]) {
        const text = `${n}e${-places}`;
        if (String(n).length <= digits && Math.fround(Number(text)) === Math.abs(value)) {
          return sign + String(Number(text));
        }
      }
    }
  }
}

describe("f32 text", () => {
  test("is what people expect to see", () => {
    const texts: [number, string][] = [
      [0.7, "0.7"],
      [0.1, "0.1"],
      [-0.3, "-0.3"],
      [1, "1"],
      [100, "100"],
      [1234.5, "1234.5"],
      [0.000012345, "0.000012345"],
      [16_777_216, "16777216"],
      [3.4028235e38, "3.4028235e+38"],
      [1.17549435e-38, "1.1754944e-38"],
      [1e-45, "1e-45"],
      [123456790519087104, "123456790000000000"],
      [-340282350000000000000, "-340282350000000000000"],
      [9.5367431640625e-7, "9.536743e-7"],
      [0, "0"],
      [-0, "-0"],
      [0.12347412109375, "0.12347412"],
      [0.654296875, "0.6542969"],
    ];
    for (const [value, text] of texts) {
      expect(f32Text(Math.fround(value))).toBe(text);
    }
  });

  test("is the shortest that reads back, for all kinds of values", () => {
    const small = fc.float({ noNaN: true, min: -1, max: 1 });
    const middle = fc.float({ noNaN: true, min: -1000, max: 1000 });
    fc.assert(
      fc.property(fc.oneof(anyF32, small, middle), (value) => {
        expect(f32Text(value)).toBe(definition(value));
      }),
      { numRuns: 3000 },
    );
  });

  test("is the shortest at every power of two and beside it", () => {
    for (let exponent = 0; exponent <= 254; exponent++) {
      for (const step of [-1, 0, 1]) {
        const bits = exponent * 2 ** 23 + step;
        if (bits >= 0) {
          expect(f32Text(fromBits(bits))).toBe(definition(fromBits(bits)));
        }
      }
    }
  });

  test("is the shortest for short decimals and around powers of ten", () => {
    for (let power = -45; power <= 38; power++) {
      for (const digits of [1, 2, 5, 9, 10, 12, 99, 125, 9999, 99999]) {
        const value = Math.fround(digits * 10 ** power);
        if (Number.isFinite(value)) {
          expect(f32Text(value)).toBe(definition(value));
        }
      }
    }
  });

  test("is the same text in bytes, and leaves the other bytes alone", () => {
    const into = new Uint8Array(40).fill(7);
    fc.assert(
      fc.property(anyF32, (value) => {
        const end = writeF32Text(value, into, 3);
        expect(end - 3).toBeLessThanOrEqual(f32TextBytesMax);
        expect(new TextDecoder().decode(into.subarray(3, end))).toBe(f32Text(value));
        expect(into[2]).toBe(7);
        expect(into[3 + f32TextBytesMax]).toBe(7);
      }),
    );
  });
});

test("f64 text is JavaScript's, with the sign of -0", () => {
  expect([0.1, -0, 1e21, 123, 5e-324].map(f64Text)).toEqual([
    "0.1",
    "-0",
    "1e+21",
    "123",
    "5e-324",
  ]);
});
