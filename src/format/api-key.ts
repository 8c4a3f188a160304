/**
 * API key record, at t/<tenant>/keys/<id>: what a key may do, and the hash by which it is known.
 * The key itself lies nowhere. Created once, deleted to revoke it, never changed.
 *
 *   envelope  envelope.ts; magic "SHOALAPI", format version 1; generation zero; number = creation
 *             time in ms
 *   head      {i: id, t: tenant, h: SHA-256 of the secret, s: [scope], p: namespace prefix,
 *              n: note, x?: expiry in ms, q: [requests a minute, bytes a minute], 0 = unbounded}
 *
 * The text of a key is `shoal_<id>_<secret><check>`. The id begins with its tenant, so that one
 * read finds the record; secret and check are hex, 160 random bits and CRC-32C of what is before
 * them, so that what was never a key costs no read.
 */
import { crc32c } from "../bytes/crc32c.ts";
import { encodeHex } from "../bytes/hex.ts";
import { corrupt } from "../errors.ts";
import type { Digest } from "../ports.ts";
import { type EnvelopeFormat, openEnvelope, type SealedObject, sealEnvelope } from "./envelope.ts";

const format: EnvelopeFormat = { magic: "SHOALAPI", version: 1 };
const zeroDigest = new Uint8Array(32);
const noGeneration = "0".repeat(32);

export const apiScopes = ["read", "write", "admin"] as const;
export type ApiScope = (typeof apiScopes)[number];

export interface ApiKey {
  readonly id: string;
  readonly tenant: string;
  /** SHA-256 of the secret's text. */
  readonly hash: Uint8Array;
  readonly scopes: readonly ApiScope[];
  /** Only namespaces whose names begin so; empty = all. */
  readonly prefix: string;
  readonly note: string;
  readonly createdMs: number;
  readonly expiresMs: number | undefined;
  /** A minute; 0 = unbounded. */
  readonly requestsMax: number;
  readonly bytesMax: number;
}

export function sealApiKey(key: ApiKey, nonce: Uint8Array, digest: Digest): Promise<SealedObject> {
  return sealEnvelope(
    format,
    {
      generation: noGeneration,
      number: key.createdMs,
      epoch: 0,
      nonce,
      previous: zeroDigest,
      head: {
        i: key.id,
        t: key.tenant,
        h: key.hash,
        s: key.scopes,
        p: key.prefix,
        n: key.note,
        ...(key.expiresMs === undefined ? {} : { x: key.expiresMs }),
        q: [key.requestsMax, key.bytesMax],
      },
      blocks: [],
    },
    digest,
  );
}

export async function openApiKey(bytes: Uint8Array, digest: Digest): Promise<ApiKey> {
  const opened = await openEnvelope(format, bytes, "API key", digest);
  const { i, t, h, s, p, n, x, q } = opened.head as Readonly<Record<string, unknown>>;
  const [requestsMax, bytesMax] = Array.isArray(q) && q.length === 2 ? q : [];
  if (
    typeof i !== "string" ||
    typeof t !== "string" ||
    !(h instanceof Uint8Array && h.length === 32) ||
    !Array.isArray(s) ||
    !s.every(isScope) ||
    typeof p !== "string" ||
    typeof n !== "string" ||
    !(x === undefined || isCount(x)) ||
    !isCount(requestsMax) ||
    !isCount(bytesMax)
  ) {
    throw corrupt("API key: malformed head");
  }
  return {
    id: i,
    tenant: t,
    hash: h.slice(),
    scopes: s,
    prefix: p,
    note: n,
    createdMs: opened.number,
    expiresMs: x,
    requestsMax,
    bytesMax,
  };
}

function isScope(value: unknown): value is ApiScope {
  return apiScopes.some((scope) => scope === value);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

// ---- Text ---------------------------------------------------------------------------------------

export const secretBytes = 20;
const keyText = /^shoal_(([a-z0-9]{1,32})-[a-z0-9]{16})_([0-9a-f]{40})([0-9a-f]{8})$/;

export interface KeyText {
  readonly id: string;
  readonly tenant: string;
  readonly secret: string;
}

export function isTenantName(text: string): boolean {
  return /^[a-z0-9]{1,32}$/.test(text);
}

export function renderKeyText(id: string, secret: string): string {
  return `shoal_${id}_${secret}${check(id, secret)}`;
}

/** Undefined if it cannot be a key of this server. */
export function parseKeyText(text: string): KeyText | undefined {
  const [, id, tenant, secret, sum] = keyText.exec(text) ?? [];
  if (id === undefined || tenant === undefined || secret === undefined) return undefined;
  return sum === check(id, secret) ? { id, tenant, secret } : undefined;
}

function check(id: string, secret: string): string {
  const sum = new Uint8Array(4);
  new DataView(sum.buffer).setUint32(0, crc32c(new TextEncoder().encode(`${id}_${secret}`)));
  return encodeHex(sum);
}
