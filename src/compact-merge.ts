/**
 * What a merge builds:
 *
 *   of one shard     one segment of the living rows of its inputs
 *   of all shards    several segments, each of the rows of one: a copy may have other shards than
 *                    its source had. For each, the rows of the others count as dead, so what is
 *                    read is read once for each shard, in bounded memory, and at one go
 */
import { Bitmap } from "./bytes/bitmap.ts";
import type { JobReader } from "./compact-read.ts";
import type { MergePlan } from "./compact-steps.ts";
import { assert } from "./errors.ts";
import { type BuiltSegment, noOrdinal } from "./index/builder/build-segment.ts";
import type { StepLog } from "./index/builder/build-steps.ts";
import { type MergeInput, totalRows } from "./index/builder/merge-input.ts";
import type { SegmentSpec } from "./index/builder/segment-spec.ts";

export interface Merged {
  readonly built: readonly Omit<BuiltSegment, "ordinals">[];
  /** Which of them each row of the inputs went to, and as which ordinal; rows count through. */
  readonly outputs: Uint16Array;
  readonly ordinals: Uint32Array;
}

export type Build = (
  inputs: readonly MergeInput[],
  spec: SegmentSpec,
  log?: StepLog,
) => Promise<BuiltSegment | undefined>;

/** `spec`: that of the segment, or what those of the shards have in common. */
export async function buildMerged(
  reader: JobReader,
  { inputs, log }: MergePlan,
  spec: SegmentSpec,
  shards: number,
  build: Build,
): Promise<Merged> {
  const [first] = inputs;
  const shard = first?.segment.info.shard;
  const isPure = inputs.every(({ segment }) => segment.info.shard === shard);
  assert(isPure, "a merge keeps to one shard");
  if (shards === 1 || shard !== undefined) {
    const made = await build(inputs, shardSpec(spec, shard), log);
    const outputs = new Uint16Array(totalRows(inputs));
    const ordinals = made?.ordinals ?? new Uint32Array(0);
    return { built: made === undefined ? [] : [made], outputs, ordinals };
  }
  assert(first !== undefined && inputs.length === 1, "segments come apart one by one");
  return await buildSplit(first, await reader.shardsOfRows(first.segment, shards), {
    shards,
    build: async (input, of) => await build([input], shardSpec(spec, of)),
  });
}

async function buildSplit(
  { segment, dead }: MergeInput,
  shardOf: Uint16Array,
  {
    shards,
    build,
  }: {
    readonly shards: number;
    readonly build: (input: MergeInput, shard: number) => Promise<BuiltSegment | undefined>;
  },
): Promise<Merged> {
  const rows = shardOf.length;
  const built: Omit<BuiltSegment, "ordinals">[] = [];
  const outputs = new Uint16Array(rows);
  const ordinals = new Uint32Array(rows).fill(noOrdinal);
  for (let shard = 0; shard < shards; shard++) {
    const others = new Bitmap(rows);
    for (let row = 0; row < rows; row++) {
      if (shardOf[row] !== shard || dead?.has(row) === true) others.set(row);
    }
    if (others.count() === rows) continue;
    const made = await build({ segment, dead: others }, shard);
    assert(made !== undefined, "rows that live make a segment");
    for (let row = 0; row < rows; row++) {
      const ordinal = made.ordinals[row] as number;
      if (ordinal === noOrdinal) continue;
      outputs[row] = built.length;
      ordinals[row] = ordinal;
    }
    const { info, root, hashes } = made;
    built.push({ info, root, hashes });
  }
  return { built, outputs, ordinals };
}

/** What a job builds of a shard lies under a name of its own. */
export function shardSpec(spec: SegmentSpec, shard: number | undefined): SegmentSpec {
  return shard === undefined ? spec : { ...spec, id: `${spec.id}-s${shard}`, shard };
}
