/**
 * The three small objects that say which life a name is in.
 *
 *   registry entry  t/<tenant>/names/<name>         "SHOALREG"  number = how often it was written
 *                   head {s: 0 live | 1 deleted, n: name, m?: bytes of a manifest, r?: [parent,
 *                   its manifest version, next, ms by which refs count], b?: of a restored life,
 *                   when it began}; customMetadata {state, generation}, so that one listing
 *                   tells the live names.
 *                   Compare-and-swapped; written at creation and deletion only.
 *                   block: of a life that begins as a branch its manifest 1, which is put into its
 *                   place afterwards, by whoever finds that there is no manifest yet
 *   current         n/<generation>/current          "SHOALCUR"  number = a manifest version
 *                   head {}; the version exists; compare-and-swapped at most once a second. A
 *                   hint for recovery, never the truth.
 *   grave           t/<tenant>/graves/<generation>  "SHOALGRV"  number = deletion time in ms
 *                   head {n: name}; created once, deleted when the generation's last object is.
 *
 * Each is an envelope (envelope.ts) of format version 1: number and nonce make every body unique,
 * because the etag of an object is the MD5 of its bytes.
 */
import { corrupt } from "../errors.ts";
import type { Digest } from "../ports.ts";
import { count, pair, text } from "./cbor-fields.ts";
import { type EnvelopeFormat, openEnvelope, type SealedObject, sealEnvelope } from "./envelope.ts";

const registryFormat: EnvelopeFormat = { magic: "SHOALREG", version: 1 };
const currentFormat: EnvelopeFormat = { magic: "SHOALCUR", version: 1 };
const graveFormat: EnvelopeFormat = { magic: "SHOALGRV", version: 1 };
const zeroDigest = new Uint8Array(32);

export interface RegistryEntry {
  readonly name: string;
  readonly generation: string;
  readonly state: "live" | "deleted";
  /** One more than the entry it replaces. */
  readonly version: number;
  readonly epoch: number;
  readonly nonce: Uint8Array;
  /** Of a life that begins as a branch. */
  readonly start?: BranchStart;
  /** Of a life that another one went on with: when that one's log said so. */
  readonly beganMs?: number;
}

/** How a branch begins: it lives from the moment that its entry and all of its refs are stored. */
export interface BranchStart {
  /** Bytes of its manifest 1. */
  readonly manifest: Uint8Array;
  /** It begins as this generation's manifest `version` and its log up to `next`. */
  readonly parent: { readonly generation: string; readonly version: number; readonly next: number };
  /** Refs that were stored later do not count: what they name may be gone. */
  readonly refsByMs: number;
}

export interface Pointer {
  readonly generation: string;
  readonly manifestVersion: number;
  readonly epoch: number;
  readonly nonce: Uint8Array;
}

export interface Grave {
  readonly name: string;
  readonly generation: string;
  readonly deletedMs: number;
  readonly nonce: Uint8Array;
}

export function sealRegistryEntry(entry: RegistryEntry, digest: Digest): Promise<SealedObject> {
  const { name, state, start, version, beganMs } = entry;
  const began = beganMs === undefined ? {} : { b: beganMs };
  const head = { s: state === "live" ? 0 : 1, n: name, ...(start && startFields(start)), ...began };
  const blocks = start === undefined ? [] : [start.manifest];
  return seal(registryFormat, { ...entry, number: version, head, blocks }, digest);
}

function startFields({ manifest, parent, refsByMs }: BranchStart): object {
  const { generation, version, next } = parent;
  return { m: manifest.length, r: [generation, version, next, refsByMs] };
}

export async function openRegistryEntry(bytes: Uint8Array, digest: Digest): Promise<RegistryEntry> {
  const what = "registry entry";
  const opened = await openEnvelope(registryFormat, bytes, what, digest);
  const { s, n, m, r, b } = opened.head as Record<string, unknown>;
  if ((s !== 0 && s !== 1) || typeof n !== "string") {
    throw corrupt(`${what}: malformed head`);
  }
  return {
    name: n,
    generation: opened.generation,
    state: s === 0 ? "live" : "deleted",
    version: opened.number,
    epoch: opened.epoch,
    nonce: opened.nonce,
    ...(m === undefined ? {} : { start: openStart(opened.blocks, m, r, what) }),
    ...(b === undefined ? {} : { beganMs: count(b, what) }),
  };
}

function openStart(blocks: Uint8Array, m: unknown, r: unknown, what: string): BranchStart {
  const length = count(m, what);
  const [generation, version, next, refsByMs] = pair(r, 4, what);
  if (length > blocks.length) {
    throw corrupt(`${what}: its manifest is cut off`);
  }
  return {
    manifest: blocks.slice(0, length),
    parent: {
      generation: text(generation, what),
      version: count(version, what),
      next: count(next, what),
    },
    refsByMs: count(refsByMs, what),
  };
}

/** What a listing of the registry shows of an entry. */
export function registryMetadata(entry: RegistryEntry): Record<string, string> {
  return { state: entry.state, generation: entry.generation };
}

export function sealPointer(pointer: Pointer, digest: Digest): Promise<SealedObject> {
  return seal(currentFormat, { ...pointer, number: pointer.manifestVersion, head: {} }, digest);
}

export async function openPointer(bytes: Uint8Array, digest: Digest): Promise<Pointer> {
  const opened = await openEnvelope(currentFormat, bytes, "pointer to the manifest", digest);
  return { ...opened, manifestVersion: opened.number };
}

export function sealGrave(grave: Grave, digest: Digest): Promise<SealedObject> {
  const head = { n: grave.name };
  return seal(graveFormat, { ...grave, number: grave.deletedMs, epoch: 0, head }, digest);
}

export async function openGrave(bytes: Uint8Array, digest: Digest): Promise<Grave> {
  const opened = await openEnvelope(graveFormat, bytes, "grave", digest);
  const { n } = opened.head as { n?: unknown };
  if (typeof n !== "string") {
    throw corrupt("grave: malformed head");
  }
  return { name: n, generation: opened.generation, deletedMs: opened.number, nonce: opened.nonce };
}

interface SmallObject {
  readonly generation: string;
  readonly number: number;
  readonly epoch: number;
  readonly nonce: Uint8Array;
  readonly head: unknown;
  readonly blocks?: readonly Uint8Array[];
}

function seal(format: EnvelopeFormat, object: SmallObject, digest: Digest): Promise<SealedObject> {
  const { generation, number, epoch, nonce, head, blocks = [] } = object;
  return sealEnvelope(
    format,
    { generation, number, epoch, nonce, previous: zeroDigest, head, blocks },
    digest,
  );
}
