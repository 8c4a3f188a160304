/**
 * Every effect of a restore goes wrong once, in each way that differs. Whoever asked asks again.
 * Afterwards the name is exactly what it was restored to, whoever owns it, and once a few days have
 * passed nothing is left of what was given up, whatever attempts came to nothing.
 */
import { describe, expect, test } from "vitest";
import { isEngineError } from "../../src/errors.ts";
import { pointAsOf } from "../../src/history.ts";
import { restore } from "../../src/restore.ts";
import type { ObjectStore } from "../../src/store/object-store.ts";
import { BranchRig } from "../branch-rig.ts";
import { HookedStore } from "../hooked-store.ts";
import type { RigInstance } from "../owner-platform.ts";
import type { OwnerRig } from "../owner-rig.ts";
import { Failures, type Fault } from "./failures.ts";
import { failuresOf } from "./run.ts";

const hourMs = 3_600_000;
type Source = "its past" | "another name";

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

async function run(from: Source, ...faults: readonly Fault[]): Promise<readonly string[]> {
  const rig = new FailingRig("fish", undefined, faults);
  await rig.put(1, [1, 2, 3]);
  await rig.change({ retentionMs: 10 * hourMs });
  await rig.index();
  await rig.put(2, [3, 4], [1]);
  const then = new Map(rig.model);
  const { tenant, name, failures } = rig;
  const target = { tenant, name, owner: rig.owner };
  const { next } = await rig.head();
  const at = await rig.clock.run(
    pointAsOf(rig.ports(), target, { kind: "sequence", sequence: next - 1 }),
  );
  const saved = from === "another name" ? await rig.branch("saved") : undefined;
  await rig.put(3, [1, 7], [4]);
  await rig.index();
  await rig.put(4, [8]);
  failures.isArmed = true;
  await goBack(rig, saved === undefined ? { name, at } : { name: "saved" });
  failures.isArmed = false;
  rig.model.clear();
  for (const [id, version] of then) rig.model.set(id, version);
  try {
    await check(rig, saved);
  } catch (error) {
    const hits = faults.map(({ mode, effect }) => `${mode} at ${failures.effects[effect - 1]}`);
    throw new Error(`${hits.join(", ")}: ${String(error)}`, { cause: error });
  }
  return failures.effects;
}

/** As a client does: until it is answered, or told that the past it wants is another life's. */
async function goBack(rig: FailingRig, source: Parameters<typeof restore>[1]): Promise<void> {
  const { tenant, name } = rig;
  for (let failed = 0; ; failed += 1) {
    const owner = (of: string) => rig.ownerOf(of);
    try {
      await rig.clock.run(restore({ tenant, name, owner }, source));
      return;
    } catch (error) {
      if (isEngineError(error, "gone") && failed > 0) return;
      if (failed === 40) throw error;
      await rig.clock.advance(1_000);
    }
  }
}

async function check(rig: FailingRig, saved: BranchRig | undefined): Promise<void> {
  // What was late has landed.
  await rig.clock.advance(10_000);
  expect(await rig.read()).toEqual(rig.model);
  await rig.put(5, [5], [2]);
  rig.storage.wipe();
  rig.restart();
  expect(await rig.read()).toEqual(rig.model);
  await saved?.remove();
  await rig.change({ retentionMs: 0 });
  await rig.put(6, [...rig.model.keys()]);
  await rig.index();
  await rig.pass(60 * hourMs);
  expect(await rig.read()).toEqual(rig.model);
  const { manifest } = await rig.head();
  expect(manifest?.dead).toEqual([]);
  const names = manifest?.segments.map(({ id }) => id) ?? [];
  const strays = (await rig.objects()).filter(
    (key) => !key.includes("/manifest/") && !names.some((segment) => key.includes(segment)),
  );
  expect(strays).toEqual([]);
  expect(rig.broken).toEqual([]);
}

describe("one failure while a name is restored", () => {
  for (const from of ["its past", "another name"] as const) {
    test(`to ${from}`, async () => {
      const effects = await run(from);
      expect(effects.length).toBeGreaterThan(10);
      for (const fault of failuresOf(effects)) await run(from, fault);
    }, 120_000);
  }
});
