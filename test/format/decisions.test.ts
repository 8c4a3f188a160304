/** Objects that carry decisions: WAL entries, manifests, registry entries and their like. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { decodeHex, encodeHex } from "../../src/bytes/hex.ts";
import type { Schema } from "../../src/document/schema.ts";
import { isEngineError } from "../../src/errors.ts";
import type { SealedObject } from "../../src/format/envelope.ts";
import { type Manifest, noneDead } from "../../src/format/manifest.ts";
import { openManifest, sealManifest } from "../../src/format/manifest-codec.ts";
import { openRef, type Ref, sealRef } from "../../src/format/ref.ts";
import {
  openGrave,
  openPointer,
  openRegistryEntry,
  sealGrave,
  sealPointer,
  sealRegistryEntry,
} from "../../src/format/registry.ts";
import { openSkip, sealSkip } from "../../src/format/skip.ts";
import { openWalEntry, sealWalEntry, type WalEntry } from "../../src/format/wal.ts";
import { openWriteKeys, sealWriteKeys, type WriteKeys } from "../../src/format/write-keys.ts";
import { syncDigest } from "../sync-digest.ts";

const generation = "000102030405060708090a0b0c0d0e0f";
const nonce = new Uint8Array(16).fill(0xab);

const schema: Schema = {
  version: 2,
  idKind: "uint",
  metric: "cosine_distance",
  attributes: new Map([
    ["vector", { type: "[2]f32", filterable: false, ann: true }],
    ["title", { type: "string", filterable: true }],
  ]),
};

const wal: WalEntry = {
  generation,
  sequence: 7,
  epoch: 3,
  nonce,
  previous: new Uint8Array(32).fill(1),
  timeMs: 1_767_225_600_000,
  members: [
    {
      kind: "batch",
      schemaVersion: 2,
      addition: { idKind: "uint", attributes: schema.attributes },
      upserts: 3,
      deletes: 1,
      chunks: [
        { kind: "inline", bytes: new Uint8Array([1, 2, 3]), rows: 3 },
        { kind: "part", id: "p1", length: 9, sha256: new Uint8Array(32).fill(2), rows: 1 },
      ],
      key: { id: new Uint8Array(16).fill(3), body: new Uint8Array(16).fill(4), keepMs: 60_000 },
      counts: { upserts: 1, patches: 2, deletes: 1, remain: true },
      settings: { readOnly: false, shards: 8, retentionMs: 60_000 },
    },
    { kind: "tombstone", successor: "cc".repeat(16) },
  ],
  repeats: {
    from: 0,
    to: 1,
    addition: { attributes: new Map([["title", { type: "string", filterable: true }]]) },
  },
  skips: [5],
};

const manifest: Manifest = {
  generation,
  seed: "aa".repeat(16),
  version: 5,
  epoch: 3,
  nonce,
  committedMs: 1_767_225_600_123,
  createdMs: 1_767_225_600_000,
  lastWriteMs: 1_767_225_600_100,
  updatedMs: 1_767_225_600_110,
  lastMs: 1_767_225_600_120,
  floor: 7,
  floorHash: new Uint8Array(32).fill(1),
  schema,
  settings: { readOnly: true, replicas: 2, shards: 8, retentionMs: 86_400_000 },
  origin: { kind: "copy", name: "fish" },
  segments: [
    {
      id: "f0-00",
      home: "aa".repeat(16),
      level: 0,
      rows: 10,
      bytes: 300,
      digest: 18_446_744_073_709_551_615n,
      logicalBytes: 200,
      parts: [{ bytes: 300, sha256: new Uint8Array(32).fill(4) }],
      root: { part: 0, offset: 200, length: 100 },
      dead: { version: 1, rows: 2, name: "1-f1-1-0", bytes: 40, digest: 7n, home: generation },
      schemaVersion: 2,
      clusters: 0,
      minId: 1,
      maxId: 18_446_744_073_709_551_615n,
      createdMs: 1_767_225_600_050,
    },
    {
      id: "m4-00-1-s3",
      home: generation,
      shard: 3,
      level: 1,
      rows: 4,
      bytes: 120,
      digest: 9n,
      logicalBytes: 80,
      parts: [{ bytes: 120, sha256: new Uint8Array(32).fill(5) }],
      root: { part: 0, offset: 20, length: 100 },
      dead: noneDead,
      schemaVersion: 2,
      clusters: 0,
      minId: 3,
      maxId: 9,
      createdMs: 1_767_225_600_060,
    },
  ],
  inherited: [{ generation: "aa".repeat(16), from: 7, to: 9 }],
  keys: [{ name: "f0-00-1", from: 0, to: 7, keys: 3, bytes: 200, untilMs: 1_767_225_660_000 }],
  applied: ["f0-00", "f1-01"],
  dead: [
    { object: { kind: "segment", id: "old", parts: 2 }, version: 4, sinceMs: 5, bytes: 900 },
    { object: { kind: "bitmap", segment: "old", name: "1-x" }, version: 4, sinceMs: 5, bytes: 80 },
    { object: { kind: "wal", from: 0, to: 7 }, version: 5, sinceMs: 6, bytes: 700 },
    { object: { kind: "keys", name: "f0-00-1" }, version: 5, sinceMs: 6, bytes: 60 },
    { object: { kind: "ref", generation: "bb".repeat(16) }, version: 5, sinceMs: 6, bytes: 0 },
  ],
};

const writeKeys: WriteKeys = {
  generation,
  from: 3,
  to: 7,
  records: [3, 5, 5].map((sequence, i) => ({
    id: new Uint8Array(16).fill(i + 1),
    body: new Uint8Array(16).fill(0x10 + i),
    keepMs: [120_000, 86_400_000, 120_000][i] as number,
    sequence,
    timeMs: 1_767_225_600_000 + sequence,
    upserts: 50_000,
    deletes: i,
    patches: 2 * i,
    remain: i === 2,
  })),
};

const beganMs = 1_767_225_600_000;
const registry = { name: "fish", generation, state: "live", version: 2, epoch: 3, nonce } as const;
const branchRegistry = {
  ...registry,
  start: {
    manifest: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9),
    parent: { generation: "ff".repeat(16), version: 7, next: 12 },
    refsByMs: 1_767_225_600_000,
  },
} as const;
const pointer = { generation, manifestVersion: 5, epoch: 3, nonce };
const skip = {
  generation,
  sequence: 7,
  epoch: 3,
  nonce,
  timeMs: 1_767_225_600_000,
  reason: "no copy of it is left",
  fault: "SHA-256 does not match",
  found: new Uint8Array(32).fill(5),
  hash: new Uint8Array(32).fill(6),
  schemaVersion: 65_538,
};
const grave = { name: "fish", generation, deletedMs: 1_767_225_600_000, nonce };

const ref: Ref = {
  generation,
  child: "cc".repeat(16),
  name: "branch",
  parent: { generation: "bb".repeat(16), version: 5, next: 9 },
  createdMs: 1_767_225_600_000,
  nonce,
  holds: {
    segments: [
      { id: "f0-00", parts: 1 },
      { id: "m1-00", parts: 3 },
    ],
    bitmaps: [{ segment: "f0-00", name: "1-f1-1-0" }],
    wal: [{ from: 7, to: 9 }],
  },
};

const kinds: readonly {
  readonly name: string;
  /** Of the format. */
  readonly version: number;
  readonly seal: () => Promise<SealedObject>;
  readonly open: (bytes: Uint8Array) => Promise<unknown>;
  readonly value: object;
}[] = [
  {
    name: "wal-entry",
    version: 2,
    seal: () => sealWalEntry(wal, syncDigest),
    open: (bytes) => openWalEntry(bytes, { generation, sequence: 7 }, syncDigest),
    value: wal,
  },
  {
    name: "manifest",
    version: 2,
    seal: () => sealManifest(manifest, syncDigest),
    open: (bytes) => openManifest(bytes, { generation, version: 5 }, syncDigest),
    value: manifest,
  },
  {
    name: "write-keys",
    version: 1,
    seal: () => sealWriteKeys(writeKeys, { epoch: 3, nonce }, syncDigest),
    open: (bytes) => openWriteKeys(bytes, { generation, from: 3, to: 7 }, syncDigest),
    value: writeKeys,
  },
  {
    name: "registry-entry",
    version: 1,
    seal: () => sealRegistryEntry(registry, syncDigest),
    open: (bytes) => openRegistryEntry(bytes, syncDigest),
    value: registry,
  },
  {
    name: "registry-entry-of-branch",
    version: 1,
    seal: () => sealRegistryEntry(branchRegistry, syncDigest),
    open: (bytes) => openRegistryEntry(bytes, syncDigest),
    value: branchRegistry,
  },
  {
    name: "registry-entry-of-restore",
    version: 1,
    seal: () => sealRegistryEntry({ ...registry, beganMs }, syncDigest),
    open: (bytes) => openRegistryEntry(bytes, syncDigest),
    value: { ...registry, beganMs },
  },
  {
    name: "pointer",
    version: 1,
    seal: () => sealPointer(pointer, syncDigest),
    open: (bytes) => openPointer(bytes, syncDigest),
    value: pointer,
  },
  {
    name: "grave",
    version: 1,
    seal: () => sealGrave(grave, syncDigest),
    open: (bytes) => openGrave(bytes, syncDigest),
    value: grave,
  },
  {
    name: "skip",
    version: 1,
    seal: () => sealSkip(skip, syncDigest),
    open: (bytes) => openSkip(bytes, { generation, sequence: 7 }, syncDigest),
    value: skip,
  },
  {
    name: "ref",
    version: 1,
    seal: () => sealRef(ref, syncDigest),
    open: (bytes) => openRef(bytes, { generation, child: ref.child }, syncDigest),
    value: ref,
  },
];

