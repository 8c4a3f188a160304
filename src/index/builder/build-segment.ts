/**
 * Builds a segment from rows, wherever they come from. Sections are written one after the other, so
 * that only one object is in memory:
 *
 *   1. order: which row becomes which ordinal, and the clusters          (row-order.ts)
 *   2. scan, refine, vectors                                             (plane-writer.ts)
 *   3. documents; ids and the membership filter: by now every record is hashed from what was
 *      written, and must be what its source says                         (document-writer.ts)
 *   4. a column for each filterable attribute                            (column-writer.ts)
 *   5. postings of each attribute with full-text search, run by run      (text-writer.ts)
 *   6. order and planes of each further vector column                   (further-writer.ts)
 *   7. the root, which says where all of it is; then the last object
 *
 * In a large merge each of 1 to 4, each run of 5, and two for each column of 6, end a step that is
 * stored (build-steps.ts);
 * another attempt goes on behind it, and the objects so far end with the step.
 *
 * Deterministic: the same rows and the same spec give the same objects, so a repeated attempt is
 * harmless. If we crash, the objects put so far are orphans that collection finds by their age.
 *
 * Memory, beside what the source keeps: at most 16 MiB gathered, one object of 16 MiB (24 while it
 * grows) and about 36 bytes a row, so a million rows fit one compaction step; counted by the
 * ledger.
 */
import type { DocumentId, IdKind } from "../../document/id.ts";
import {
  type AttributeSchema,
  isArrayType,
  isIndexed,
  primaryVector,
} from "../../document/schema.ts";
import { assert } from "../../errors.ts";
import type { IdColumn } from "../../format/id-column.ts";
import type { SegmentInfo } from "../../format/manifest.ts";
import { noneDead } from "../../format/manifest.ts";
import { sumHashes } from "../../format/record-hash.ts";
import { blockBytes } from "../../format/segment-block.ts";
import type { RootAttribute, SegmentRoot, VectorPlanes } from "../../format/segment-root.ts";
import { encodeRoot } from "../../format/segment-root-codec.ts";
import type { Kernels } from "../../kernels/kernels.ts";
import { limits } from "../../limits.ts";
import type { Digest } from "../../ports.ts";
import { analyzerFor } from "../text/analyzer.ts";
import { rotatedWidth } from "../vector/rotation.ts";
import type { ReadRange } from "./block-gather.ts";
import { BuildSteps, type StepLog } from "./build-steps.ts";
import { writeColumn } from "./column-writer.ts";
import { writeDocuments, writeIds } from "./document-writer.ts";
import { writeFurther } from "./further-writer.ts";
import { MemoryLedger } from "./memory-ledger.ts";
import { createMemorySource, type MemoryRows } from "./memory-source.ts";
import type { MergeInput } from "./merge-input.ts";
import { createMergeSource } from "./merge-source.ts";
import { PartWriter, type SegmentSink } from "./part-writer.ts";
import { writePlanes } from "./plane-writer.ts";
import { orderById, orderByVector } from "./row-order.ts";
import type { RowSource } from "./row-source.ts";
import { attributeNames, buildSeed, metricOf, type SegmentSpec } from "./segment-spec.ts";
import { writeTexts } from "./text-writer.ts";

export interface BuildPorts {
  readonly kernels: Kernels;
  readonly digest: Digest;
}

export interface BuiltSegment {
  readonly info: SegmentInfo;
  /** The root's block, as it travels with `head`. */
  readonly root: Uint8Array;
  /** Ordinal of each row number of the source; `noOrdinal` for dead rows. */
  readonly ordinals: Uint32Array;
  /** Record hash of each row, by ordinal. */
  readonly hashes: BigUint64Array;
}

export const noOrdinal = 0xffff_ffff;

interface Build {
  readonly spec: SegmentSpec;
  readonly source: RowSource;
  readonly ports: BuildPorts;
  readonly ledger: MemoryLedger;
  readonly writer: PartWriter;
  readonly hashes: BigUint64Array;
  readonly steps: BuildSteps;
}

