/**
 * Every effect of a branch in the making goes wrong once, in each way that differs, on the side of
 * the parent's object and on that of the branch's. Whoever asked asks again. Afterwards there is a
 * branch that is exactly its parent's point, both are independent, and once the branch is deleted
 * nothing of it is left, whatever attempts were given up.
 */
import { describe, expect, test } from "vitest";
import { branch } from "../../src/branch.ts";
import { isEngineError } from "../../src/errors.ts";
import { limits } from "../../src/limits.ts";
import type { Pin } from "../../src/namespace/pins.ts";
import type { ObjectStore } from "../../src/store/object-store.ts";
import { BranchRig } from "../branch-rig.ts";
import { HookedStore } from "../hooked-store.ts";
import type { RigInstance } from "../owner-platform.ts";
import type { OwnerRig } from "../owner-rig.ts";
import { Failures, type Fault } from "./failures.ts";
import { failuresOf } from "./run.ts";

const hourMs = 3_600_000;
type Side = "parent" | "child";

class FailingRig extends BranchRig {
  readonly failures: Failures;

  constructor(name: string, beside: OwnerRig | undefined, faults: readonly Fault[]) {
    super(name, beside);
    this.failures = new Failures(this, faults);
    this.failures.isArmed = false;
    this.hook = (what, apply, instance) => this.failures.effect(`owner ${what}`, apply, instance);
    this.restart();
  }

  override ownerStore(instance: RigInstance): ObjectStore {
    return new HookedStore(this.store, (what, apply) => this.hook(what, apply, instance));
  }
}

/** `pinAgeMs`: old enough, and refs and registry entry are stored one after the other. */
async function run(
  side: Side,
  pinAgeMs: number,
  ...faults: readonly Fault[]
): Promise<readonly string[]> {
  const parent = new FailingRig("parent", undefined, side === "parent" ? faults : []);
  await parent.put(1, [1, 2, 3]);
  await parent.index();
  await parent.put(2, [3, 4], [1]);
  const child = new FailingRig("child", parent, side === "child" ? faults : []);
  const { failures } = side === "parent" ? parent : child;
  const pin = await parent.ask(parent.owner.pin(parent.tenant, parent.name));
  await parent.clock.advance(pinAgeMs);
  failures.isArmed = true;
  await makeBranch(parent, child, pin);
  failures.isArmed = false;
  try {
    await check(parent, child);
  } catch (error) {
    const hits = faults.map(({ mode, effect }) => `${mode} at ${failures.effects[effect - 1]}`);
    throw new Error(`${hits.join(", ")}: ${String(error)}`, { cause: error });
  }
  return failures.effects;
}

/** As a client does: until it is answered, or told that there is a branch already. */
async function makeBranch(parent: FailingRig, child: FailingRig, pin: Pin): Promise<void> {
  const { tenant, name } = parent;
  for (let failed = 0; ; failed += 1) {
    const owner = (of: string) => parent.ownerOf(of);
    try {
      await parent.clock.run(branch({ tenant, parent: name, name: child.name, owner, pin }));
      break;
    } catch (error) {
      if (isEngineError(error, "conflict") && failed > 0) break;
      if (failed === 40) throw error;
      await parent.clock.advance(1_000);
    }
  }
  for (const [id, version] of parent.model) child.model.set(id, version);
}

async function check(parent: FailingRig, child: FailingRig): Promise<void> {
  // What was late has landed.
  await parent.clock.advance(10_000);
  await expectModels(parent, child);
  await child.put(3, [5], [2]);
  await parent.put(4, [6], [3]);
  await expectModels(parent, child);
  for (const rig of [parent, child]) {
    rig.storage.wipe();
    rig.restart();
  }
  await expectModels(parent, child);
  await child.remove();
  await parent.put(5, [...parent.model.keys()]);
  await parent.index();
  await parent.pass(60 * hourMs);
  await expectModels(parent);
  const { manifest } = await parent.head();
  expect(manifest?.dead).toEqual([]);
  const names = manifest?.segments.map(({ id }) => id) ?? [];
  const strays = (await parent.objects()).filter(
    (key) => !key.includes("/manifest/") && !names.some((segment) => key.includes(segment)),
  );
  expect(strays).toEqual([]);
}

async function expectModels(...rigs: readonly FailingRig[]): Promise<void> {
  for (const rig of rigs) expect(await rig.read(), rig.name).toEqual(rig.model);
}

describe("one failure while a branch is made", () => {
  for (const [of, pinAgeMs] of [
    ["of what is new, its refs beside its entry", 0],
    ["of what was pinned a while ago, its refs first", 2 * limits.freshPinMs],
  ] as const) {
    for (const side of ["parent", "child"] as const) {
      test(`${of}, on the ${side}'s side`, async () => {
        const effects = await run(side, pinAgeMs);
        // Of what is new the parent hears nothing any more but that its pin is released.
        expect(effects.length).toBeGreaterThan(side === "child" ? 8 : pinAgeMs > 0 ? 1 : -1);
        for (const fault of failuresOf(effects)) await run(side, pinAgeMs, fault);
      }, 60_000);
    }
  }
});
