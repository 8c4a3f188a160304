/** Records of API keys, and the text their users hold. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { decodeHex, encodeHex } from "../../src/bytes/hex.ts";
import { isEngineError } from "../../src/errors.ts";
import {
  type ApiKey,
  openApiKey,
  parseKeyText,
  renderKeyText,
  sealApiKey,
} from "../../src/format/api-key.ts";
import { syncDigest } from "../sync-digest.ts";

const key: ApiKey = {
  id: "default-0123456789abcdef",
  tenant: "default",
  hash: new Uint8Array(32).fill(7),
  scopes: ["read", "write"],
  prefix: "shop-",
  note: "of the web shop",
  createdMs: 1_767_225_600_000,
  expiresMs: 1_798_761_600_000,
  requestsMax: 600,
  bytesMax: 0,
};
const seal = () => sealApiKey(key, new Uint8Array(16).fill(0xab), syncDigest);

test("the bytes of an API key record are what they always were", async () => {
  const file = new URL("../golden/v1/api-key.hex", import.meta.url);
  const golden = readFileSync(file, "utf8").replace(/\s/g, "");
  expect(encodeHex((await seal()).bytes)).toBe(golden);
  expect(await openApiKey(decodeHex(golden), syncDigest)).toEqual(key);
});

test("an API key record without expiry comes back as it was", async () => {
  const forever = { ...key, expiresMs: undefined };
  const { bytes } = await sealApiKey(forever, new Uint8Array(16), syncDigest);
  expect(await openApiKey(bytes, syncDigest)).toEqual(forever);
});

test("an API key record with any one byte changed or missing is refused", async () => {
  const { bytes } = await seal();
  for (let i = 0; i < bytes.length; i++) {
    const damaged = bytes.slice();
    damaged[i] = (damaged[i] as number) ^ (1 << (i % 8));
    for (const wrong of [damaged, bytes.slice(0, i)]) {
      await expect(openApiKey(wrong, syncDigest)).rejects.toSatisfy((error) =>
        isEngineError(error, "corrupt"),
      );
    }
  }
});

test("the text of a key names its record, and one wrong character makes it none", () => {
  const secret = "0123456789abcdef0123456789abcdef01234567";
  const text = renderKeyText(key.id, secret);
  expect(text).toMatch(/^shoal_default-0123456789abcdef_0123456789abcdef0123456789abcdef01234567/);
  expect(parseKeyText(text)).toEqual({ id: key.id, tenant: "default", secret });
  for (let i = 0; i < text.length; i++) {
    const other = text[i] === "0" ? "1" : "0";
    expect(parseKeyText(text.slice(0, i) + other + text.slice(i + 1))).toBeUndefined();
    expect(parseKeyText(text.slice(0, i))).toBeUndefined();
  }
});
