/** CRC-32C against published vectors and the bitwise definition. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { blockChecksum, crc32c } from "../../src/bytes/crc32c.ts";

const ascii = new TextEncoder();

function bitwise(bytes: Uint8Array): number {
  let state = -1;
  for (const byte of bytes) {
    state ^= byte;
    for (let bit = 0; bit < 8; bit++) {
      state = (state >>> 1) ^ (state & 1 ? 0x82f6_3b78 : 0);
    }
  }
  return ~state >>> 0;
}

describe("crc32c", () => {
  test("gives the sums of RFC 3720, appendix B.4", () => {
    expect(crc32c(ascii.encode("123456789"))).toBe(0xe306_9283);
    expect(crc32c(new Uint8Array(32))).toBe(0x8a91_36aa);
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8_ab43);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd_794e);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => 31 - i))).toBe(0x113f_db5c);
    expect(crc32c(new Uint8Array(0))).toBe(0);
  });

  test("is the bitwise definition at every alignment and length, in one piece or two", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(9), fc.nat(100), (all, skip, cut) => {
        const bytes = all.subarray(Math.min(skip, all.length));
        const at = Math.min(cut, bytes.length);
        expect(crc32c(bytes)).toBe(bitwise(bytes));
        expect(crc32c(bytes.subarray(at), crc32c(bytes.subarray(0, at)))).toBe(bitwise(bytes));
      }),
    );
  });
});

describe("block checksum", () => {
  test("is the checksum of seed, offset and bytes in this order", () => {
    const bytes = ascii.encode("block");
    const bound = new Uint8Array(12 + bytes.length);
    const view = new DataView(bound.buffer);
    view.setUint32(0, 0xdead_beef, true);
    view.setBigUint64(4, 0x12_3456_789an, true);
    bound.set(bytes, 12);
    expect(blockChecksum(0xdead_beef, 0x12_3456_789a, bytes)).toBe(bitwise(bound));
    expect(blockChecksum(0xdead_beef, 0x12_3456_789a, bytes)).toBe(0xbde9_a8b3);
  });

  test("tells every single-byte change, other offsets and other objects apart", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 64 }),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        fc.nat(0xffff_ffff),
        fc.integer({ min: 1, max: 2 ** 31 }),
        (bytes, place, flip, seed, away) => {
          const sum = blockChecksum(seed, 4096, bytes);
          expect(blockChecksum(seed, 4096 + away, bytes)).not.toBe(sum);
          expect(blockChecksum(seed ^ flip, 4096, bytes)).not.toBe(sum);
          const at = place % bytes.length;
          bytes[at] = (bytes[at] as number) ^ flip;
          expect(blockChecksum(seed, 4096, bytes)).not.toBe(sum);
        },
      ),
    );
  });
});
