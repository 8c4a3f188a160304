/**
 * Segments for tests: random documents of every type, built into a map of objects, and read back
 * section by section through the reader, every block verified.
 */
import { createHash } from "node:crypto";
import { expect } from "vitest";
import type { Bitmap } from "../../src/bytes/bitmap.ts";
import type { DocumentId, IdKind } from "../../src/document/id.ts";
import {
  type AttributeSchema,
  type AttributeType,
  type DistanceMetric,
  primaryVector,
  type Schema,
  type VectorElement,
} from "../../src/document/schema.ts";
import type { AttributeValue } from "../../src/document/value.ts";
import { packSparse, packVector } from "../../src/format/packed-value.ts";
import { allocateVectors, narrowVector, widenVectors } from "../../src/format/vector-element.ts";
import {
  type BuiltSegment,
  buildFromRows,
  mergeSegments,
} from "../../src/index/builder/build-segment.ts";
import { MemoryLedger } from "../../src/index/builder/memory-ledger.ts";
import type { MemoryRows } from "../../src/index/builder/memory-source.ts";
import { rotationSeed, type SegmentSpec } from "../../src/index/builder/segment-spec.ts";
import {
  documentBlock,
  documentBlockOf,
  documentBlockRange,
  documentId,
  documentValues,
  openDocumentBlock,
  readVector,
  vectorBlock,
  vectorBlockOf,
  vectorBlockRange,
} from "../../src/index/segment/document-rows.ts";
import { openSegment, rootBlock, type Segment } from "../../src/index/segment/segment.ts";
import { createPrng, type Prng } from "../../src/index/vector/prng.ts";
import type { Block } from "../../src/store/block.ts";
import { simdKernels } from "../kernels/simd.ts";
import { gaussian, gaussianRows } from "./vector/vectors.ts";

export const home = { tenant: "acme", generation: "00112233445566778899aabbccddeeff" };
export const ports = {
  kernels: simdKernels,
  digest: async (bytes: Uint8Array) => new Uint8Array(createHash("sha256").update(bytes).digest()),
};

// ---- Documents ----------------------------------------------------------------------------------

export interface Document {
  readonly id: DocumentId;
  readonly vector: readonly number[];
  readonly values: readonly AttributeValue[];
}

const attributes: readonly [string, AttributeType, boolean][] = [
  ["color", "string", true],
  ["rank", "int", true],
  ["price", "float", true],
  ["sold", "bool", true],
  ["owner", "uuid", true],
  ["made", "datetime", true],
  ["tags", "[]string", true],
  ["sizes", "[]int", true],
  ["body", "string", false],
  ["blob", "bytes", false],
  ["terms", "{}f16", false],
  ["views", "[][2]f32", true],
  // A second vector column, where there is a first.
  ["side", "[2]f16", false],
];

export function makeSchema(
  idKind: IdKind,
  dims: number,
  metric: DistanceMetric,
  element: VectorElement = "f32",
): Schema {
  const entries: [string, AttributeSchema][] = attributes.map(([name, type, filterable]) => [
    name,
    { type, filterable, ...(name === "side" ? { ann: true } : {}) },
  ]);
  if (dims === 0) {
    entries.pop();
  } else {
    entries.splice(2, 0, ["vector", { type: `[${dims}]${element}`, filterable: false, ann: true }]);
  }
  return {
    version: 3,
    idKind,
    metric: dims > 0 ? metric : undefined,
    attributes: new Map(entries),
  };
}

export interface DocumentShape {
  readonly count: number;
  readonly dims: number;
  readonly idKind: IdKind;
  /** Ids begin here. */
  readonly first?: number;
  readonly seed?: number;
  /** Vectors around this many centers; 0: Gaussian. */
  readonly centers?: number;
  /** Vectors have values of this. */
  readonly element?: VectorElement;
}

