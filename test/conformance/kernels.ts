/**
 * What every implementation of the kernels must do, run on the scalar twin and on the SIMD module,
 * in Node and in workerd. Results are compared with the scalar twin: bit for bit where the
 * interface promises it, within `sumErrorBound` elsewhere. Hand-made cases pin the twin itself.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hadamardSize, type Kernels, sumErrorBound } from "../../src/kernels/kernels.ts";
import { scalarKernels } from "../../src/kernels/scalar.ts";

/** Small deterministic generator: data of any size from one property-tested seed. */
function createSource(seed: number): { unit(): number; int(below: number): number } {
  let state = seed | 0;
  const unit = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return { unit, int: (below) => Math.floor(unit() * below) };
}

function floats(seed: number, length: number): Float32Array {
  const source = createSource(seed);
  return Float32Array.from({ length }, () => source.unit() * 2 - 1);
}

const seeds = fc.integer();
const widths = fc.oneof(fc.integer({ min: 1, max: 70 }), fc.constantFrom(96, 100, 783, 784, 1536));
const counts = fc.integer({ min: 0, max: 9 });
/** Widths of rotations and bit rows: multiples of 64, powers of two and others. */
const padded = fc.constantFrom(64, 128, 192, 256, 320, 448, 768, 832, 1024, 1088, 1536);
const runs = { numRuns: 60 };

/** Sum of the magnitudes of the terms of a dot product: the scale of its rounding error. */
function magnitude(a: Float32Array, i: number, b: Float32Array, j: number, width: number): number {
  let sum = 0;
  for (let d = 0; d < width; d++) {
    sum += Math.abs((a[i + d] as number) * (b[j + d] as number));
  }
  return sum;
}

export function kernelsConformance(name: string, create: () => Kernels): void {
  describe(`kernels: ${name}`, () => {
    const kernels = create();
    floatConformance(kernels);
    integerConformance(kernels);
    rotationConformance(kernels);
    nearestConformance(kernels);
  });
}

function floatConformance(kernels: Kernels): void {
  test("dot products and squared distances of a hand-made case are exact", () => {
    const query = Float32Array.of(1, -2, 3, 0.5, 4);
    const rows = Float32Array.of(1, 1, 1, 2, 1, 0, 0, 0, 0, 0, -1, 2, -3, -0.5, -4);
    const out = new Float32Array(3);
    kernels.dot(query, rows, out);
    expect([...out]).toEqual([7, 0, -30.25]);
    kernels.squaredDistance(query, rows, out);
    expect([...out]).toEqual([0 + 9 + 4 + 2.25 + 9, 30.25, 4 * 30.25]);
  });

  test("dot products and squared distances agree with the twin at any width and count", () => {
    fc.assert(
      fc.property(seeds, widths, counts, (seed, width, count) => {
        const query = floats(seed, width);
        const rows = floats(seed + 1, width * count);
        const out = new Float32Array(count);
        const truth = new Float32Array(count);
        kernels.dot(query, rows, out);
        scalarKernels.dot(query, rows, truth);
        for (let i = 0; i < count; i++) {
          const bound = sumErrorBound(width) * magnitude(query, 0, rows, i * width, width);
          expect(Math.abs((out[i] as number) - (truth[i] as number))).toBeLessThanOrEqual(bound);
        }
        kernels.squaredDistance(query, rows, out);
        scalarKernels.squaredDistance(query, rows, truth);
        for (let i = 0; i < count; i++) {
          const bound = sumErrorBound(width) * (truth[i] as number);
          expect(Math.abs((out[i] as number) - (truth[i] as number))).toBeLessThanOrEqual(bound);
        }
      }),
      runs,
    );
  });

  test("rows beyond the size of the arena are scored in pieces", () => {
    const width = 10_752;
    const query = floats(1, width);
    const few = floats(2, width * 3);
    const rows = new Float32Array(width * 300);
    for (let i = 0; i < 300; i++) {
      rows.set(few.subarray((i % 3) * width, ((i % 3) + 1) * width), i * width);
    }
    const expected = new Float32Array(3);
    const out = new Float32Array(300);
    kernels.dot(query, few, expected);
    kernels.dot(query, rows, out);
    expect(out.every((value, i) => value === expected[i % 3])).toBe(true);
  });

  test("operands of different widths are refused", () => {
    expect(() =>
      kernels.dot(new Float32Array(4), new Float32Array(7), new Float32Array(2)),
    ).toThrow();
    expect(() =>
      kernels.scanBits(new Uint8Array(32), new Uint8Array(9), new Uint32Array(1)),
    ).toThrow();
    expect(() => kernels.rotate(new Float32Array(256), new Float32Array(65))).toThrow();
    expect(() =>
      kernels.dotInt8(new Int16Array(4), new Int8Array(7), Uint32Array.of(4), new Int32Array(1)),
    ).toThrow();
  });
}

