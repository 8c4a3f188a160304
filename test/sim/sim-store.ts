/**
 * Object storage with everything that can happen on the way to it and back. The bytes lie in a
 * memory store; each process sees it through a view of its own.
 *
 *   put      lost before it arrives, one of a ref or of `current` for hours; applied with its
 *            answer lost, applied seconds after its error, refused with 429 (more than one write a
 *            second to a key, or by chance)
 *   get      lost, a bit flipped, fewer bytes than asked for
 *   list     lost, shorter pages than asked for
 *   delete   lost, applied with its answer lost
 *
 * Whatever takes effect is held against store-rules.ts.
 */
import { EngineError } from "../../src/errors.ts";
import { equalBytes } from "../../src/format/envelope.ts";
import { limits } from "../../src/limits.ts";
import type { Digest } from "../../src/ports.ts";
import { MemoryStore } from "../../src/store/memory-store.ts";
import type {
  ByteRange,
  ListOptions,
  ListPage,
  ObjectInfo,
  ObjectStore,
  PutMode,
  PutOptions,
  PutResult,
  StoredObject,
} from "../../src/store/object-store.ts";
import { type Caller, StoreRules } from "../store-rules.ts";
import { syncDigest } from "../sync-digest.ts";
import type { Process } from "./process.ts";
import type { World } from "./world.ts";

/** After how long a put that failed may still take effect. */
const lateMsMax = 20_000;
const mutable = /\/(current|names\/[^/]+)$/;

export class SimStore {
  readonly memory: MemoryStore;
  readonly rules = new StoreRules();
  readonly #world: World;
  readonly #writtenMs = new Map<string, number>();
  #stuckUntilMs = 0;
  #refsUntilMs = 0;
  /** SHA-256 of the bytes whose put begins now. */
  #given: Uint8Array | undefined;

  constructor(world: World) {
    this.#world = world;
    const clock = { now: () => Math.floor(world.scheduler.nowMs) };
    // What is put comes with its digest, made a moment ago: it is not made again.
    const digest: Digest = (bytes) =>
      this.#given === undefined ? syncDigest(bytes) : Promise.resolve(this.#given);
    this.memory = new MemoryStore({ clock, digest });
  }

  obey(fault: string | undefined): void {
    if (fault !== undefined) this.#world.violate("store", fault);
  }

  /** As `process` sees it. `released` resolves when its requests may leave it. */
  view(process: Process, released?: () => Promise<void>): ObjectStore {
    return new StoreView(this, this.#world, process, released);
  }

  async put(
    key: string,
    bytes: Uint8Array,
    mode: PutMode,
    options?: PutOptions,
  ): Promise<PutResult> {
    const { scheduler, faults, landings } = this.#world;
    this.#given = options?.sha256;
    const putting = this.memory.put(key, bytes, mode, options);
    this.#given = undefined;
    const result = await putting;
    scheduler.note(`${key} ${result.kind}`);
    if (result.kind === "stored") {
      this.obey(this.rules.put(key, bytes, mode));
      await landings.stored(key, bytes);
    } else if (/\/(wal|manifest)\//.test(key)) {
      const occupant = await this.memory.get(key);
      const ours = occupant !== undefined && equalBytes(occupant.bytes, bytes);
      const slot = key.includes("/wal/") ? "slot" : "manifest";
      faults.saw(ours ? `${slot}: ours after precondition` : `${slot}: adopted`);
    }
    return result;
  }

  /** For hours, now and then, no put of a `current` gets through. */
  get isPointerStuck(): boolean {
    return !this.#world.isQuiet && this.#stuckUntilMs > this.#world.scheduler.nowMs;
  }

  mayStickPointer(): void {
    const { faults, random, scheduler } = this.#world;
    if (!this.isPointerStuck && faults.strikes("pointer-stuck")) {
      this.#stuckUntilMs = scheduler.nowMs + random.spread(0.5, stuckHoursMax) * 3_600_000;
    }
  }

  /** For longer than refs count, now and then, no put of a ref gets through. */
  mayLoseRef(): boolean {
    const { faults, random, scheduler, isQuiet } = this.#world;
    if (this.#refsUntilMs <= scheduler.nowMs && faults.strikes("refs-stuck")) {
      this.#refsUntilMs = scheduler.nowMs + random.between(0.5, 3) * limits.refsByMs;
    }
    return !isQuiet && this.#refsUntilMs > scheduler.nowMs;
  }

  /** The platform takes about one write a second of one key. */
  isTooSoon(key: string): boolean {
    const now = this.#world.scheduler.nowMs;
    const last = this.#writtenMs.get(key);
    if (last !== undefined && now - last < 1_000 && mutable.test(key)) return true;
    this.#writtenMs.set(key, now);
    return false;
  }
}

/** For how long nothing may move `current`. */
const stuckHoursMax = 12;

class StoreView implements ObjectStore {
  readonly #store: SimStore;
  readonly #world: World;
  readonly #process: Process;
  readonly #who: Caller;
  readonly #released: (() => Promise<void>) | undefined;

  constructor(store: SimStore, world: World, process: Process, released?: () => Promise<void>) {
    this.#store = store;
    this.#world = world;
    this.#process = process;
    this.#who = callerOf(process.name);
    this.#released = released;
  }

