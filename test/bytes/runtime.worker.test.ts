/** The same codecs on the Workers runtime, which brings its own base64 and a newer engine. */
import { expect, test } from "vitest";
import { decodeBase64, encodeBase64 } from "../../src/bytes/base64.ts";
import { compressBlock, decompressBlock } from "../../src/bytes/compress.ts";
import { parseJson } from "../../workers/api/json.ts";
import { encodeJson, F32 } from "../../workers/api/json-encode.ts";
import { foobarTexts, invalidTexts } from "./base64-cases.ts";

test("the runtime's base64 is as strict as ours", () => {
  expect(Uint8Array).toHaveProperty("fromBase64");
  for (const [length, text] of foobarTexts.entries()) {
    const bytes = new TextEncoder().encode("foobar".slice(0, length));
    expect(encodeBase64(bytes)).toBe(text);
    expect(decodeBase64(text)).toEqual(bytes);
  }
  for (const text of invalidTexts) {
    expect(() => decodeBase64(text), text).toThrow(expect.objectContaining({ kind: "invalid" }));
  }
});

test("blocks are compressed and read back in the runtime", () => {
  const content = new TextEncoder().encode("a block of text ".repeat(100));
  const block = compressBlock(content);
  expect(block.length).toBeLessThan(100);
  expect(decompressBlock(block, content.length)).toEqual(content);
});

test("JSON keeps its digits in the runtime", () => {
  const value = { id: 2n ** 64n - 1n, text: "é漢😀", $dist: 0.7, bad: 1 };
  const bytes = encodeJson({ ...value, $dist: new F32(Math.fround(0.7)) });
  expect(parseJson(bytes)).toEqual(value);
  const cut = bytes.subarray(0, 40);
  expect(() => parseJson(cut)).toThrow(/^Failed to parse the request body as JSON: .* at line 1/);
  const broken = Uint8Array.of(0x22, 0xc3, 0x28, 0x22);
  expect(() => parseJson(broken)).toThrow("invalid UTF-8 at line 1 column 1");
});
