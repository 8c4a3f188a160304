/**
 * Objects that go bad for good: bits of one flip where it lies, and every read of it is bad from
 * then on. Besides, the operator who deals with it, as one would:
 *
 *   1. the namespace must start, and say how it is; a read is refused, or right
 *   2. a log entry that is bad, or whose attachment is, is skipped
 *      and then a strong read shows the log without it
 *      though its object, or the attachment, may be well again: a disk had answered wrongly
 *   3. for a manifest, segment, bitmap or keys there is no remedy but deletion, which must work
 *
 * Meanwhile answers are right or errors: the history holds every one of them against the log.
 */
import { isEngineError } from "../../src/errors.ts";
import { scalarKernels } from "../../src/kernels/scalar.ts";
import {
  type NamespaceApi,
  protocolVersion,
  type Reply,
  replyValue,
} from "../../src/namespace/protocol.ts";
import { search } from "../../src/search.ts";
import { createSearchMemory, type SearchPorts } from "../../src/search-ports.ts";
import { BlockCache } from "../../src/store/block-cache.ts";
import { generationRoot, sequenceOfWalKey, walKey } from "../../src/store/keys.ts";
import { MemoryBudget } from "../../src/store/memory-budget.ts";
import type { StoredObject } from "../../src/store/object-store.ts";
import { RetryingStore } from "../../src/store/retrying-store.ts";
import { parseQueryRequest } from "../../workers/api/query-request.ts";
import { syncDigest } from "../sync-digest.ts";
import { callOwner } from "./owner-client.ts";
import { Process } from "./process.ts";
import { type Check, compareAnswer } from "./questions.ts";
import { SimRandom } from "./random.ts";
import type { World } from "./world.ts";

const rottenMax = 3;
const kinds = ["wal", "part", "manifest", "segment", "dead", "keys"] as const;
type Kind = (typeof kinds)[number];
const remedyHours = 2;
const triesMax = 100;
/** Where rot is what a world is about: of requests, that an entry rots; and before one operates. */
const oftenShare = 1 / 40;
const awaitedMax = 30;

export class Rot {
  readonly #world: World;
  readonly #keys = new Map<string, Kind>();
  /** What lay in the log before: of entries and attachments that are still bad. */
  readonly #sound = new Map<string, StoredObject>();
  /** Decides about what goes bad while requests come; see step(). */
  readonly #often: SimRandom;
  /** So many requests until an operator comes; 0: none is needed. */
  #awaited = 0;

  constructor(world: World, seed: number) {
    this.#world = world;
    this.#often = new SimRandom(seed + 7_000_003);
  }

  get isEmpty(): boolean {
    return this.#keys.size === 0;
  }