  get(key: string, range?: ByteRange): Promise<StoredObject | undefined> {
    return this.#process.hears(this.#get(key, range));
  }

  head(key: string): Promise<ObjectInfo | undefined> {
    return this.#process.hears(this.#head(key));
  }

  put(key: string, bytes: Uint8Array, mode: PutMode, options?: PutOptions): Promise<PutResult> {
    return this.#process.hears(this.#put(key, bytes.slice(), mode, options));
  }

  list(prefix: string, options?: ListOptions): Promise<ListPage> {
    return this.#process.hears(this.#list(prefix, options));
  }

  delete(keys: readonly string[]): Promise<void> {
    return this.#process.hears(this.#delete(keys));
  }

  async #get(key: string, range?: ByteRange): Promise<StoredObject | undefined> {
    const { faults, random, sizes } = this.#world;
    if (sizes.readTrips === 2) await this.#travel("get");
    if (faults.strikes("read-lost")) throw lost("get");
    const object = await this.#store.memory.get(key, range);
    await this.#travel("got");
    if (object === undefined || object.bytes.length === 0) return object;
    if (faults.strikes("read-corrupt")) {
      const at = random.below(object.bytes.length);
      object.bytes[at] = (object.bytes[at] as number) ^ (1 << random.below(8));
    } else if (faults.strikes("read-short")) {
      return { ...object, bytes: object.bytes.slice(0, random.below(object.bytes.length)) };
    }
    return object;
  }

  async #head(key: string): Promise<ObjectInfo | undefined> {
    await this.#travel("head");
    if (this.#world.faults.strikes("read-lost")) throw lost("head");
    const info = await this.#store.memory.head(key);
    await this.#travel("headed");
    return info;
  }

  async #put(
    key: string,
    bytes: Uint8Array,
    mode: PutMode,
    options?: PutOptions,
  ): Promise<PutResult> {
    const { faults, scheduler, random } = this.#world;
    await this.#leave();
    await this.#travel("put");
    if (faults.strikes("put-lost")) throw lost("put");
    if (key.endsWith("/current")) {
      this.#store.mayStickPointer();
      if (this.#store.isPointerStuck) throw lost("put");
    }
    if (key.includes("/refs/") && this.#store.mayLoseRef()) throw lost("put");
    if (this.#store.isTooSoon(key) || faults.strikes("put-throttled")) {
      faults.saw("put-throttled");
      throw new EngineError("overloaded", "too many writes", { retryAfterMs: 1_000 });
    }
    if (faults.strikes("put-late")) {
      for (let i = 0; i < 20; i++) this.#process.mayEnd();
      scheduler.after(random.spread(1, lateMsMax), "late put", () => {
        void this.#store.put(key, bytes, mode, options);
      });
      throw lost("put");
    }
    const result = await this.#store.put(key, bytes, mode, options);
    await this.#travel("stored");
    if (faults.strikes("put-unanswered")) throw lost("put");
    return result;
  }

  async #list(prefix: string, options: ListOptions = {}): Promise<ListPage> {
    const { faults, random } = this.#world;
    this.#store.obey(this.#store.rules.list(this.#who, prefix));
    await this.#travel("list");
    if (faults.strikes("read-lost")) throw lost("list");
    const page = await this.#store.memory.list(prefix, options);
    await this.#travel("listed");
    if (page.objects.length > 1 && faults.strikes("list-short")) {
      const shown = 1 + random.below(page.objects.length - 1);
      return { objects: page.objects.slice(0, shown), more: true };
    }
    return page;
  }

  async #delete(keys: readonly string[]): Promise<void> {
    const { faults, scheduler } = this.#world;
    await this.#leave();
    await this.#travel("delete");
    if (faults.strikes("delete-lost")) throw lost("delete");
    for (const key of keys) scheduler.note(`${key} deleted`);
    this.#store.obey(this.#store.rules.delete(this.#who, keys));
    await this.#world.landings.deleting(keys);
    await this.#store.memory.delete(keys);
    await this.#travel("deleted");
    if (faults.strikes("delete-unanswered")) throw lost("delete");
  }

  /** Resolves when a change may leave the process; never if that is dead. */
  async #leave(): Promise<void> {
    await this.#released?.();
    if (!this.#process.alive) await new Promise(() => {});
  }

  /** Half a round trip. What has left a process goes on when that dies. */
  #travel(label: string): Promise<void> {
    const { faults, random } = this.#world;
    const slow = faults.strikes("store-slow") ? random.spread(100, 8_000) : 0;
    const hoursMax = this.#process.sleepHoursMax;
    const asleep =
      hoursMax > 0 && faults.strikes("process-sleeps") ? random.spread(0.1, hoursMax) : 0;
    return this.#world.pause(random.spread(1, 20) + slow + asleep * 3_600_000, label);
  }
}

function lost(what: string): EngineError {
  return new EngineError("unavailable", `${what}: no answer`, { outcomeUnknown: what === "put" });
}

/** Who asks, as far as a process's name tells: a consumer may be at any job. */
function callerOf(process: string): Caller {
  if (process.startsWith("isolate")) return "reader";
  return process.startsWith("object") ? "owner" : "collect";
}