function integerConformance(kernels: Kernels): void {
  test("int8 rows anywhere in a buffer, in any order, give the twin's exact sums", () => {
    fc.assert(
      fc.property(seeds, widths, counts, fc.boolean(), (seed, width, count, sorted) => {
        const source = createSource(seed);
        const query = Int16Array.from({ length: width }, () => source.int(65_535) - 32_767);
        const largest = Math.floor((2 ** 31 - 1) / 128 / width);
        if (largest < 32_767) {
          query.forEach((value, d) => {
            query[d] = value % largest;
          });
        }
        const codes = Int8Array.from({ length: width * 3 + 1_000 }, () => source.int(256) - 128);
        const starts = Uint32Array.from({ length: count }, () =>
          source.int(codes.length - width + 1),
        );
        if (sorted) {
          starts.sort();
        }
        const out = new Int32Array(count);
        const truth = new Int32Array(count);
        kernels.dotInt8(query, codes, starts, out);
        scalarKernels.dotInt8(query, codes, starts, truth);
        expect(out).toEqual(truth);
      }),
      runs,
    );
  });

  test("int8 rows that need several pieces of the arena are all scored", () => {
    const width = 784;
    const stride = 832;
    const count = 12_000;
    const source = createSource(5);
    const query = Int16Array.from({ length: width }, () => source.int(20_001) - 10_000);
    const codes = new Int8Array(stride * count);
    for (let i = 0; i < codes.length; i += 5) {
      codes[i] = source.int(255) - 127;
    }
    const starts = Uint32Array.from({ length: count }, (_, i) => i * stride);
    const out = new Int32Array(count);
    kernels.dotInt8(query, codes, starts, out);
    for (const i of [0, 1, 4_999, 9_000, 10_500, count - 1]) {
      const truth = new Int32Array(1);
      scalarKernels.dotInt8(query, codes, starts.subarray(i, i + 1), truth);
      expect(out[i]).toBe(truth[0]);
    }
  });

  test("the largest int8 sums that the interface allows do not overflow", () => {
    const width = 10_752;
    const query = new Int16Array(width).fill(Math.floor((2 ** 31 - 1) / 128 / width));
    const out = new Int32Array(1);
    kernels.dotInt8(query, new Int8Array(width).fill(-128), Uint32Array.of(0), out);
    expect(out[0]).toBe(-128 * width * (query[0] as number));
  });

  test("a scan of bit rows weighs each plane by its power of two", () => {
    const planes = new Uint8Array(64);
    planes[0] = 0b1111;
    planes[8] = 0b0111;
    planes[16 + 7] = 0xff;
    planes[24 + 1] = 1;
    planes[32 + 24] = 0b10;
    const codes = new Uint8Array(32);
    codes.fill(0xff, 0, 16);
    codes[16] = 0b1001;
    codes[24] = 0b10;
    const out = new Uint32Array(2);
    kernels.scanBits(planes, codes, out);
    expect([...out]).toEqual([4 + 2 * 3 + 4 * 8 + 8 + 8, 2 + 2 * 1 + 8]);
  });

  test("scans of bit rows are exact at any width and count", () => {
    fc.assert(
      fc.property(seeds, padded, counts, (seed, width, count) => {
        const source = createSource(seed);
        const planes = Uint8Array.from({ length: width / 2 }, () => source.int(256));
        const codes = Uint8Array.from({ length: (width / 8) * count }, () => source.int(256));
        const out = new Uint32Array(count);
        const truth = new Uint32Array(count);
        kernels.scanBits(planes, codes, out);
        scalarKernels.scanBits(planes, codes, truth);
        expect(out).toEqual(truth);
      }),
      runs,
    );
  });

  test("a scan of more bit rows than the arena holds, all bits set, counts every bit", () => {
    const width = 10_752;
    const count = 6_500;
    const out = new Uint32Array(count);
    const planes = new Uint8Array(width / 2).fill(0xff);
    if (kernels.name === "scalar") {
      return;
    }
    kernels.scanBits(planes, new Uint8Array((width / 8) * count).fill(0xff), out);
    expect(out.every((sum) => sum === 15 * width)).toBe(true);
  });
}

