/**
 * Compaction: how a claimed job becomes a new manifest.
 *
 *   flush   1. read the WAL range with its attachments, fold it to one newest operation per id
 *           2. build a segment of the documents that live, or one for each shard that has some
 *              (none, if only deletes remain)
 *           3. resolve: every id of the range is dead in every older segment of its shard; the
 *              floor moves, and idempotency keys go from the log into an object (compact-keys.ts)
 *   merge   1. open the inputs, of one shard, with their dead rows as the job saw them
 *           2. build one segment of the living rows, in bounded memory (compact-merge.ts); a large
 *              one in steps that are stored, so that a later attempt goes on (compact-steps.ts)
 *           3. resolve: rows that died in the inputs since then are dead in the output too
 *
 * Building is long and runs beside other jobs; resolving is short and alone (compact-resolve.ts).
 * A job never writes the manifest it computed: it submits a delta, and that is applied to the
 * manifest as it is then. Objects of the new segment are named after job and attempt, so two
 * attempts never meet. If we crash before the delta, they are orphans; after it, the work is done.
 */
import { Bitmap } from "./bytes/bitmap.ts";
import { moveKeys } from "./compact-keys.ts";
import { type Build, buildMerged, type Merged, shardSpec } from "./compact-merge.ts";
import { JobReader } from "./compact-read.ts";
import {
  type DeadRows,
  heartbeat,
  type JobContext,
  type Resolution,
  resolveJob,
} from "./compact-resolve.ts";
import { planSteps } from "./compact-steps.ts";
import { type Documents, foldBatches } from "./compaction/fold.ts";
import type { Batch } from "./document/batch.ts";
import type { Schema } from "./document/schema.ts";
import { assert } from "./errors.ts";
import type { Manifest, SegmentInfo } from "./format/manifest.ts";
import { shardCount, splitIds } from "./format/shard.ts";
import {
  type BuiltSegment,
  buildFromRows,
  mergeSegments,
  noOrdinal,
} from "./index/builder/build-segment.ts";
import { BuildPaused } from "./index/builder/build-steps.ts";
import { MemoryLedger } from "./index/builder/memory-ledger.ts";
import type { MergeInput } from "./index/builder/merge-input.ts";
import type { SegmentSink } from "./index/builder/part-writer.ts";
import { rotationSeed, type SegmentSpec } from "./index/builder/segment-spec.ts";
import { limits } from "./limits.ts";
import type { Job } from "./namespace/protocol.ts";
import type { IndexPorts } from "./ports.ts";
import { putUnique } from "./store/put-unique.ts";

export interface CompactContext extends JobContext {
  readonly ports: IndexPorts;
  /** Counts what the job holds. */
  readonly ledger?: MemoryLedger;
}

type Context = CompactContext & { readonly ledger: MemoryLedger };

/** Runs a flush or merge to its end. False when its lease or inputs were gone: nothing changed. */
export async function compact(given: CompactContext): Promise<boolean> {
  const context = { ...given, ledger: given.ledger ?? new MemoryLedger() };
  const { job, identity, ports, ledger } = context;
  const reader = new JobReader(ports, identity.tenant);
  assert(job.kind === "flush" || job.kind === "merge", "a job that makes a segment");
  const startedMs = ports.clock.now();
  const done = job.kind === "flush" ? await flush(context, reader) : await merge(context, reader);
  const ms = ports.clock.now() - startedMs;
  const { attempt } = job;
  const memoryPeak = ledger.peak;
  ports.log.info(job.kind, { ...identity, job: job.id, attempt, done, ms, memoryPeak });
  return done;
}

async function flush(context: Context, reader: JobReader): Promise<boolean> {
  const { wal } = context.job;
  assert(wal !== undefined, "a flush has a range");
  const { touched, keys, built } = await buildRange(context, reader, wal);
  const byShard = splitIds(wal.schema.idKind, touched, shardCount(wal.settings));
  return await resolveJob(context, async (manifest, name): Promise<Resolution> => {
    const dead = await Promise.all(
      manifest.segments.map(async (segment) => {
        const isOfAll = segment.shard === undefined;
        const ids = isOfAll ? touched : (byShard.get(segment.shard) ?? []);
        return await supersede(reader, segment, ids);
      }),
    );
    const emptied = dead.filter(({ segment, bitmap }) => bitmap.count() === segment.rows);
    const moved = await moveKeys(context, manifest, wal, keys, name);
    return {
      ...addition(built),
      // Nothing lives there any more.
      remove: emptied.map(({ segment }) => removal(segment)),
      dead: dead.filter(
        ({ segment, bitmap }) =>
          bitmap.count() > segment.dead.rows && bitmap.count() < segment.rows,
      ),
      floor: wal,
      ...(moved === undefined ? {} : { keys: moved }),
    };
  });
}

