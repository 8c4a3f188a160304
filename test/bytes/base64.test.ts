/** Base64 and hexadecimal text: one spelling for each byte string. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeBase64, encodeBase64 } from "../../src/bytes/base64.ts";
import { decodeHex, encodeHex } from "../../src/bytes/hex.ts";
import { foobarTexts, invalidTexts } from "./base64-cases.ts";

const invalid = expect.objectContaining({ kind: "invalid" });

describe("base64", () => {
  test("gives the texts of RFC 4648, section 10", () => {
    for (const [length, text] of foobarTexts.entries()) {
      const bytes = new TextEncoder().encode("foobar".slice(0, length));
      expect(encodeBase64(bytes)).toBe(text);
      expect(decodeBase64(text)).toEqual(bytes);
    }
  });

  test("agrees with the platform on all bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const text = encodeBase64(bytes);
        expect(text).toBe(Buffer.from(bytes).toString("base64"));
        expect(decodeBase64(text)).toEqual(bytes);
      }),
    );
  });

  test("refuses every text that is not the spelling of some bytes", () => {
    for (const text of invalidTexts) {
      expect(() => decodeBase64(text), text).toThrow(invalid);
    }
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 12 }), (text) => {
        let bytes: Uint8Array;
        try {
          bytes = decodeBase64(text);
        } catch (error) {
          expect(error).toEqual(invalid);
          return;
        }
        expect(encodeBase64(bytes)).toBe(text);
      }),
    );
  });
});

describe("hex", () => {
  test("writes two lower-case digits a byte and reads them back", () => {
    expect(encodeHex(Uint8Array.of(0, 1, 0x7f, 0xab, 0xff))).toBe("00017fabff");
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(encodeHex(bytes)).toBe(Buffer.from(bytes).toString("hex"));
        expect(decodeHex(encodeHex(bytes))).toEqual(bytes);
      }),
    );
  });

  test("refuses odd lengths, capitals and other characters", () => {
    for (const text of ["0", "AB", "0g", "a/", "a:", "00 ", "é0"]) {
      expect(() => decodeHex(text), text).toThrow(invalid);
    }
  });
});
