/** Merges whose steps are done by one attempt after the other, whatever happens in between. */
import { expect, test } from "vitest";
import { limits } from "../src/limits.ts";
import type { Job } from "../src/namespace/protocol.ts";
import { CompactRig } from "./compact-rig.ts";
import { withBounds } from "./sim/sizes.ts";

/** Every merge has steps, and an attempt ends after each. */
const bounds = { stepBytesMin: 0, stepMs: 0 };
const ids = Array.from({ length: 40 }, (_, i) => i);

/** A namespace whose only segment is to be written again, since many of its rows are dead. */
async function withMerge(rig: CompactRig): Promise<Job> {
  await rig.put(ids);
  await rig.flushAll();
  await rig.put([], ids.slice(0, 12));
  await rig.ask(rig.owner.requestFlush(rig.tenant, rig.name));
  expect(await rig.run((await rig.claim()) as Job)).toBe(true);
  const job = await rig.claim();
  expect(job?.kind).toBe("merge");
  return job as Job;
}

/** Rows that are live in segments, before anything is flushed. */
async function expectModel(rig: CompactRig): Promise<void> {
  await rig.flushAll();
  expect(await rig.segmentIds()).toEqual(rig.model);
}

test("an attempt ends after a step, and the next goes on, through restarts and while rows die", () =>
  withBounds(bounds, async () => {
    const rig = new CompactRig();
    let job: Job | undefined = await withMerge(rig);
    const steps: number[] = [];
    let deleted = 12;
    while (job !== undefined && !(await rig.run(job))) {
      rig.restart();
      await rig.put([], [deleted++]);
      await rig.ask(rig.owner.requestFlush(rig.tenant, rig.name));
      job = await rig.claim();
      while (job?.kind === "flush") {
        expect(await rig.run(job)).toBe(true);
        job = await rig.claim();
      }
      steps.push(job?.progress?.steps.length ?? 0);
    }
    expect(steps).toEqual([1, 2, 3, 4, 5].slice(0, steps.length));
    expect(steps.length).toBeGreaterThanOrEqual(4);
    expect(await rig.segmentIds()).toEqual(rig.model);
  }));

test("an attempt that was given up and goes on beside its successor does no harm", () =>
  withBounds({ ...bounds, stepMs: limits.stepMs }, async () => {
    const rig = new CompactRig();
    const first = await withMerge(rig);
    const release = rig.stall(/\/step\/.*-2$/);
    const working = rig.start(first);
    await rig.clock.advance(limits.leaseMs + 1);
    const second = (await rig.claim()) as Job;
    expect(second).toMatchObject({ id: first.id, attempt: 2 });
    expect(second.progress?.steps.length).toBe(2);
    const going = rig.start(second);
    release();
    const [one, two] = await rig.clock.run(Promise.allSettled([working, going]));
    expect(one.status).toBe("rejected");
    expect(two).toMatchObject({ status: "fulfilled", value: true });
    await expectModel(rig);
  }));

test("a merge begins anew when what it goes on from cannot be read twice", () =>
  withBounds(bounds, async () => {
    const rig = new CompactRig();
    const { tenant, name } = rig;
    expect(await rig.run(await withMerge(rig))).toBe(false);
    const page = await rig.memory.list("");
    const steps = page.objects.map(({ key }) => key).filter((key) => key.includes("/step/"));
    expect(steps.length).toBe(1);
    await rig.memory.delete(steps);
    for (let failures = 0; failures < 2; failures++) {
      const job = (await rig.claim()) as Job;
      expect(job.progress?.steps.length).toBe(1);
      await expect(rig.run(job)).rejects.toThrow("is missing");
      await rig.ask(rig.owner.fail(tenant, name, job.id, job.attempt, "missing"));
      await rig.clock.advance(60_000);
    }
    const anew = (await rig.claim()) as Job;
    expect(anew.progress).toBeUndefined();
    expect(await rig.run(anew)).toBe(false);
    await expectModelInSteps(rig);
  }));

test("a merge begins anew before its objects could be taken for orphans", () =>
  withBounds(bounds, async () => {
    const rig = new CompactRig();
    expect(await rig.run(await withMerge(rig))).toBe(false);
    await rig.clock.advance(limits.orphanAgeMs / 4);
    const anew = (await rig.claim()) as Job;
    expect(anew).toMatchObject({ attempt: 2 });
    expect(anew.progress).toBeUndefined();
    expect(await rig.run(anew)).toBe(false);
    await expectModelInSteps(rig);
  }));

async function expectModelInSteps(rig: CompactRig): Promise<void> {
  for (let job = await rig.claim(); job?.kind === "merge"; job = await rig.claim()) {
    await rig.run(job);
  }
  expect(await rig.segmentIds()).toEqual(rig.model);
}
