/**
 * All models with their bounds. Small ones are explored by every test run, large ones by command.
 * Every flaw has bounds within which it must be found.
 */

import { branchModel } from "./branch-model.ts";
import type { BranchBounds } from "./branch-world.ts";
import { collectModel } from "./collect-model.ts";
import type { CollectBounds } from "./collect-world.ts";
import { deltaModel } from "./delta-model.ts";
import type { DeltaBounds } from "./delta-world.ts";
import { type Exploration, type ExploreOptions, explore, type Model } from "./explorer.ts";
import { walModel } from "./wal-model.ts";
import type { WalBounds } from "./wal-world.ts";

export type Size = "small" | "large";

export interface ModelRun {
  readonly bounds: object;
  readonly explore: (options?: ExploreOptions) => Exploration;
}

export interface FlawRun {
  readonly flaw: string;
  readonly explore: (options?: ExploreOptions) => Exploration;
}

export interface CataloguedModel {
  readonly name: string;
  readonly promises: string;
  readonly runs: Readonly<Record<Size, readonly ModelRun[]>>;
  readonly flaws: readonly FlawRun[];
}

interface Plan<B, F extends string> {
  readonly name: string;
  readonly promises: string;
  readonly small: readonly B[];
  readonly large: readonly B[];
  readonly flaws: Readonly<Record<F, B>>;
}

function catalogued<S, B extends object, F extends string>(
  model: (bounds: B, flaw?: F) => Model<S>,
  { name, promises, small, large, flaws }: Plan<B, F>,
): CataloguedModel {
  const run = (bounds: B): ModelRun => ({
    bounds,
    explore: (options) => explore(model(bounds), options),
  });
  return {
    name,
    promises,
    runs: { small: small.map(run), large: large.map(run) },
    flaws: (Object.entries(flaws) as [F, B][]).map(([flaw, bounds]) => ({
      flaw,
      explore: (options) => explore(model(bounds, flaw), options),
    })),
  };
}

// ---- The log

const walSmall: WalBounds = {
  batches: ["grows", "keyed"],
  attempts: 2,
  instances: 2,
  unknowns: 1,
  flushes: 1,
  wipes: 1,
};
const walConditions: WalBounds = { ...walSmall, batches: ["keyed", "conditional"] };

const wal = catalogued(walModel, {
  name: "wal",
  promises: "what is acknowledged is durable, once and in one order",
  small: [
    { ...walSmall, wipes: 0 },
    { ...walConditions, unknowns: 0 },
  ],
  large: [
    { ...walSmall, instances: 3, wipes: 0 },
    walConditions,
    { ...walSmall, batches: ["grows", "keyed", "conditional"], flushes: 0 },
  ],
  flaws: {
    "an unknown put counts as stored": walSmall,
    "an unknown put counts as failed": walSmall,
    "no nonce: one's own entry is taken for another's": { ...walSmall, batches: ["grows"] },
    "an occupied slot counts as ours": walSmall,
    "puts are not fenced": walSmall,
    "answers are not fenced": walSmall,
    "answered before the slot is resolved": walSmall,
    "the open slot is not settled at a start": walSmall,
    "the intent is not recorded": walSmall,
    "no settling, and no second look at who waits behind an adopted entry": walSmall,
    "the floor passes an entry whose slot is not resolved": walSmall,
    "the collector deletes one entry too many": walSmall,
    "a replaced instance is asked for the head": walSmall,
    "keys are forgotten at a start": walSmall,
    "what was touched before a start counts as untouched": walConditions,
  },
});

// ---- Manifests

const flushes: DeltaBounds = {
  entries: 2,
  compactors: 2,
  instances: 2,
  claims: 2,
  merges: 0,
  unknowns: 1,
  expiries: 0,
  wipes: 1,
  pointerMoves: 1,
};
const merges: DeltaBounds = {
  entries: 3,
  compactors: 2,
  instances: 1,
  claims: 4,
  merges: 1,
  unknowns: 0,
  expiries: 1,
  wipes: 0,
  pointerMoves: 0,
};

