/** How a branch of branch-model.ts begins. Mirrors branch.ts and recover-branch.ts. */
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
    const isSlow =
      this.#flaw === "a branch takes any time, and does not see that its pin is alive" ||
      this.#flaw === "a branch of an old pin is registered before its refs are made";
    if (world.nowMs > making.startedMs + limits.adoptMs && !isSlow) return;
    const parent = world.generations[child - 1] as Generation;
    const isRash = this.#flaw === "a branch begins before its refs are made";
    if ((parent.manifests[pin.version] ?? 0) === 0) return;
    this.#register(world, making, take);
    if (below !== undefined) {
      const pinned = this.#values.manifests.value(parent.manifests[pin.version] as number);
      const put = this.#putRef(world, below, child, pinned);
      const isBorn = world.generations[child]?.status === "live";
      const isOver = refs.length === 1 && isBorn;
      const after = isOver ? undefined : { ...making, refs: refs.slice(1) };
      take({ ...put, making: after }, "branch # puts a ref below generation #", child, below);
      if (!isRash) return;
    }
    if (world.generations[child]?.status === "registered") {
      if (below === undefined) this.#answer(world, making, take);
    } else if (!making.isHeld) {
      this.#renew(world, making, parent, take);
    } else if (below === undefined || isRash) {
      const begun = this.#born(world, making);
      if (begun !== undefined) take(begun, "branch # begins", child);
    }
  }

  #putRef(world: BranchWorld, below: number, child: number, manifest: Manifest): BranchWorld {
    const { segments } = holdingBelow(nameOf(below), manifest.segments, []);
    const ref = { child, atMs: world.nowMs, holds: segments.map(({ id }) => id) };
    const { refs } = world.generations[below] as Generation;
    return change(world, below, { refs: [...refs, ref] });
  }

  /** Before its refs, or after, of what was pinned just now. */
  #register(world: BranchWorld, making: Making, take: Take<BranchWorld>): void {
    const { child, startedMs } = making;
    const isFresh =
      world.nowMs <= startedMs + limits.freshPinMs ||
      this.#flaw === "a branch of an old pin is registered before its refs are made";
    if (world.generations[child]?.status !== "unborn" || making.isHeld || !isFresh) return;
    const manifest = this.#first(world, making);
    // It begins now, as far as its object knows.
    const refsByMs = world.nowMs + limits.refsByMs;
    const start = { manifest, refsByMs, isAnswered: false };
    const registered = change(world, child, { status: "registered", start });
    const begun = { ...making, startedMs: world.nowMs };
    take({ ...registered, making: begun }, "branch # is registered beside its refs", child);
    if (this.#flaw !== "a branch is answered before its refs are made") return;
    const told = change(registered, child, { start: { ...start, isAnswered: true } });
    take({ ...told, making: undefined }, "branch # is registered, and answered", child);
  }

  #answer(world: BranchWorld, making: Making, take: Take<BranchWorld>): void {
    const { child, pin } = making;
    const { start } = world.generations[child] as Generation;
    if (start === undefined) return;
    const parent = world.generations[child - 1] as Generation;
    const released = releasePin(this.#values.tables.value(parent.table), pin.id);
    const table = this.#values.tables.number(released);
    const told = change(world, child, { start: { ...start, isAnswered: true } });
    take(
      { ...change(told, child - 1, { table }), making: undefined },
      "branch # is answered",
      child,
    );
  }

  /** Whoever owns a registered branch next, at any time: what is missing, and the decision. */
  recover(world: BranchWorld, g: number, generation: Generation, take: Take<BranchWorld>): void {
    const { status, start } = generation;
    if (status !== "registered" || start === undefined) return;
    // Whoever was about it is fenced.
    const alone = world.making?.child === g ? { ...world, making: undefined } : world;
    const first = this.#values.manifests.value(start.manifest);
    const named = [...new Set([nameOf(g - 1), ...ancestorsOf(first)])].map(numberOf);
    const refs = named.map((below) =>
      (world.generations[below] as Generation).refs.find(({ child }) => child === g),
    );
    const missing = named[refs.indexOf(undefined)];
    if (missing !== undefined) {
      const put = this.#putRef(alone, missing, g, first);
      take(put, "recovery of branch # puts its ref below generation #", g, missing);
      return;
    }
    const isRash = this.#flaw === "recovery takes refs that were stored at any time";
    if (isRash || refs.every((ref) => ref !== undefined && ref.atMs <= start.refsByMs)) {
      const manifests = [...generation.manifests, start.manifest];
      const born = change(alone, g, { status: "live", start: undefined, manifests });
      take(born, "branch # takes its place", g);
    } else {
      const over = change(alone, g, { status: "over", overMs: world.nowMs });
      take(over, "branch # is given up", g);
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
    const born = change(world, child, {
      status: "live",
      manifests: [...generation.manifests, this.#first(world, making)],
    });
    const table = this.#values.tables.number(
      releasePin(this.#values.tables.value(parent.table), pin.id),
    );
    const isDone = refs.length === 0;
    const after = { ...born, making: isDone ? undefined : making };
    return change(after, child - 1, { table });
  }

  /** Number of the first manifest. */
  #first(world: BranchWorld, { child, pin }: Making): number {
    const parent = world.generations[child - 1] as Generation;
    const pinned = this.#values.manifests.value(parent.manifests[pin.version] as number);
    const object = { kind: "ref", generation: pin.generation } as const;
    const manifest: Manifest = {
      ...pinned,
      generation: nameOf(child),
      version: 1,
      committedMs: world.nowMs,
      applied: [],
      dead: [],
    };
    const dead: DeadRecord[] = ancestorsOf(manifest).has(pin.generation)
      ? []
      : [{ object, version: 1, sinceMs: world.nowMs, bytes: 0 }];
    return this.#values.manifests.number({ ...manifest, dead });
  }
}