/** A segment of rows in memory: what a flush does. Undefined when there are none. */
export async function buildFromRows(
  rows: MemoryRows,
  spec: SegmentSpec,
  ports: BuildPorts,
  sink: SegmentSink,
  ledger: MemoryLedger = new MemoryLedger(),
): Promise<BuiltSegment | undefined> {
  const { schema, rotation } = spec;
  const source = createMemorySource({ rows, schema, rotation, kernels: ports.kernels, ledger });
  return await buildSegment(source, spec, ports, sink, ledger);
}

/**
 * One segment of the living rows of several. With a `log`, steps are stored there, and
 * `BuildPaused` is thrown when it says so; the dead rows must be those of the first attempt.
 * `ordinals` counts through the inputs in their order: row r of input i is number (rows of the
 * inputs before it) + r. Undefined when no row lives.
 */
export async function mergeSegments(
  inputs: readonly MergeInput[],
  read: ReadRange,
  spec: SegmentSpec,
  ports: BuildPorts,
  sink: SegmentSink,
  ledger: MemoryLedger = new MemoryLedger(),
  log?: StepLog,
): Promise<BuiltSegment | undefined> {
  const source = createMergeSource({ inputs, spec, read, kernels: ports.kernels, ledger });
  return await buildSegment(source, spec, ports, sink, ledger, log);
}

async function buildSegment(
  source: RowSource,
  spec: SegmentSpec,
  ports: BuildPorts,
  sink: SegmentSink,
  ledger: MemoryLedger,
  log?: StepLog,
): Promise<BuiltSegment | undefined> {
  const count = source.liveRows().length;
  if (count === 0) {
    return undefined;
  }
  const { home, id: segment, schema } = spec;
  const { logicalBytes: bytesLikely } = source;
  const { digest } = ports;
  const writer = new PartWriter({ home, segment, sink, digest, ledger, bytesLikely });
  const steps = new BuildSteps(log, writer, ledger);
  const hashes = new BigUint64Array(count);
  const releaseHashes = ledger.hold(hashes.byteLength + source.hashes.byteLength);
  const build: Build = { spec, source, ports, ledger, writer, hashes, steps };
  const { order, vector } = await writeVectorColumn(build);
  const ordinals = invertOrder(order, source.rows);
  const release = ledger.hold(order.byteLength + ordinals.byteLength);
  assert(schema.idKind !== undefined, "a namespace with rows knows its kind of ids");
  const { minId, maxId, documents, ids } = await writeRecords(build, order, ordinals);
  const columns = await steps.run("columns", () => writeColumns(build, order));
  const attributes = await writeTextIndexes(build, order, ordinals, columns);
  const further = await writeFurther({ ...build, kernels: ports.kernels, order, ordinals });
  const root: SegmentRoot = {
    generation: home.generation,
    segment,
    schemaVersion: schema.version,
    rows: order.length,
    idKind: schema.idKind,
    minId,
    maxId,
    vector,
    documents,
    ids,
    attributes,
    ...(further.length === 0 ? {} : { further }),
  };
  const finished = await writeRoot(build, root);
  release();
  releaseHashes();
  return { ...finished, ordinals, hashes };
}

async function writeVectorColumn(
  build: Build,
): Promise<{ order: Uint32Array; vector: VectorPlanes | undefined }> {
  const { spec, source, ports, ledger, writer, hashes, steps } = build;
  const column = primaryVector(spec.schema);
  if (column === undefined) {
    return { order: await steps.run("order", () => orderById(source)), vector: undefined };
  }
  const input = {
    source,
    width: rotatedWidth(column.dims),
    ledger,
    metric: metricOf(spec.schema),
    seed: buildSeed(spec),
    kernels: ports.kernels,
    vectorHashes: hashes,
  };
  const clustered = await steps.run("order", () => orderByVector(input, () => orderById(source)));
  const release = ledger.hold(clustered.rows.byteLength + 2 * clustered.centroids.byteLength);
  const planes = await steps.run("planes", async () => {
    const vector = await writePlanes(input, clustered, column, spec.rotation, writer);
    return { vector, hashes };
  });
  hashes.set(planes.hashes);
  release();
  return { order: clustered.rows, vector: planes.vector };
}

