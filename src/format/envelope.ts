/**
 * Envelope of every object that carries decisions rather than data: WAL entries, manifests,
 * pointers, registry entries and graves. Verified whole before any of it is believed.
 *
 *   offset  size  field
 *        0     8  magic, ASCII; says what the object is
 *        8     2  format version, u16
 *       10     6  zero
 *       16    16  generation
 *       32     8  own sequence or version, u64
 *       40     8  epoch of the writer, u64
 *       48    16  nonce: makes every object unique, and tells a writer its own after a lost reply
 *       64    32  digest of the predecessor; zero where there is none
 *       96     4  bytes of the head, u32
 *      100     4  bytes of the blocks, u32
 *      104     h  head: CBOR
 *       ..     p  zero, up to a multiple of 8
 *       ..     b  blocks: bulk bytes the head refers to by offset, each aligned to 8
 *       ..    32  SHA-256 of everything before
 *
 * All integers little-endian. Golden: test/golden/v1/envelope.hex.
 */
import { decodeHex, encodeHex } from "../bytes/hex.ts";
import { assert, corrupt } from "../errors.ts";
import type { Digest } from "../ports.ts";
import { decodeCbor, encodeCbor } from "./cbor.ts";

const headerBytes = 104;
export const digestBytes = 32;

export interface Envelope {
  readonly generation: string;
  /** Own sequence or version. */
  readonly number: number;
  readonly epoch: number;
  readonly nonce: Uint8Array;
  readonly previous: Uint8Array;
  /** Plain CBOR-able data. */
  readonly head: unknown;
  readonly blocks: readonly Uint8Array[];
}

export interface SealedObject {
  readonly bytes: Uint8Array;
  /** SHA-256 over all bytes before the trailer: the identity of the object in hash chains. */
  readonly hash: Uint8Array;
  /** SHA-256 of the whole object, for the store to verify. */
  readonly sha256: Uint8Array;
}

export interface OpenedEnvelope {
  readonly generation: string;
  readonly number: number;
  readonly epoch: number;
  readonly nonce: Uint8Array;
  readonly previous: Uint8Array;
  readonly head: unknown;
  /** All blocks; offsets in the head count from its start. */
  readonly blocks: Uint8Array;
  readonly hash: Uint8Array;
}

export interface EnvelopeFormat {
  /** Exactly 8 ASCII characters. */
  readonly magic: string;
  readonly version: number;
}

/** Where each block of an envelope starts, relative to the first. */
export function blockOffsets(blocks: readonly Uint8Array[]): number[] {
  const offsets: number[] = [];
  let at = 0;
  for (const block of blocks) {
    offsets.push(at);
    at += align(block.length);
  }
  return offsets;
}

export async function sealEnvelope(
  format: EnvelopeFormat,
  envelope: Envelope,
  digest: Digest,
): Promise<SealedObject> {
  const head = encodeCbor(envelope.head);
  const offsets = blockOffsets(envelope.blocks);
  const blockBytes = envelope.blocks.reduce((sum, block) => sum + align(block.length), 0);
  const blocksAt = align(headerBytes + head.length);
  const bytes = new Uint8Array(blocksAt + blockBytes + digestBytes);
  const view = new DataView(bytes.buffer);
  assert(format.magic.length === 8, "magic is 8 characters");
  for (let i = 0; i < 8; i++) {
    bytes[i] = format.magic.charCodeAt(i);
  }
  view.setUint16(8, format.version, true);
  bytes.set(decodeHex(envelope.generation), 16);
  view.setBigUint64(32, BigInt(envelope.number), true);
  view.setBigUint64(40, BigInt(envelope.epoch), true);
  assert(envelope.nonce.length === 16 && envelope.previous.length === 32, "envelope field sizes");
  bytes.set(envelope.nonce, 48);
  bytes.set(envelope.previous, 64);
  view.setUint32(96, head.length, true);
  view.setUint32(100, blockBytes, true);
  bytes.set(head, headerBytes);
  for (const [i, block] of envelope.blocks.entries()) {
    bytes.set(block, blocksAt + (offsets[i] as number));
  }
  const hash = await digest(bytes.subarray(0, bytes.length - digestBytes));
  bytes.set(hash, bytes.length - digestBytes);
  return { bytes, hash, sha256: await digest(bytes) };
}

/** Verifies and opens; `what` names the object in errors. Blocks are views of `bytes`. */
export async function openEnvelope(
  format: EnvelopeFormat,
  bytes: Uint8Array,
  what: string,
  digest: Digest,
): Promise<OpenedEnvelope> {
  if (bytes.length < headerBytes + digestBytes) {
    throw corrupt(`${what}: ${bytes.length} bytes are too few`);
  }
  for (let i = 0; i < 8; i++) {
    if (bytes[i] !== format.magic.charCodeAt(i)) {
      throw corrupt(`${what}: does not begin with ${format.magic}`);
    }
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint16(8, true);
  if (version !== format.version) {
    throw corrupt(`${what}: format version ${version} is unknown, expected ${format.version}`);
  }
  const headLength = view.getUint32(96, true);
  const blockLength = view.getUint32(100, true);
  const blocksAt = align(headerBytes + headLength);
  const end = bytes.length - digestBytes;
  if (blocksAt + blockLength !== end) {
    throw corrupt(`${what}: lengths do not add up`);
  }
  const hash = await digest(bytes.subarray(0, end));
  if (!equalBytes(hash, bytes.subarray(end))) {
    throw corrupt(`${what}: SHA-256 does not match`);
  }
  return {
    generation: encodeHex(bytes.subarray(16, 32)),
    number: safeNumber(view.getBigUint64(32, true), what),
    epoch: safeNumber(view.getBigUint64(40, true), what),
    nonce: bytes.slice(48, 64),
    previous: bytes.slice(64, 96),
    head: decodeCbor(bytes.subarray(headerBytes, headerBytes + headLength)),
    blocks: bytes.subarray(blocksAt, blocksAt + blockLength),
    hash,
  };
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) {
    return false;
  }
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i]) {
      return false;
    }
  }
  return true;
}

function align(length: number): number {
  return (length + 7) & ~7;
}

function safeNumber(value: bigint, what: string): number {
  if (value > 9_007_199_254_740_991n) {
    throw corrupt(`${what}: number out of range`);
  }
  return Number(value);
}
