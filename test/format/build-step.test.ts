import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { decodeHex, encodeHex } from "../../src/bytes/hex.ts";
import { openBuildStep, sealBuildStep } from "../../src/format/build-step.ts";
import { syncDigest } from "../sync-digest.ts";

const place = { generation: "00112233445566778899aabbccddeeff", segment: "m7-1", number: 2 };
const state = {
  step: "documents",
  parts: [{ bytes: 70, sha256: Uint8Array.of(1, 2, 3) }],
  result: {
    rows: Uint32Array.of(3, 1, 2 ** 32 - 1),
    codes: Int8Array.of(-128, 127, 0, 5, 6),
    scales: Float32Array.of(0.5, -1),
    hashes: BigUint64Array.of(2n ** 64n - 1n, 0n),
    empty: new Uint32Array(0),
    extents: [{ part: 0, offset: 16, first: 0 }],
    ids: [1, 2n ** 63n, "é"],
    clustered: false,
    nothing: null,
  },
};
const file = new URL("../golden/v1/build-step.hex", import.meta.url);

it("the bytes of a build step are those of the golden file, and are still understood", async () => {
  const golden = readFileSync(file, "utf8").replace(/\s/g, "");
  const { bytes } = await sealBuildStep({ ...place, state }, syncDigest);
  expect(encodeHex(bytes)).toBe(golden);
  expect(await openBuildStep(decodeHex(golden), place, syncDigest)).toEqual(state);
});

it("what is undefined is left out, and arrays are copies", async () => {
  const rows = Uint32Array.of(1, 2);
  const given = { a: undefined, rows: rows.subarray(1) };
  const { bytes } = await sealBuildStep({ ...place, state: given }, syncDigest);
  const opened = (await openBuildStep(bytes, place, syncDigest)) as typeof given;
  expect(opened).toEqual({ rows: Uint32Array.of(2) });
  expect(opened.rows.buffer.byteLength).toBe(4);
});

it("a build step is refused when any byte is changed, or when it is another's", async () => {
  const { bytes } = await sealBuildStep({ ...place, state }, syncDigest);
  for (let at = 0; at < bytes.length; at++) {
    bytes[at] = (bytes[at] as number) ^ 0x10;
    await expect(openBuildStep(bytes, place, syncDigest)).rejects.toThrow(/step 2 of segment m7-1/);
    bytes[at] = (bytes[at] as number) ^ 0x10;
  }
  for (const other of [
    { ...place, segment: "m7-2" },
    { ...place, number: 3 },
    { ...place, generation: "0".repeat(32) },
  ]) {
    await expect(openBuildStep(bytes, other, syncDigest)).rejects.toThrow("says it is step 2");
  }
});

it("arrays that claim to lie elsewhere or to be of another kind are refused", async () => {
  for (const leaf of [
    { "#": "u32", o: 0, n: 3 },
    { "#": "u32", o: -4, n: 1 },
    { "#": "u32", o: 0, n: -1 },
    { "#": "f64", o: 0, n: 1 },
    { "#": "u32", o: 0.5, n: 1 },
  ]) {
    const state = { rows: Uint32Array.of(7, 8), leaf };
    const { bytes } = await sealBuildStep({ ...place, state }, syncDigest);
    await expect(openBuildStep(bytes, place, syncDigest)).rejects.toThrow(/an array/);
  }
});
