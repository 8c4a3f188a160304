import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { crc32c } from "../../src/bytes/crc32c.ts";
import { decodeHex, encodeHex } from "../../src/bytes/hex.ts";
import type { Batch } from "../../src/document/batch.ts";
import { isEngineError } from "../../src/errors.ts";
import { decodeBatch, encodeBatch, splitBatch } from "../../src/format/batch.ts";
import { limits } from "../../src/limits.ts";

const sample: Batch = {
  idKind: "uint",
  upserts: 2,
  deletes: 1,
  ids: [1, 2n ** 64n - 1n, 3],
  dims: 2,
  vectors: new Float32Array([0.5, -1, 2, 0.1]),
  attributes: [
    { name: "title", values: ["é", null] },
    { name: "tags", values: [["a", "b"], []] },
    { name: "n", values: [-(2n ** 63n), 1.5] },
    { name: "blob", values: [Uint8Array.of(0, 255), new Uint8Array(0)] },
  ],
};

/** The same with vectors stored as half floats, one of them not a multiple of four bytes. */
const halves: Batch = { ...sample, vectors: Uint16Array.of(0x3800, 0xbc00, 0x4000, 0x2e66) };
const bytes: Batch = { ...sample, dims: 1, vectors: Int8Array.of(-128, 127) };

const empty: Batch = {
  idKind: "string",
  upserts: 0,
  deletes: 0,
  ids: [],
  dims: 0,
  vectors: new Float32Array(0),
  attributes: [],
};

const anyScalar = fc.oneof(
  fc.string(),
  fc.maxSafeInteger(),
  fc.boolean(),
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);
const anyValue = fc.oneof(
  fc.constant(null),
  anyScalar,
  fc.array(anyScalar, { maxLength: 3 }),
  fc.uint8Array({ maxLength: 9 }),
);

const anyBatch: fc.Arbitrary<Batch> = fc
  .record({
    ids: fc.uniqueArray(fc.string({ maxLength: 8 }), { maxLength: 12 }),
    deletes: fc.nat(12),
    dims: fc.nat(5),
    names: fc.uniqueArray(fc.string({ minLength: 2, maxLength: 9 }), { maxLength: 3 }),
    seed: fc.array(anyValue, { minLength: 1 }),
  })
  .map(({ ids, deletes: wanted, dims, names, seed }) => {
    const deletes = Math.min(wanted, ids.length);
    const upserts = ids.length - deletes;
    const attributes = names
      .filter((name) => !name.startsWith("$") && name !== "id" && name !== "__proto__")
      .map((name, n) => ({
        name,
        values: Array.from({ length: upserts }, (_, row) => seed[(row + n) % seed.length] ?? null),
      }));
    const values = Array.from({ length: upserts * dims }, (_, i) => i);
    const vectors = [
      Float32Array.from(values, (i) => i / 7),
      Uint16Array.from(values, (i) => 0x3c00 + i),
      Int8Array.from(values, (i) => i - 30),
    ][dims % 3] as Batch["vectors"];
    return { idKind: "string", upserts, deletes, ids, dims, vectors, attributes };
  });

function expectCorrupt(action: () => unknown): void {
  try {
    action();
  } catch (error) {
    expect(isEngineError(error, "corrupt"), String(error)).toBe(true);
    return;
  }
  expect.unreachable("was not refused");
}

/** The bytes with one change and a checksum that matches again. */
function forge(batch: Batch, change: (bytes: Uint8Array, view: DataView) => void): Uint8Array {
  const bytes = encodeBatch(batch);
  const view = new DataView(bytes.buffer);
  change(bytes, view);
  const end = bytes.length - 4;
  view.setUint32(end, crc32c(bytes.subarray(0, end)), true);
  return bytes;
}

