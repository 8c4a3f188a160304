/** Compressed blocks: what comes back, what is refused, that nothing outgrows its bound. */
import { inflateRawSync } from "node:zlib";
import fc from "fast-check";
import { deflateSync } from "fflate";
import { describe, expect, test } from "vitest";
import { ByteWriter } from "../../src/bytes/byte-writer.ts";
import { compressBlock, decompressBlock } from "../../src/bytes/compress.ts";
import { encodeHex } from "../../src/bytes/hex.ts";
import { isEngineError } from "../../src/errors.ts";

const ascii = new TextEncoder();
const text = ascii.encode("the quick brown fox and the lazy dog, the quick brown fox and the dog");

/** A block that declares `size` for deflated content. */
function blockOf(content: Uint8Array, size: number): Uint8Array {
  const writer = new ByteWriter();
  writer.u8(1);
  writer.varint(size);
  writer.bytes(deflateSync(content, { level: 9 }));
  return writer.finish();
}

describe("compressed block", () => {
  test("gives back its content", () => {
    const repetitive = fc
      .tuple(fc.uint8Array({ maxLength: 40 }), fc.integer({ min: 1, max: 60 }))
      .map(([bytes, times]) =>
        Uint8Array.from({ length: bytes.length * times }, (_, i) => {
          return bytes[i % bytes.length] as number;
        }),
      );
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 400 }), repetitive), (content) => {
        const block = compressBlock(content);
        expect(decompressBlock(block, content.length)).toEqual(content);
        expect(block.length).toBeLessThanOrEqual(content.length + 3);
      }),
    );
  });

  test("is deflated where that saves a tenth and raw where it does not", () => {
    const block = compressBlock(text);
    expect(block[0]).toBe(1);
    expect(new Uint8Array(inflateRawSync(block.subarray(2)))).toEqual(text);
    const dense = Uint8Array.from({ length: 256 }, (_, i) => (i * 167) & 255);
    expect(encodeHex(compressBlock(dense))).toBe(`008002${encodeHex(dense)}`);
    expect(encodeHex(compressBlock(new Uint8Array(0)))).toBe("0000");
  });

  test("every changed byte gives corrupt or content of the declared length", () => {
    for (const content of [text, ascii.encode("ab")]) {
      const block = compressBlock(content);
      for (let at = 0; at < block.length; at++) {
        for (const flip of [1, 2, 4, 8, 16, 32, 64, 128, 255]) {
          const damaged = block.slice();
          damaged[at] = (damaged[at] as number) ^ flip;
          try {
            expect(decompressBlock(damaged, 200).length).toBeLessThanOrEqual(200);
          } catch (error) {
            expect(isEngineError(error, "corrupt")).toBe(true);
          }
        }
        expect(() => decompressBlock(block.subarray(0, at), 200)).toThrow(
          expect.objectContaining({ kind: "corrupt" }),
        );
      }
    }
  });

  test("content that is longer or shorter than declared is corrupt", () => {
    for (const size of [0, 1, text.length - 1, text.length + 1, 100_000]) {
      expect(() => decompressBlock(blockOf(text, size), 100_000)).toThrow(
        "compressed block: content is not of the declared",
      );
    }
    expect(decompressBlock(blockOf(text, text.length), 100_000)).toEqual(text);
  });

  test("a bomb is refused by its bound before it is inflated", () => {
    const bomb = blockOf(new Uint8Array(8 << 20), 8 << 20);
    expect(bomb.length).toBeLessThan(10_000);
    expect(() => decompressBlock(bomb, 65_536)).toThrow("varint 8388608 above 65536");
    expect(() => decompressBlock(blockOf(new Uint8Array(8 << 20), 9), 65_536)).toThrow(
      "content is not of the declared 9 bytes",
    );
  });
});
