import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeHex } from "../../src/bytes/hex.ts";
import { canonicalUint, type DocumentId, type IdKind } from "../../src/document/id.ts";
import { isEngineError } from "../../src/errors.ts";
import { encodeIds, idColumnBytes, openIds, readFixedId } from "../../src/format/id-column.ts";

const uuid = "123e4567-e89b-12d3-a456-426614174000";
const arbitraries: Record<IdKind, fc.Arbitrary<DocumentId>> = {
  uint: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(canonicalUint),
  string: fc.string({ maxLength: 16 }),
  uuid: fc.uuid(),
};

function readAll(kind: IdKind, bytes: Uint8Array, length: number): DocumentId[] {
  const column = openIds(kind, bytes, length);
  return Array.from({ length }, (_, row) => column.at(row));
}

function expectCorrupt(action: () => unknown): void {
  try {
    action();
  } catch (error) {
    expect(isEngineError(error, "corrupt"), String(error)).toBe(true);
    return;
  }
  expect.unreachable("was not refused");
}

describe("id columns", () => {
  it("hold uints as u64, uuids as 16 bytes, strings behind offsets", () => {
    expect(encodeHex(encodeIds("uint", [1, 2n ** 64n - 1n]))).toBe(
      "0100000000000000" + "ffffffffffffffff",
    );
    expect(encodeHex(encodeIds("uuid", [uuid]))).toBe(uuid.replaceAll("-", ""));
    expect(encodeHex(encodeIds("string", ["", "é"]))).toBe(
      "00000000" + "00000000" + "02000000" + "c3a9",
    );
  });

  it.each(["uint", "string", "uuid"] as const)("return every %s", (kind) => {
    fc.assert(
      fc.property(fc.array(arbitraries[kind], { maxLength: 20 }), (ids) => {
        const bytes = encodeIds(kind, ids);
        expect(bytes.length).toBe(idColumnBytes(kind, ids));
        // Behind one byte, nothing is aligned any more.
        const shifted = new Uint8Array(bytes.length + 1);
        shifted.set(bytes, 1);
        expect(readAll(kind, bytes, ids.length)).toEqual(ids);
        expect(readAll(kind, shifted.subarray(1), ids.length)).toEqual(ids);
      }),
    );
  });

  it.each(["uint", "uuid"] as const)("return every %s by itself", (kind) => {
    fc.assert(
      fc.property(arbitraries[kind], (id) => {
        expect(readFixedId(kind, encodeIds(kind, [id]))).toEqual(id);
      }),
    );
  });

  it("keep a byte order mark that begins an id", () => {
    expect(readAll("string", encodeIds("string", ["\ufeffa"]), 1)).toEqual(["\ufeffa"]);
  });

  it("refuse sizes that do not fit their length", () => {
    expectCorrupt(() => openIds("uint", new Uint8Array(15), 2));
    expectCorrupt(() => openIds("uuid", new Uint8Array(17), 1));
    expectCorrupt(() => openIds("string", new Uint8Array(3), 0));
    expectCorrupt(() => openIds("string", new Uint8Array(4), 2 ** 31));
  });

  it("refuse offsets that start late, fall, end early or span more than 64 bytes", () => {
    for (const offsets of [
      [1, 1],
      [0, 2, 1],
      [0, 0],
      [0, 65],
    ]) {
      const bytes = new Uint8Array(4 * offsets.length + (offsets.at(-1) === 65 ? 65 : 1));
      const view = new DataView(bytes.buffer);
      offsets.forEach((offset, i) => {
        view.setUint32(4 * i, offset, true);
      });
      expectCorrupt(() => openIds("string", bytes, offsets.length - 1));
    }
  });

  it("refuse text that is not UTF-8 when it is read", () => {
    const bytes = encodeIds("string", ["a"]);
    bytes[8] = 0xff;
    expectCorrupt(() => readAll("string", bytes, 1));
  });

  it("do not write a uuid that is not canonical", () => {
    expect(() => encodeIds("uuid", [uuid.slice(1)])).toThrow("assertion failed");
  });
});
