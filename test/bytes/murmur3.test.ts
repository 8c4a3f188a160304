/** MurmurHash3_x86_128 against the verification value of its author's test suite. */
import { expect, test } from "vitest";
import { encodeHex } from "../../src/bytes/hex.ts";
import { murmur3Bytes, writeMurmur3 } from "../../src/bytes/murmur3.ts";

function hash(bytes: Uint8Array, seed = 0): Uint8Array {
  const into = new Uint8Array(murmur3Bytes);
  writeMurmur3(bytes, into, 0, seed);
  return into;
}

test("murmur3 gives SMHasher's verification value", () => {
  const hashes = new Uint8Array(256 * murmur3Bytes);
  const key = Uint8Array.from({ length: 256 }, (_, i) => i);
  for (let length = 0; length < 256; length++) {
    writeMurmur3(key.subarray(0, length), hashes, length * murmur3Bytes, 256 - length);
  }
  expect(encodeHex(hash(hashes).subarray(0, 4))).toBe("2ae6ecb3");
});

test("murmur3 of ids is fixed for ever", () => {
  const ascii = new TextEncoder();
  expect(encodeHex(hash(new Uint8Array(0)))).toBe("0".repeat(32));
  expect(encodeHex(hash(ascii.encode("document-1")))).toBe("6fa98f96c1ede4fa26e8ce5d0081e146");
  expect(encodeHex(hash(ascii.encode("a text longer than a block of 16")))).toBe(
    "0c50a4d4adc8081bc3e822732978eb14",
  );
});

test("murmur3 does not depend on where the input lies, however long it is", () => {
  const buffer = Uint8Array.from({ length: 4_000 }, (_, i) => Math.imul(i + 1, 0x9e3779b1) >>> 24);
  for (let length = 100; length < 300; length++) {
    const [aligned, shifted] = [buffer.slice(0, length), new Uint8Array(length + 1)];
    shifted.set(aligned, 1);
    expect(hash(aligned)).toEqual(hash(shifted.subarray(1)));
  }
});

test("murmur3 writes sixteen bytes at the offset it is given, wherever the input lies", () => {
  const into = new Uint8Array(40).fill(7);
  const shifted = Uint8Array.of(0, 1, 2, 3, 4, 5);
  writeMurmur3(shifted.subarray(1), into, 9);
  expect(into.subarray(9, 25)).toEqual(hash(Uint8Array.of(1, 2, 3, 4, 5)));
  expect([...into.subarray(0, 9), ...into.subarray(25)].every((byte) => byte === 7)).toBe(true);
});
