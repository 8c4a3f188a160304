/**
 * A namespace's owner in Node: memory store, the platform as owner-platform.ts copies it, a queue
 * that only counts, a clock that moves when told. `restart` is what a crash leaves: a new instance
 * on the same bytes, beside an old one that may not know yet. An instance that aborts is replaced.
 */
import type { DocumentId } from "../src/document/id.ts";
import type { SchemaAddition } from "../src/document/schema.ts";
import { EngineError } from "../src/errors.ts";
import { encodeBatch } from "../src/format/batch.ts";
import { hashIds } from "../src/format/id-hash.ts";
import { limits } from "../src/limits.ts";
import {
  type CommitRequest,
  protocolVersion,
  type Reply,
  replyValue,
} from "../src/namespace/protocol.ts";
import { Owner } from "../src/owner.ts";
import type { Identity } from "../src/owner-ports.ts";
import type { JobHint, Ports } from "../src/ports.ts";
import { ByteLru } from "../src/store/byte-lru.ts";
import { CountingStore } from "../src/store/counting-store.ts";
import { MemoryBudget } from "../src/store/memory-budget.ts";
import { MemoryStore } from "../src/store/memory-store.ts";
import type { ObjectStore } from "../src/store/object-store.ts";
import { FakeClock } from "./fake-clock.ts";
import { FaultyStore } from "./faulty-store.ts";
import { GatedStore, type Hook, RigInstance, RigStorage } from "./owner-platform.ts";
import { SeededRandom } from "./seeded-random.ts";
import { type Caller, StoreRules, WatchedStore } from "./store-rules.ts";
import { syncDigest } from "./sync-digest.ts";

const silent = { info: () => {}, warn: () => {}, error: () => {} };

export class OwnerRig {
  readonly clock: FakeClock;
  readonly random: SeededRandom;
  readonly memory: MemoryStore;
  readonly faulty: FaultyStore;
  readonly store: CountingStore;
  /** All names of the tenant. */
  readonly rigs: Map<string, OwnerRig>;
  readonly storage = new RigStorage();
  readonly pending: MemoryBudget;
  readonly rules = new StoreRules();
  /** Rules that were broken. */
  readonly broken: string[] = [];
  /** Puts to keys that match never arrive. */
  lost: RegExp | undefined;
  /** How long a put is under way. */
  putMs = 0;
  readonly #stalls = new Map<RegExp, Promise<void>>();
  readonly hints: JobHint[] = [];
  readonly aborts: string[] = [];
  readonly tenant = "default";
  readonly name: string;
  /** Every effect of an instance on its storage passes through here. */
  hook: Hook = (_, apply) => apply();
  owner: Owner;
  instance: RigInstance;

  /** `beside`: another name of the same tenant, in the same bucket and under the same clock. */
  constructor(name = "fish", beside?: OwnerRig) {
    this.name = name;
    this.clock = beside?.clock ?? new FakeClock();
    this.random = beside?.random ?? new SeededRandom(7);
    const { clock } = this;
    this.memory = beside?.memory ?? new MemoryStore({ clock, digest: syncDigest });
    this.faulty = beside?.faulty ?? new FaultyStore(this.memory);
    this.store = beside?.store ?? new CountingStore(this.faulty);
    this.pending = new MemoryBudget(clock, {
      bytesMax: limits.objectBytesMax / 2,
      leaseMs: limits.pendingLeaseMs,
    });
    this.rigs = beside?.rigs ?? new Map();
    this.rigs.set(name, this);
    if (beside === undefined) this.#hinderPuts();
    this.instance = new RigInstance(this.storage, this.hook, () => {});
    this.owner = this.restart();
  }

