/**
 * A namespace in which some effects go wrong: requests to the store or to the object's own storage,
 * of the owner, a consumer or a writer, chosen by their number in a scenario. Whoever calls behaves
 * as Workers and the queue do: asks again until it is answered, writes under one key.
 */
import { change } from "../src/change.ts";
import { collect, purge } from "../src/collect.ts";
import { compact } from "../src/compact.ts";
import type { DocumentId } from "../src/document/id.ts";
import type { WriteKey } from "../src/format/wal.ts";
import { scalarKernels } from "../src/kernels/scalar.ts";
import { limits } from "../src/limits.ts";
import type {
  CommitReply,
  Committed,
  Job,
  NamespaceApi,
  NamespaceDescription,
  Reply,
} from "../src/namespace/protocol.ts";
import { replyValue } from "../src/namespace/protocol.ts";
import type { IndexPorts } from "../src/ports.ts";
import { rewrite } from "../src/rewrite.ts";
import { search } from "../src/search.ts";
import { createSearchMemory, type SearchPorts } from "../src/search-ports.ts";
import { BlockCache } from "../src/store/block-cache.ts";
import { generationOfGraveKey, gravePrefix } from "../src/store/keys.ts";
import { MemoryBudget } from "../src/store/memory-budget.ts";
import type { ObjectStore } from "../src/store/object-store.ts";
import { type Change, type Encoded, mintKey, submit, type WriteTarget } from "../src/submission.ts";
import type { WriteOptions } from "../src/write.ts";
import { parseQueryRequest } from "../workers/api/query-request.ts";
import { buildWrite } from "../workers/api/write-batch.ts";
import { parseWriteRequest } from "../workers/api/write-request.ts";
import { additionTo, batchOf } from "./crash/batches.ts";
import { Failures, type Fault, Process } from "./crash/failures.ts";
import { decideFrom } from "./decide.ts";
import { HookedStore } from "./hooked-store.ts";
import type { RigInstance } from "./owner-platform.ts";
import { OwnerRig } from "./owner-rig.ts";
import type { Caller } from "./store-rules.ts";

const callsMax = 40;

interface PutOptions {
  /** One more attribute of the documents, equal to their version. */
  readonly attribute?: string;
  /** Sent as an attachment, as large batches are. */
  readonly isLarge?: boolean;
  /** That of an earlier write. */
  readonly key?: WriteKey;
}

export class CrashRig extends OwnerRig {
  readonly #failures: Failures;
  /** What must be found: id to version. */
  readonly model = new Map<DocumentId, number>();

  constructor(...faults: readonly Fault[]) {
    super("crash");
    this.#failures = new Failures(this, faults);
    this.hook = (what, apply, instance) => this.#failures.effect(`owner ${what}`, apply, instance);
    this.restart();
  }

  /** What went wrong. */
  get hits(): string {
    return this.#failures.hits;
  }

  /** What happened while failures were armed, in order. */
  get effects(): readonly string[] {
    return this.#failures.effects;
  }

  override ownerStore(instance: RigInstance): ObjectStore {
    return new HookedStore(this.watched("owner"), (what, apply) =>
      this.hook(what, apply, instance),
    );
  }

  /** From now on effects are numbered, and those chosen go wrong. */
  arm(): void {
    this.#failures.isArmed = true;
  }

  disarm(): void {
    this.#failures.isArmed = false;
  }

