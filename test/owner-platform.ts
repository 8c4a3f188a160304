/**
 * What the platform does around an instance of a namespace's owner, no more and no less:
 *
 *   - Storage belongs to the newest instance. A write of an older one fails, and breaks it.
 *   - While a storage write is under way, puts, deletes, messages and replies issued after it wait;
 *     if it fails they are never sent, and the instance is reset.
 *   - An instance that aborts ends in the middle of whatever it does; who waits for it hears so.
 *   - A call carries copies, and a view of a buffer would carry all of the buffer.
 */
import { EngineError } from "../src/errors.ts";
import type { JobTable } from "../src/namespace/jobs.ts";
import type { Owner } from "../src/owner.ts";
import type { OwnerRecord, OwnerStorage } from "../src/owner-ports.ts";
import type { Clock } from "../src/ports.ts";
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
} from "../src/store/object-store.ts";

/** Carries out one effect, or makes it fail. `instance`: whose it is, if an owner's. */
export type Hook = <T>(what: string, apply: () => Promise<T>, instance?: RigInstance) => Promise<T>;

/** The durable storage all instances of one object share; only the newest may touch it. */
export class RigStorage {
  record: OwnerRecord | undefined;
  jobs: JobTable | undefined;
  alarmMs: number | undefined;
  newest = 0;

  wipe(): void {
    this.record = undefined;
    this.jobs = undefined;
    this.alarmMs = undefined;
  }
}

/** One instance's side of the platform. */
export class RigInstance implements OwnerStorage {
  readonly #storage: RigStorage;
  readonly #number: number;
  readonly #hook: Hook;
  readonly #onReset: () => void;
  readonly #dead: Promise<never>;
  #isDead = false;
  #die: (error: Error) => void = () => {};
  #written: Promise<void> = Promise.resolve();

  /** `onReset`: this instance ended, and was the newest. */
  constructor(storage: RigStorage, hook: Hook, onReset: () => void) {
    storage.newest += 1;
    this.#storage = storage;
    this.#number = storage.newest;
    this.#hook = hook;
    this.#onReset = onReset;
    this.#dead = new Promise((_, reject) => {
      this.#die = reject;
    });
    this.#dead.catch(() => undefined);
  }

  get isNewest(): boolean {
    return this.#number === this.#storage.newest;
  }

  /** Nothing it does from now on has any effect. */
  kill(reason: string): void {
    if (this.#isDead) return;
    this.#isDead = true;
    this.#die(new EngineError("unavailable", `the object was reset: ${reason}`));
    if (this.isNewest) this.#onReset();
  }

  /** Resolves like `effect` once all storage writes issued before it are durable. */
  async gate<T>(effect: () => Promise<T>): Promise<T> {
    const written = this.#written;
    const released = written.catch(() => stopped());
    return await this.#whileAlive(released.then(() => (this.#isDead ? stopped() : effect())));
  }

  /** The clock as this instance sees it: nobody wakes up in a process that ended. */
  clock(clock: Clock): Clock {
    return { now: () => clock.now(), sleep: (ms) => this.#whileAlive(clock.sleep(ms)) };
  }

  readRecord(): Promise<OwnerRecord | undefined> {
    return this.#read(() => this.#storage.record);
  }

  writeRecord(record: OwnerRecord): Promise<void> {
    return this.#write("writeRecord", () => {
      this.#storage.record = structuredClone(record);
    });
  }

  readJobs(): Promise<JobTable | undefined> {
    return this.#read(() => this.#storage.jobs);
  }

  writeJobs(jobs: JobTable): Promise<void> {
    return this.#write("writeJobs", () => {
      this.#storage.jobs = structuredClone(jobs);
    });
  }

  setAlarm(atMs: number): Promise<void> {
    return this.#write("setAlarm", () => {
      this.#storage.alarmMs = atMs;
    });
  }

  /** The owner as others reach it. */
  face(owner: Owner): Owner {
    return new Proxy(owner, {
      get: (target, name) => {
        const method: unknown = Reflect.get(target, name, target);
        if (typeof method !== "function") return method;
        return async (...sent: unknown[]) => {
          const answer = Promise.resolve(Reflect.apply(method, target, carry(sent) as unknown[]));
          const reply = answer.then((value: unknown) => this.gate(async () => value));
          return carry(await Promise.race([this.#dead, reply]));
        };
      },
    });
  }

  #read<T>(read: () => T): Promise<T> {
    return this.#whileAlive(
      this.#hook(
        "storage.read",
        async () => {
          this.#fence();
          return structuredClone(read());
        },
        this,
      ),
    );
  }

  /** Durable in order, and some time later. */
  #write(what: string, apply: () => void): Promise<void> {
    const before = this.#written;
    this.#written = this.#whileAlive(
      this.#hook(
        `storage.${what}`,
        async () => {
          await before;
          this.#fence();
          apply();
        },
        this,
      ),
    );
    this.#written.catch((error: unknown) => this.kill(String(error)));
    return this.#written;
  }

  #fence(): void {
    if (!this.isNewest) throw new EngineError("fenced", "this instance was replaced");
  }

  /** A process that ended hears of nothing any more. */
  async #whileAlive<T>(effect: Promise<T>): Promise<T> {
    const done = await effect.then(
      (value) => () => value,
      (error: unknown) => () => {
        throw error;
      },
    );
    return this.#isDead ? await stopped() : done();
  }
}

function stopped(): Promise<never> {
  return new Promise(() => {});
}

/** The store as one instance reaches it: its puts and deletes pass the gate, nobody else's. */
export class GatedStore implements ObjectStore {
  readonly #inner: ObjectStore;
  readonly #instance: RigInstance;

  constructor(inner: ObjectStore, instance: RigInstance) {
    this.#inner = inner;
    this.#instance = instance;
  }

  get(key: string, range?: ByteRange): Promise<StoredObject | undefined> {
    return this.#instance.gate(() => this.#inner.get(key, range));
  }

  head(key: string): Promise<ObjectInfo | undefined> {
    return this.#instance.gate(() => this.#inner.head(key));
  }

  put(key: string, bytes: Uint8Array, mode: PutMode, options?: PutOptions): Promise<PutResult> {
    return this.#instance.gate(() => this.#inner.put(key, bytes, mode, options));
  }

  list(prefix: string, options?: ListOptions): Promise<ListPage> {
    return this.#instance.gate(() => this.#inner.list(prefix, options));
  }

  delete(keys: readonly string[]): Promise<void> {
    return this.#instance.gate(() => this.#inner.delete(keys));
  }
}

/** A copy, as a call makes it; throws on what would carry more than it shows. */
function carry(value: unknown): unknown {
  refuseViews(value, "");
  return structuredClone(value);
}

function refuseViews(value: unknown, path: string): void {
  if (value instanceof Uint8Array) {
    if (value.byteLength !== value.buffer.byteLength) {
      throw new Error(`a view of ${value.buffer.byteLength} bytes was sent at ${path}`);
    }
  } else if (value instanceof Map) {
    for (const [key, each] of value) refuseViews(each, `${path}.${String(key)}`);
  } else if (typeof value === "object" && value !== null) {
    for (const [key, each] of Object.entries(value)) refuseViews(each, `${path}.${key}`);
  }
}