describe("an encoded batch", () => {
  it("has the bytes it always had", () => {
    for (const [name, batch] of [
      ["batch", sample],
      ["batch-f16", halves],
      ["batch-i8", bytes],
    ] as const) {
      const file = new URL(`../golden/v2/${name}.hex`, import.meta.url);
      const golden = readFileSync(file, "utf8").replace(/\s/g, "");
      expect(encodeHex(encodeBatch(batch))).toBe(golden);
      expect(decodeBatch(decodeHex(golden))).toStrictEqual(batch);
    }
  });

  it("comes back as it was", () => {
    expect(decodeBatch(encodeBatch(empty))).toStrictEqual(empty);
    fc.assert(
      fc.property(anyBatch, (batch) => {
        expect(decodeBatch(encodeBatch(batch))).toStrictEqual(batch);
      }),
    );
  });

  it("is refused with an infinite half float", () => {
    const forged = forge(halves, (_bytes, view) => view.setUint16(56, 0x7c00, true));
    expectCorrupt(() => decodeBatch(forged));
  });

  it("is an exact copy, also of vectors that are a view", () => {
    const block = new Float32Array([9, 0.5, -1, 2, 0.1, 9]);
    const bytes = encodeBatch({ ...sample, vectors: block.subarray(1, 5) });
    expect(bytes).toEqual(encodeBatch(sample));
    expect(bytes.buffer.byteLength).toBe(bytes.length);
  });

  it("lends its vectors without copying when they are aligned, else copies", () => {
    const bytes = encodeBatch(sample);
    expect(decodeBatch(bytes).vectors.buffer).toBe(bytes.buffer);
    expect(decodeBatch(bytes).vectors.byteOffset % 8).toBe(0);
    for (const shift of [1, 2, 3, 8]) {
      const shifted = new Uint8Array(bytes.length + shift);
      shifted.set(bytes, shift);
      expect(decodeBatch(shifted.subarray(shift))).toStrictEqual(sample);
    }
  });

  it("is refused with any single byte changed", () => {
    const bytes = encodeBatch(sample);
    for (let i = 0; i < bytes.length; i++) {
      for (const flip of [0x01, 0x80, 0xff]) {
        const changed = bytes.slice();
        changed[i] = (changed[i] as number) ^ flip;
        expectCorrupt(() => decodeBatch(changed));
      }
    }
  });

  it("is refused cut short or with bytes behind it", () => {
    const bytes = encodeBatch(sample);
    for (let length = 0; length < bytes.length; length++) {
      expectCorrupt(() => decodeBatch(bytes.subarray(0, length)));
    }
    expectCorrupt(() => decodeBatch(new Uint8Array([...bytes, 0])));
  });

  it.each<[string, (bytes: Uint8Array, view: DataView) => void]>([
    ["another magic", (bytes) => bytes.fill(0, 0, 1)],
    ["another format version", (bytes) => bytes.fill(1, 4, 5)],
    ["an unknown id kind", (bytes) => bytes.fill(3, 6, 7)],
    ["an unknown element", (bytes) => bytes.fill(3, 7, 8)],
    ["another element", (bytes) => bytes.fill(1, 7, 8)],
    ["more rows than ids", (_, view) => view.setUint32(12, 2, true)],
    ["more rows than any batch", (_, view) => view.setUint32(8, 2 ** 31, true)],
    ["more dimensions than values", (_, view) => view.setUint32(16, 3, true)],
    ["more dimensions than any vector", (_, view) => view.setUint32(16, 2 ** 31, true)],
    ["more columns than there are", (_, view) => view.setUint32(20, 5, true)],
    ["fewer columns than there are", (_, view) => view.setUint32(20, 3, true)],
    ["another length of ids", (_, view) => view.setUint32(24, 16, true)],
    ["another length of attributes", (_, view) => view.setUint32(28, 1, true)],
    ["an id twice", (_, view) => view.setUint32(48, 1, true)],
    ["NaN in a vector", (_, view) => view.setFloat32(56, Number.NaN, true)],
    ["Infinity in a vector", (_, view) => view.setFloat32(56, Number.POSITIVE_INFINITY, true)],
    ["a column longer than the rest", (_, view) => view.setUint32(72, 2 ** 31, true)],
    ["a name no attribute may have", (bytes) => bytes.fill(0x24, 78, 79)],
  ])("is refused with %s, although its checksum matches", (_, change) => {
    expectCorrupt(() => decodeBatch(forge(sample, change)));
  });

  it.each<[string, unknown]>([
    ["of the wrong length", ["a"]],
    ["that are maps", [{ a: 1 }, null]],
    ["that are bytes in arrays", [[new Uint8Array(1)], null]],
    ["that are nested arrays", [[["a"]], null]],
    ["that are arrays with null", [[null], null]],
    ["that are infinite", [Number.POSITIVE_INFINITY, null]],
    ["below 64 bits", [-(2n ** 64n), null]],
  ])("is refused with values %s", (_, values) => {
    const attributes = [{ name: "a", values: values as Batch["attributes"][number]["values"] }];
    const rows = (values as unknown[]).length;
    const wrong: Batch = { ...empty, upserts: rows, ids: ["1", "2"].slice(0, rows), attributes };
    const forged = forge(wrong, (_bytes, view) => {
      if (rows === 1) {
        view.setUint32(8, 0, true);
        view.setUint32(12, 1, true);
      }
    });
    expectCorrupt(() => decodeBatch(forged));
  });

  it("is refused with two columns of one name", () => {
    const attributes = [1, 2].map(() => ({ name: "a", values: [1] }));
    const twice: Batch = { ...empty, upserts: 1, ids: ["1"], attributes };
    expectCorrupt(() => decodeBatch(encodeBatch(twice)));
  });
});

