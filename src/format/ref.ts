/**
 * Ref: t/<tenant>/n/<generation>/refs/<child>. As long as it exists, a branch reads what it lists
 * below that generation, and nobody may delete it there. Created once, before the branch is; it
 * depends on no other object, so whatever becomes of the generation in between, each collector
 * reads its own refs only. Deleted by the branch when no manifest of it names the generation.
 *
 *   envelope  see envelope.ts; magic "SHOALREF", format version 1; generation = the one it lies
 *             below; number = when it was made, in ms
 *   head      {c: child, n: child's name, p: [parent, manifest version, next]  what was branched,
 *              g: [[segment, parts]], b: [[segment, bitmap]], w: [[from, to]]}  what must stay
 */
import { corrupt } from "../errors.ts";
import type { Digest } from "../ports.ts";
import { count, Fields, pair, text } from "./cbor-fields.ts";
import { type EnvelopeFormat, openEnvelope, type SealedObject, sealEnvelope } from "./envelope.ts";
import type { Holding } from "./homes.ts";

const format: EnvelopeFormat = { magic: "SHOALREF", version: 1 };
const zeroDigest = new Uint8Array(32);

export interface Ref {
  /** The one below which it lies. */
  readonly generation: string;
  /** Generation and name of the branch. */
  readonly child: string;
  readonly name: string;
  /** The branch began as the parent's manifest `version` and its log up to `next`. */
  readonly parent: { readonly generation: string; readonly version: number; readonly next: number };
  readonly createdMs: number;
  readonly nonce: Uint8Array;
  readonly holds: Holding;
}

export function sealRef(ref: Ref, digest: Digest): Promise<SealedObject> {
  const { generation, child, name, parent, createdMs, nonce, holds } = ref;
  const head = {
    c: child,
    n: name,
    p: [parent.generation, parent.version, parent.next],
    g: holds.segments.map(({ id, parts }) => [id, parts]),
    b: holds.bitmaps.map((bitmap) => [bitmap.segment, bitmap.name]),
    w: holds.wal.map(({ from, to }) => [from, to]),
  };
  return sealEnvelope(
    format,
    { generation, number: createdMs, epoch: 0, nonce, previous: zeroDigest, head, blocks: [] },
    digest,
  );
}

export async function openRef(
  bytes: Uint8Array,
  expected: { readonly generation: string; readonly child: string },
  digest: Digest,
): Promise<Ref> {
  const what = `ref of ${expected.child}`;
  const opened = await openEnvelope(format, bytes, what, digest);
  const head = new Fields(opened.head, what);
  const child = text(head.value("c"), what);
  if (opened.generation !== expected.generation || child !== expected.child) {
    throw corrupt(`${what}: says it is of ${child} below ${opened.generation}`);
  }
  const [generation, version, next] = pair(head.value("p"), 3, what);
  return {
    generation: opened.generation,
    child,
    name: text(head.value("n"), what),
    parent: {
      generation: text(generation, what),
      version: count(version, what),
      next: count(next, what),
    },
    createdMs: opened.number,
    nonce: opened.nonce,
    holds: {
      segments: head.list("g").map((value) => {
        const [id, parts] = pair(value, 2, what);
        return { id: text(id, what), parts: count(parts, what) };
      }),
      bitmaps: head.list("b").map((value) => {
        const [segment, bitmap] = pair(value, 2, what);
        return { segment: text(segment, what), name: text(bitmap, what) };
      }),
      wal: head.list("w").map((value) => {
        const [from, to] = pair(value, 2, what);
        return { from: count(from, what), to: count(to, what) };
      }),
    },
  };
}
