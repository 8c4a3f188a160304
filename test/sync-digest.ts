/**
 * SHA-256 that is done at once. Web Crypto finishes on another thread, at a time no fake clock
 * knows; with this one a test depends on nothing but its own steps.
 */
import { hash } from "node:crypto";
import type { Digest } from "../src/ports.ts";

export const syncDigest: Digest = (bytes) =>
  Promise.resolve(new Uint8Array(hash("sha256", bytes, "buffer")));
