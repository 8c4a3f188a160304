/**
 * Isolates with their clients: writers (writers.ts); readers that list, filter and look for
 * neighbours; now and then one that deletes a namespace, asks for a flush, branches (branching.ts),
 * pins what it reads for hours (pinning.ts) or turns over pages (paging.ts). Every answer is held
 * against the history.
 */
import { isEngineError } from "../../src/errors.ts";
import { scalarKernels } from "../../src/kernels/scalar.ts";
import { limits } from "../../src/limits.ts";
import {
  type HeadRequest,
  type NamespaceDescription,
  replyValue,
} from "../../src/namespace/protocol.ts";
import type { Query } from "../../src/query/query.ts";
import { search } from "../../src/search.ts";
import { searchParts } from "../../src/search-parts.ts";
import { createSearchMemory, type SearchPorts } from "../../src/search-ports.ts";
import type { SnapshotTarget } from "../../src/snapshot.ts";
import { BlockCache } from "../../src/store/block-cache.ts";
import { MemoryBudget } from "../../src/store/memory-budget.ts";
import { RetryingStore } from "../../src/store/retrying-store.ts";
import { syncDigest } from "../sync-digest.ts";
import { makeBranch } from "./branching.ts";
import { callOwner, removeName } from "./owner-client.ts";
import { readPages } from "./paging.ts";
import { readPinned } from "./pinning.ts";
import type { Point } from "./point.ts";
import { Process } from "./process.ts";
import { askAnything, compareAnswer, compareCounts, countAnything } from "./questions.ts";
import type { SimRandom } from "./random.ts";
import { changeSettingsOf } from "./settings.ts";
import type { SimName } from "./sim-name.ts";
import type { Sizes } from "./sizes.ts";
import type { World } from "./world.ts";
import { Writer } from "./writers.ts";

/** Longer than the grace, shorter than what an attachment may wait for its entry. */
function sleepHoursMax(): number {
  return Math.min(3, limits.orphanAgeMs / 3_600_000 / 2);
}

export class Isolate {
  readonly #world: World;
  readonly #index: number;
  #process: Process;
  #lives = 0;
  #ports: SearchPorts;
  /** So many queries were answered by another's call, and so many waited for one in vain. */
  #answers = { shared: 0, deserted: 0 };
  readonly #descriptions = new Map<string, NamespaceDescription>();

  constructor(world: World, index: number) {
    this.#world = world;
    this.#index = index;
    this.#process = new Process(world, `isolate ${index}.0`, sleepHoursMax());
    this.#ports = isolatePorts(this.#process);
  }

  start(): void {
    for (let client = 0; client < this.#world.sizes.clients; client++) {
      void this.#loop(this.#process);
    }
  }

