/**
 * The platform's half of the Namespace object: which instance gets an event, what its storage
 * promises, when its alarm rings. Modelled as documented, and no kinder:
 *
 *   uniqueness   an event goes to the newest instance; an older one may go on with what it has
 *                begun, and is found out when it touches its storage
 *   output gate  what an instance sends after a storage write (puts, replies, messages) waits for
 *                that write, and is dropped if it fails; reads do not wait
 *   crash        of the writes under way a prefix has happened; calls end with an error
 *   storage      may be lost as a whole
 *   alarm        one per object, at least once, up to six repetitions if it fails
 */
import { EngineError } from "../../src/errors.ts";
import { limits } from "../../src/limits.ts";
import { tableFault } from "../../src/namespace/invariants.ts";
import type { JobTable } from "../../src/namespace/jobs.ts";
import { Owner } from "../../src/owner.ts";
import type { Identity, OwnerRecord, OwnerStorage } from "../../src/owner-ports.ts";
import { ByteLru } from "../../src/store/byte-lru.ts";
import { MemoryBudget } from "../../src/store/memory-budget.ts";
import { RetryingStore } from "../../src/store/retrying-store.ts";
import { syncDigest } from "../sync-digest.ts";
import { callOwner } from "./owner-client.ts";
import { Process, ResetError } from "./process.ts";
import type { World } from "./world.ts";

const alarmAttemptsMax = 6;

export class SimObject {
  readonly world: World;
  readonly identity: Identity;
  record: OwnerRecord | undefined;
  jobs: JobTable | undefined;
  /** Number of the newest instance: the only one that may touch the storage. */
  newest = 0;
  #alarmMs: number | undefined;
  #current: Instance | undefined;

  constructor(world: World, identity: Identity) {
    this.world = world;
    this.identity = identity;
  }

  /** Runs `work` as an event of the object. Rejects with ResetError if the instance dies first. */
  deliver<T>(work: (owner: Owner) => Promise<T>): Promise<T> {
    const instance = this.#instance();
    return instance.run(work);
  }

  crash(): void {
    this.#current?.die("crash");
    this.#current = undefined;
  }

  /** The next event finds a new instance; the old one goes on beside it for a while. */
  replace(old: Instance): void {
    if (this.#current !== old) return;
    this.#current = undefined;
    const { scheduler, random } = this.world;
    scheduler.after(random.spread(100, 60_000), "zombie ends", () => old.die("replaced"));
  }

  wipe(): void {
    this.crash();
    this.record = undefined;
    this.jobs = undefined;
    this.#alarmMs = undefined;
  }

  gone(instance: Instance): void {
    if (this.#current === instance) this.#current = undefined;
  }

  setAlarm(atMs: number): void {
    if (this.#alarmMs === atMs) return;
    this.#alarmMs = atMs;
    const { scheduler, faults, random } = this.world;
    const late = faults.strikes("alarm-late") ? random.spread(100, 120_000) : 0;
    scheduler.after(Math.max(1, atMs - scheduler.nowMs) + late, "alarm", () => {
      if (this.#alarmMs !== atMs) return;
      this.#alarmMs = undefined;
      this.#ring(1);
    });
  }

  #ring(attempt: number): void {
    const { identity } = this;
    const { scheduler, faults } = this.world;
    const again = (): void => {
      if (attempt < alarmAttemptsMax) {
        scheduler.after(2_000 * 2 ** attempt, "alarm again", () => this.#ring(attempt + 1));
      }
    };
    if (attempt < alarmAttemptsMax && faults.strikes("alarm-fails")) {
      again();
      return;
    }
    this.deliver((owner) => owner.alarm(identity)).catch((error: unknown) => {
      this.world.mustBeReset(error, "alarm");
      again();
    });
  }

  #instance(): Instance {
    if (this.#current === undefined) {
      this.newest += 1;
      this.#current = new Instance(this, this.newest);
    }
    return this.#current;
  }
}

interface Write {
  readonly apply: () => void;
  state: "waiting" | "done" | "failed";
}

class Instance extends Process {
  readonly #object: SimObject;
  readonly #number: number;
  readonly #owner: Owner;
  readonly #calls = new Set<(error: ResetError) => void>();
  #writes: Write[] = [];
  /** Settles with the newest storage write. */
  #written: Promise<void> = Promise.resolve();
  #broken = false;

  constructor(object: SimObject, number: number) {
    super(object.world, `instance ${number} of ${object.identity.name}`);
    this.#object = object;
    this.#number = number;
    const { world } = object;
    const store = world.store.view(this, () => this.released());
    const ports = { clock: this.clock, random: world.random, digest: syncDigest };
    this.#owner = new Owner({
      ...ports,
      store: new RetryingStore(store, ports),
      log: world.log,
      storage: this.#storage(),
      queue: {
        send: async (hint) => {
          await this.released();
          if (this.alive) world.queue.send(hint);
        },
      },
      memory: new ByteLru(world.sizes.objectMemoryBytes),
      pending: new MemoryBudget(this.clock, { bytesMax: limits.objectBytesMax / 2 }),
      defer: (work) => {
        work.catch((error: unknown) => world.mustBeEngineError(error, "deferred work"));
      },
      abort: (reason) => {
        if (/fenced|replaced|newer/.test(reason)) world.faults.saw("call: fenced");
        world.scheduler.note(`abort ${reason}`);
        this.die("abort");
      },
      peer: (_, name) => callOwner(this, name),
    });
  }

  /** Resolves when what is sent now may leave: never, if a write before it fails. */
  async released(): Promise<void> {
    this.mayEnd();
    if (this.#broken) await new Promise(() => {});
    await this.#written;
  }

  run<T>(work: (owner: Owner) => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#calls.add(reject);
      this.mayEnd();
      const finish = async (act: () => void): Promise<void> => {
        await this.released();
        if (!this.alive) return;
        this.#calls.delete(reject);
        act();
      };
      work(this.#owner).then(
        (value) => finish(() => resolve(value)),
        (error: unknown) => finish(() => reject(error)),
      );
    });
  }

