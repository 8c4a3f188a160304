/**
 * Merges in steps. What a step has found out is stored, the job notes it, and the next attempt goes
 * on from there, whoever it is:
 *
 *   1. the state of the step is put under a name of this attempt
 *   2. the owner notes the name with the job; refused: the lease is gone, and so is this attempt
 *   3. an attempt that has worked long enough ends here and gives the job back
 *
 *   crash before 2   the step is done again: the same objects under the same keys, and an orphan
 *   crash after 2    the next attempt reads the steps and goes on behind the last
 *
 * Which rows live is part of the first step: what died since is carried over when the merge is
 * resolved, as ever. A state that cannot be read makes the attempt fail; the job begins anew when
 * that happens twice. Small merges have no steps: to make them again is cheaper.
 */
import { Bitmap } from "./bytes/bitmap.ts";
import type { JobReader } from "./compact-read.ts";
import { heartbeat, type JobContext } from "./compact-resolve.ts";
import { corrupt, EngineError } from "./errors.ts";
import { openBuildStep, sealBuildStep } from "./format/build-step.ts";
import type { SegmentInfo } from "./format/manifest.ts";
import type { StepLog, StepState } from "./index/builder/build-steps.ts";
import { arrayBytes } from "./index/builder/build-steps.ts";
import type { MemoryLedger } from "./index/builder/memory-ledger.ts";
import type { MergeInput } from "./index/builder/merge-input.ts";
import { isEarlierStep } from "./index/builder/merge-texts.ts";
import { limits } from "./limits.ts";
import type { BuildProgress } from "./namespace/build-progress.ts";
import { replyValue } from "./namespace/protocol.ts";
import { generationRoot, stepKey } from "./store/keys.ts";
import { putUnique } from "./store/put-unique.ts";

export interface MergePlan {
  /** Id of the segment to be. */
  readonly segment: string;
  readonly inputs: readonly MergeInput[];
  /** Of each input: the dead rows that are left out. */
  readonly deadVersions: readonly number[];
  /** Undefined: the merge is made at one go. */
  readonly log: StepLog | undefined;
}

type Context = JobContext & { readonly ledger: MemoryLedger };

/** A step with the dead rows of each input, which only the first one has to know. */
interface SavedStep extends StepState {
  readonly dead?: readonly (Uint32Array | undefined)[];
}

export async function planSteps(
  context: Context,
  infos: readonly SegmentInfo[],
  reader: JobReader,
): Promise<MergePlan> {
  const { job } = context;
  const segments = await Promise.all(infos.map((info) => reader.segment(info)));
  const known = job.progress;
  const isCurrent = known?.schemaVersion === job.manifest.schema.version;
  const done = known !== undefined && isCurrent ? await readSteps(context, known) : [];
  // Steps of an earlier version of the program are begun anew, as those under another schema are.
  if (known !== undefined && isCurrent && !done.some(({ result }) => isEarlierStep(result))) {
    const dead = (done[0] as SavedStep).dead ?? [];
    const inputs = segments.map((segment, i) => {
      const rows = dead[i] ?? [];
      return { segment, dead: Bitmap.of(segment.root.rows, [...rows]) };
    });
    const { segment, deadVersions } = known;
    return { segment, inputs, deadVersions, log: logOf(context, known, inputs, done) };
  }
  const inputs = await Promise.all(
    segments.map(async (segment) => ({ segment, dead: await reader.deadRows(segment.info) })),
  );
  const progress: BuildProgress = {
    segment: `${job.id}-${job.attempt}`,
    schemaVersion: job.manifest.schema.version,
    deadVersions: infos.map((info) => info.dead.version),
    steps: [],
  };
  const bytes = infos.reduce((sum, info) => sum + info.bytes, 0);
  const log = bytes < limits.stepBytesMin ? undefined : logOf(context, progress, inputs, []);
  return { segment: progress.segment, inputs, deadVersions: progress.deadVersions, log };
}

function logOf(
  context: Context,
  begun: BuildProgress,
  inputs: readonly MergeInput[],
  done: readonly StepState[],
): StepLog {
  const { ports, api, identity, job } = context;
  const beganMs = ports.clock.now();
  let progress = begun;
  return {
    done,
    async save(state, number) {
      const dead = inputs.map((input) => deadOrdinals(input));
      const saved: SavedStep = number === 0 ? { ...state, dead } : state;
      const { segment } = progress;
      const { generation } = job;
      const step = { generation, segment, number, state: saved };
      const { bytes } = await sealBuildStep(step, ports.digest);
      const name = `${job.id}-${job.attempt}-${number}`;
      await putUnique(ports, stepKey(generationRoot(identity.tenant, generation), name), bytes);
      const pauses = ports.clock.now() - beganMs >= limits.stepMs;
      progress = { ...progress, steps: [...progress.steps, name] };
      const { tenant, name: namespace } = identity;
      const noted = api.progress(tenant, namespace, job.id, job.attempt, progress, pauses);
      if (!replyValue(await noted)) {
        throw new EngineError("conflict", `the lease of job ${job.id} is lost`);
      }
      return pauses ? "pause" : "go on";
    },
  };
}

async function readSteps(context: Context, progress: BuildProgress): Promise<StepState[]> {
  const { ports, identity, job, ledger } = context;
  const { generation } = job;
  const root = generationRoot(identity.tenant, generation);
  const beat = heartbeat(context);
  const done: StepState[] = [];
  for (const [number, name] of progress.steps.entries()) {
    const key = stepKey(root, name);
    const stored = await ports.store.get(key);
    if (stored === undefined) {
      throw corrupt(`${key} is missing`);
    }
    const release = ledger.hold(stored.bytes.length);
    const expected = { generation, segment: progress.segment, number };
    const state = (await openBuildStep(stored.bytes, expected, ports.digest)) as StepState;
    release();
    // Until the build ends.
    ledger.hold(arrayBytes(state));
    done.push(state);
    await beat();
  }
  return done;
}

function deadOrdinals({ dead }: MergeInput): Uint32Array {
  const ordinals: number[] = [];
  dead?.forEach((ordinal) => {
    ordinals.push(ordinal);
  });
  return Uint32Array.from(ordinals);
}
