/** Streams of gzip and zstd, of one part and of many, in chunks of any size, whole and damaged. */
import { constants, gzipSync, zstdCompressSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { type Compression, decompress } from "../../../workers/imports/decompress.ts";
import type { Chunk } from "../../../workers/imports/object-bytes.ts";

const text = (from: number, count: number): Buffer =>
  Buffer.from(
    Array.from({ length: count }, (_, i) => `{"id":${from + i},"n":${(i * 7919) % 104729}}\n`).join(
      "",
    ),
  );
const halves = [text(0, 9_000), text(9_000, 12_000)] as const;
const whole = Buffer.concat(halves);

async function read(bytes: Uint8Array, how: Compression, chunkBytes = 10_007): Promise<Buffer> {
  async function* raw(): AsyncGenerator<Chunk, void> {
    for (let at = 0; at < bytes.length; at += chunkBytes) {
      const end = Math.min(at + chunkBytes, bytes.length);
      yield { bytes: bytes.slice(at, end), read: end };
    }
  }
  const parts: Uint8Array[] = [];
  let before = 0;
  for await (const chunk of decompress(raw, "rows", how)) {
    expect(chunk.read).toBeGreaterThanOrEqual(before);
    before = chunk.read;
    parts.push(chunk.bytes);
  }
  return Buffer.concat(parts);
}

function zstd(bytes: Uint8Array, options: Readonly<Record<number, number>> = {}): Buffer {
  return zstdCompressSync(bytes, { params: options });
}

/** As bgzip writes members: its size in an extra field, and an empty one at the end. */
function withExtra(member: Buffer): Buffer {
  const head = Buffer.from(member.subarray(0, 10));
  head[3] = 4;
  const size = Buffer.alloc(2);
  size.writeUInt16LE(member.length + 8 - 1);
  return Buffer.concat([head, Buffer.from([6, 0, 66, 67, 2, 0]), size, member.subarray(10)]);
}

const skippable = Buffer.from([0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
const streams: readonly (readonly [string, Compression, Buffer])[] = [
  ["a gzip member", "gzip", gzipSync(whole)],
  ["gzip members that were joined", "gzip", Buffer.concat(halves.map((half) => gzipSync(half)))],
  [
    "the members of bgzip",
    "gzip",
    Buffer.concat(
      Array.from({ length: 50 }, (_, i) => whole.subarray(i * 15_000, (i + 1) * 15_000)).map(
        (part) => withExtra(gzipSync(part)),
      ),
    ),
  ],
  ["a zstd frame", "zstd", zstd(whole)],
  ["a zstd frame with a checksum", "zstd", zstd(whole, { [constants.ZSTD_c_checksumFlag]: 1 })],
  [
    "zstd frames that were joined, with one to skip between them",
    "zstd",
    Buffer.concat([zstd(halves[0]), skippable, zstd(halves[1])]),
  ],
];

describe.each(streams)("%s", (_, how, bytes) => {
  it("is read whole, in chunks of any size", async () => {
    for (const chunkBytes of [509, 10_007, bytes.length]) {
      const found = await read(bytes, how, chunkBytes);
      expect(found.equals(whole)).toBe(true);
    }
  });

  it("is refused if it ends too early", async () => {
    for (const less of [1, 5, 9, Math.floor(bytes.length / 3)]) {
      await expect(read(bytes.subarray(0, bytes.length - less), how)).rejects.toThrow(
        `rows is not valid ${how}`,
      );
    }
  });

  it("is refused if something else follows", async () => {
    const longer = Buffer.concat([bytes, Buffer.from("something else")]);
    await expect(read(longer, how)).rejects.toThrow(`rows is not valid ${how}`);
  });
});

it("refuses a checksum that does not hold, of any member", async () => {
  const [first, second] = halves.map((half) => gzipSync(half)) as [Buffer, Buffer];
  for (const place of [first.length - 6, first.length + second.length - 6]) {
    const damaged = Buffer.concat([first, second]);
    damaged[place] = (damaged[place] ?? 0) ^ 1;
    await expect(read(damaged, "gzip")).rejects.toThrow("a checksum does not hold");
  }
});

it("refuses a frame that asks for a larger window than may lie in memory", async () => {
  const wide = zstd(Buffer.alloc(20 << 20, whole), { [constants.ZSTD_c_windowLog]: 24 });
  await expect(read(wide, "zstd")).rejects.toThrow("it needs a window of 16777216 bytes");
});

it("gives pieces, though a little becomes a lot", async () => {
  const zeros = Buffer.alloc(64 << 20);
  for (const [how, bytes] of [
    ["gzip", Buffer.concat([gzipSync("x"), gzipSync(zeros)])],
    ["zstd", zstd(zeros, { [constants.ZSTD_c_windowLog]: 20 })],
  ] as const) {
    let most = 0;
    async function* raw(): AsyncGenerator<Chunk, void> {
      yield { bytes, read: bytes.length };
    }
    for await (const chunk of decompress(raw, "zeros", how)) {
      most = Math.max(most, chunk.bytes.length);
    }
    expect(most).toBeLessThan(20 << 20);
  }
});
