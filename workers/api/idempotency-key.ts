/**
 * Header `Idempotency-Key` of a write -> the key it is committed under: at most 64 printable ASCII
 * characters, chosen by the client. The same write under the same key is applied once and answered
 * alike; another body under the key is refused with 409. Kept for a day.
 */
import { invalid } from "../../src/errors.ts";
import type { WriteKey } from "../../src/format/wal.ts";
import { limits } from "../../src/limits.ts";
import type { Digest } from "../../src/ports.ts";

const header = "Idempotency-Key";
const printable = /^[\x20-\x7e]+$/;
const hashBytes = 16;

/** The client's text, or undefined if there is none. Throws `invalid`. */
export function readIdempotencyKey({ headers }: Pick<Request, "headers">): string | undefined {
  const given = headers.get(header);
  if (given === null) {
    return undefined;
  }
  if (given.length > limits.keyCharsMax || !printable.test(given)) {
    const text = `${header} must be 1 to ${limits.keyCharsMax} printable ASCII characters`;
    throw invalid(`💔 ${text}`, header);
  }
  return given;
}

/** `body`: as it came, decompressed. */
export async function hashKey(digest: Digest, text: string, body: Uint8Array): Promise<WriteKey> {
  const [id, asked] = await Promise.all([digest(new TextEncoder().encode(text)), digest(body)]);
  return {
    id: id.slice(0, hashBytes),
    body: asked.slice(0, hashBytes),
    keepMs: limits.keyKeepMs,
  };
}