  hasEntry(generation: string, sequence: number): boolean {
    return [...this.#keys.keys()].some((key) => {
      return key.includes(`/n/${generation}/wal/`) && sequenceOfWalKey(key) === sequence;
    });
  }

  hasPart(id: string): boolean {
    return [...this.#keys.keys()].some((key) => key.endsWith(`/part/${id}`));
  }

  start(): void {
    const { faults, scheduler, random } = this.#world;
    // Where names share objects, one that is bad would be everybody's trouble at once.
    if (!faults.isOn("object-rots") || this.#world.names.length > 1) return;
    const tick = (): void => {
      if (this.#keys.size < rottenMax && faults.strikes("object-rots")) {
        const operator = (): void => void this.#operate(random.chance(0.3));
        void this.#flip();
        scheduler.after(random.spread(1_000, remedyHours * 3_600_000), "operator", operator);
      }
      scheduler.after(random.spread(1_000, 3_600_000), "rot", tick);
    };
    scheduler.after(random.spread(1_000, 600_000), "rot", tick);
  }

  /**
   * A client has begun a request. Where rot is what the world is about, entries go bad that nobody
   * has flushed yet, whoever owns them starts anew and finds out, and for some requests clients see
   * what that is like. Counted in requests, since some worlds last for seconds, others for weeks.
   */
  step(): void {
    const { emphasis, isQuiet, first } = this.#world;
    const random = this.#often;
    if (emphasis !== "rot" || isQuiet) return;
    if (this.#awaited > 0) {
      this.#awaited -= 1;
      if (this.#awaited === 0) void this.#operate(random.chance(0.1));
    } else if (random.chance(oftenShare)) {
      this.#awaited = 1 + random.below(awaitedMax);
      void this.#flipNewest().then((isBad) => {
        if (isBad && random.chance(0.8)) first.object.crash();
      });
    }
  }

  /** The newest entry of the log, or the attachment it names; false if all is flushed. */
  async #flipNewest(): Promise<boolean> {
    const { first, landings, faults } = this.#world;
    const { generation, next, exists } = first.history.last;
    const sequence = next - 1 - this.#often.below(2);
    if (!exists || sequence < landings.manifests.floorOf(generation)) return false;
    const root = generationRoot("default", landings.homeOf(generation, sequence));
    faults.saw("object-rots");
    return this.#rots(walKey(root, sequence), "wal");
  }

  /** Everything rotten is dealt with: the namespace is well, or deleted. */
  async settle(): Promise<void> {
    if (this.isEmpty) return;
    const { scheduler, violate } = this.#world;
    let done = false;
    void this.#operate(true).then(() => {
      done = true;
    });
    const untilMs = scheduler.nowMs + 12 * 3_600_000;
    await scheduler.run(untilMs, () => done || this.#world.isViolated);
    if (!done && !this.#world.isViolated) violate("stuck", "the operator does not come to an end");
  }

  /** The log without what was skipped is exactly what is read. */
  async #read(process: Process): Promise<void> {
    const { world, clock } = process;
    const { random, log } = world;
    const { history, identity } = world.first;
    const common = { clock, random, digest: syncDigest, log };
    const ports: SearchPorts = {
      ...common,
      store: new RetryingStore(world.store.view(process), common),
      kernels: scalarKernels,
      cache: new BlockCache({}),
      budget: new MemoryBudget(clock),
      memory: createSearchMemory(),
      defer: () => {},
    };
    const check: Check = {
      kind: "listing",
      filter: undefined,
      descending: false,
      vector: new Float32Array(4),
      limit: 5_000,
      offset: 0,
    };
    const { query } = parseQueryRequest({
      rank_by: ["id", "asc"],
      limit: check.limit,
      include_attributes: true,
    });
    const window = history.beginRead();
    const result = await search(
      ports,
      { ...identity, owner: callOwner(process, identity.name) },
      query,
    );
    history.explain(window, "operator's read", (point) => compareAnswer(check, point, result));
  }

  async #flip(): Promise<void> {
    const { random, store } = this.#world;
    const { generation } = this.#world.first.history.last;
    const { objects } = await store.memory.list(`t/default/n/${generation}/`);
    const kind = random.chance(0.5) ? "wal" : random.pick(kinds);
    const keys = objects.map(({ key }) => key).filter((key) => kindOf(key) === kind);
    // What is new is in use.
    const key = random.chance(0.7) ? keys.at(-1) : keys[random.below(Math.max(1, keys.length))];
    if (key !== undefined) await this.#rots(key, kind);
  }

  /** False if there is nothing that could. */
  async #rots(key: string, kind: Kind): Promise<boolean> {
    const { random, store, scheduler } = this.#world;
    const stored = await store.memory.get(key);
    if (stored === undefined || stored.bytes.length === 0) return false;
    const bytes = stored.bytes.slice();
    for (let flips = 1 + random.below(3); flips > 0; flips--) {
      const at = random.below(bytes.length);
      bytes[at] = (bytes[at] as number) ^ (1 << random.below(8));
    }
    this.#keys.set(key, kind);
    // What rots again was not sound before.
    if (kind === "wal" || kind === "part") {
      if (!this.#sound.has(key)) this.#sound.set(key, stored);
    }
    scheduler.note(`${key} rots`);
    await this.#lay({ ...stored, bytes });
    return true;
  }

  async #lay({ key, bytes, metadata }: StoredObject): Promise<void> {
    const { memory } = this.#world.store;
    await memory.delete([key]);
    await memory.put(key, bytes, { kind: "create" }, { metadata });
  }

  /** The log can be read again where it is still there: whatever was skipped stays skipped. */
  async #heal(): Promise<void> {
    const { store, scheduler, faults } = this.#world;
    for (const [key, stored] of this.#sound) {
      this.#sound.delete(key);
      if ((await store.memory.head(key)) === undefined) continue;
      await this.#lay(stored);
      scheduler.note(`${key} heals`);
      faults.saw("quarantine: healed");
    }
  }

  /** What was skipped is no reason any more for a read to fail. */
  async #readBack(process: Process, sequence: number): Promise<void> {
    const { world } = process;
    for (let tries = 0; tries < 8; tries++) {
      if (world.first.history.last.documents.size === 0) return;
      try {
        return await this.#read(process);
      } catch (error) {
        world.mustBeEngineError(error, "read after a skip");
        // Other bad objects are reasons enough.
        const isIt = this.#keys.size === 1 || String(error).includes(walKey("", sequence));
        if (tries === 7 && isIt && isEngineError(error, "corrupt")) {
          world.violate("unreadable", String(error));
        }
      }
      await process.pause(world.random.spread(50, 2_000), "operator reads again");
    }
  }

  async #operate(isResolute: boolean): Promise<void> {
    const { world } = { world: this.#world };
    const process = new Process(world, "operator of rot");
    const owner = callOwner(process, world.first.identity.name);
    try {
      // A new instance reads everything anew.
      if (world.random.chance(0.5) || isResolute) world.first.object.crash();
      for (let rounds = 0; rounds < 20; rounds++) {
        if (await this.#isWell(process, owner, isResolute)) {
          const { exists, documents } = world.first.history.last;
          // An instance that runs may not know yet what its next one will find.
          const isKnown = isResolute && world.isQuiet;
          if (isKnown && exists && documents.size > 0) await this.#read(process);
          return;
        }
      }
      if (isResolute) world.violate("quarantine", "it does not end");
    } catch (error) {
      world.mustBeEngineError(error, "operator");
      if (isEngineError(error, "corrupt")) world.violate("does not start", String(error));
      else if (isResolute && world.isQuiet) world.violate("operator", String(error));
    }
  }

  /** One step. True when there is nothing to do. */
  async #isWell(process: Process, owner: NamespaceApi, isResolute: boolean): Promise<boolean> {
    const { world } = process;
    const { tenant, name } = world.first.identity;
    const described = await insist(process, () => owner.describe(tenant, name));
    if (!described.exists) return true;
    const status = await insist(process, () => owner.status(tenant, name));
    const brief = { protocol: protocolVersion, tenant, name, brief: true };
    await insist(process, () => owner.head(brief));
    if (status.quarantine !== undefined && world.first.history.last.documents.size > 0) {
      // Refused; or right, if it can be read by now.
      await this.#read(process).catch((error: unknown) => {
        world.mustBeEngineError(error, "read in quarantine");
      });
    }
    const { quarantine } = status;
    // Where the manifest is bad, no entry is the one to skip.
    const sequence = quarantine === undefined ? this.#badPart(status.floor) : quarantine.sequence;
    if (sequence !== undefined) {
      const skip = (): ReturnType<NamespaceApi["skipEntry"]> => {
        return owner.skipEntry(tenant, name, sequence, "it went bad");
      };
      const skipped = await insist(process, skip, ["conflict", "notFound"]);
      if (skipped !== undefined) {
        world.first.history.skipAcknowledged();
        if (world.random.chance(0.5)) await this.#heal();
        await this.#readBack(process, sequence);
      }
      return false;
    }
    if (!isResolute || !(await this.#isBeyondRemedy(status.generation))) return true;
    const window = world.first.history.beginRead();
    const removed = await insist(process, () => owner.remove(tenant, name), ["notFound"]);
    if (removed !== undefined) world.first.history.removeAcknowledged(window);
    world.faults.saw("quarantine: deleted");
    return false;
  }

  /** The entry above the floor that names an attachment which is bad. */
  #badPart(floor: number): number | undefined {
    const { history } = this.#world.first;
    for (const [key, kind] of this.#keys) {
      if (!this.#sound.has(key)) continue;
      const part = kind === "part" ? /\/part\/([^/]+)$/.exec(key)?.[1] : undefined;
      const sequence = part === undefined ? undefined : history.entryNaming(part);
      if (sequence !== undefined && sequence >= floor) return sequence;
    }
    return undefined;
  }

  async #isBeyondRemedy(generation: string): Promise<boolean> {
    for (const [key, kind] of this.#keys) {
      const home = /\/n\/([^/]+)\//.exec(key)?.[1] ?? "";
      // What was restored or branched reads what lies below its ancestors.
      const isOfIt = home === generation || this.#world.landings.descends(generation, home);
      const isThere = isOfIt && (await this.#world.store.memory.head(key));
      if (isThere && kind !== "wal" && kind !== "part") return true;
    }
    return false;
  }
}

function kindOf(key: string): Kind | undefined {
  if (key.includes("/dead/")) return "dead";
  return kinds.find((kind) => key.includes(`/${kind}/`));
}

/** Repeats what fails for a while; undefined for the kinds of errors that are an answer. */
async function insist<T>(process: Process, call: () => Promise<Reply<T>>): Promise<T>;
async function insist<T>(
  process: Process,
  call: () => Promise<Reply<T>>,
  answers: readonly string[],
): Promise<T | undefined>;
async function insist<T>(
  process: Process,
  call: () => Promise<Reply<T>>,
  answers: readonly string[] = [],
): Promise<T | undefined> {
  for (let tries = 1; ; tries++) {
    try {
      return replyValue(await call());
    } catch (error) {
      if (isEngineError(error) && answers.includes(error.kind)) return undefined;
      const isTransient = isEngineError(error) && /unavailable|overloaded/.test(error.kind);
      if (!isTransient || tries === triesMax) throw error;
      await process.pause(2_000, "operator waits");
    }
  }
}