for (const { name, version, seal, open, value } of kinds) {
  test(`the bytes of a ${name} are what they always were`, async () => {
    const file = new URL(`../golden/v${version}/${name}.hex`, import.meta.url);
    const golden = readFileSync(file, "utf8").replace(/\s/g, "");
    expect(encodeHex((await seal()).bytes)).toBe(golden);
    expect(await open(decodeHex(golden))).toMatchObject(value);
  });

  test(`a ${name} comes back as it was`, async () => {
    expect(await open((await seal()).bytes)).toMatchObject(value);
  });

  test(`a ${name} with any one byte changed or missing is refused`, async () => {
    const { bytes } = await seal();
    for (let i = 0; i < bytes.length; i++) {
      const damaged = bytes.slice();
      damaged[i] = (damaged[i] as number) ^ (1 << (i % 8));
      await expect(open(damaged)).rejects.toSatisfy((error) => isEngineError(error, "corrupt"));
      const short = bytes.slice(0, i);
      await expect(open(short)).rejects.toSatisfy((error) => isEngineError(error, "corrupt"));
    }
  });
}

test("inline chunks of a WAL entry begin at a multiple of eight", async () => {
  const { bytes } = await sealWalEntry(wal, syncDigest);
  const entry = await openWalEntry(bytes, { generation, sequence: 7 }, syncDigest);
  const [member] = entry.members;
  const chunk = member?.kind === "batch" ? member.chunks[0] : undefined;
  expect(chunk?.kind === "inline" && chunk.bytes.byteOffset % 8).toBe(0);
});

