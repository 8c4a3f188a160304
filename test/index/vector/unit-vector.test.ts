import { describe, expect, test } from "vitest";
import { normaliseRows, squaredLength } from "../../../src/index/vector/unit-vector.ts";

describe("unit vectors", () => {
  test("rows of any length become unit vectors in place, zero rows stay zero", () => {
    const rows = Float32Array.of(3, 4, 0, 0, 1e-30, 0, -3e18, 4e18, 3e38, 3e38);
    expect(normaliseRows(rows, 2)).toBe(rows);
    const lengths = [0, 2, 4, 6, 8].map((i) => squaredLength(rows.subarray(i, i + 2)));
    [1, 0, 1, 1, 1].forEach((length, i) => expect(lengths[i]).toBeCloseTo(length, 6));
    expect(rows[6]).toBeCloseTo(-0.6, 6);
  });
});
