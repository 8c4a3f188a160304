/**
 * Names of one tenant in one bucket, each with its owner and a model of what it must hold: written
 * to, indexed, branched, deleted, collected.
 */
import { expect } from "vitest";
import { branch } from "../src/branch.ts";
import { collect, purge } from "../src/collect.ts";
import { compact } from "../src/compact.ts";
import { copy } from "../src/copy.ts";
import type { DocumentId } from "../src/document/id.ts";
import type { SettingsChange } from "../src/document/settings.ts";
import { scalarKernels } from "../src/kernels/scalar.ts";
import { limits } from "../src/limits.ts";
import type { Job } from "../src/namespace/protocol.ts";
import { search } from "../src/search.ts";
import { createSearchMemory, type SearchPorts } from "../src/search-ports.ts";
import { takeSnapshot } from "../src/snapshot.ts";
import { BlockCache } from "../src/store/block-cache.ts";
import { generationOfGraveKey, generationRoot, gravePrefix } from "../src/store/keys.ts";
import { MemoryBudget } from "../src/store/memory-budget.ts";
import { warm } from "../src/warm.ts";
import { parseQueryRequest } from "../workers/api/query-request.ts";
import { OwnerRig } from "./owner-rig.ts";

export class BranchRig extends OwnerRig {
  /** What must be found: id to version. */
  readonly model = new Map<DocumentId, number>();

  async put(version: number, ids: readonly DocumentId[], deletes: readonly DocumentId[] = []) {
    await this.ask(this.owner.commit(await this.request(ids, deletes, () => version)));
    for (const id of ids) this.model.set(id, version);
    for (const id of deletes) this.model.delete(id);
  }

  /** Another name that begins as this one is now. */
  async branch(name: string): Promise<BranchRig> {
    const child = (this.rigs.get(name) as BranchRig | undefined) ?? new BranchRig(name, this);
    const owner = (of: string) => this.ownerOf(of);
    await this.clock.run(branch({ tenant: this.tenant, parent: this.name, name, owner }));
    child.model.clear();
    for (const [id, version] of this.model) child.model.set(id, version);
    return child;
  }

  /** Another name that is a copy of this one; returns it with what the copy says of itself. */
  async copy(name: string, shards?: number): Promise<{ child: BranchRig; rows: number }> {
    const child = (this.rigs.get(name) as BranchRig | undefined) ?? new BranchRig(name, this);
    const owner = (of: string) => this.ownerOf(of);
    const wish = shards === undefined ? {} : { shards };
    const target = { tenant: this.tenant, parent: this.name, name, owner, ...wish };
    const { rows } = await this.clock.run(copy(this.searchPorts(), target));
    child.model.clear();
    for (const [id, version] of this.model) child.model.set(id, version);
    return { child, rows };
  }

  async change(settings: SettingsChange): Promise<void> {
    const request = await this.request([]);
    await this.ask(this.owner.commit({ ...request, addition: undefined, chunks: [], settings }));
  }

  async remove(): Promise<void> {
    await this.ask(this.owner.remove(this.tenant, this.name));
    this.model.clear();
  }

  /** Every document with its version, by a strong query of an isolate that knows nothing. */
  async read(): Promise<Map<DocumentId, number>> {
    const ports = this.searchPorts();
    const target = { tenant: this.tenant, name: this.name, owner: this.owner };
    const { query } = parseQueryRequest({
      rank_by: ["id", "asc"],
      limit: 1_000,
      include_attributes: ["n"],
    });
    const { rows } = await this.clock.run(search(ports, target, query));
    return new Map(rows.map(({ id, attributes }) => [id, Number(attributes[0]?.value)]));
  }

  /** Of an isolate that knows nothing. */
  searchPorts(): SearchPorts {
    return {
      ...this.ports(),
      kernels: scalarKernels,
      cache: new BlockCache({}),
      budget: new MemoryBudget(this.clock),
      memory: createSearchMemory(),
      defer: () => {},
    };
  }