test("a ref of another branch, or below another generation, is refused", async () => {
  const { bytes } = await sealRef(ref, syncDigest);
  for (const expected of [
    { generation, child: generation },
    { generation: ref.child, child: ref.child },
  ]) {
    await expect(openRef(bytes, expected, syncDigest)).rejects.toThrow("says it is");
  }
});

test("an entry under another sequence or generation is refused", async () => {
  const { bytes } = await sealWalEntry(wal, syncDigest);
  for (const expected of [
    { generation, sequence: 8 },
    { generation: "ff".repeat(16), sequence: 7 },
  ]) {
    await expect(openWalEntry(bytes, expected, syncDigest)).rejects.toThrow("says it is");
  }
});

test("idempotency keys of another range or generation, or out of order, are refused", async () => {
  const writer = { epoch: 3, nonce };
  const { bytes } = await sealWriteKeys(writeKeys, writer, syncDigest);
  for (const expected of [
    { generation, from: 2, to: 7 },
    { generation, from: 3, to: 8 },
    { generation: "ff".repeat(16), from: 3, to: 7 },
  ]) {
    await expect(openWriteKeys(bytes, expected, syncDigest)).rejects.toThrow("of others");
  }
  const [first, ...others] = writeKeys.records;
  for (const records of [
    [...others, first],
    writeKeys.records.map((record) => ({ ...record, sequence: 7 })),
    writeKeys.records.map((record) => ({ ...record, keepMs: 86_400_001 })),
  ]) {
    const keys = { ...writeKeys, records: records as WriteKeys["records"] };
    const sealed = await sealWriteKeys(keys, writer, syncDigest);
    const opened = openWriteKeys(sealed.bytes, { generation, from: 3, to: 7 }, syncDigest);
    await expect(opened).rejects.toThrow("out of order or out of range");
  }
});