export function makeDocuments(shape: DocumentShape): Document[] {
  const { count, dims, idKind, first = 0, seed = 1, centers = 0, element = "f32" } = shape;
  const prng = createPrng({ low: seed, high: 7 });
  const middles = gaussianRows(centers, dims, createPrng({ low: 99, high: 99 }));
  return Array.from({ length: count }, (_, i) => {
    const center = centers === 0 ? -1 : prng.below(centers);
    const vector = Array.from({ length: dims }, (_unused, d) =>
      Math.fround(
        center < 0 ? gaussian(prng) : 0.3 * gaussian(prng) + (middles[center * dims + d] as number),
      ),
    );
    const rounded = roundVector(vector, element);
    return { id: makeId(idKind, first + i), vector: rounded, values: makeValues(prng, dims > 0) };
  });
}

function roundVector(vector: readonly number[], element: VectorElement): readonly number[] {
  if (element === "f32") {
    return vector;
  }
  const scaled = vector.map((x) => (element === "i8" ? Math.round(30 * x) : x));
  return Array.from(widenVectors(narrowed(scaled, element)));
}

function narrowed(values: readonly number[], element: VectorElement) {
  const stored = allocateVectors(element, values.length);
  narrowVector(Float32Array.from(values), stored, 0);
  return stored;
}

/** Ids whose order is not the order of their numbers. */
export function makeId(idKind: IdKind, number: number): DocumentId {
  const mixed = Math.imul(number + 1, 0x9e3779b1) >>> 0;
  switch (idKind) {
    case "uint":
      return number % 5 === 0 ? 2n ** 63n + BigInt(mixed) : mixed;
    case "string":
      return `${number % 3 === 0 ? "é" : "doc"}-${mixed.toString(36)}`;
    case "uuid": {
      const hex = mixed.toString(16).padStart(8, "0");
      return `${hex}-0000-4000-8000-${number.toString(16).padStart(12, "0")}`;
    }
  }
}

const colors = ["red", "green", "blue", "\u{1f7e0} orange"];

function makeValues(prng: Prng, hasSide: boolean): AttributeValue[] {
  const maybe = (value: AttributeValue): AttributeValue => (prng.below(5) === 0 ? null : value);
  const color = (): string => colors[prng.below(colors.length)] as string;
  const number = prng.below(1000) - 500;
  return [
    maybe(color()),
    maybe(number % 7 === 0 ? 2n ** 60n + BigInt(number) : number),
    maybe(prng.below(100) / 8),
    maybe(prng.below(2) === 0),
    maybe(`0000000${prng.below(10)}-0000-4000-8000-000000000000`),
    maybe(1_700_000_000_000 + prng.below(50) * 86_400_000),
    maybe(Array.from({ length: prng.below(4) }, color)),
    maybe(Array.from({ length: prng.below(3) }, () => prng.below(5))),
    maybe(`${color()} `.repeat(prng.below(40))),
    ...makePacked(number),
    ...(hasSide ? [packVector(narrowed([number, number / 3], "f16"))] : []),
  ];
}

function makePacked(number: number): AttributeValue[] {
  const maybe = (value: AttributeValue): AttributeValue => (number % 5 === 0 ? null : value);
  return [
    maybe(Uint8Array.of(number, 0, 255)),
    maybe(packSparse(new Map([[`t${number % 9}`, number / 8] as const, ["é", -1] as const]))),
    maybe(packVector(Float32Array.from([0, number, 0.1, 0.2].slice(2 * (number & 1))))),
  ];
}

export function toRows(documents: readonly Document[], schema: Schema): MemoryRows {
  const vector = primaryVector(schema);
  const names = [...schema.attributes.keys()].filter((name) => name !== vector?.name);
  const values = documents.flatMap((document) => document.vector);
  return {
    ids: documents.map(({ id }) => id),
    vectors: narrowed(values, vector?.element ?? "f32"),
    attributes: names.map((name, n) => ({
      name,
      values: documents.map(({ values }) => values[n] ?? null),
    })),
  };
}

// ---- Building -----------------------------------------------------------------------------------

export class Objects {
  readonly bytes = new Map<string, Uint8Array>();
  reads = 0;

  readonly sink = {
    write: async (key: string, bytes: Uint8Array, sha256: Uint8Array): Promise<void> => {
      expect(this.bytes.has(key)).toBe(false);
      expect(sha256).toEqual(await ports.digest(bytes));
      this.bytes.set(key, bytes.slice());
    },
  };

