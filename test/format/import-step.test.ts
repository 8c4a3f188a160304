/** How far an import has come, as bytes. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { decodeHex, encodeHex } from "../../src/bytes/hex.ts";
import { isEngineError } from "../../src/errors.ts";
import {
  beforeFirstStep,
  type ImportStep,
  openImportStep,
  sealImportStep,
} from "../../src/format/import-step.ts";
import { syncDigest } from "../sync-digest.ts";

const encoder = new TextEncoder();
const step: ImportStep = {
  number: 3,
  attempt: 2,
  generation: "a1".repeat(16),
  source: 1,
  offset: 8_388_608,
  rowsRead: 6_000,
  rowsWritten: 5_998,
  rowsRejected: 2,
  bytesRead: 9_000_000,
  rejecting: [1, 3],
  plan: encoder.encode('{"types":[["year","int"]],"schema":[]}'),
  rejected: encoder.encode('{"row":4001,"reason":"no id","document":{}}\n'),
};
const nonce = new Uint8Array(16).fill(0xab);
const seal = () => sealImportStep(step, nonce, syncDigest);
const open = (bytes: Uint8Array, number = 3) => openImportStep(bytes, number, syncDigest);

test("an import step has the bytes that it always had", async () => {
  const file = new URL("../golden/v1/import-step.hex", import.meta.url);
  const golden = readFileSync(file, "utf8").replace(/\s/g, "");
  expect(encodeHex((await seal()).bytes)).toBe(golden);
  expect(await open(decodeHex(golden))).toEqual(step);
});

test("a step before anything was written or refused comes back as it was", async () => {
  const bare = { ...beforeFirstStep, number: 1, attempt: 1 };
  expect(await open((await sealImportStep(bare, nonce, syncDigest)).bytes, 1)).toEqual(bare);
});

test("an import step with any one byte changed or missing, or of another number, is refused", async () => {
  const { bytes } = await seal();
  const refused = (error: unknown) => isEngineError(error, "corrupt");
  for (let i = 0; i < bytes.length; i++) {
    const damaged = bytes.slice();
    damaged[i] = (damaged[i] as number) ^ (1 << (i % 8));
    await expect(open(damaged)).rejects.toSatisfy(refused);
    await expect(open(bytes.slice(0, i))).rejects.toSatisfy(refused);
  }
  await expect(open(bytes, 4)).rejects.toSatisfy(refused);
});
