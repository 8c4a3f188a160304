/**
 * Stores an object whose key nobody else ever writes with other bytes (segment parts, attachments,
 * bitmaps): an attempt of unknown outcome may be repeated until it is certain.
 *
 *   1. Create with SHA-256, verified by the store, and the same digest as metadata.
 *   2. stored: done. unavailable, overloaded: back off, then 1 again with the same bytes.
 *   3. precondition: an attempt of ours (this call's, or one before a crash) may have landed.
 *      `head`: same size and digest = done; anything else = `conflict`, the key was not unique
 *      after all.
 *
 * Cost: one put; each failure adds a put, a lost answer also a head. The bytes are never read
 * back: the store checked them against the digest that lies beside them.
 */
import { encodeHex } from "../bytes/hex.ts";
import { EngineError } from "../errors.ts";
import type { Clock, Digest, Random } from "../ports.ts";
import { type Backoff, withRetries } from "./backoff.ts";
import type { ObjectStore } from "./object-store.ts";

export interface PutUniquePorts {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly digest: Digest;
}

export interface UniqueObject {
  /** SHA-256 of the bytes, for whoever will name the object. */
  readonly sha256: Uint8Array;
}

/** Up to some 12 s of waiting: a job would rather wait than build its output again. */
const putBackoff: Backoff = { attemptsMax: 8, baseMs: 100, capMs: 4_000 };

/** Metadata field holding the digest in hex. */
export const digestMetadata = "sha256";

/**
 * `bytes` must not change until this resolves; `known` is their SHA-256, if it is. Throws
 * `conflict` if other bytes lie under the key or the object has been deleted since, `unavailable`
 * or `overloaded` when all attempts failed.
 */
export async function putUnique(
  ports: PutUniquePorts,
  key: string,
  bytes: Uint8Array,
  known?: Uint8Array,
): Promise<UniqueObject> {
  const { store } = ports;
  const sha256 = known ?? (await ports.digest(bytes));
  const metadata = { [digestMetadata]: encodeHex(sha256) };
  await withRetries(ports, putBackoff, async () => {
    const result = await store.put(key, bytes, { kind: "create" }, { sha256, metadata });
    if (result.kind === "stored") return;
    const occupant = await store.head(key);
    const ours =
      occupant?.size === bytes.length &&
      occupant.metadata[digestMetadata] === metadata[digestMetadata];
    if (!ours) throw new EngineError("conflict", `${key} does not hold the bytes of this writer`);
  });
  return { sha256 };
}
