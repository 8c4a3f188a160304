/** Record hashes say what a document is, whichever way it was decoded, and nothing else. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { documentHash, hashVectors, recordHash, sumHashes } from "../../src/format/record-hash.ts";
import { encodeRow } from "../../src/format/segment-documents.ts";
import { idKeys } from "../../src/format/segment-ids.ts";

const document = { id: 7, vector: Float32Array.of(1, 0, -2.5), values: ["b", ["x", "y"], null] };

test("a record hash is fixed for ever", () => {
  const empty = { id: 0, vector: new Float32Array(0), values: [] };
  expect(documentHash("uint", document).toString(16)).toBe("8596657cbe69f63f");
  expect(documentHash("uint", empty).toString(16)).toBe("f9061c163c788f9b");
  expect(documentHash("string", { ...document, id: "a" }).toString(16)).toBe("2c0e28a2225e4b08");
});

test("whatever differs in a document differs in its hash", () => {
  const others = [
    { ...document, id: 8 },
    { ...document, vector: Float32Array.of(1, -0, -2.5) },
    { ...document, vector: Float32Array.of(0, 1, -2.5) },
    { ...document, vector: new Float32Array(0) },
    { ...document, values: ["b", ["y", "x"]] },
    { ...document, values: [null, "b", ["x", "y"]] },
    { ...document, values: ["b", ["x", "y"], 0] },
    { ...document, values: [] },
  ];
  const hashes = [document, ...others].map((each) => documentHash("uint", each));
  expect(new Set(hashes).size).toBe(hashes.length);
});

test("attributes that a schema grew by later change nothing", () => {
  const grown = { ...document, values: [...document.values, null, null] };
  expect(documentHash("uint", grown)).toBe(documentHash("uint", document));
});

test("hashing a plane at a time gives what hashing a document gives", () => {
  const row = fc.record({
    id: fc.maxSafeNat(),
    vector: fc.tuple(...Array.from({ length: 5 }, () => fc.float({ noNaN: true }))),
    values: fc.array(fc.oneof(fc.string(), fc.integer(), fc.constant(null)), { maxLength: 4 }),
  });
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 6 }), (rows) => {
      const keys = idKeys(
        "uint",
        rows.map(({ id }) => id),
      );
      const vectorHashes = new BigUint64Array(rows.length + 2);
      hashVectors(Float32Array.from(rows.flatMap(({ vector }) => vector)), 5, vectorHashes, 2);
      rows.forEach(({ id, vector, values }, i) => {
        const hash = recordHash(keys, i, vectorHashes[i + 2] as bigint, encodeRow(values));
        const whole = { id, vector: Float32Array.from(vector), values };
        expect(hash).toBe(documentHash("uint", whole));
      });
    }),
  );
});

test("digests add up modulo 2^64, in any order", () => {
  const hashes = [2n ** 64n - 1n, 5n, 2n ** 63n];
  expect(sumHashes(hashes)).toBe(2n ** 63n + 4n);
  expect(sumHashes(BigUint64Array.from(hashes.toReversed()))).toBe(sumHashes(hashes));
  expect(sumHashes([])).toBe(0n);
  const many = new BigUint64Array(2 ** 20 + 3).fill(2n ** 64n - 1n);
  expect(sumHashes(many)).toBe(2n ** 64n - BigInt(many.length));
  expect(sumHashes(many.subarray(1))).toBe(2n ** 64n - BigInt(many.length - 1));
});
