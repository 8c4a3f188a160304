/**
 * Bytes of a manifest: the envelope of envelope.ts, magic "SHOALMAN", format version 2, number =
 * manifest version, head = the CBOR map below, no blocks.
 *
 *   {n: committed, c: created, w: last write, f: floor, h: floor hash, s: schema, g: [segment],
 *    a: [applied delta], d: [[object, version, since, bytes]], k: [keys],
 *    i: [[generation, from, to]], o: seed, u: updated, l: last entry, x: settings,
 *    b?: [kind of origin, name]}
 *    all times in ms
 *
 * A generation that is the manifest's own is written as 0.
 *
 * Decoding checks every field: a manifest that is not exactly this is corrupt.
 */
import { corrupt } from "../errors.ts";
import type { Digest } from "../ports.ts";
import { bytesOf, count, documentId, Fields, pair, text, u64 } from "./cbor-fields.ts";
import { type EnvelopeFormat, openEnvelope, type SealedObject, sealEnvelope } from "./envelope.ts";
import type {
  DeadObject,
  DeadRecord,
  DeadState,
  InheritedLog,
  KeysRef,
  Manifest,
  Origin,
  SectionRange,
  SegmentInfo,
  SegmentPart,
} from "./manifest.ts";
import { schemaFromCbor, schemaToCbor } from "./schema-codec.ts";
import { settingsFromCbor, settingsToCbor } from "./settings-codec.ts";

const format: EnvelopeFormat = { magic: "SHOALMAN", version: 2 };
const zeroDigest = new Uint8Array(32);

export function sealManifest(manifest: Manifest, digest: Digest): Promise<SealedObject> {
  return sealEnvelope(
    format,
    {
      generation: manifest.generation,
      number: manifest.version,
      epoch: manifest.epoch,
      nonce: manifest.nonce,
      previous: zeroDigest,
      head: {
        n: manifest.committedMs,
        c: manifest.createdMs,
        w: manifest.lastWriteMs,
        u: manifest.updatedMs,
        l: manifest.lastMs,
        x: settingsToCbor(manifest.settings),
        f: manifest.floor,
        h: manifest.floorHash,
        s: schemaToCbor(manifest.schema),
        o: generationToCbor(manifest.seed, manifest.generation),
        g: manifest.segments.map((segment) => segmentToCbor(segment, manifest.generation)),
        i: manifest.inherited.map(({ generation, from, to }) => [generation, from, to]),
        k: manifest.keys.map((ref) => [
          ref.name,
          ref.from,
          ref.to,
          ref.keys,
          ref.bytes,
          ref.untilMs,
        ]),
        a: manifest.applied,
        d: manifest.dead.map((record) => [
          deadObjectToCbor(record.object),
          record.version,
          record.sinceMs,
          record.bytes,
        ]),
        ...(manifest.origin === undefined ? {} : { b: originToCbor(manifest.origin) }),
      },
      blocks: [],
    },
    digest,
  );
}

export async function openManifest(
  bytes: Uint8Array,
  expected: { readonly generation: string; readonly version: number },
  digest: Digest,
): Promise<Manifest> {
  const what = `manifest ${expected.version}`;
  const opened = await openEnvelope(format, bytes, what, digest);
  if (opened.generation !== expected.generation || opened.number !== expected.version) {
    throw corrupt(`${what}: says it is version ${opened.number} of ${opened.generation}`);
  }
  const head = new Fields(opened.head, what);
  return {
    generation: opened.generation,
    version: opened.number,
    epoch: opened.epoch,
    nonce: opened.nonce,
    committedMs: head.count("n"),
    createdMs: head.count("c"),
    lastWriteMs: head.count("w"),
    updatedMs: head.count("u"),
    lastMs: head.count("l"),
    floor: head.count("f"),
    floorHash: head.bytes("h", 32),
    schema: schemaFromCbor(head.value("s")),
    settings: settingsFromCbor(head.value("x")),
    origin: head.value("b") === undefined ? undefined : originFromCbor(head.value("b"), what),
    seed: generationFromCbor(head.value("o"), opened.generation, what),
    segments: head
      .list("g")
      .map((value) => segmentFromCbor(new Fields(value, what), opened.generation)),
    inherited: head.list("i").map((value) => inheritedFromCbor(value, what)),
    keys: head.list("k").map((value) => keysFromCbor(value, what)),
    applied: head.list("a").map((value) => text(value, what)),
    dead: head.list("d").map((value) => deadRecordFromCbor(value, what)),
  };
}

function segmentToCbor(segment: SegmentInfo, own: string): Record<string, unknown> {
  const { dead } = segment;
  return {
    i: segment.id,
    h: generationToCbor(segment.home, own),
    l: segment.level,
    r: segment.rows,
    b: segment.bytes,
    g: segment.logicalBytes,
    p: segment.parts.map((part) => [part.bytes, part.sha256]),
    o: [segment.root.part, segment.root.offset, segment.root.length],
    s: segment.digest,
    d: [
      dead.version,
      dead.rows,
      dead.name,
      dead.bytes,
      dead.digest,
      dead.version === 0 ? 0 : generationToCbor(dead.home, own),
    ],
    v: segment.schemaVersion,
    k: segment.clusters,
    n: segment.minId,
    x: segment.maxId,
    t: segment.createdMs,
    ...(segment.shard === undefined ? {} : { a: segment.shard }),
  };
}

