/** Writer and reader: every kind of field, its bytes, and what the reader refuses. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ByteReader } from "../../src/bytes/byte-reader.ts";
import { ByteWriter } from "../../src/bytes/byte-writer.ts";
import { encodeHex } from "../../src/bytes/hex.ts";
import { bytesOf, f32View, u32View } from "../../src/bytes/typed-view.ts";
import { isEngineError } from "../../src/errors.ts";

const fieldArbitrary = fc.oneof(
  fc.record({ kind: fc.constant("u8" as const), value: fc.nat(0xff) }),
  fc.record({ kind: fc.constant("u16" as const), value: fc.nat(0xffff) }),
  fc.record({ kind: fc.constant("u32" as const), value: fc.nat(0xffff_ffff) }),
  fc.record({ kind: fc.constant("u64Safe" as const), value: fc.maxSafeNat() }),
  fc.record({ kind: fc.constant("varint" as const), value: fc.maxSafeNat() }),
  fc.record({
    kind: fc.constant("u64" as const),
    value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  }),
  fc.record({
    kind: fc.constant("i64" as const),
    value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  }),
  fc.record({ kind: fc.constant("f32" as const), value: fc.float() }),
  fc.record({ kind: fc.constant("f64" as const), value: fc.double() }),
  fc.record({
    kind: fc.constant("utf8" as const),
    value: fc.string({ unit: "binary", maxLength: 99 }),
  }),
  fc.record({ kind: fc.constant("prefixed" as const), value: fc.uint8Array() }),
  fc.record({
    kind: fc.constant("alignTo" as const),
    value: fc.constantFrom(8 as const, 16 as const),
  }),
);
type Field = typeof fieldArbitrary extends fc.Arbitrary<infer T> ? T : never;

function write(writer: ByteWriter, field: Field): void {
  switch (field.kind) {
    case "u64":
    case "i64":
      return writer[field.kind](field.value);
    case "utf8":
      return writer.utf8(field.value);
    case "prefixed":
      return writer.prefixed(field.value);
    case "alignTo":
      return writer.alignTo(field.value);
    case "u8":
    case "u16":
    case "u32":
    case "u64Safe":
    case "f32":
    case "f64":
    case "varint":
      return writer[field.kind](field.value);
  }
}

function read(reader: ByteReader, field: Field): unknown {
  if (field.kind === "alignTo") {
    reader.alignTo(field.value);
    return field.value;
  }
  return reader[field.kind]();
}

function writeAll(fields: readonly Field[]): Uint8Array {
  const writer = new ByteWriter(0);
  for (const field of fields) {
    write(writer, field);
  }
  return writer.finish();
}

describe("byte writer and reader", () => {
  test("what was written is read", () => {
    fc.assert(
      fc.property(fc.array(fieldArbitrary), (fields) => {
        const reader = new ByteReader(writeAll(fields));
        for (const field of fields) {
          expect(read(reader, field)).toEqual(field.value);
        }
        reader.end();
      }),
    );
  });

  test("damaged bytes give values or corrupt, and nothing else", () => {
    fc.assert(
      fc.property(
        fc.array(fieldArbitrary, { minLength: 1 }),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (fields, place, flip) => {
          const bytes = writeAll(fields);
          const at = place % Math.max(1, bytes.length);
          bytes[at] = (bytes[at] ?? 0) ^ flip;
          const reader = new ByteReader(bytes.subarray(0, bytes.length - (flip % 2)));
          try {
            for (const field of fields) {
              read(reader, field);
            }
          } catch (error) {
            expect(isEngineError(error, "corrupt")).toBe(true);
          }
        },
      ),
    );
  });

  test("the bytes of every kind of field are fixed", () => {
    const writer = new ByteWriter(1);
    writer.u8(0x01);
    writer.u16(0x0302);
    writer.u32(0x07060504);
    writer.u64(0x0f0e0d0c0b0a0908n);
    writer.u64Safe(2 ** 53 - 1);
    writer.i64(-2n);
    writer.f32(1.5);
    writer.f64(-2);
    writer.varint(300);
    writer.varint(Number.MAX_SAFE_INTEGER);
    writer.utf8("añ漢");
    writer.prefixed(Uint8Array.of(9, 8));
    writer.alignTo(16);
    expect(encodeHex(writer.finish())).toBe(
      [
        "01" + "0203" + "04050607" + "08090a0b0c0d0e0f",
        "ffffffffffff1f00" + "feffffffffffffff",
        "0000c03f" + "00000000000000c0",
        "ac02" + "ffffffffffffff0f",
        "0661c3b1e6bca2" + "020908",
        "00",
      ].join(""),
    );
  });

  test("long text has a long prefix, and a byte order mark is kept", () => {
    const text = `\ufeff${"é".repeat(100)}`;
    const writer = new ByteWriter();
    writer.utf8(text);
    expect(writer.length).toBe(2 + 203);
    expect(new ByteReader(writer.written()).utf8()).toBe(text);
  });

  test("a reserved place is filled in later", () => {
    const writer = new ByteWriter(0);
    const at = writer.reserve(4);
    writer.bytes(Uint8Array.of(1, 2, 3));
    writer.patchU32(at, writer.length);
    expect([...writer.finish()]).toEqual([7, 0, 0, 0, 1, 2, 3]);
  });

  test("the result owns exactly its bytes", () => {
    const writer = new ByteWriter(1024);
    writer.u8(1);
    expect(writer.finish().buffer.byteLength).toBe(1);
  });

  test("values out of range are refused by the writer", () => {
    const writer = new ByteWriter();
    for (const attempt of [
      () => writer.u8(256),
      () => writer.u16(-1),
      () => writer.u32(1.5),
      () => writer.u64(-1n),
      () => writer.u64(2n ** 64n),
      () => writer.u64Safe(2 ** 53),
      () => writer.i64(2n ** 63n),
      () => writer.varint(Number.NaN),
      () => writer.utf8("\ud800"),
      () => writer.patchU32(0, 1),
    ]) {
      expect(attempt).toThrow("assertion failed");
    }
    expect(writer.length).toBe(0);
  });

  test("numbers in longer forms, beyond their bound or beyond 2^53 are corrupt", () => {
    const corrupt = [
      [0x80, 0x00],
      [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x10],
      [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
      [0x80],
      [],
    ];
    for (const bytes of corrupt) {
      expect(() => new ByteReader(Uint8Array.from(bytes)).varint()).toThrow(
        expect.objectContaining({ kind: "corrupt" }),
      );
    }
    expect(() => new ByteReader(Uint8Array.of(101)).varint(100)).toThrow("varint 101 above 100");
    expect(() => new ByteReader(Uint8Array.of(0, 0, 0, 0, 0, 0, 0x20, 0)).u64Safe()).toThrow(
      "beyond 2^53-1",
    );
  });

  test("lengths beyond the end, bad text, dirty padding and trailing bytes are corrupt", () => {
    expect(() => new ByteReader(Uint8Array.of(200, 1, 7), "manifest").prefixed()).toThrow(
      "manifest: 200 bytes wanted, 1 left (at byte 2)",
    );
    expect(() => new ByteReader(Uint8Array.of(2, 0xc3, 0x28)).utf8()).toThrow("not UTF-8");
    expect(() => new ByteReader(new Uint8Array(8)).f32s(3)).toThrow("12 bytes wanted, 8 left");
    expect(() => new ByteReader(new Uint8Array(8)).bytes(-1)).toThrow("-1 bytes wanted");
    const padded = new ByteReader(Uint8Array.of(1, 0, 0, 0, 5, 0, 0, 0));
    padded.u8();
    expect(() => padded.alignTo(8)).toThrow("padding is not zero");
    expect(() => new ByteReader(Uint8Array.of(1)).end()).toThrow("1 bytes too many");
  });
});

describe("typed views", () => {
  test("aligned regions are shared, others copied, with the same values", () => {
    const bytes = new Uint8Array(32);
    const values = Float32Array.of(1, -2.5, 3);
    for (const offset of [4, 5]) {
      bytes.set(bytesOf(values), offset);
      const view = f32View(bytes, offset, 3);
      expect([...view]).toEqual([...values]);
      expect(view.buffer === bytes.buffer).toBe(offset === 4);
    }
    const reader = new ByteReader(bytes.subarray(4));
    expect(reader.f32s(3).buffer).toBe(bytes.buffer);
    expect(reader.i8s(1).length + reader.u16s(1).length + reader.u32s(1).length).toBe(3);
    expect(reader.position).toBe(12 + 1 + 2 + 4);
  });

  test("regions outside the bytes are corrupt", () => {
    for (const [offset, count] of [
      [0, 3],
      [-4, 1],
      [12, 1],
      [0, Number.NaN],
      [0, 2 ** 53],
    ] as const) {
      expect(() => u32View(new Uint8Array(8), offset, count)).toThrow(
        expect.objectContaining({ kind: "corrupt" }),
      );
    }
  });
});
