import { describe, expect, it } from "vitest";
import { ByteWriter } from "../../src/bytes/byte-writer.ts";
import { encodeHex } from "../../src/bytes/hex.ts";
import { bitsOf, packBits, unpackBits } from "../../src/bytes/packed-bits.ts";
import { isEngineError } from "../../src/errors.ts";
import { decodePositions, encodePositions } from "../../src/format/position-block.ts";
import { createPrng } from "../../src/index/vector/prng.ts";

const prng = createPrng({ low: 8, high: 1 });

describe("packed bits", () => {
  it.each([0, 1, 7, 8, 23, 24, 25, 31, 32])("of %i bits are read as they were written", (bits) => {
    const most = 2 ** bits - 1;
    const values = Uint32Array.from({ length: 77 }, (_, i) =>
      i === 3 ? most : prng.below(most + 1),
    );
    const width = bitsOf(values);
    expect(width).toBe(bits > 24 ? 32 : bits);
    const read = new Uint32Array(80);
    unpackBits(packBits(values, width), width, read, 2, 77);
    expect(read.slice(2, 79)).toEqual(values);
  });
});

function make(rows: number, countMax: number, gapMax: number) {
  const counts = Uint32Array.from({ length: rows }, () => 1 + prng.below(countMax));
  const positions = [...counts].flatMap((count) => {
    let position = prng.below(gapMax) - 1;
    return Array.from({ length: count }, () => {
      position += 1 + prng.below(gapMax);
      return position;
    });
  });
  return { counts, positions: Uint32Array.from(positions) };
}

describe("a block of positions", () => {
  it.each([
    [1, 1, 1],
    [128, 1, 200],
    [128, 9, 1],
    [77, 300, 12],
    [3, 2_000, 1_001],
    [5, 3, 2 ** 30],
  ])("of %i rows, up to %i times with gaps of up to %i, is read as written", (...shape) => {
    const { counts, positions } = make(...shape);
    const writer = new ByteWriter();
    writer.u8(7);
    const widths = encodePositions(writer, counts, positions);
    const bytes = writer.finish().slice(1);
    // Counts are those of a block in the middle of others.
    const all = Uint32Array.of(9, ...counts, 9);
    const read = new Uint32Array(positions.length + 1);
    decodePositions(bytes, widths, all, 1, all.length - 1, read);
    expect(read.slice(0, -1)).toEqual(positions);
    const shorter = bytes.length === 0 ? [] : [bytes.slice(1)];
    for (const wrong of [...shorter, Uint8Array.of(...bytes, 0)]) {
      let thrown: unknown;
      try {
        decodePositions(wrong, widths, all, 1, all.length - 1, read);
      } catch (error) {
        thrown = error;
      }
      expect(isEngineError(thrown, "corrupt")).toBe(true);
    }
  });

  it("has first positions, then gaps", () => {
    const writer = new ByteWriter();
    const widths = encodePositions(
      writer,
      Uint32Array.of(2, 1, 3),
      Uint32Array.of(1, 4, 0, 7, 8, 12),
    );
    expect(widths).toEqual({ first: 3, gap: 2 });
    // 1, 0, 7 in 3 bits each; 2, 0, 3 in 2 bits each.
    expect(encodeHex(writer.finish())).toBe("c10132");
  });
});
