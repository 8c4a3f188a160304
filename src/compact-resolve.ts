/**
 * The short second phase of a job, under the commit ticket: what died in its inputs since they were
 * read is carried over, dead bitmaps are written, the delta is committed.
 *
 *   1. ticket: no other job changes the manifest until it expires or we commit. Running over it
 *      is no harm: the delta says what it was made for
 *   2. `prepare` on that manifest: which rows of which segments die
 *   3. one new bitmap object per segment that loses rows, under a name of this attempt
 *   4. delta. Refused: something changed after all, start over. Crash before: the objects are
 *      orphans. Crash after: the delta is in the manifest, and the same delta again is recognised.
 */
import type { Bitmap } from "./bytes/bitmap.ts";
import { EngineError } from "./errors.ts";
import { encodeDeadBitmap } from "./format/dead-bitmap.ts";
import type { DeadState, Delta, Manifest, SegmentInfo } from "./format/manifest.ts";
import { limits } from "./limits.ts";
import {
  type DeltaReply,
  type InlineObjects,
  type Job,
  type NamespaceApi,
  replyValue,
} from "./namespace/protocol.ts";
import type { Identity } from "./owner-ports.ts";
import type { Ports } from "./ports.ts";
import { deadKey, generationRoot } from "./store/keys.ts";
import { putUnique } from "./store/put-unique.ts";

/** The part of a delta that depends on the manifest it is applied to. */
export interface Resolution {
  readonly remove: Delta["remove"];
  readonly add: readonly SegmentInfo[];
  readonly dead: readonly DeadRows[];
  readonly floor?: NonNullable<Delta["floor"]>;
  readonly keys?: NonNullable<Delta["keys"]>;
  readonly roots: InlineObjects["roots"];
}

/** All dead rows, old and new, of a segment that loses some, and their record digest. */
export interface DeadRows {
  readonly segment: SegmentInfo;
  readonly bitmap: Bitmap;
  readonly digest: bigint;
}

export interface JobContext {
  readonly ports: Ports;
  readonly api: NamespaceApi;
  readonly identity: Identity;
  readonly job: Job;
}

/**
 * Keeps the job's lease alive: to be called often, asks seldom. Throws `conflict` when the lease is
 * lost, since whatever is done from then on is in vain.
 */
export function heartbeat({ ports, api, identity, job }: JobContext): () => Promise<void> {
  let renewedMs = ports.clock.now();
  return async () => {
    const now = ports.clock.now();
    if (now - renewedMs > limits.leaseMs / 4) {
      renewedMs = now;
      const reply = await api.renew(identity.tenant, identity.name, job.id, job.attempt);
      if (!replyValue(reply)) {
        throw new EngineError("conflict", `the lease of job ${job.id} is lost`);
      }
    }
  };
}

/** Between two looks whether a job's turn has come: a small part of its lease. */
const waitMsMax = 4_000;

/** How often a job tries to commit before it is given back. */
const commitAttemptsMax = 20;

/**
 * Returns false when the job's lease or inputs are gone: the work is void. `prepare` may store
 * objects under the name it is given: it belongs to this attempt to commit and to no other.
 */
export async function resolveJob(
  context: JobContext,
  prepare: (manifest: Manifest, name: string) => Promise<Resolution | undefined>,
): Promise<boolean> {
  const { api, ports, job } = context;
  const { tenant, name } = context.identity;
  const beat = heartbeat(context);
  let waits = 0;
  for (let attempt = 0; attempt < commitAttemptsMax; ) {
    const reply = replyValue(await api.ticket(tenant, name, job.id, job.attempt));
    if (reply.kind === "void") {
      ports.log.info("job is void", { job: job.id, reason: reply.reason });
      return false;
    }
    if (reply.kind === "wait") {
      // Each look is a call of the object, so they get rarer.
      await ports.clock.sleep(Math.min(reply.ms * 2 ** waits, waitMsMax));
      waits += 1;
      await beat();
      continue;
    }
    const objects = `${job.id}-${job.attempt}-${attempt}`;
    const resolution = await prepare(reply.manifest, objects);
    await beat();
    if (resolution === undefined) {
      return false;
    }
    const answer = await commit(context, resolution, objects);
    if (answer.kind === "committed") {
      return true;
    }
    ports.log.info("delta refused", { job: job.id, reason: answer.reason });
    attempt += 1;
  }
  throw new EngineError("conflict", `job ${job.id} could not commit`);
}

async function commit(
  context: JobContext,
  resolution: Resolution,
  objects: string,
): Promise<DeltaReply> {
  const { api, job } = context;
  const { tenant, name } = context.identity;
  const added = new Set(resolution.add.map(({ id }) => id));
  const written = await Promise.all(
    resolution.dead.map((rows) => writeBitmap(context, rows, objects)),
  );
  const states = new Map(written.map(({ segment, state }) => [segment, state]));
  const delta: Delta = {
    // One id per job: however often the commit is repeated, it applies once.
    id: job.id,
    job: job.id,
    remove: resolution.remove,
    add: resolution.add.map((info) => ({ ...info, dead: states.get(info.id) ?? info.dead })),
    dead: resolution.dead.flatMap(({ segment }) => {
      const to = states.get(segment.id);
      return to === undefined || added.has(segment.id)
        ? []
        : [{ segment: segment.id, from: segment.dead.version, to }];
    }),
    ...(resolution.floor === undefined ? {} : { floor: resolution.floor }),
    ...(resolution.keys === undefined ? {} : { keys: resolution.keys }),
  };
  const dead = written.map(({ segment, state, bytes }) => ({ segment, name: state.name, bytes }));
  const inline = { roots: resolution.roots, dead };
  return replyValue(await api.commitDelta(tenant, name, job.id, job.attempt, delta, inline));
}

async function writeBitmap(
  { ports, identity, job }: JobContext,
  { segment, bitmap, digest }: DeadRows,
  objects: string,
): Promise<{ segment: string; state: DeadState; bytes: Uint8Array }> {
  const version = segment.dead.version + 1;
  const name = `${version}-${objects}`;
  const place = { generation: job.generation, segment: segment.id, version };
  const bytes = encodeDeadBitmap(place, bitmap);
  const root = generationRoot(identity.tenant, job.generation);
  await putUnique(ports, deadKey(root, segment.id, name), bytes);
  const rows = bitmap.count();
  const home = job.generation;
  const state = { version, rows, name, bytes: bytes.length, digest, home };
  return { segment: segment.id, state, bytes };
}