function rotationConformance(kernels: Kernels): void {
  const signs = (seed: number, width: number): Float32Array =>
    floats(seed, 4 * width).map((value) => (value < 0 ? -1 : 1));

  test("a rotation without sign flips of a power of two is the identity", () => {
    const row = floats(3, 64);
    const rotated = Float32Array.from(row);
    kernels.rotate(new Float32Array(256).fill(1), rotated);
    for (let d = 0; d < 64; d++) {
      expect(rotated[d]).toBeCloseTo(row[d] as number, 6);
    }
  });

  test("rotations are bit-identical to the twin's at any width", () => {
    fc.assert(
      fc.property(seeds, padded, fc.integer({ min: 0, max: 4 }), (seed, width, count) => {
        const rotated = floats(seed, width * count);
        const truth = Float32Array.from(rotated);
        kernels.rotate(signs(seed + 1, width), rotated);
        scalarKernels.rotate(signs(seed + 1, width), truth);
        expect(new Uint32Array(rotated.buffer)).toEqual(new Uint32Array(truth.buffer));
      }),
      runs,
    );
  });

  test("rotations preserve lengths and inner products, up to the largest width", () => {
    for (const width of [64, 192, 768, 832, 1_024, 10_752]) {
      const rows = floats(width, width * 2);
      const before = [pair(rows, 0, 0), pair(rows, 0, 1), pair(rows, 1, 1)];
      kernels.rotate(signs(width + 1, width), rows);
      const after = [pair(rows, 0, 0), pair(rows, 0, 1), pair(rows, 1, 1)];
      const scale = Math.max(...before.map(Math.abs));
      expect(hadamardSize(width)).toBeLessThanOrEqual(width);
      before.forEach((value, i) => {
        expect(Math.abs((after[i] as number) - value)).toBeLessThan(1e-5 * scale);
      });
    }
  });

  const pair = (rows: Float32Array, a: number, b: number): number => {
    const width = rows.length / 2;
    let sum = 0;
    for (let d = 0; d < width; d++) {
      sum += (rows[a * width + d] as number) * (rows[b * width + d] as number);
    }
    return sum;
  };
}

function nearestConformance(kernels: Kernels): void {
  test("ties go to the lowest centroid and biases are subtracted", () => {
    const rows = Float32Array.of(1, 0, 0, 1, 2, 2);
    const centroids = Float32Array.of(1, 0, 1, 0, 0, 1, 0, 1, 1, 1);
    const best = new Uint32Array(3);
    const score = new Float32Array(3);
    kernels.nearest(rows, centroids, Float32Array.of(0.5, 0.5, 0.5, 0.5, 4), best, score);
    expect([...best]).toEqual([0, 2, 0]);
    expect([...score]).toEqual([0.5, 0.5, 1.5]);
  });

  test("the winner scores as the twin's does at any width and number of centroids", () => {
    fc.assert(
      fc.property(
        seeds,
        widths,
        counts,
        fc.integer({ min: 1, max: 13 }),
        (seed, width, count, k) => {
          const rows = floats(seed, width * count);
          const centroids = floats(seed + 1, width * k);
          const bias = floats(seed + 2, k);
          const results = [kernels, scalarKernels].map((each) => {
            const best = new Uint32Array(count);
            const score = new Float32Array(count);
            each.nearest(rows, centroids, bias, best, score);
            return { best, score };
          });
          for (let i = 0; i < count; i++) {
            const [ours, twin] = results as [(typeof results)[0], (typeof results)[0]];
            const j = ours.best[i] as number;
            const terms = magnitude(rows, i * width, centroids, j * width, width) + 1;
            const bound = 2 * sumErrorBound(width) * terms + 1e-6;
            expect(Math.abs((ours.score[i] as number) - (twin.score[i] as number))).toBeLessThan(
              bound,
            );
          }
        },
      ),
      runs,
    );
  });

  test("rows and centroids beyond the arena are compared in pieces", () => {
    const width = 2_048;
    const k = 900;
    const centroids = new Float32Array(width * k);
    for (let j = 0; j < k; j++) {
      centroids[j * width + j] = 1;
    }
    const wanted = [899, 0, 450, 768, 1];
    const count = kernels.name === "scalar" ? 5 : 400;
    const rows = new Float32Array(width * count);
    for (let i = 0; i < count; i++) {
      rows[i * width + (wanted[i % 5] as number)] = 2;
    }
    const best = new Uint32Array(count);
    const score = new Float32Array(count);
    kernels.nearest(rows, centroids, new Float32Array(k), best, score);
    expect(best.every((j, i) => j === wanted[i % 5])).toBe(true);
    expect(score.every((value) => value === 2)).toBe(true);
  });
}