  #restart(): void {
    this.#process.kill();
    this.#lives += 1;
    this.#descriptions.clear();
    this.#answers = { shared: 0, deserted: 0 };
    this.#process = new Process(
      this.#world,
      `isolate ${this.#index}.${this.#lives}`,
      sleepHoursMax(),
    );
    this.#ports = isolatePorts(this.#process);
    this.start();
  }

  async #loop(process: Process): Promise<void> {
    const { world } = this.#process;
    const { faults } = world;
    for (;;) {
      await world.think(process);
      if (world.isQuiet) return;
      if (faults.strikes("isolate-crash")) {
        this.#restart();
        return;
      }
      world.begin();
      try {
        await this.#request(process);
      } catch (error) {
        world.mustBeEngineError(error, "client");
        // What was shown to be gone or corrupt is not asked for again at once.
        if (isEngineError(error, "corrupt")) faults.saw("query: corrupt");
      }
      this.#noteShared();
      world.operations += 1;
    }
  }

  /** What became of queries that waited for another's call of the owner. */
  #noteShared(): void {
    const { shared, deserted } = this.#ports.memory.snapshots.calls.counts();
    const { faults } = this.#world;
    if (shared > this.#answers.shared) faults.saw("head: shared");
    if (deserted > this.#answers.deserted) faults.saw("head: deserted");
    this.#answers = { shared, deserted };
  }

  /** An operation, whose client may hang up at any moment: then it stops wherever it is. */
  async #request(process: Process): Promise<void> {
    const { world } = process;
    if (!world.faults.strikes("request-aborted")) return this.#operation(process, this.#ports);
    const request = new Process(world, `${process.name} request`, process.sleepHoursMax, process);
    const { random, log } = world;
    const { clock } = request;
    const store = new RetryingStore(world.store.view(request), { clock, random });
    const ports = { ...this.#ports, clock, store, log, ...world.readers.view(request) };
    const hungUp = process.pause(random.spread(0.2, 50), "abort").then(() => request.kill());
    await Promise.race([this.#operation(request, ports), hungUp]);
  }

  #operation(process: Process, ports: SearchPorts): Promise<void> {
    const { random, sizes, queue, names } = this.#world;
    let dice = random.next();
    // Deletions that meet a job under way are the ones to worry about.
    const removeShare = sizes.removeShare * (queue.isBusy ? 4 : 1);
    const happens = (share: number): boolean => {
      dice -= share;
      return dice < 0;
    };
    const name = names.length > 1 ? this.#pickName() : (names[0] as SimName);
    const past = this.#world.past.operation(process, ports, name);
    if (past !== undefined) return past;
    const read = (of: SimName): Promise<void> => this.#read(process, ports, of);
    const kept = this.#world.shelf.operation(process, read);
    if (kept !== undefined) return kept;
    if (happens(removeShare)) return removeName(process, name);
    if (happens(sizes.flushShare)) return this.#flush(process, name);
    if (happens(sizes.branchShare)) return this.#branch(process, ports, name);
    if (happens(sizes.settingShare)) return changeSettingsOf(process, ports, name);
    if (happens(sizes.pinShare)) {
      return random.chance(0.4)
        ? readPages(process, ports, name)
        : readPinned(process, ports, name);
    }
    return random.chance(sizes.writeShare)
      ? new Writer(process, ports, name, this.#descriptions).write()
      : this.#read(process, ports, name);
  }

  /** One that lives, mostly: others are waiting to become branches. */
  #pickName(): SimName {
    const { random, names } = this.#world;
    const name = random.pick(names);
    return name.exists || random.chance(0.1) ? name : (names[0] as SimName);
  }

  /** A copy is written to while its segments come apart: what dies then dies in one part. */
  async #branch(process: Process, ports: SearchPorts, name: SimName): Promise<void> {
    const { random, sharding } = this.#world;
    const copy = await makeBranch(process, ports, name);
    for (let write = 0; sharding.hasCopies && copy !== undefined && write < 3; write += 1) {
      await new Writer(process, ports, copy, this.#descriptions).write();
      await this.#flush(process, copy);
      await process.pause(random.spread(20, 2_000), "writes to a copy");
    }
  }

  async #flush(process: Process, { identity }: SimName): Promise<void> {
    const { tenant, name } = identity;
    replyValue(await callOwner(process, name).requestFlush(tenant, name));
  }

  async #read(process: Process, ports: SearchPorts, of: SimName): Promise<void> {
    const { history, identity } = of;
    const { random, faults, sizes } = this.#world;
    const strong = random.chance(0.8);
    const maxAgeMs = faults.isOn("clock-jump") ? undefined : limits.eventualAgeMsMax + 1;
    let window = strong ? history.beginRead() : history.beginStaleRead(maxAgeMs);
    const owner = callOwner(process, identity.name);
    const head = async (request: HeadRequest) => {
      const reply = await owner.head(request);
      window = { ...window, isFirm: strong && reply.ok };
      return reply;
    };
    const target = { ...identity, owner: { head } };
    const { kind, run } = chooseRead(random, sizes, strong ? "strong" : "eventual");
    const what = `${strong ? "strong" : "eventual"} ${kind} read`;
    let compare: (point: Point) => string | undefined;
    try {
      compare = await run(ports, target);
    } catch (error) {
      if (isEngineError(error, "notFound")) {
        history.explain(window, what, (p) => (p.exists ? "not found, yet it exists" : undefined));
      } else if (isUnknownAttribute(error)) {
        // A namespace without a single document has no schema to ask about.
        history.explain(window, what, (p) =>
          p.documents.size > 0 ? "refused, yet there are documents" : undefined,
        );
      } else throw error;
      return;
    }
    if (kind === "counting" || kind === "ordered" || kind === "scored" || kind === "text") {
      faults.saw(`query: ${kind}`);
    }
    history.explain(window, what, (point) =>
      point.exists ? compare(point) : "answered, yet it does not exist",
    );
  }
}

interface Read {
  readonly kind: string;
  /** Asks; what came of it is then held against points. */
  readonly run: (
    ports: SearchPorts,
    target: SnapshotTarget,
  ) => Promise<(point: Point) => string | undefined>;
}

function chooseRead(random: SimRandom, sizes: Sizes, consistency: Query["consistency"]): Read {
  if (random.chance(0.08)) {
    const counting = countAnything(random, sizes);
    const parts = [{ kind: "aggregates", query: counting.ask }] as const;
    const asked = { parts, fusion: undefined, consistency, disableCache: random.chance(0.1) };
    return {
      kind: "counting",
      run: async (ports, target) => {
        const result = await searchParts(ports, target, asked);
        return (point) => compareCounts(counting, point, result.parts);
      },
    };
  }
  const { ask, check } = askAnything(random, sizes);
  return {
    kind: check.kind,
    run: async (ports, target) => {
      const result = await search(ports, target, { ...ask, consistency });
      return (point) => compareAnswer(check, point, result);
    },
  };
}

function isUnknownAttribute(error: unknown): boolean {
  return isEngineError(error, "invalid") || isEngineError(error, "malformed");
}

/** The same, with readers of shards if there are any. */
function isolatePorts(process: Process): SearchPorts {
  return { ...searchPorts(process), ...process.world.readers.view(process) };
}

/** What an isolate that begins has. */
export function searchPorts(process: Process): SearchPorts {
  const { world, clock } = process;
  const { random, log, sizes } = world;
  const ports = { clock, random, digest: syncDigest, log };
  const bytesMax = sizes.isolateCacheBytes;
  const lentBytes = () => Math.min(bytesMax, budget.freeBytes);
  const cache = new BlockCache({ bytesMax, edge: world.edge.view(process), lentBytes });
  const budget = new MemoryBudget(clock, { onChange: () => cache.fit() });
  return {
    ...ports,
    store: new RetryingStore(world.store.view(process), ports),
    kernels: scalarKernels,
    cache,
    budget,
    memory: createSearchMemory(),
    defer: (work) => {
      work.catch((error: unknown) => world.mustBeEngineError(error, "deferred by a query"));
    },
  };
}
