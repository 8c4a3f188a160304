/**
 * A namespace in which some effects go wrong: requests to the store or to the object's own storage,
 * of the owner or of a consumer, chosen by their number in a whole scenario. Whoever calls behaves
 * as Workers and the queue do: asks again until it is answered.
 *
 *   lost, unanswered   the request fails, without or with its effect
 *   late               the put fails, and takes effect three seconds later
 *   dies before/after  nothing of its process happens from then on; a new instance or attempt
 *                      begins
 *   replaced           a new instance begins beside the old one, which does not know
 */
import { collect, purge } from "../src/collect.ts";
import { compact } from "../src/compact.ts";
import type { DocumentId } from "../src/document/id.ts";
import { EngineError } from "../src/errors.ts";
import { scalarKernels } from "../src/kernels/scalar.ts";
import type { Job, NamespaceApi, Reply } from "../src/namespace/protocol.ts";
import { replyValue } from "../src/namespace/protocol.ts";
import type { IndexPorts } from "../src/ports.ts";
import { search } from "../src/search.ts";
import { createSearchMemory } from "../src/search-ports.ts";
import { BlockCache } from "../src/store/block-cache.ts";
import { generationOfGraveKey, gravePrefix } from "../src/store/keys.ts";
import { MemoryBudget } from "../src/store/memory-budget.ts";
import type { ObjectStore } from "../src/store/object-store.ts";
import { parseQueryRequest } from "../workers/api/query-request.ts";
import { HookedStore } from "./hooked-store.ts";
import type { RigInstance } from "./owner-platform.ts";
import { OwnerRig } from "./owner-rig.ts";

export const modes = [
  "lost",
  "unanswered",
  "late",
  "dies before",
  "dies after",
  "replaced",
  "dies before, storage wiped",
  "dies after, storage wiped",
  "replaced, storage wiped",
] as const;
export type Mode = (typeof modes)[number];

const callsMax = 40;
const lateMs = 3_000;

/** What goes wrong: the effect of this number, counted from 1, in this way. */
export interface Fault {
  readonly effect: number;
  readonly mode: Mode;
}

export class CrashRig extends OwnerRig {
  /** What happened so far, in order. */
  readonly effects: string[] = [];
  readonly #faults: readonly Fault[];
  /** What must be found: id to version. */
  readonly model = new Map<DocumentId, number>();

  constructor(...faults: readonly Fault[]) {
    super("crash");
    this.#faults = faults;
    this.hook = (what, apply, instance) => this.#effect(`owner ${what}`, apply, instance);
    this.restart();
  }

  /** What went wrong. */
  get hits(): string {
    return this.#faults.map(({ effect }) => `${effect} ${this.effects[effect - 1]}`).join(", ");
  }

  override ownerStore(instance: RigInstance): ObjectStore {
    return new HookedStore(this.store, (what, apply) => this.hook(what, apply, instance));
  }

  /** Write until it is acknowledged. */
  async put(version: number, ids: readonly DocumentId[], deletes: readonly DocumentId[] = []) {
    await this.insist(async () => {
      const request = await this.request(ids, deletes, () => version);
      const reply = await this.ask(this.owner.commit(request));
      if (reply.kind !== "committed") throw new Error("encode again");
    });
    for (const id of ids) this.model.set(id, version);
    for (const id of deletes) this.model.delete(id);
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
    if (this.hints.splice(0).length > 0) await this.#consume();
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

  /** What the cron does. */
  async sweep(): Promise<void> {
    const { objects } = await this.memory.list(gravePrefix(this.tenant));
    for (const { key } of objects) {
      await purge(this.ports(), this.tenant, generationOfGraveKey(key) ?? "");
    }
  }

  /** Every document with its version, by a strong query of an isolate that knows nothing. */
  async read(): Promise<Map<DocumentId, number>> {
    const ports = {
      ...this.ports(),
      store: this.memory,
      kernels: scalarKernels,
      cache: new BlockCache({}),
      budget: new MemoryBudget(this.clock),
      memory: createSearchMemory(),
      defer: () => {},
    };
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

  async #consume(): Promise<void> {
    const api = this.#client();
    const { tenant, name } = this;
    for (;;) {
      const job = await this.insist(() => this.ask(api.claim(tenant, name)));
      if (job === undefined) return;
      const run = this.#run(api, job).catch((error: unknown) =>
        api.fail(tenant, name, job.id, job.attempt, String(error)).catch(() => undefined),
      );
      // A consumer that died is never heard of again.
      await this.clock.run(run).catch(() => undefined);
    }
  }

  async #run(api: NamespaceApi, job: Job): Promise<void> {
    const { tenant, name, identity } = this;
    const store = new HookedStore(this.store, (what, apply) =>
      this.#effect(`consumer ${what}`, apply),
    );
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

  async #effect<T>(what: string, apply: () => Promise<T>, instance?: RigInstance): Promise<T> {
    const number = this.effects.push(what);
    const fault = this.#faults.find(({ effect }) => effect === number);
    switch (fault?.mode) {
      case undefined:
        return await apply();
      case "lost":
        throw failure(what);
      case "unanswered":
        await apply();
        throw failure(what);
      case "late":
        if (what.includes(" put ")) {
          const late = this.clock.sleep(lateMs).then(apply);
          late.catch(() => undefined);
          throw failure(what);
        }
        return await apply();
      case "replaced":
      case "replaced, storage wiped":
        if (instance?.isNewest === true) {
          this.#mayWipe(fault.mode);
          this.restart();
        }
        return await apply();
      case "dies before":
      case "dies before, storage wiped":
        return await this.#die(fault.mode, instance);
      case "dies after":
      case "dies after, storage wiped":
        await apply();
        return await this.#die(fault.mode, instance);
    }
  }

  #die(mode: Mode, instance: RigInstance | undefined): Promise<never> {
    if (instance?.isNewest === true) this.#mayWipe(mode);
    instance?.kill("it died");
    return new Promise(() => {});
  }

  #mayWipe(mode: Mode): void {
    if (mode.endsWith("wiped")) this.storage.wipe();
  }
}

/** Whether this effect can go wrong in this way, and not just as in another. */
export function applies(mode: Mode, what: string): boolean {
  const isPut = what.includes(" put ");
  const isOwners = what.startsWith("owner");
  const changes = isPut || /delete|storage\.(write|set)/.test(what);
  switch (mode) {
    case "lost":
    case "dies before":
      return true;
    case "late":
      return isPut;
    case "unanswered":
    case "dies after":
      return changes;
    case "dies before, storage wiped":
      return isOwners;
    case "replaced":
    case "replaced, storage wiped":
    case "dies after, storage wiped":
      return isOwners && changes;
  }
}

function failure(what: string): EngineError {
  const unknown = what.includes(" put ") ? { outcomeUnknown: true } : {};
  return new EngineError("unavailable", `${what} failed`, unknown);
}