  #hinderPuts(): void {
    const { memory } = this;
    const put = memory.put.bind(memory);
    memory.put = async (key, bytes, mode, options) => {
      if (this.lost?.test(key)) {
        throw new EngineError("unavailable", "lost on the way");
      }
      for (const [pattern, released] of this.#stalls) {
        if (pattern.test(key)) await released;
      }
      if (this.putMs > 0) await this.clock.sleep(this.putMs);
      return await put(key, bytes, mode, options);
    };
  }

  /** The owner of a name of the tenant. */
  ownerOf(name: string): Owner {
    const rig = this.rigs.get(name);
    if (rig === undefined) throw new Error(`there is no ${name}`);
    return rig.owner;
  }

  /** A new instance; the old one, if any, is a zombie from now on. */
  restart(): Owner {
    const instance = new RigInstance(
      this.storage,
      (what, apply, whose) => this.hook(what, apply, whose),
      () => this.restart(),
    );
    this.instance = instance;
    const owner = new Owner({
      ...this.ports(),
      clock: instance.clock(this.clock),
      store: new GatedStore(this.ownerStore(instance), instance),
      storage: instance,
      queue: {
        send: (hint) =>
          instance.gate(async () => {
            this.hints.push(hint);
          }),
      },
      memory: new ByteLru(8 * 1024 * 1024),
      pending: this.pending,
      defer: (work) => {
        work.catch(() => undefined);
      },
      abort: (reason) => {
        this.aborts.push(reason);
        instance.kill(reason);
      },
      peer: (_, name) => this.ownerOf(name),
    });
    this.owner = instance.face(owner);
    return this.owner;
  }

  /** Puts to keys that match arrive when the result is called, and are not answered before. */
  stall(pattern: RegExp): () => void {
    let release = (): void => {};
    this.#stalls.set(pattern, new Promise((resolve) => (release = resolve)));
    return () => {
      this.#stalls.delete(pattern);
      release();
    };
  }

  /** The store as they reach it, held against the rules. */
  watched(who: Caller): ObjectStore {
    return new WatchedStore(this.store, who, this.rules, (fault) => this.broken.push(fault));
  }

  /** The store as owners reach it, behind their gates. */
  ownerStore(_instance: RigInstance): ObjectStore {
    return this.store;
  }

  get identity(): Identity {
    return { tenant: this.tenant, name: this.name };
  }

  /** The engine's ports, for flows that run beside the owner. */
  ports(): Ports {
    const { store, clock, random } = this;
    return { store, clock, random, digest: syncDigest, log: silent };
  }

  /** Runs the call while virtual time goes on, and unwraps the reply. */
  async ask<T>(reply: Promise<Reply<T>>): Promise<T> {
    return replyValue(await this.clock.run(reply));
  }

  /** A commit of documents {id, n}, encoded under what the owner says now. */
  async request(
    upserts: readonly DocumentId[],
    deletes: readonly DocumentId[] = [],
    n: (id: DocumentId) => number = Number,
  ) {
    const { generation, schema } = await this.ask(this.owner.describe(this.tenant, this.name));
    const addition: SchemaAddition | undefined =
      schema.version > 0
        ? undefined
        : { idKind: "uint", attributes: new Map([["n", { type: "int", filterable: true }]]) };
    const bytes = encodeBatch({
      idKind: "uint",
      upserts: upserts.length,
      deletes: deletes.length,
      ids: [...upserts, ...deletes],
      dims: 0,
      vectors: new Float32Array(0),
      attributes: [{ name: "n", values: upserts.map(n) }],
    });
    const rows = upserts.length + deletes.length;
    const request: CommitRequest = {
      protocol: protocolVersion,
      tenant: this.tenant,
      name: this.name,
      generation,
      schemaVersion: schema.version,
      addition,
      upserts: upserts.length,
      deletes: deletes.length,
      chunks: [{ kind: "inline", bytes, rows }],
      disableBackpressure: false,
      touches: hashIds("uint", [...upserts, ...deletes]),
    };
    return request;
  }

  async write(upserts: readonly DocumentId[], deletes: readonly DocumentId[] = []) {
    return await this.ask(this.owner.commit(await this.request(upserts, deletes)));
  }

  head() {
    const { tenant, name } = this;
    return this.ask(this.owner.head({ protocol: protocolVersion, tenant, name }));
  }
}
