/**
 * One simulated world: names of a tenant with their objects, the store, the queue, consumers and
 * isolates, all running the engine's own code in one process under virtual time. In half of the
 * worlds there is one name; in the others some are branched from one another.
 *
 *   1. faulty   clients work while everything goes wrong
 *   2. quiet    clients end what they have begun, faults stop
 *   3. settled  (liveness) all is flushed, jobs end, a day passes, what nobody needs is gone
 *
 * The seed decides everything: sizes, bounds, which faults at which rates, every delay.
 */
import { EngineError } from "../../src/errors.ts";
import type { Log } from "../../src/ports.ts";
import { Isolate, searchPorts } from "./clients.ts";
import { SimQueue, startCron } from "./consumers.ts";
import { type Emphasis, emphasisOf, faultsOf, isDemanding, sizesOf } from "./emphasis.ts";
import { type Branch, Faults } from "./faults.ts";
import { Imports } from "./imports.ts";
import { Landings } from "./landings.ts";
import { settle } from "./liveness.ts";
import { Past } from "./past.ts";
import { type Process, ResetError } from "./process.ts";
import { SimRandom } from "./random.ts";
import { SimReaders } from "./readers.ts";
import { Rot } from "./rot.ts";
import { Scheduler } from "./scheduler.ts";
import { Sharding } from "./sharding.ts";
import { Shelf } from "./shelf.ts";
import { SimEdge } from "./sim-edge.ts";
import { SimName } from "./sim-name.ts";
import { SimStore } from "./sim-store.ts";
import { randomBounds, randomSizes, type Sizes, withBounds } from "./sizes.ts";

export interface Violation {
  readonly kind: string;
  readonly detail: string;
  readonly atMs: number;
}

export interface SeedOptions {
  readonly seed: number;
  /** Client operations of the faulty part. */
  readonly operations: number;
  readonly mode: "safety" | "liveness" | "both";
  /** Called with each line of the log. */
  readonly onLog?: (line: string) => void;
}

export interface SeedResult {
  readonly seed: number;
  readonly operations: number;
  readonly acknowledged: number;
  readonly events: number;
  readonly simulatedMs: number;
  readonly counts: ReadonlyMap<string, number>;
  readonly violations: readonly Violation[];
  readonly traceHash: string;
}

/** Longer than any job, backoff or repetition that is under way when faults stop. */
const quietMs = 30 * 60_000;

const branchesOfLog: Readonly<Record<string, Branch>> = {
  "query restarted": "query: restarted",
  "keys read": "key: read from an object",
  "keys folded": "keys: folded",
  "write held back": "rewrite: held back",
  "head failed": "query: without the owner",
  "a reader failed": "reader: failed",
  quarantine: "quarantine: entered",
  "a log entry is skipped": "quarantine: entry skipped",
};

export class World {
  readonly tenant = "default";
  readonly random: SimRandom;
  readonly emphasis: Emphasis;
  /** Decides about patches, conditions and writes by filter, and what share of writes they are. */
  readonly changing: SimRandom;
  readonly changeShare: number;
  readonly scheduler = new Scheduler();
  readonly faults: Faults;
  readonly sizes: Sizes;
  readonly log: Log;
  readonly names: readonly SimName[];
  readonly landings: Landings;
  readonly store: SimStore;
  readonly edge: SimEdge;
  readonly queue: SimQueue;
  readonly rot: Rot;
  readonly past: Past;
  readonly shelf: Shelf;
  readonly sharding: Sharding;
  readonly readers: SimReaders;
  readonly imports: Imports;
  readonly violations: Violation[] = [];
  operations = 0;
  acknowledged = 0;
  isQuiet = false;
  /** Until then all clients sleep. */
  #napUntilMs = 0;
  #begun = 0;
  #tags = 0;
  readonly #operationsMax: number;

  constructor({ seed, operations, onLog }: SeedOptions) {
    this.random = new SimRandom(seed);
    this.changing = new SimRandom(seed + 2_000_003);
    this.changeShare = this.changing.pick([0, 0, 0, 0.1, 0.3]);
    this.emphasis = emphasisOf(seed);
    this.faults = new Faults(this.random, faultsOf(this.emphasis));
    this.sharding = new Sharding(seed, this.emphasis);
    const sizes = sizesOf(
      this.emphasis,
      this.sharding.fit(randomSizes(this.random, isDemanding(seed))),
    );
    this.imports = new Imports(this, seed);
    // Those who send JSON, or import, know nothing of it.
    const mayHaveSides = this.changeShare === 0 && !this.imports.isOn && this.emphasis !== "shards";
    const hasSides =
      mayHaveSides && new SimRandom(seed + 8_000_009).chance(isDemanding(seed) ? 0.4 : 0.1);
    this.sizes = { ...sizes, hasSides };
    this.#operationsMax = operations;
    const note = (event: string, fields?: Readonly<Record<string, unknown>>): void => {
      const branch = branchesOfLog[event];
      if (branch !== undefined) this.faults.saw(branch);
      onLog?.(`${Math.round(this.scheduler.elapsedMs)} ${event} ${JSON.stringify(fields ?? {})}`);
    };
    const alarm = (event: string, fields?: Readonly<Record<string, unknown>>): void => {
      note(event, fields);
      if (event === "a manifest breaks an invariant") {
        this.violate("refused manifest", String(fields?.["reason"]));
      }
    };
    this.log = { info: note, warn: note, error: alarm };
    this.landings = new Landings(this);
    this.store = new SimStore(this);
    this.edge = new SimEdge(this);
    const names = this.sizes.branchShare > 0 ? ["sim", "left", "right"] : ["sim"];
    this.names = names.map((name) => new SimName(this, name));
    this.queue = new SimQueue(this, this.sizes.consumers);
    this.rot = new Rot(this, seed);
    this.past = new Past(this, seed);
    this.shelf = new Shelf(this, seed);
    this.readers = new SimReaders(this, searchPorts);
  }