  /** Writes until it is acknowledged. */
  async put(
    version: number,
    ids: readonly DocumentId[],
    deletes: readonly DocumentId[] = [],
    options: PutOptions = {},
  ): Promise<Committed & { readonly key: WriteKey }> {
    const { key = mintKey(this.random) } = options;
    const batch = batchOf(version, ids, deletes, options.attribute);
    const committed = await this.insist(async () => {
      const description = await this.ask(this.owner.describe(this.tenant, this.name));
      const built = { batch, addition: additionTo(description.schema, options.attribute) };
      const reply = await this.clock.run(
        this.#submit(
          description,
          { built, disableBackpressure: false, key },
          options.isLarge === true ? { kind: "parts", batches: [batch] } : undefined,
        ),
      );
      if (reply.kind !== "committed") throw new Error("encode again");
      return reply;
    });
    for (const id of ids) this.model.set(id, version);
    for (const id of deletes) this.model.delete(id);
    return { ...committed, key };
  }

  /** Several writes that arrive at once, each of one document; who fails asks again alone. */
  async putTogether(writes: readonly { version: number; id: DocumentId; attribute?: string }[]) {
    const description = await this.insist(() =>
      this.ask(this.owner.describe(this.tenant, this.name)),
    );
    const { schema } = description;
    const sent = writes.map(({ version, id, attribute }) => {
      const batch = batchOf(version, [id], [], attribute);
      const built = { batch, addition: additionTo(schema, attribute) };
      const key = mintKey(this.random);
      const change = { built, disableBackpressure: false, key };
      return this.#submit(description, change).catch(() => undefined);
    });
    const replies = await this.clock.run(Promise.all(sent));
    for (const [i, { version, id, attribute }] of writes.entries()) {
      this.model.set(id, version);
      if (replies[i]?.kind === "committed") continue;
      await this.put(version, [id], [], attribute === undefined ? {} : { attribute });
    }
  }

  /** Adds one to a document for each of so many clients, all at once; each does so once. */
  async count(id: DocumentId, clients = 1): Promise<void> {
    const all = Array.from({ length: clients }, () => this.#countOnce(id));
    await this.clock.run(Promise.all(all));
    this.model.set(id, (this.model.get(id) ?? 0) + clients);
  }

  async #countOnce(id: DocumentId): Promise<void> {
    await this.#rewrite((ports, target, options) =>
      rewrite(
        ports,
        target,
        decideFrom([id], (schema, found) => {
          const attributes = found.get(id)?.attributes ?? [];
          const before = Number(attributes.find((each) => each.name === "n")?.value ?? 0);
          return { batch: batchOf(before + 1, [id], []), addition: additionTo(schema) };
        }),
        options,
      ),
    );
  }

  /** Deletes what is below and sets all others to `n`, by one write with two filters. */
  async changeByFilter(below: number, n: number): Promise<void> {
    const asked = parseWriteRequest({
      delete_by_filter: ["n", "Lt", below],
      patch_by_filter: { filters: ["n", "Gte", below], patch: { n } },
    });
    await this.clock.run(
      this.#rewrite((ports, target, options) =>
        change(ports, target, (schema) => buildWrite(asked, schema), options),
      ),
    );
    for (const [id, value] of this.model) {
      if (value < below) this.model.delete(id);
      else this.model.set(id, n);
    }
  }

  /** Under a key of the client, until there is an answer. */
  async #rewrite(
    send: (ports: SearchPorts, target: WriteTarget, options: WriteOptions) => Promise<unknown>,
  ): Promise<void> {
    const { tenant, name } = this;
    const memory = { recall: () => undefined, remember: () => {} };
    const target = { tenant, name, owner: this.#client(), memory };
    const key = { ...mintKey(this.random), keepMs: limits.keyKeepMs };
    for (let failed = 0; ; failed += 1) {
      try {
        await send(this.#searchPorts(), target, { disableBackpressure: false, key });
        return;
      } catch (error) {
        if (failed === callsMax) throw error;
        await this.clock.sleep(1_000);
      }
    }
  }

  async remove(): Promise<void> {
    await this.insist(async () => {
      const reply = await this.clock.run(this.owner.remove(this.tenant, this.name));
      // An attempt of unknown outcome may have been the one that did it.
      if (!reply.ok && reply.kind !== "notFound") replyValue(reply);
    });
    this.model.clear();
  }

  /** Fires the alarm if it is due and delivers the messages it and others sent. */
  async drainDue(): Promise<void> {
    if ((this.storage.alarmMs ?? Number.POSITIVE_INFINITY) <= this.clock.now()) {
      await this.insist(async () => {
        this.storage.alarmMs = undefined;
        await this.clock.run(this.owner.alarm(this.identity));
      });
    }
    if (this.hints.splice(0).length > 0) await this.consume();
  }

  /** Lets alarms alone drive everything until none is set. */
  async drain(): Promise<void> {
    for (let rung = 0; this.storage.alarmMs !== undefined || this.hints.length > 0; rung += 1) {
      if (rung > 200) throw new Error("the alarm never stops");
      const waitMs = (this.storage.alarmMs ?? 0) - this.clock.now();
      await this.clock.advance(Math.max(0, waitMs));
      await this.drainDue();
    }
  }

  /** What the cron does a day later. */
  async sweep(): Promise<void> {
    await this.clock.advance(limits.graveAgeMs);
    const { objects } = await this.memory.list(gravePrefix(this.tenant));
    for (const { key } of objects) {
      const ports = { ...this.ports(), store: this.watched("purge") };
      await purge(ports, this.tenant, generationOfGraveKey(key) ?? "");
    }
  }

  /** Runs what consumers do until nothing is due. */
  async consume(): Promise<void> {
    const api = this.#client();
    const { tenant, name } = this;
    for (;;) {
      const job = await this.insist(() => this.ask(api.claim(tenant, name)));
      if (job === undefined) return;
      await this.clock.run(this.start(job));
    }
  }

  /** The next job, if any is due. */
  claim(): Promise<Job | undefined> {
    return this.insist(() => this.ask(this.#client().claim(this.tenant, this.name)));
  }

  /** A consumer's work on a job. Resolves when it is over, or its process is. */
  async start(job: Job): Promise<void> {
    const api = this.#client();
    const { tenant, name } = this;
    const process = new Process();
    const run = this.#run(api, job, process).catch((error: unknown) =>
      api.fail(tenant, name, job.id, job.attempt, String(error)).catch(() => undefined),
    );
    // A consumer that died is never heard of again.
    await Promise.race([run, process.died]).catch(() => undefined);
  }

  /** Every document with its version, by a strong query of an isolate that knows nothing. */
  async read(): Promise<Map<DocumentId, number>> {
    const ports = this.#searchPorts();
    const target = { tenant: this.tenant, name: this.name, owner: this.#client() };
    const { query } = parseQueryRequest({
      rank_by: ["id", "asc"],
      limit: 100,
      include_attributes: ["n"],
    });
    const { rows } = await this.clock.run(search(ports, target, query));
    const found = new Map(rows.map(({ id, attributes }) => [id, Number(attributes[0]?.value)]));
    if (found.size !== rows.length) throw new Error("a document was found twice");
    return found;
  }

  /** Of an isolate that knows nothing. */
  #searchPorts(): SearchPorts {
    return {
      ...this.ports(),
      store: this.watched("reader"),
      kernels: scalarKernels,
      cache: new BlockCache({}),
      budget: new MemoryBudget(this.clock),
      memory: createSearchMemory(),
      defer: () => {},
    };
  }

  /** Repeats what fails, as a client does. */
  async insist<T>(call: () => Promise<T>): Promise<T> {
    for (let failed = 0; ; failed += 1) {
      try {
        return await call();
      } catch (error) {
        if (failed === callsMax) throw error;
        await this.clock.advance(1_000);
      }
    }
  }

  async #run(api: NamespaceApi, job: Job, process: Process): Promise<void> {
    const { tenant, name, identity } = this;
    const store = this.#storeOf("consumer", job.kind, process);
    const ports: IndexPorts = { ...this.ports(), store, kernels: scalarKernels };
    if (job.kind === "collect") {
      const { version, kept } = await collect(ports, tenant, job);
      replyValue(await api.finish(tenant, name, job.id, job.attempt, version, kept));
    } else if (job.kind === "purge") {
      await purge(ports, tenant, job.grave ?? "");
      replyValue(await api.finish(tenant, name, job.id, job.attempt, 0));
    } else {
      await compact({ ports, api, identity, job });
    }
  }

  /** A Worker's write: what it has to put goes through the same failures. */
  async #submit(
    description: NamespaceDescription,
    change: Change,
    encoded?: Encoded,
  ): Promise<CommitReply> {
    const process = new Process();
    const ports = { ...this.ports(), store: this.#storeOf("writer", "writer", process) };
    const target = {
      tenant: this.tenant,
      name: this.name,
      owner: this.owner,
      memory: { recall: () => undefined, remember: () => {} },
    };
    return await Promise.race([submit(ports, target, description, change, encoded), process.died]);
  }

  #storeOf(process: string, who: Caller, life: Process): ObjectStore {
    return new HookedStore(this.watched(who), (what, apply) =>
      this.#failures.effect(`${process} ${what}`, apply, life),
    );
  }

  /** The newest instance, asked again when the one that was asked is gone. */
  #client(): NamespaceApi {
    const call = async (name: string, args: unknown[]): Promise<unknown> => {
      for (let failed = 0; ; failed += 1) {
        try {
          const method = Reflect.get(this.owner, name) as (...args: unknown[]) => unknown;
          const reply = (await method(...args)) as Reply<unknown>;
          if (reply.ok || reply.kind !== "fenced" || failed === 5) return reply;
        } catch (error) {
          if (failed === 5) throw error;
        }
        await this.clock.sleep(50);
      }
    };
    return new Proxy(this.owner, {
      get:
        (_, name) =>
        (...args: unknown[]) =>
          call(String(name), args),
    });
  }
}