  readonly read = async (key: string, offset: number, length: number): Promise<Uint8Array> => {
    this.reads++;
    const whole = this.bytes.get(key);
    if (whole === undefined || offset + length > whole.length) {
      throw new Error(`no bytes ${offset}+${length} of ${key}`);
    }
    return whole.slice(offset, offset + length);
  };

  /** Verified, at the start of a buffer of its own. */
  load(block: Block): Uint8Array {
    const whole = this.bytes.get(block.key);
    const bytes = whole?.slice(block.offset, block.offset + block.length) ?? new Uint8Array(0);
    expect(block.verify(bytes), `${block.key} at ${block.offset}`).toBe(true);
    return bytes;
  }

  open(built: BuiltSegment): Segment {
    const bytes = this.load(rootBlock(home.tenant, built.info));
    expect(bytes).toEqual(built.root);
    return openSegment(home.tenant, built.info, bytes);
  }
}

export function makeSpec(id: string, schema: Schema): SegmentSpec {
  const rotation = rotationSeed(home.generation);
  return { home, id, schema, rotation, level: 0, createdMs: 1_750_000_000_000 };
}

export interface Lab {
  readonly objects: Objects;
  readonly built: BuiltSegment;
  readonly segment: Segment;
}

export async function build(
  documents: readonly Document[],
  schema: Schema,
  id = "job-1",
  objects = new Objects(),
): Promise<Lab> {
  const spec = makeSpec(id, schema);
  const built = await buildFromRows(toRows(documents, schema), spec, ports, objects.sink);
  if (built === undefined) {
    throw new Error("nothing was built");
  }
  return { objects, built, segment: objects.open(built) };
}

export async function merge(
  inputs: readonly { readonly segment: Segment; readonly dead?: Bitmap }[],
  schema: Schema,
  objects: Objects,
  id = "merge-1",
): Promise<Lab & { readonly memoryPeak: number }> {
  const ledger = new MemoryLedger();
  const sources = inputs.map(({ segment, dead }) => ({ segment, dead }));
  const spec = { ...makeSpec(id, schema), level: 1 };
  const built = await mergeSegments(sources, objects.read, spec, ports, objects.sink, ledger);
  if (built === undefined) {
    throw new Error("nothing was merged");
  }
  expect(ledger.held).toBe(0);
  return { objects, built, segment: objects.open(built), memoryPeak: ledger.peak };
}

// ---- Reading back -------------------------------------------------------------------------------

/** Every document, by ordinal. */
export function readAll({ segment, objects }: Pick<Lab, "segment" | "objects">): Document[] {
  const documents: Document[] = [];
  const attributeCount = segment.root.attributes.length;
  const vectors = readAllVectors(segment, objects);
  for (let ordinal = 0; ordinal < segment.root.rows; ) {
    const index = documentBlockOf(segment, ordinal);
    const bytes = objects.load(documentBlock(segment, index));
    const block = openDocumentBlock(segment, index, bytes);
    expect(documentBlockRange(segment, index).from).toBe(ordinal);
    for (; ordinal < block.to; ordinal++) {
      const values = [...documentValues(segment, block, ordinal)];
      while (values.length < attributeCount) {
        values.push(null);
      }
      documents.push({ id: documentId(block, ordinal), vector: vectors[ordinal] ?? [], values });
    }
  }
  return documents;
}

function readAllVectors(segment: Segment, objects: Objects): number[][] {
  const vectors: number[][] = [];
  while (segment.root.vector !== undefined && vectors.length < segment.root.rows) {
    const index = vectorBlockOf(segment, vectors.length);
    const bytes = objects.load(vectorBlock(segment, index));
    const { to } = vectorBlockRange(segment, index);
    while (vectors.length < to) {
      vectors.push(Array.from(readVector(segment, vectors.length, bytes)));
    }
  }
  return vectors;
}

export function byId(documents: readonly Document[]): Map<DocumentId, Document> {
  return new Map(documents.map((document) => [document.id, document]));
}