describe("splitting a batch", () => {
  it("gives none for no rows and the batch itself when it fits", () => {
    expect(splitBatch(empty)).toEqual([]);
    expect(splitBatch(sample)).toEqual([sample]);
    expect(splitBatch(sample)[0]).toBe(sample);
  });

  it("keeps every row once and every chunk within its bound", () => {
    fc.assert(
      fc.property(anyBatch, fc.integer({ min: 400, max: 900 }), (batch, bytesMax) => {
        const chunks = splitBatch(batch, bytesMax);
        const documents = new Map<unknown, unknown>();
        for (const chunk of chunks) {
          expect(encodeBatch(chunk).length).toBeLessThanOrEqual(bytesMax);
          expect(chunk.ids.length).toBeGreaterThan(0);
          collect(chunk, documents);
        }
        expect(documents).toEqual(collect(batch, new Map()));
        expect(chunks.flatMap((chunk) => chunk.ids)).toEqual(batch.ids);
      }),
    );
  });

  it("leaves out columns that hold nothing in a chunk", () => {
    const values = ["x".repeat(300), null, null];
    const batch: Batch = {
      ...empty,
      upserts: 3,
      ids: ["1", "2", "3"],
      attributes: [{ name: "a", values }],
    };
    const chunks = splitBatch(batch, 370);
    expect(chunks.map((chunk) => chunk.attributes.length)).toEqual([1, 0]);
  });

  it("refuses a document that fits in no chunk", () => {
    const batch: Batch = {
      ...empty,
      upserts: 1,
      ids: ["big"],
      attributes: [{ name: "a", values: ["x".repeat(1_000)] }],
    };
    expect(() => splitBatch(batch, 1_000)).toThrow(/document big is larger than \d+ bytes/);
  });

  it("refuses a document above 8 MiB in chunks of any size", () => {
    const values = ["x".repeat(limits.documentBytesMax)];
    const attributes = [{ name: "a", values }];
    const batch: Batch = { ...empty, upserts: 1, ids: ["big"], attributes };
    expect(() => splitBatch(batch, 2 * limits.documentBytesMax)).toThrow("larger than 8388608");
  });
});

/** Adds what each row of the batch says to the map: a document, or "delete". */
function collect(batch: Batch, documents: Map<unknown, unknown>): Map<unknown, unknown> {
  batch.ids.forEach((id, row) => {
    expect(documents.has(id)).toBe(false);
    const vector = batch.vectors.slice(row * batch.dims, (row + 1) * batch.dims);
    const values = batch.attributes
      .filter((column) => column.values[row] !== null)
      .map((column) => [column.name, column.values[row]]);
    documents.set(id, row < batch.upserts ? { vector, values } : "delete");
  });
  return documents;
}
