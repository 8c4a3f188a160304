/**
 * Hexadecimal text, lower case only: one spelling a value, as the names of objects need it.
 */
import { invalid } from "../errors.ts";

const digits = "0123456789abcdef";
const pairs = Array.from({ length: 256 }, (_, byte) => `${digits[byte >>> 4]}${digits[byte & 15]}`);

export function encodeHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) {
    text += pairs[byte];
  }
  return text;
}

/** Throws `invalid` unless the text is pairs of lower-case digits. */
export function decodeHex(text: string): Uint8Array<ArrayBuffer> {
  if (text.length % 2 !== 0) {
    throw invalid("hexadecimal text has an odd length");
  }
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = (digitAt(text, 2 * i) << 4) | digitAt(text, 2 * i + 1);
  }
  return bytes;
}

function digitAt(text: string, i: number): number {
  const code = text.charCodeAt(i);
  if (code >= 0x30 && code <= 0x39) {
    return code - 0x30;
  }
  if (code >= 0x61 && code <= 0x66) {
    return code - 0x61 + 10;
  }
  throw invalid(`hexadecimal text has an invalid character at position ${i}`);
}