const delta = catalogued(deltaModel, {
  name: "delta",
  promises: "flushes and merges lose nothing of one another, and nothing comes back",
  small: [flushes, merges],
  large: [
    { ...merges, instances: 2, unknowns: 1, wipes: 1, pointerMoves: 1 },
    { ...merges, entries: 4, claims: 6, merges: 2, unknowns: 1, expiries: 2 },
  ],
  flaws: {
    "a flush need not know that its segments were merged": merges,
    "a merge need not know what died meanwhile": merges,
    "a merge forgets what died since it read its inputs": merges,
    "a flush forgets deletions": merges,
    "a job submits the manifest it computed": merges,
    "a job submits its list of segments, united with the present one": merges,
    "the same delta is applied twice": { ...flushes, instances: 1 },
    "flushes are committed out of order": merges,
    "an unknown put counts as stored": flushes,
    "an occupied version counts as ours": flushes,
    "manifests are overwritten": flushes,
    "a replaced instance publishes and answers": flushes,
    "recovery believes a lagging pointer": flushes,
    "outputs are deleted when the outcome is unknown": flushes,
  },
});

// ---- Collection

const collectSmall: CollectBounds = {
  builders: 1,
  builds: 1,
  collectors: 1,
  collections: 1,
  leaps: 2,
  wipes: 0,
  reads: 1,
};

const unread: CollectBounds = { ...collectSmall, leaps: 1, reads: 0 };

const collect = catalogued(collectModel, {
  name: "collect",
  promises: "nothing is deleted that is named, read or about to be committed",
  small: [{ ...collectSmall, leaps: 1 }],
  large: [
    { ...collectSmall, builders: 2, builds: 2 },
    { ...collectSmall, builds: 2, collections: 2, leaps: 3, wipes: 1, reads: 0 },
  ],
  flaws: {
    "what is dead is deleted at once": collectSmall,
    "what is dead is deleted after a lease": collectSmall,
    "what nobody names is deleted at once": unread,
    "what is old is deleted if the job's own manifest does not name it": unread,
    "a commit does not look at the lease": unread,
    "a lease is renewed for ever": unread,
    "superseded manifests are deleted up to the newest": unread,
    "the newest manifest is taken for what `current` says": unread,
  },
});

// ---- Branches

const branchSmall: BranchBounds = {
  generations: 2,
  begun: 1,
  rewrites: 1,
  collections: 1,
  deaths: 0,
  deletions: 0,
  leaps: 2,
  spans: ["pin", "grace", "day"],
  reads: 0,
};
const branchGrace: BranchBounds = { ...branchSmall, leaps: 1, spans: ["grace"] };
const branchLate: BranchBounds = { ...branchGrace, leaps: 2 };
const branchTwice: BranchBounds = { ...branchGrace, rewrites: 2, collections: 2 };

const branch = catalogued(branchModel, {
  name: "branch",
  promises: "a branch loses nothing to the collectors of its ancestors, nor they to it",
  small: [branchSmall, { ...branchGrace, deletions: 1 }],
  large: [
    { ...branchSmall, collections: 2, deletions: 1, deaths: 1 },
    { ...branchSmall, generations: 3, begun: 2, rewrites: 2, collections: 2, leaps: 1 },
    { ...branchTwice, begun: 2, reads: 1, leaps: 2 },
  ],
  flaws: {
    "a branch makes no ref below its grandparent": { ...branchTwice, generations: 3, begun: 2 },
    "a branch begins before its refs are made": branchGrace,
    "a branch is answered before its refs are made": branchGrace,
    "a branch of an old pin is registered before its refs are made": branchLate,
    "recovery takes refs that were stored at any time": branchGrace,
    "a branch takes any time, and does not see that its pin is alive": branchGrace,
    "a collection does not look at refs": branchGrace,
    "a collection does not look at pins": branchGrace,
    "a purge does not look at refs": { ...branchGrace, deletions: 1 },
    "a ref is dropped as soon as the newest manifest does not need it": {
      ...branchTwice,
      begun: 2,
      reads: 1,
    },
    "a ref whose branch is not there yet is dropped at once": { ...branchTwice, rewrites: 1 },
  },
});

export const models: readonly CataloguedModel[] = [wal, delta, collect, branch];
