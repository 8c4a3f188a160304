/**
 * Worlds with shards: whoever finds that a name does not exist asks for as many as the world has.
 * What lands is held against what shards promise: every id lies in segments of its own shard, and
 * none of them is ever left out of the sum.
 */
import type { DocumentId } from "../../src/document/id.ts";
import { isEngineError } from "../../src/errors.ts";
import type { Manifest, SegmentInfo } from "../../src/format/manifest.ts";
import { shardCount } from "../../src/format/shard.ts";
import { strayFault } from "../../src/namespace/invariants.ts";
import type { Emphasis } from "./emphasis.ts";
import type { ReadWindow } from "./history.ts";
import type { Process } from "./process.ts";
import { SimRandom } from "./random.ts";
import type { SimName } from "./sim-name.ts";
import type { Sizes } from "./sizes.ts";
import type { World } from "./world.ts";

export class Sharding {
  /** That names of this world are asked to have; 0: nobody asks. */
  readonly shards: number;
  /** Isolates of its own read them. */
  readonly hasReaders: boolean;
  /** Names are copied, into other shards too. */
  readonly hasCopies: boolean;
  readonly #random: SimRandom;
  readonly #isAboutIt: boolean;

  constructor(seed: number, emphasis: Emphasis) {
    this.#random = new SimRandom(seed + 4_000_037);
    const isAboutIt = emphasis === "shards";
    this.#isAboutIt = isAboutIt;
    const some = [1, 2, 2, 8];
    this.shards = this.#random.pick(isAboutIt ? some : [...Array<number>(9).fill(0), ...some]);
    const copies = new SimRandom(seed + 6_000_011).chance(0.5);
    this.hasCopies = this.shards > 0 && (isAboutIt || copies);
    this.hasReaders = this.shards > 1 && new SimRandom(seed + 5_000_011).chance(0.75);
  }

  /** Copies need several names, and names that are free. */
  fit(sizes: Sizes): Sizes {
    if (!this.hasCopies || (sizes.branchShare > 0 && !this.#isAboutIt)) return sizes;
    return { ...sizes, branchShare: this.#isAboutIt ? 0.15 : 0.06, removeShare: 0.02 };
  }

  /** Sharded namespaces cannot be branched. */
  get isCopied(): boolean {
    return this.shards > 0;
  }

  /** What a write, or a copy, asks for. */
  wish(name: SimName): { readonly shards?: number } {
    return this.shards === 0 || name.exists ? {} : { shards: this.shards };
  }

  copyWish(): { readonly shards?: number } {
    if (this.shards === 0) return {};
    const asSource = this.#random.chance(0.3) && !this.#isAboutIt;
    return asSource ? {} : { shards: this.#random.pick([1, 2, 3, 8]) };
  }
}

/** True if the write was refused because another was first, and decided otherwise. */
export function wasDecided(
  { world }: Process,
  { history }: SimName,
  window: ReadWindow,
  error: unknown,
): boolean {
  if (!isEngineError(error, "invalid") || error.detail.field !== "sharding") return false;
  world.faults.saw("shards: decided before");
  history.explain(window, "refused shards", ({ exists }) =>
    exists ? undefined : "it was free to choose",
  );
  return true;
}

/** The ids of a segment, live and dead. */
export function checkShard(
  world: World,
  { settings }: Manifest,
  segment: SegmentInfo,
  ids: readonly DocumentId[],
): void {
  const fault = strayFault(segment, "uint", ids, shardCount(settings));
  if (fault !== undefined) world.violate("shard", fault);
}

/** What the step to this manifest did with shards. */
export function noteShards({ faults }: World, before: Manifest | undefined, after: Manifest): void {
  if (before === undefined || shardCount(after.settings) === 1) return;
  const known = new Set(before.segments.map(({ id }) => id));
  const kept = new Set(after.segments.map(({ id }) => id));
  const came = after.segments.filter(({ id }) => !known.has(id));
  const gone = before.segments.filter(({ id }) => !kept.has(id));
  if (after.floor > before.floor) {
    if (came.length > 1) faults.saw("shards: flush of several");
    return;
  }
  if (gone.some(({ shard }) => shard === undefined)) faults.saw("shards: come apart");
  else if (came.length > 0 && gone.length > 1) faults.saw("shards: merge of one");
}