  /** Crashes are offered at every step that has an effect. */
  override mayEnd(): void {
    const { faults, random, scheduler } = this.world;
    if (faults.strikes("object-crash")) {
      scheduler.after(random.spread(0.1, 100), "crash", () => this.die("crash"));
    }
    if (faults.strikes("object-replaced")) {
      scheduler.after(random.spread(0.1, 100), "replace", () => this.#object.replace(this));
    }
  }

  die(reason: string): void {
    if (!this.alive) return;
    this.world.scheduler.note(`${this.name} dies: ${reason}`);
    this.kill();
    this.#broken = true;
    this.#object.gone(this);
    // Of what was under way, a prefix had reached the disk.
    const waiting = this.#writes.filter(({ state }) => state === "waiting");
    const reached = this.#isNewest() ? this.world.random.below(waiting.length + 1) : 0;
    waiting.forEach((write, index) => {
      write.state = "failed";
      if (index < reached) write.apply();
    });
    for (const reject of this.#calls) reject(new ResetError(`the object was reset: ${reason}`));
    this.#calls.clear();
  }

  #isNewest(): boolean {
    return this.#number === this.#object.newest;
  }

  #touch(): void {
    if (!this.#isNewest()) throw this.#refusal();
  }

  #refusal(): EngineError {
    return new EngineError("fenced", "storage refuses this instance: it was replaced");
  }

  #write(apply: () => void): Promise<void> {
    if (this.#broken) return new Promise(() => {});
    this.mayEnd();
    const { faults, random, scheduler } = this.world;
    const write: Write = { apply, state: "waiting" };
    this.#writes = this.#writes.filter(({ state }) => state === "waiting");
    this.#writes.push(write);
    const before = this.#written;
    const slow = faults.strikes("storage-slow") ? random.spread(10, 3_000) : 0;
    const done = new Promise<void>((resolve, reject) => {
      scheduler.after(random.spread(0.5, 4) + slow, "storage", () => {
        before.then(
          () => {
            if (write.state !== "waiting") return;
            if (!this.#isNewest() || faults.strikes("storage-fails")) {
              write.state = "failed";
              this.#broken = true;
              reject(this.#refusal());
              scheduler.after(1, "broken", () => this.die("storage failed"));
              return;
            }
            write.state = "done";
            apply();
            resolve();
          },
          () => undefined,
        );
      });
    });
    // Whoever waits at the gate behind a write that fails waits for ever.
    this.#written = new Promise((resolve) => {
      done.then(resolve, () => undefined);
    });
    return this.hears(done);
  }

  #storage(): OwnerStorage {
    const object = this.#object;
    const read = async <T>(value: () => T): Promise<T> => {
      await this.pause(this.world.random.spread(0.2, 2), "storage read");
      this.#touch();
      return value();
    };
    return {
      readRecord: () => read(() => object.record),
      readJobs: () => read(() => object.jobs),
      writeRecord: (record) =>
        this.#write(() => {
          object.record = record;
        }),
      writeJobs: (jobs) =>
        this.#write(() => {
          const fault = tableFault(jobs);
          if (fault !== undefined) this.world.violate("jobs", fault);
          object.jobs = jobs;
        }),
      // Alarms go by the clock of their host.
      setAlarm: (atMs) => this.#write(() => object.setAlarm(atMs - this.skewMs)),
    };
  }
}