function segmentFromCbor(fields: Fields, own: string): SegmentInfo {
  const parts = fields.list("p").map((value): SegmentPart => {
    const [bytes, sha256] = pair(value, 2, fields.what);
    return { bytes: count(bytes, fields.what), sha256: bytesOf(sha256, 32, fields.what) };
  });
  const [part, offset, length] = pair(fields.value("o"), 3, fields.what);
  const root: SectionRange = {
    part: count(part, fields.what),
    offset: count(offset, fields.what),
    length: count(length, fields.what),
  };
  const rootPart = parts[root.part];
  const shard = fields.value("a");
  if (rootPart === undefined || root.offset + root.length > rootPart.bytes) {
    throw corrupt(`${fields.what}: a segment's root lies outside its objects`);
  }
  return {
    id: text(fields.value("i"), fields.what),
    home: generationFromCbor(fields.value("h"), own, fields.what),
    ...(shard === undefined ? {} : { shard: count(shard, fields.what) }),
    level: fields.count("l"),
    rows: fields.count("r"),
    bytes: fields.count("b"),
    digest: u64(fields.value("s"), fields.what),
    logicalBytes: fields.count("g"),
    parts,
    root,
    dead: deadStateFromCbor(fields.value("d"), own, fields.what),
    schemaVersion: fields.count("v"),
    clusters: fields.count("k"),
    minId: documentId(fields.value("n"), fields.what),
    maxId: documentId(fields.value("x"), fields.what),
    createdMs: fields.count("t"),
  };
}

function deadStateFromCbor(value: unknown, own: string, what: string): DeadState {
  const [version, rows, name, bytes, digest, home] = pair(value, 6, what);
  const isNone = version === 0;
  return {
    version: count(version, what),
    rows: count(rows, what),
    name: text(name, what),
    bytes: count(bytes, what),
    digest: u64(digest, what),
    home: isNone ? "" : generationFromCbor(home, own, what),
  };
}

function inheritedFromCbor(value: unknown, what: string): InheritedLog {
  const [generation, from, to] = pair(value, 3, what);
  return { generation: text(generation, what), from: count(from, what), to: count(to, what) };
}

function keysFromCbor(value: unknown, what: string): KeysRef {
  const [name, from, to, keys, bytes, untilMs] = pair(value, 6, what);
  return {
    name: text(name, what),
    from: count(from, what),
    to: count(to, what),
    keys: count(keys, what),
    bytes: count(bytes, what),
    untilMs: count(untilMs, what),
  };
}

const originKinds: readonly Origin["kind"][] = ["branch", "copy", "snapshot", "restore"];

function originToCbor({ kind, name }: Origin): readonly unknown[] {
  return [originKinds.indexOf(kind), name];
}

function originFromCbor(value: unknown, what: string): Origin {
  const [kind, name] = pair(value, 2, what);
  const known = originKinds[count(kind, what)];
  if (known === undefined) {
    throw corrupt(`${what}: unknown kind of origin`);
  }
  return { kind: known, name: text(name, what) };
}

function generationToCbor(generation: string, own: string): string | 0 {
  return generation === own ? 0 : generation;
}

function generationFromCbor(value: unknown, own: string, what: string): string {
  return value === 0 ? own : text(value, what);
}

function deadObjectToCbor(object: DeadObject): readonly unknown[] {
  switch (object.kind) {
    case "segment":
      return [0, object.id, object.parts];
    case "bitmap":
      return [1, object.segment, object.name];
    case "wal":
      return [2, object.from, object.to];
    case "keys":
      return [3, object.name, 0];
    case "ref":
      return [4, object.generation, 0];
  }
}

function deadRecordFromCbor(value: unknown, what: string): DeadRecord {
  const [object, version, since, bytes] = pair(value, 4, what);
  const [kind, a, b] = pair(object, 3, what);
  const record = {
    version: count(version, what),
    sinceMs: count(since, what),
    bytes: count(bytes, what),
  };
  switch (kind) {
    case 0:
      return { object: { kind: "segment", id: text(a, what), parts: count(b, what) }, ...record };
    case 1:
      return { object: { kind: "bitmap", segment: text(a, what), name: text(b, what) }, ...record };
    case 2:
      return { object: { kind: "wal", from: count(a, what), to: count(b, what) }, ...record };
    case 3:
      return { object: { kind: "keys", name: text(a, what) }, ...record };
    case 4:
      return { object: { kind: "ref", generation: text(a, what) }, ...record };
    default:
      throw corrupt(`${what}: unknown kind of dead object`);
  }
}
