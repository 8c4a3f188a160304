/** Deflate: what others inflate again, whatever the content; not larger than what others make. */
import { readFileSync } from "node:fs";
import { inflateRawSync } from "node:zlib";
import fc from "fast-check";
import { deflateSync, inflateSync } from "fflate";
import { expect, test } from "vitest";
import { deflate } from "../../src/bytes/deflate.ts";

function check(content: Uint8Array): void {
  const packed = deflate(content);
  expect(Buffer.compare(inflateRawSync(packed), content)).toBe(0);
  const room = new Uint8Array(content.length + 1);
  expect(Buffer.compare(inflateSync(packed, { out: room }), content)).toBe(0);
}

/** The letter n as often as the n-th Fibonacci number: the rarest would have the longest codes. */
function fibonacci(letters: number): Uint8Array {
  const content: number[] = [];
  for (let n = 0, a = 1, b = 1; n < letters; n++, [a, b] = [b, a + b]) {
    for (let i = 0; i < a; i++) content.push(n);
  }
  // Apart, so that they are literals: no four in a row come twice.
  return Uint8Array.from(content).map((_, i) => content[(i * 7_919) % content.length] as number);
}

test("others inflate it", () => {
  const letters = fc.uint8Array({ max: 3, maxLength: 2_000 });
  const repeated = fc
    .tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 400 }))
    .map(([bytes, times]) =>
      Uint8Array.from({ length: bytes.length * times }, (_, i) => {
        return bytes[i % bytes.length] as number;
      }),
    );
  fc.assert(fc.property(fc.oneof(fc.uint8Array({ maxLength: 3_000 }), letters, repeated), check));
});

test("content of any length, with and without matches", () => {
  const dense = (length: number) =>
    Uint8Array.from({ length }, (_, i) => Math.imul(i + 1, 0x9e37_79b1) >>> 24);
  for (const length of [0, 1, 2, 3, 4, 5, 255, 32_767, 32_768, 32_769, 65_536, 100_001]) {
    check(dense(length));
    check(new Uint8Array(length).fill(7));
    check(Uint8Array.from({ length }, (_, i) => i >> 8));
  }
});

test("matches of every length and of distances to the end of the window", () => {
  for (let length = 3; length <= 300; length++) {
    const content = new Uint8Array(4 * length).map((_, i) => (i % (2 * length)) * 7 + (i >> 6));
    content.copyWithin(3 * length, 0, length);
    check(content);
  }
  for (const distance of [1, 2, 4, 5, 256, 257, 258, 8_192, 24_577, 32_700, 32_760]) {
    const content = new Uint8Array(32_768).map((_, i) => Math.imul(i + 1, 0x9e37_79b1) >>> 24);
    content.copyWithin(distance, 0, Math.min(8, 32_768 - distance));
    check(content);
  }
});

test("no code is longer than fifteen bits, however unequal the letters", () => {
  for (const letters of [2, 10, 17, 20]) check(fibonacci(letters));
});

test("text takes no more than with the encoder of streams", () => {
  const text = new Uint8Array(readFileSync(new URL("../../DECISIONS.md", import.meta.url)));
  let [ours, theirs] = [0, 0];
  for (let at = 0; at + 16_384 <= text.length; at += 16_384) {
    const block = text.subarray(at, at + 16_384);
    check(block);
    ours += deflate(block).length;
    theirs += deflateSync(block, { level: 6 }).length;
  }
  expect(ours).toBeLessThan(theirs);
});