  async index(): Promise<void> {
    await this.ask(this.owner.requestFlush(this.tenant, this.name));
    await this.runDue();
  }

  /** Runs what is due until nothing is; returns the kinds of the jobs. */
  async runDue(): Promise<string[]> {
    const kinds: string[] = [];
    for (;;) {
      const job = await this.ask(this.owner.claim(this.tenant, this.name));
      if (job === undefined) return kinds;
      kinds.push(job.kind);
      await this.run(job);
    }
  }

  async run(job: Job): Promise<void> {
    const { tenant, name, identity } = this;
    const ports = { ...this.ports(), kernels: scalarKernels };
    if (job.kind === "collect") {
      const { version, kept } = await this.clock.run(collect(ports, tenant, job));
      await this.ask(this.owner.finish(tenant, name, job.id, job.attempt, version, kept));
    } else if (job.kind === "purge") {
      await this.clock.run(purge(ports, tenant, job.grave ?? ""));
      await this.ask(this.owner.finish(tenant, name, job.id, job.attempt, 0));
    } else if (job.kind === "warm") {
      const search = this.searchPorts();
      const target = { ...identity, owner: this.owner };
      const { snapshots } = search.memory;
      const taken = takeSnapshot(search, snapshots, target, "strong", undefined);
      await this.clock.run(warm(search, await this.clock.run(taken)));
      await this.ask(this.owner.finish(tenant, name, job.id, job.attempt, 0));
    } else {
      await this.clock.run(compact({ ports, api: this.owner, identity, job }));
    }
  }

  /** Time passes, in steps, with alarms, jobs of these names and the cron that visits graves. */
  async pass(ms: number, names = [...this.rigs.keys()]): Promise<void> {
    const stepMs = limits.collectGraceMs + limits.collectEveryMs + 1;
    for (let passed = 0; passed < ms; passed += stepMs) {
      await this.clock.advance(stepMs);
      for (const name of names) {
        const rig = this.rigs.get(name) as BranchRig;
        await rig.clock.run(rig.owner.alarm(rig.identity));
        await rig.runDue();
      }
      await this.visitGraves();
    }
  }

  async visitGraves(): Promise<void> {
    const { objects } = await this.memory.list(gravePrefix(this.tenant));
    for (const { key } of objects) {
      await this.clock.run(purge(this.ports(), this.tenant, generationOfGraveKey(key) ?? ""));
    }
  }

  /** Everything in the bucket, the registry and pointers aside. */
  async objects(prefix = ""): Promise<string[]> {
    const { objects } = await this.memory.list(prefix);
    return objects.map(({ key }) => key).filter((key) => !/\/(names\/[^/]+|current)$/.test(key));
  }
}

export async function parentWith(segments: number, tail: number): Promise<BranchRig> {
  const rig = new BranchRig("parent");
  for (let i = 0; i < segments; i++) {
    await rig.put(i, [100 + i, 1, 2]);
    await rig.index();
  }
  for (let i = 0; i < tail; i++) await rig.put(50 + i, [2, 200 + i], [100 + i]);
  return rig;
}

export async function expectModels(...rigs: BranchRig[]): Promise<void> {
  for (const rig of rigs) expect(await rig.read(), rig.name).toEqual(rig.model);
}

export async function rootOf(rig: BranchRig): Promise<string> {
  return generationRoot(rig.tenant, (await rig.head()).generation);
}

/** Overwrites everything, so that no segment of an ancestor is left. */
export async function rewrite(rig: BranchRig): Promise<void> {
  await rig.put(99, [...rig.model.keys()]);
  await rig.index();
}

/** Asks again until it is answered, as a client of the platform does. */
export function insistent(rig: BranchRig) {
  return {
    pin: () => rig.ask(rig.owner.pin(rig.tenant, rig.name)),
    renew: (id: string) => rig.ask(rig.owner.renewPin(rig.tenant, rig.name, id)),
  };
}
