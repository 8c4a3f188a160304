/**
 * Base64 (RFC 4648 section 4), strict: padded, no white space, no stray bits in the last character,
 * so every byte string has exactly one spelling. Runs on the platform's own codec where there is
 * one.
 */
import { invalid } from "../errors.ts";

/** The part of the proposal "ArrayBuffer to/from base64" (ES2026) that we use. */
interface PlatformBase64 {
  readonly fromBase64?: (
    text: string,
    options: { lastChunkHandling: "strict" },
  ) => Uint8Array<ArrayBuffer>;
  readonly prototype: { readonly toBase64?: (this: Uint8Array) => string };
}

const platform = Uint8Array as unknown as PlatformBase64;
const platformEncode = platform.prototype.toBase64;
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const alphabetCodes = new TextEncoder().encode(alphabet);
const padding = 0x3d;
const ascii = new TextDecoder();

/** Value of each ASCII character, -1 for those outside the alphabet. */
const values = new Int8Array(128).fill(-1);
for (const [value, code] of alphabetCodes.entries()) {
  values[code] = value;
}

export function encodeBase64(bytes: Uint8Array): string {
  return platformEncode === undefined ? encodePortably(bytes) : platformEncode.call(bytes);
}

/** Throws `invalid` unless the text is the one spelling of some bytes. */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
  if (text.length % 4 !== 0) {
    throw invalid("base64 text whose length is not a multiple of 4");
  }
  const size = (text.length / 4) * 3 - (text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0);
  return platform.fromBase64 === undefined
    ? decodePortably(text, size)
    : decodeOnPlatform(platform.fromBase64, text, size);
}

function decodeOnPlatform(
  decode: NonNullable<PlatformBase64["fromBase64"]>,
  text: string,
  size: number,
): Uint8Array<ArrayBuffer> {
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = decode(text, { lastChunkHandling: "strict" });
  } catch {
    throw invalid("text is not base64");
  }
  // The platform skips white space, which shows as bytes missing.
  if (bytes.length !== size) {
    throw invalid("text is not base64: white space");
  }
  return bytes;
}

function decodePortably(text: string, size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  let at = 0;
  for (let i = 0; i < text.length; i += 4) {
    const last = i + 4 === text.length ? size - at : 3;
    const group =
      (valueAt(text, i) << 18) |
      (valueAt(text, i + 1) << 12) |
      (last > 1 ? valueAt(text, i + 2) << 6 : 0) |
      (last > 2 ? valueAt(text, i + 3) : 0);
    if (last < 3 && (group & (last === 2 ? 0xff : 0xffff)) !== 0) {
      throw invalid("text is not base64: stray bits at its end");
    }
    // Stores past the end of the array are dropped, as they should be for a short last group.
    bytes[at] = group >>> 16;
    bytes[at + 1] = group >>> 8;
    bytes[at + 2] = group;
    at += 3;
  }
  return bytes;
}

function valueAt(text: string, i: number): number {
  const code = text.charCodeAt(i);
  const value = code < 128 ? (values[code] as number) : -1;
  if (value < 0) {
    throw invalid(`text is not base64: invalid character at position ${i}`);
  }
  return value;
}

function encodePortably(bytes: Uint8Array): string {
  const codes = new Uint8Array(Math.ceil(bytes.length / 3) * 4);
  let at = 0;
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i;
    const group =
      ((bytes[i] as number) << 16) |
      (left > 1 ? (bytes[i + 1] as number) << 8 : 0) |
      (left > 2 ? (bytes[i + 2] as number) : 0);
    codes[at++] = alphabetCodes[group >>> 18] as number;
    codes[at++] = alphabetCodes[(group >>> 12) & 63] as number;
    codes[at++] = left > 1 ? (alphabetCodes[(group >>> 6) & 63] as number) : padding;
    codes[at++] = left > 2 ? (alphabetCodes[group & 63] as number) : padding;
  }
  return ascii.decode(codes);
}