/** By itself, so that nothing of the rows is held on to while the job is resolved. */
async function buildRange(
  context: Context,
  reader: JobReader,
  wal: NonNullable<Job["wal"]>,
): Promise<Pick<Folded, "touched" | "keys"> & { readonly built: readonly BuiltSegment[] }> {
  const beat = heartbeat(context);
  const { touched, live, keys, release } = await readFolded(context, reader, wal);
  const built = await buildFlush(context, live, beat);
  release();
  return { touched, keys, built };
}

type Folded = Awaited<ReturnType<typeof readFolded>>;

/**
 * What a range comes to, its living documents by shard. Batches end with this call: they and what
 * is folded from them are held together only here. Vectors of rows are copied; values and ids are
 * those of the batches, and count as twice their encoding.
 */
async function readFolded(
  { job, ledger }: Context,
  reader: JobReader,
  wal: NonNullable<Job["wal"]>,
) {
  const { batches, keys, bytes, release } = await reader.readLog(wal, job.manifest, ledger);
  const vectorBytes = batches.reduce((sum, { vectors }) => sum + vectors.byteLength, 0);
  const releaseValues = ledger.hold(2 * Math.max(0, bytes - vectorBytes));
  const releaseVectors = ledger.hold(vectorBytes);
  const folded = foldByShard(batches, wal);
  release();
  return {
    ...folded,
    keys,
    release: () => {
      releaseValues();
      releaseVectors();
    },
  };
}

/** By itself, so that nothing of what it returns holds on to the batches. */
function foldByShard(batches: readonly Batch[], { schema, settings }: NonNullable<Job["wal"]>) {
  const { touched, live, documents } = foldBatches(batches);
  const split = splitIds(schema.idKind, live, shardCount(settings));
  return { touched, live: new Map([...split].map(([shard, ids]) => [shard, documents(ids)])) };
}

/** A segment of the documents that live, or one for each shard that has some. */
async function buildFlush(
  context: Context,
  live: ReadonlyMap<number | undefined, Documents>,
  beat: () => Promise<void>,
): Promise<BuiltSegment[]> {
  const { job, ports, ledger } = context;
  assert(job.wal !== undefined, "a flush has a range");
  const spec = specOf(context, job.wal.schema, 0);
  const sink = sinkOf(context, beat);
  const built: BuiltSegment[] = [];
  for (const [shard, rows] of live) {
    const made = await buildFromRows(rows, shardSpec(spec, shard), ports, sink, ledger);
    assert(made !== undefined, "rows that live make a segment");
    built.push(made);
  }
  return built;
}

/** The segment's dead rows once the ids are superseded there. */
async function supersede(
  reader: JobReader,
  segment: SegmentInfo,
  ids: Parameters<JobReader["placesOf"]>[1],
): Promise<DeadRows> {
  const bitmap = await reader.deadRows(segment);
  let { digest } = segment.dead;
  for (const { ordinal, hash } of await reader.placesOf(segment, ids)) {
    if (!bitmap.has(ordinal)) {
      bitmap.set(ordinal);
      digest += hash;
    }
  }
  return { segment, bitmap, digest: BigInt.asUintN(64, digest) };
}

