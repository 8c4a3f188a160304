/**
 * The objects of an asynchronous operation, below t/<tenant>/ops/<token>/. Each is created once and
 * never overwritten; all are deleted a day after the request was made.
 *
 *   request         what is to be done, as it was asked for. Magic "SHOALOPR"
 *                   number = when it was made, in ms
 *                   head   {k: kind, n: namespace, l: bytes of the body
 *                           p?: [pin, generation, manifest version, next, [skipped slots]]}
 *                   block  the body: JSON
 *   claims/<n>      who works on it, and until when. Magic "SHOALOPC"
 *                   number = until when, in ms; 0 gives it back; epoch = the attempt
 *                   nonce  = the worker, the same in all claims of its attempt
 *   result          how it ended. Magic "SHOALOPS"
 *                   number = HTTP status; head {l: bytes of the body}; block: the answer, JSON
 *
 *   envelope        see envelope.ts; format version 1; generation zero
 */
import { corrupt } from "../errors.ts";
import type { Digest } from "../ports.ts";
import { count, Fields, pair, text } from "./cbor-fields.ts";
import {
  type EnvelopeFormat,
  type OpenedEnvelope,
  openEnvelope,
  type SealedObject,
  sealEnvelope,
} from "./envelope.ts";

const requestFormat: EnvelopeFormat = { magic: "SHOALOPR", version: 1 };
const claimFormat: EnvelopeFormat = { magic: "SHOALOPC", version: 1 };
const resultFormat: EnvelopeFormat = { magic: "SHOALOPS", version: 1 };

const fixed = { generation: "0".repeat(32), previous: new Uint8Array(32) };

/** A point of a namespace that was pinned for the operation to read. */
export interface OperationPin {
  readonly id: string;
  readonly generation: string;
  readonly version: number;
  readonly next: number;
  readonly skipped: readonly number[];
}

export interface OperationRequest {
  /** What it does; whoever runs operations knows which there are. */
  readonly kind: string;
  readonly name: string;
  readonly createdMs: number;
  readonly pin: OperationPin | undefined;
  /** As the client sent it, decompressed. */
  readonly body: Uint8Array;
}

export interface OperationClaim {
  /** The first is 1. */
  readonly attempt: number;
  /** 16 random bytes. */
  readonly worker: Uint8Array;
  /** 0: nobody works on it any more. */
  readonly untilMs: number;
}

export interface OperationResult {
  readonly status: number;
  readonly body: Uint8Array;
}

export function sealOperationRequest(
  request: OperationRequest,
  nonce: Uint8Array,
  digest: Digest,
): Promise<SealedObject> {
  const { kind, name, createdMs, pin, body } = request;
  const head = {
    k: kind,
    n: name,
    l: body.length,
    ...(pin && { p: [pin.id, pin.generation, pin.version, pin.next, pin.skipped] }),
  };
  const envelope = { ...fixed, number: createdMs, epoch: 0, nonce, head, blocks: [body] };
  return sealEnvelope(requestFormat, envelope, digest);
}

export async function openOperationRequest(
  bytes: Uint8Array,
  digest: Digest,
): Promise<OperationRequest> {
  const what = "operation request";
  const opened = await openEnvelope(requestFormat, bytes, what, digest);
  const head = new Fields(opened.head, what);
  const pin = head.value("p");
  return {
    kind: text(head.value("k"), what),
    name: text(head.value("n"), what),
    createdMs: opened.number,
    pin: pin === undefined ? undefined : pinOf(pin, what),
    body: bodyOf(opened, head),
  };
}

function pinOf(value: unknown, what: string): OperationPin {
  const [id, generation, version, next, skipped] = pair(value, 5, what);
  if (!Array.isArray(skipped)) {
    throw corrupt(`${what}: expected a list`);
  }
  return {
    id: text(id, what),
    generation: text(generation, what),
    version: count(version, what),
    next: count(next, what),
    skipped: skipped.map((slot) => count(slot, what)),
  };
}

export function sealOperationClaim(claim: OperationClaim, digest: Digest): Promise<SealedObject> {
  const { attempt, worker, untilMs } = claim;
  const number = Math.floor(untilMs);
  const envelope = { ...fixed, number, epoch: attempt, nonce: worker, head: {}, blocks: [] };
  return sealEnvelope(claimFormat, envelope, digest);
}

export async function openOperationClaim(
  bytes: Uint8Array,
  digest: Digest,
): Promise<OperationClaim> {
  const opened = await openEnvelope(claimFormat, bytes, "operation claim", digest);
  return { attempt: opened.epoch, worker: opened.nonce, untilMs: opened.number };
}

export function sealOperationResult(
  { status, body }: OperationResult,
  nonce: Uint8Array,
  digest: Digest,
): Promise<SealedObject> {
  const head = { l: body.length };
  const envelope = { ...fixed, number: status, epoch: 0, nonce, head, blocks: [body] };
  return sealEnvelope(resultFormat, envelope, digest);
}

export async function openOperationResult(
  bytes: Uint8Array,
  digest: Digest,
): Promise<OperationResult> {
  const what = "operation result";
  const opened = await openEnvelope(resultFormat, bytes, what, digest);
  return { status: opened.number, body: bodyOf(opened, new Fields(opened.head, what)) };
}

/** Blocks are padded; the head says how much of it is the body. */
function bodyOf({ blocks }: OpenedEnvelope, head: Fields): Uint8Array {
  const length = head.count("l");
  if (length > blocks.length || blocks.length - length >= 8) {
    throw corrupt(`${head.what}: ${length} bytes of body in ${blocks.length}`);
  }
  return blocks.subarray(0, length);
}
