import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeHex } from "../../src/bytes/hex.ts";
import { isEngineError } from "../../src/errors.ts";
import {
  packSparse,
  packVector,
  unpackSparse,
  unpackVector,
  unpackVectors,
} from "../../src/format/packed-value.ts";
import {
  allocateVectors,
  checkFinite,
  elementOf,
  narrowVector,
  viewVectors,
  widenVectors,
} from "../../src/format/vector-element.ts";

function expectCorrupt(action: () => unknown): void {
  try {
    action();
  } catch (error) {
    expect(isEngineError(error, "corrupt"), String(error)).toBe(true);
    return;
  }
  expect.unreachable("was not refused");
}

describe("a sparse vector", () => {
  it("has the bytes it always had, in whatever order its tokens came", () => {
    const golden = "03" + "0038" + "00bc" + "3c39" + "00" + "0161" + "02c3a9";
    const weights = [
      ["é", 0.654321],
      ["", 0.5],
      ["a", -1],
    ] as const;
    expect(encodeHex(packSparse(new Map(weights)))).toBe(golden);
    expect(encodeHex(packSparse(new Map([...weights].reverse())))).toBe(golden);
  });

  it("comes back with weights rounded to f16", () => {
    const token = fc.string({ unit: "binary", maxLength: 60 });
    const weight = fc.float({ noNaN: true, min: -65_504, max: 65_504 });
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(token, weight), { selector: ([t]) => t }), (entries) => {
        const { tokens, weights } = unpackSparse(packSparse(new Map(entries)));
        const found = new Map(tokens.map((each, i) => [each, weights[i] as number]));
        expect(found.size).toBe(entries.length);
        for (const [each, value] of entries) {
          const tolerance = Math.max(Math.abs(value) * 2 ** -11, 2 ** -25);
          expect(Math.abs((found.get(each) as number) - value)).toBeLessThanOrEqual(tolerance);
        }
      }),
    );
  });

  it("is refused cut short, with bytes behind it, out of order or with infinite weights", () => {
    const bytes = packSparse(new Map([["a", 1] as const, ["b", 2] as const]));
    for (let length = 0; length < bytes.length; length++) {
      expectCorrupt(() => unpackSparse(bytes.slice(0, length)));
    }
    expectCorrupt(() => unpackSparse(Uint8Array.of(...bytes, 0)));
    const swapped = bytes.slice();
    [swapped[6], swapped[8]] = [swapped[8] as number, swapped[6] as number];
    expectCorrupt(() => unpackSparse(swapped));
    const twice = bytes.slice();
    twice[8] = twice[6] as number;
    expectCorrupt(() => unpackSparse(twice));
    expectCorrupt(() => unpackSparse(Uint8Array.of(1, 0x00, 0x7c, 1, 0x61)));
    expectCorrupt(() => unpackSparse(Uint8Array.of(0x81, 8, 0)));
  });
});

describe("a packed vector", () => {
  it("comes back in every element", () => {
    expect([...unpackVector(packVector(Float32Array.of(0.5, -1)), 2, "f32")]).toEqual([0.5, -1]);
    expect([...unpackVector(packVector(Uint16Array.of(0x3800, 0xbc00)), 2, "f16")]).toEqual([
      0.5, -1,
    ]);
    expect([...unpackVector(packVector(Int8Array.of(-128, 127)), 2, "i8")]).toEqual([-128, 127]);
  });

  it("of another length, or with NaN or Infinity, is refused", () => {
    for (const element of ["f32", "f16", "i8"] as const) {
      expectCorrupt(() => unpackVector(new Uint8Array(3), 2, element));
      expectCorrupt(() => unpackVector(new Uint8Array(16), 2, element));
    }
    expectCorrupt(() => unpackVector(packVector(Float32Array.of(1, Number.NaN)), 2, "f32"));
    expectCorrupt(() => unpackVector(packVector(Uint16Array.of(0, 0xfe00)), 2, "f16"));
  });

  it("array gives its vectors, whatever the alignment of its bytes", () => {
    const packed = packVector(Float32Array.of(1, 2, 3, 4));
    const shifted = new Uint8Array(packed.length + 1);
    shifted.set(packed, 1);
    for (const bytes of [packed, shifted.subarray(1)]) {
      expect(unpackVectors(bytes, 2).map((each) => [...each])).toEqual([
        [1, 2],
        [3, 4],
      ]);
    }
    expect(unpackVectors(new Uint8Array(0), 2)).toEqual([]);
    expectCorrupt(() => unpackVectors(packed, 3));
  });
});

describe("an element", () => {
  it("of every kind is kept exactly by narrowing what was widened", () => {
    const all = {
      f32: Float32Array.of(0, -0, 1e-45, 3.4e38, 0.1),
      f16: Uint16Array.from({ length: 0x1_0000 }, (_, i) => i).filter(
        (half) => (half & 0x7c00) !== 0x7c00,
      ),
      i8: Int8Array.from({ length: 256 }, (_, i) => i - 128),
    };
    for (const values of Object.values(all)) {
      const element = elementOf(values);
      const stored = allocateVectors(element, values.length);
      expect(narrowVector(widenVectors(values), stored, 0)).toBe(-1);
      expect(stored).toEqual(values);
      checkFinite(stored, "test");
    }
  });

  it("names the first value that does not fit", () => {
    const fault = (values: number[], element: "f32" | "f16" | "i8") =>
      narrowVector(Float32Array.from(values), allocateVectors(element, values.length), 0);
    expect(fault([1, Number.NaN], "f32")).toBe(1);
    expect(fault([1, 65_519, 65_520], "f16")).toBe(2);
    expect(fault([1, 0.5], "i8")).toBe(1);
    expect(fault([200, 1], "i8")).toBe(0);
  });

  it("is viewed where it lies if that is aligned", () => {
    const bytes = new Uint8Array(16);
    expect(viewVectors(bytes, 4, 3, "f32").buffer).toBe(bytes.buffer);
    expect(viewVectors(bytes, 2, 7, "f16").buffer).toBe(bytes.buffer);
    expect(viewVectors(bytes, 1, 7, "f16").buffer).not.toBe(bytes.buffer);
    expect(viewVectors(bytes, 1, 7, "i8").buffer).toBe(bytes.buffer);
  });
});
