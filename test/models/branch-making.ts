/** How a branch of branch-model.ts begins. Mirrors branch.ts. */
import { initialSettings } from "../../src/document/settings.ts";
import { ancestorsOf, holdingBelow } from "../../src/format/homes.ts";
import type { DeadRecord, Manifest } from "../../src/format/manifest.ts";
import { limits } from "../../src/limits.ts";
import { addPin, releasePin, renewPin } from "../../src/namespace/pins.ts";
import {
  type BranchFlaw,
  type BranchValues,
  type BranchWorld,
  change,
  type Generation,
  type Making,
  nameOf,
  numberOf,
} from "./branch-world.ts";
import type { Take } from "./explorer.ts";

export class BranchMaking {
  readonly #values: BranchValues;
  readonly #flaw: BranchFlaw | undefined;

  constructor(values: BranchValues, flaw: BranchFlaw | undefined) {
    this.#values = values;
    this.#flaw = flaw;
  }

  steps(world: BranchWorld, take: Take<BranchWorld>): void {
    if (world.making === undefined) this.#begin(world, take);
    else this.#make(world, world.making, take);
  }

  #begin(world: BranchWorld, take: Take<BranchWorld>): void {
    const child = world.generations.findIndex(({ status }) => status === "unborn");
    const parent = world.generations[child - 1];
    if (parent?.status !== "live") return;
    const { generation, version } = this.#values.newest(parent);
    const id = `pin of ${child}`;
    const pinned = addPin(
      this.#values.tables.value(parent.table),
      { id, generation, version, next: 0, settings: initialSettings, lastMs: 0 },
      world.nowMs,
    );
    if (pinned === undefined) return;
    const named = new Set([generation, ...ancestorsOf(this.#values.newest(parent))]);
    if (this.#flaw === "a branch makes no ref below its grandparent") named.clear();
    named.add(generation);
    const making: Making = {
      child,
      pin: pinned.value,
      startedMs: world.nowMs,
      refs: [...named].map(numberOf),
      isHeld: false,
    };
    const table = this.#values.tables.number(pinned.table);
    take({ ...change(world, child - 1, { table }), making }, "branch # pins its parent", child);
  }

  #make(world: BranchWorld, making: Making, take: Take<BranchWorld>): void {
    const { child, pin, refs } = making;
    const [below] = refs;
    // Who stops here is gone; nobody takes up what is left of it.
    const isSlow = this.#flaw === "a branch takes any time, and does not see that its pin is alive";
    if (world.nowMs > making.startedMs + limits.adoptMs && !isSlow) return;
    const parent = world.generations[child - 1] as Generation;
    const isRash = this.#flaw === "a branch begins before its refs are made";
    if ((parent.manifests[pin.version] ?? 0) === 0) return;
    if (below !== undefined) {
      const pinned = this.#values.manifests.value(parent.manifests[pin.version] as number);
      const { segments } = holdingBelow(nameOf(below), pinned.segments, []);
      const ref = { child, atMs: world.nowMs, holds: segments.map(({ id }) => id) };
      const { refs: there } = world.generations[below] as Generation;
      const put = change(world, below, { refs: [...there, ref] });
      const isBorn = world.generations[child]?.status === "live";
      const isOver = refs.length === 1 && isBorn;
      const after = isOver ? undefined : { ...making, refs: refs.slice(1) };
      take({ ...put, making: after }, "branch # puts a ref below generation #", child, below);
      if (!isRash) return;
    }
    if (!making.isHeld) {
      this.#renew(world, making, parent, take);
    } else if (below === undefined || isRash) {
      const begun = this.#born(world, making);
      if (begun !== undefined) take(begun, "branch # begins", child);
    }
  }

  #renew(world: BranchWorld, making: Making, parent: Generation, take: Take<BranchWorld>): void {
    const { child, pin } = making;
    const renewed = renewPin(this.#values.tables.value(parent.table), pin.id, world.nowMs);
    const isRash = this.#flaw === "a branch takes any time, and does not see that its pin is alive";
    if (isRash) {
      take({ ...world, making: { ...making, isHeld: true } }, "branch # goes on", child);
    } else if (renewed !== undefined && parent.status === "live") {
      const table = this.#values.tables.number(renewed.table);
      const held = change(world, child - 1, { table });
      take({ ...held, making: { ...making, isHeld: true } }, "branch # renews its pin", child);
    }
  }

  /** Its first manifest and its registry entry; then its pin is released. */
  #born(world: BranchWorld, making: Making): BranchWorld | undefined {
    const { child, pin, refs } = making;
    const generation = world.generations[child] as Generation;
    const parent = world.generations[child - 1] as Generation;
    if (generation.status !== "unborn") return undefined;
    const pinned = this.#values.manifests.value(parent.manifests[pin.version] as number);
    const name = nameOf(child);
    const object = { kind: "ref", generation: pin.generation } as const;
    const manifest: Manifest = {
      ...pinned,
      generation: name,
      version: 1,
      committedMs: world.nowMs,
      applied: [],
      dead: [],
    };
    const dead: DeadRecord[] = ancestorsOf(manifest).has(pin.generation)
      ? []
      : [{ object, version: 1, sinceMs: world.nowMs, bytes: 0 }];
    const number = this.#values.manifests.number({ ...manifest, dead });
    const born = change(world, child, {
      status: "live",
      manifests: [...generation.manifests, number],
    });
    const table = this.#values.tables.number(
      releasePin(this.#values.tables.value(parent.table), pin.id),
    );
    const isDone = refs.length === 0;
    const after = { ...born, making: isDone ? undefined : making };
    return change(after, child - 1, { table });
  }
}
