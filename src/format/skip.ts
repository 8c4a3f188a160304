/**
 * Skip record, at n/<generation>/skips/<sequence>: an operator's decision to go on without a log
 * entry that cannot be read. Created once; from then on the slot counts as an entry without
 * members, for ever, even if its object can be read again.
 *
 *   envelope  magic "SHOALSKP", format version 1; number = sequence; epoch of the owner;
 *             previous = the hash that the next entry continues from
 *   head      {t, r, f, h, v}
 *             t: time in ms   r: the operator's reason   f: what was wrong with the entry
 *             h: SHA-256 of the bytes found, null if there were none
 *             v: version of the schema behind the slot
 *
 * Golden: test/golden/v1/skip.hex.
 */
import { corrupt } from "../errors.ts";
import type { Digest } from "../ports.ts";
import {
  digestBytes,
  type EnvelopeFormat,
  openEnvelope,
  type SealedObject,
  sealEnvelope,
} from "./envelope.ts";

const format: EnvelopeFormat = { magic: "SHOALSKP", version: 1 };

export interface Skip {
  readonly generation: string;
  readonly sequence: number;
  readonly epoch: number;
  readonly nonce: Uint8Array;
  readonly timeMs: number;
  readonly reason: string;
  readonly fault: string;
  /** SHA-256 of the bytes found. */
  readonly found: Uint8Array | undefined;
  /** What the next entry continues from. */
  readonly hash: Uint8Array;
  /**
   * Behind the slot. Larger than what the lost entry may have made it, unless later entries say
   * what that was: no two schemas share a version.
   */
  readonly schemaVersion: number;
}

export function sealSkip(skip: Skip, digest: Digest): Promise<SealedObject> {
  const { generation, sequence, epoch, nonce, timeMs, reason, fault, found, hash } = skip;
  const head = { t: timeMs, r: reason, f: fault, h: found ?? null, v: skip.schemaVersion };
  return sealEnvelope(
    format,
    { generation, number: sequence, epoch, nonce, previous: hash, head, blocks: [] },
    digest,
  );
}

export async function openSkip(
  bytes: Uint8Array,
  expected: { readonly generation: string; readonly sequence: number },
  digest: Digest,
): Promise<Skip> {
  const what = `skip record ${expected.sequence}`;
  const opened = await openEnvelope(format, bytes, what, digest);
  if (opened.generation !== expected.generation || opened.number !== expected.sequence) {
    throw corrupt(`${what}: says it is of entry ${opened.number} of ${opened.generation}`);
  }
  const { t, r, f, h, v } = (opened.head ?? {}) as Readonly<Record<string, unknown>>;
  const isHash = h === null || (h instanceof Uint8Array && h.length === digestBytes);
  if (!isCount(t) || typeof r !== "string" || typeof f !== "string" || !isHash || !isCount(v)) {
    throw corrupt(`${what}: malformed head`);
  }
  return {
    generation: opened.generation,
    sequence: opened.number,
    epoch: opened.epoch,
    nonce: opened.nonce,
    timeMs: t,
    reason: r,
    fault: f,
    found: h === null ? undefined : (h as Uint8Array).slice(),
    hash: opened.previous,
    schemaVersion: v,
  };
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