  named(name: string): SimName {
    const found = this.everyName.find(({ identity }) => identity.name === name);
    if (found === undefined) throw new Error(`there is no ${name}`);
    return found;
  }

  /** Hidden ones too. */
  get everyName(): readonly SimName[] {
    const { kept } = this.shelf;
    return kept === undefined ? this.names : [...this.names, kept];
  }

  get first(): SimName {
    return this.names[0] as SimName;
  }

  get isViolated(): boolean {
    return this.violations.length > 0;
  }

  get unfinished(): number {
    return this.#begun - this.operations;
  }

  async run(mode: SeedOptions["mode"]): Promise<void> {
    const { random, scheduler, faults } = this;
    for (let i = 0; i < this.sizes.isolates; i++) new Isolate(this, i).start();
    startCron(this);
    this.rot.start();
    this.imports.start();
    const wipes = faults.isOn("storage-wiped");
    const wipe = (): void => {
      // While `current` lags there is most to be lost.
      const chance = this.store.isPointerStuck ? random.chance(0.5) : false;
      if (chance || faults.strikes("storage-wiped")) random.pick(this.names).object.wipe();
      scheduler.after(random.spread(1_000, 3_600_000), "wipe", wipe);
    };
    if (wipes) scheduler.after(random.spread(1_000, 600_000), "wipe", wipe);
    await scheduler.run(Infinity, () => this.isViolated || this.operations >= this.#operationsMax);
    this.isQuiet = true;
    faults.stop();
    await scheduler.run(scheduler.nowMs + quietMs, () => this.isViolated);
    if (!this.isViolated) await this.rot.settle();
    if (!this.isViolated) await this.imports.settle();
    if (mode !== "safety" && !this.isViolated) await settle(this);
  }

  /** The think time of a client; now and then a nap of all, long enough for the collector. */
  async think(process: Process): Promise<void> {
    const { random, sizes, scheduler } = this;
    await process.pause(random.spread(sizes.thinkMsMin, sizes.thinkMsMax), "think");
    if (random.chance(sizes.napShare)) {
      this.#napUntilMs = scheduler.nowMs + random.spread(0.5, 30) * 3_600_000;
    }
    const napMs = this.#napUntilMs - scheduler.nowMs;
    if (napMs > 0 && !this.isQuiet) await process.pause(napMs, "nap");
  }

  begin(): void {
    this.#begun += 1;
    this.rot.step();
  }

  /** A client sends one more request within what it has begun: a page, a repetition. */
  again(): void {
    this.#begun += 1;
    this.operations += 1;
  }

  readonly newTag = (): number => {
    this.#tags += 1;
    return this.#tags;
  };

  pause(ms: number, label: string): Promise<void> {
    return new Promise((resolve) => this.scheduler.after(ms, label, resolve));
  }

  readonly violate = (kind: string, detail: string): void => {
    this.violations.push({ kind, detail, atMs: Math.round(this.scheduler.elapsedMs) });
  };

  /** Whatever the engine throws is an EngineError; all else is a mistake of ours. */
  mustBeEngineError(error: unknown, where: string): void {
    if (error instanceof EngineError || error instanceof ResetError) return;
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.violate("exception", `${where}: ${text}`);
  }

  mustBeReset(error: unknown, where: string): void {
    this.mustBeEngineError(error, where);
  }
}

export async function runSeed(options: SeedOptions): Promise<SeedResult> {
  const bounds = randomBounds(new SimRandom(options.seed + 1_000_003), isDemanding(options.seed));
  return await withBounds(bounds, async () => {
    const world = new World(options);
    await world.run(options.mode);
    const { scheduler, faults, operations, acknowledged, violations } = world;
    return {
      seed: options.seed,
      operations,
      acknowledged,
      events: scheduler.events,
      simulatedMs: scheduler.elapsedMs,
      counts: faults.counts,
      violations,
      traceHash: scheduler.traceHash,
    };
  });
}
