/** Half precision against the definition: the nearest of all 65,536 values, ties to even. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeF16, encodeF16, f16ToF32, f32ToF16 } from "../../src/bytes/f16.ts";

const all = Uint16Array.from({ length: 65_536 }, (_, half) => half);

/** The value by the formula of the standard. */
function valueOf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >>> 10) & 31;
  const fraction = half & 0x3ff;
  if (exponent === 31) {
    return fraction === 0 ? sign * Infinity : Number.NaN;
  }
  return exponent === 0
    ? sign * fraction * 2 ** -24
    : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The nearest half by search; infinity stands where 65,536 would. */
function nearestHalf(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  let below = 0;
  for (let bit = 0x4000; bit > 0; bit >>= 1) {
    const next = below + bit;
    if (next < 0x7c00 && valueOf(next) <= size) {
      below = next;
    }
  }
  const above = below + 1;
  const middle = (valueOf(below) + (above === 0x7c00 ? 65_536 : valueOf(above))) / 2;
  const up = size > middle || (size === middle && below % 2 === 1);
  return sign | (up ? above : below);
}

describe("f16", () => {
  test("decodes all 65,536 values as the standard says", () => {
    const decoded = decodeF16(all);
    expect(all.filter((half) => !Object.is(decoded[half], valueOf(half)))).toHaveLength(0);
  });

  test("encodes each value to itself, and its NaNs to one quiet NaN a sign", () => {
    const encoded = encodeF16(decodeF16(all));
    const wrong = all.filter((half) => {
      const isNaN = (half & 0x7fff) > 0x7c00;
      return encoded[half] !== (isNaN ? (half & 0x8000) | 0x7e00 : half);
    });
    expect(wrong).toHaveLength(0);
  });

  test("rounds the middle between neighbours to even, and what is beside it to the nearer", () => {
    const wrong: number[] = [];
    for (let half = 0; half < 0x7c00; half++) {
      const above = half + 1 === 0x7c00 ? 65_536 : valueOf(half + 1);
      const middle = (valueOf(half) + above) / 2;
      const beside = middle * 2 ** -23;
      for (const [sign, high] of [
        [1, 0],
        [-1, 0x8000],
      ] as const) {
        const isRight =
          f32ToF16(sign * middle) === (high | (half + (half & 1))) &&
          f32ToF16(sign * (middle - beside)) === (high | half) &&
          f32ToF16(sign * (middle + beside)) === (high | (half + 1));
        if (!isRight) {
          wrong.push(half);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  test("any f32 becomes the nearest half", () => {
    const values = fc.oneof(
      fc.float({ noNaN: true }),
      fc.float({ noNaN: true, min: -70_000, max: 70_000 }),
      fc.float({ noNaN: true, min: Math.fround(-1e-4), max: Math.fround(1e-4) }),
    );
    fc.assert(
      fc.property(fc.array(values), (list) => {
        const encoded = encodeF16(Float32Array.from(list));
        expect([...encoded]).toEqual(list.map(nearestHalf));
      }),
    );
  });

  test("single values and parts of arrays go the same way", () => {
    expect(f32ToF16(0.123456789)).toBe(0x2fe7);
    expect(f16ToF32(0x2fe7)).toBe(0.12347412109375);
    expect([...encodeF16(Float32Array.of(9, 1, -2, 9).subarray(1, 3))]).toEqual([0x3c00, 0xc000]);
    expect([...decodeF16(Uint16Array.of(0, 0x3c00).subarray(1))]).toEqual([1]);
  });
});
