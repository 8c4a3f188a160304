/**
 * A namespace's owner outside the platform: memory store, storage that can be wiped or belong to a
 * newer instance, a queue that only counts, a clock that moves when told. `restart` is what a crash
 * leaves: a new instance on the same bytes.
 */
import type { DocumentId } from "../src/document/id.ts";
import type { SchemaAddition } from "../src/document/schema.ts";
import { EngineError } from "../src/errors.ts";
import { encodeBatch } from "../src/format/batch.ts";
import type { JobTable } from "../src/namespace/jobs.ts";
import {
  type CommitRequest,
  protocolVersion,
  type Reply,
  replyValue,
} from "../src/namespace/protocol.ts";
import { Owner } from "../src/owner.ts";
import type { OwnerPorts, OwnerRecord } from "../src/owner-ports.ts";
import type { JobHint, Ports } from "../src/ports.ts";
import { ByteLru } from "../src/store/byte-lru.ts";
import { CountingStore } from "../src/store/counting-store.ts";
import { MemoryStore } from "../src/store/memory-store.ts";
import { FakeClock } from "./fake-clock.ts";
import { FaultyStore } from "./faulty-store.ts";
import { SeededRandom } from "./seeded-random.ts";
import { syncDigest } from "./sync-digest.ts";

const silent = { info: () => {}, warn: () => {}, error: () => {} };

/** The durable storage all instances of one object share; only the newest may touch it. */
export class RigStorage {
  record: OwnerRecord | undefined;
  jobs: JobTable | undefined;
  alarmMs: number | undefined;
  newest = 0;

  wipe(): void {
    this.record = undefined;
    this.jobs = undefined;
  }

  view(instance: number): OwnerPorts["storage"] {
    const fence = (): void => {
      if (instance !== this.newest) {
        throw new EngineError("fenced", "this instance was replaced");
      }
    };
    return {
      readRecord: async () => {
        fence();
        return this.record;
      },
      writeRecord: async (record) => {
        fence();
        this.record = record;
      },
      readJobs: async () => {
        fence();
        return this.jobs;
      },
      writeJobs: async (jobs) => {
        fence();
        this.jobs = jobs;
      },
      setAlarm: async (atMs) => {
        fence();
        this.alarmMs = Math.min(this.alarmMs ?? Number.POSITIVE_INFINITY, atMs);
      },
    };
  }
}

export class OwnerRig {
  readonly clock = new FakeClock();
  readonly random = new SeededRandom(7);
  readonly memory = new MemoryStore({ clock: this.clock, digest: syncDigest });
  readonly faulty = new FaultyStore(this.memory);
  readonly store = new CountingStore(this.faulty);
  readonly storage = new RigStorage();
  /** Puts to keys that match never arrive. */
  lost: RegExp | undefined;
  readonly hints: JobHint[] = [];
  readonly aborts: string[] = [];
  readonly tenant = "default";
  readonly name: string;
  owner: Owner;

  constructor(name = "fish") {
    this.name = name;
    const { memory } = this;
    const put = memory.put.bind(memory);
    memory.put = async (key, bytes, mode, options) => {
      if (this.lost?.test(key)) {
        throw new EngineError("unavailable", "lost on the way");
      }
      return await put(key, bytes, mode, options);
    };
    this.owner = this.restart();
  }

  /** A new instance; the old one, if any, is a zombie from now on. */
  restart(): Owner {
    this.storage.newest += 1;
    this.owner = new Owner({
      ...this.ports(),
      storage: this.storage.view(this.storage.newest),
      queue: {
        send: async (hint) => {
          this.hints.push(hint);
        },
      },
      memory: new ByteLru(8 * 1024 * 1024),
      defer: (work) => {
        work.catch(() => undefined);
      },
      abort: (reason) => {
        this.aborts.push(reason);
      },
    });
    return this.owner;
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

  /** A commit of plain documents {id, n}, encoded under what the owner says now. */
  async request(upserts: readonly DocumentId[], deletes: readonly DocumentId[] = []) {
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
      attributes: [{ name: "n", values: upserts.map((id) => Number(id)) }],
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
