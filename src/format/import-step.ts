/**
 * How far an import has come, below t/<tenant>/imports/<name>/<token>/. Each is created once, after
 * the rows that it counts are durable; the newest one is where the next attempt goes on.
 *
 *   step/<n>        Magic "SHOALIMS"
 *                   number = n, from 1; epoch = the attempt; nonce random; generation = that of the
 *                   namespace, zero as long as nothing was written
 *                   head {s: [source, offset in it]    where to go on; what an offset counts is for
 *                                                      its reader to know
 *                         r: [read, written, refused]  rows so far
 *                         b: bytes of the sources read so far
 *                         x: [numbers of the steps that refused rows, this one included]
 *                         l: [bytes of plan, bytes of refused rows]}
 *                   blocks the plan: JSON, what the reader has decided from the first rows
 *                          the rows that this step refused: lines of JSON
 *
 *   envelope        see envelope.ts; format version 1
 */
import { corrupt } from "../errors.ts";
import type { Digest } from "../ports.ts";
import { count, Fields, pair } from "./cbor-fields.ts";
import { blockOffsets, type EnvelopeFormat, openEnvelope, sealEnvelope } from "./envelope.ts";

const format: EnvelopeFormat = { magic: "SHOALIMS", version: 1 };
const noGeneration = "0".repeat(32);
const previous = new Uint8Array(32);
const what = "import step";

export interface ImportStep {
  /** 0: before the first one. */
  readonly number: number;
  readonly attempt: number;
  /** Undefined as long as nothing was written. */
  readonly generation: string | undefined;
  readonly source: number;
  readonly offset: number;
  readonly rowsRead: number;
  readonly rowsWritten: number;
  readonly rowsRejected: number;
  readonly bytesRead: number;
  readonly rejecting: readonly number[];
  readonly plan: Uint8Array;
  readonly rejected: Uint8Array;
}

export const beforeFirstStep: ImportStep = {
  number: 0,
  attempt: 0,
  generation: undefined,
  source: 0,
  offset: 0,
  rowsRead: 0,
  rowsWritten: 0,
  rowsRejected: 0,
  bytesRead: 0,
  rejecting: [],
  plan: new Uint8Array(),
  rejected: new Uint8Array(),
};

export function sealImportStep(step: ImportStep, nonce: Uint8Array, digest: Digest) {
  const { number, attempt, generation = noGeneration, plan, rejected } = step;
  const head = {
    s: [step.source, step.offset],
    r: [step.rowsRead, step.rowsWritten, step.rowsRejected],
    b: step.bytesRead,
    x: step.rejecting,
    l: [plan.length, rejected.length],
  };
  const blocks = [plan, rejected];
  const envelope = { generation, number, epoch: attempt, nonce, previous, head, blocks };
  return sealEnvelope(format, envelope, digest);
}

export async function openImportStep(
  bytes: Uint8Array,
  number: number,
  digest: Digest,
): Promise<ImportStep> {
  const opened = await openEnvelope(format, bytes, what, digest);
  if (opened.number !== number) {
    throw corrupt(`${what} ${number} says it is ${opened.number}`);
  }
  const head = new Fields(opened.head, what);
  const counts = (key: string, length: number): number[] =>
    pair(head.value(key), length, what).map((each) => count(each, what));
  const [source = 0, offset = 0] = counts("s", 2);
  const [rowsRead = 0, rowsWritten = 0, rowsRejected = 0] = counts("r", 3);
  const [planBytes = 0, rejectedBytes = 0] = counts("l", 2);
  const plan = opened.blocks.subarray(0, planBytes);
  const [, at = 0] = blockOffsets([plan, plan]);
  const rejected = opened.blocks.subarray(at, at + rejectedBytes);
  if (plan.length !== planBytes || rejected.length !== rejectedBytes) {
    throw corrupt(`${what}: blocks are shorter than they say`);
  }
  return {
    number,
    attempt: opened.epoch,
    generation: opened.generation === noGeneration ? undefined : opened.generation,
    source,
    offset,
    rowsRead,
    rowsWritten,
    rowsRejected,
    bytesRead: head.count("b"),
    rejecting: head.list("x").map((each) => count(each, what)),
    plan,
    rejected,
  };
}