async function writeRecords(build: Build, order: Uint32Array, ordinals: Uint32Array) {
  const { spec, source, ledger, writer, hashes, steps } = build;
  const { idKind } = spec.schema;
  assert(idKind !== undefined, "a namespace with rows knows its kind of ids");
  const input = { source, idKind, writer, ledger, hashes };
  const written = await steps.run("documents", async () => {
    const documents = await writeDocuments(input, order);
    return { documents, hashes };
  });
  hashes.set(written.hashes);
  const { documents } = written;
  const { firstIds, minId, maxId, ...ids } = await steps.run("ids", () =>
    writeIds(input, ordinals, order.length),
  );
  return { documents, ids: { ...ids, firstIds: idColumnOf(idKind, firstIds) }, minId, maxId };
}

function idColumnOf(kind: IdKind, ids: readonly DocumentId[]): IdColumn {
  return { kind, length: ids.length, at: (i) => ids[i] as DocumentId };
}

function invertOrder(order: Uint32Array, rows: number): Uint32Array {
  const ordinals = new Uint32Array(rows).fill(noOrdinal);
  order.forEach((row, ordinal) => {
    ordinals[row] = ordinal;
  });
  return ordinals;
}

async function writeColumns(build: Build, order: Uint32Array): Promise<RootAttribute[]> {
  const { spec, source, writer, ledger } = build;
  const attributes: RootAttribute[] = [];
  for (const name of attributeNames(spec.schema)) {
    const attribute = spec.schema.attributes.get(name) as AttributeSchema;
    const column = isIndexed(attribute) ? await source.column(name) : undefined;
    const scalar = !isArrayType(attribute.type);
    attributes.push({
      name,
      column: column && (await writeColumn({ column, order, scalar, writer, ledger })),
    });
  }
  return attributes;
}

async function writeTextIndexes(
  { spec, source, writer, ledger, steps }: Build,
  order: Uint32Array,
  ordinals: Uint32Array,
  attributes: readonly RootAttribute[],
): Promise<RootAttribute[]> {
  const columns = attributes.flatMap(({ name }, index) => {
    const options = spec.schema.attributes.get(name)?.text?.options;
    return options === undefined ? [] : [{ index, name, analyzer: analyzerFor(options) }];
  });
  const { textRunBytes: runBytes = limits.textRunBytes } = spec;
  const shared = { source, order, ordinals, columns, runBytes, writer, ledger, steps };
  const texts = await writeTexts({ ...shared, attributes: attributes.length });
  const found = new Map(columns.map(({ index }, i) => [index, texts[i]]));
  return attributes.map((attribute, index) => {
    const text = found.get(index);
    return text === undefined ? attribute : { ...attribute, text };
  });
}

async function writeRoot(
  { spec, source, writer, hashes }: Build,
  root: SegmentRoot,
): Promise<{ info: SegmentInfo; root: Uint8Array }> {
  const content = encodeRoot(root);
  let block = content;
  const place = await writer.add(blockBytes(content.length), (bytes) => {
    bytes.set(content);
    block = bytes;
  });
  // By now it is sealed. A copy, because the writer gives its buffer away.
  const copy = block.slice();
  const parts = await writer.finish();
  const { vector } = root;
  const info: SegmentInfo = {
    id: spec.id,
    home: spec.home.generation,
    ...(spec.shard === undefined ? {} : { shard: spec.shard }),
    level: spec.level,
    rows: root.rows,
    digest: sumHashes(hashes),
    bytes: parts.reduce((sum, part) => sum + part.bytes, 0),
    logicalBytes: source.logicalBytes,
    parts,
    root: place,
    dead: noneDead,
    schemaVersion: root.schemaVersion,
    clusters: vector?.clustered === true ? vector.firstRows.length - 1 : 0,
    minId: root.minId,
    maxId: root.maxId,
    createdMs: spec.createdMs,
  };
  return { info, root: copy };
}
