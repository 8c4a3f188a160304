/** SHA-256 by Web Crypto. */
import type { Digest } from "../../src/ports.ts";

export const sha256: Digest = async (bytes) =>
  new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
