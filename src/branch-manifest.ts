/** What a branch begins as: its parent's point, under a generation of its own. Pure. */
import type { Settings } from "./document/settings.ts";
import { assert } from "./errors.ts";
import { ancestorsOf, stretchesOf } from "./format/homes.ts";
import type { DeadRecord, Manifest, Origin, SegmentInfo } from "./format/manifest.ts";
import { shardCount } from "./format/shard.ts";
import { manifestFault } from "./namespace/invariants.ts";
import type { Pin } from "./namespace/pins.ts";

export interface Stamp {
  readonly settings: Settings;
  readonly origin: Origin;
  readonly generation: string;
  readonly epoch: number;
  readonly nonce: Uint8Array;
  readonly nowMs: number;
}

/** The first manifest of a branch. Keys are the parent's writers': nobody repeats them here. */
export function branchManifest(pinned: Manifest, pin: Pin, stamp: Stamp): Manifest {
  const { settings, origin, generation, epoch, nonce, nowMs } = stamp;
  const version = 1;
  // No entry that it begins with is newer, whatever another machine's clock says.
  const createdMs = Math.max(nowMs, pin.lastMs);
  const branched: Manifest = {
    ...pinned,
    generation,
    version,
    epoch,
    nonce,
    committedMs: nowMs,
    createdMs,
    updatedMs: createdMs,
    settings,
    origin,
    segments: reshard(pinned.segments, shardCount(pin.settings), shardCount(settings)),
    inherited: stretchesOf(pinned, { from: pinned.floor, to: pin.next }),
    keys: [],
    applied: [],
    dead: [],
  };
  // The parent's ref is made in any case, so that its collector finds a branch that comes to
  // nothing; if it holds nothing, it has done its work once the branch exists.
  const object = { kind: "ref", generation: pin.generation } as const;
  const dead: DeadRecord[] = ancestorsOf(branched).has(pin.generation)
    ? []
    : [{ object, version, sinceMs: nowMs, bytes: 0 }];
  const manifest = { ...branched, dead };
  const fault = manifestFault(manifest);
  assert(fault === undefined, `a branch of ${pin.generation}: ${fault ?? ""}`);
  return manifest;
}

/** Of other shards than before, each holds rows of all, until it is written again. */
function reshard(segments: readonly SegmentInfo[], from: number, to: number): SegmentInfo[] {
  return segments.map(({ shard, ...segment }) => ({
    ...segment,
    ...(shard === undefined || from !== to ? {} : { shard }),
  }));
}