async function merge(context: Context, reader: JobReader): Promise<boolean> {
  const { job, ports, ledger } = context;
  const infos = inputsOf(job.manifest, job.inputs ?? []);
  assert(infos !== undefined && infos.length > 0, "a merge has inputs");
  const beat = heartbeat(context);
  const read = async (key: string, offset: number, length: number): Promise<Uint8Array> => {
    await beat();
    return await reader.readRange(key, offset, length);
  };
  const plan = await planSteps(context, infos, reader);
  const { inputs, deadVersions } = plan;
  const level = 1 + Math.max(...infos.map((info) => info.level));
  const spec = { ...specOf(context, job.manifest.schema, level), id: plan.segment };
  const sink = sinkOf(context, beat);
  const build: Build = (of, shard, log) => mergeSegments(of, read, shard, ports, sink, ledger, log);
  let merged: Merged;
  try {
    merged = await buildMerged(reader, plan, spec, shardCount(job.manifest.settings), build);
  } catch (error) {
    if (error instanceof BuildPaused) {
      return false;
    }
    throw error;
  }
  return await resolveJob(context, async (manifest): Promise<Resolution | undefined> => {
    const now = inputsOf(manifest, job.inputs ?? []);
    if (now === undefined) {
      return undefined;
    }
    const outputs = await diedSince(reader, inputs, deadVersions, now, merged);
    const living = outputs.filter(({ built, died }) => died.count() < built.info.rows);
    return {
      ...addition(living.map(({ built }) => built)),
      remove: now.map(removal),
      dead: living.flatMap(({ built, died }) =>
        died.isEmpty()
          ? []
          : [{ segment: built.info, bitmap: died, digest: digestOf(built, died) }],
      ),
    };
  });
}

interface Output {
  readonly built: Merged["built"][number];
  readonly died: Bitmap;
}

/** Rows of the outputs whose originals died after the inputs were read. */
async function diedSince(
  reader: JobReader,
  inputs: readonly MergeInput[],
  deadVersions: readonly number[],
  now: readonly SegmentInfo[],
  { built, outputs, ordinals }: Merged,
): Promise<Output[]> {
  const died = built.map(({ info }) => new Bitmap(info.rows));
  let first = 0;
  for (const [i, { segment, dead }] of inputs.entries()) {
    const info = now[i] as SegmentInfo;
    if (info.dead.version !== deadVersions[i]) {
      const fresh = await reader.deadRows(info);
      (dead === undefined ? fresh : fresh.andNot(dead)).forEach((ordinal) => {
        const output = ordinals[first + ordinal] as number;
        assert(output !== noOrdinal, "a row that lived has a place in the output");
        died[outputs[first + ordinal] as number]?.set(output);
      });
    }
    first += segment.info.rows;
  }
  return built.map((each, i) => ({ built: each, died: died[i] as Bitmap }));
}

/** Of the rows of the output itself: what its inputs say of theirs is for the owner to compare. */
function digestOf({ hashes }: Output["built"], rows: Bitmap): bigint {
  let digest = 0n;
  rows.forEach((ordinal) => {
    digest += hashes[ordinal] as bigint;
  });
  return BigInt.asUintN(64, digest);
}

/** The named segments in the order of their names, or undefined if one is gone. */
function inputsOf(manifest: Manifest, ids: readonly string[]): SegmentInfo[] | undefined {
  const byId = new Map(manifest.segments.map((segment) => [segment.id, segment]));
  const found = ids.flatMap((id) => byId.get(id) ?? []);
  return found.length === ids.length ? found : undefined;
}

function removal(segment: SegmentInfo): Resolution["remove"][number] {
  return { segment: segment.id, deadVersion: segment.dead.version };
}

function addition(built: readonly Output["built"][]): Pick<Resolution, "add" | "roots"> {
  const inline = built.filter(({ root }) => root.length <= limits.routeBytesMax);
  return {
    add: built.map(({ info }) => info),
    roots: inline.map(({ info, root }) => ({ segment: info.id, bytes: root })),
  };
}

function specOf(
  { job, identity, ports }: CompactContext,
  schema: Schema,
  level: number,
): SegmentSpec {
  return {
    home: { tenant: identity.tenant, generation: job.generation },
    id: `${job.id}-${job.attempt}`,
    schema,
    rotation: rotationSeed(job.manifest.seed),
    level,
    createdMs: ports.clock.now(),
  };
}

/** Stores the objects of the new segment. */
function sinkOf({ ports }: CompactContext, beat: () => Promise<void>): SegmentSink {
  return {
    async write(key, bytes, sha256) {
      await putUnique(ports, key, bytes, sha256);
      await beat();
    },
  };
}
