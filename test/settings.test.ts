/** What a namespace is set to: kept in the log, in its order, and nowhere else. */
import { describe, expect, test } from "vitest";
import { limits } from "../src/limits.ts";
import { BranchRig } from "./branch-rig.ts";

const readOnlyText = "This namespace is read-only";

async function settingsOf(rig: BranchRig) {
  return (await rig.head()).settings;
}

describe("read_only", () => {
  test("refuses documents and schema, and lets itself be ended", async () => {
    const rig = new BranchRig("fish");
    await rig.put(1, [1]);
    await rig.change({ readOnly: true });
    await expect(rig.put(2, [2])).rejects.toThrow(readOnlyText);
    await expect(rig.put(2, [], [1])).rejects.toThrow(readOnlyText);
    const request = await rig.request([]);
    const addition = { attributes: new Map([["m", { type: "int", filterable: true } as const]]) };
    const schemaOnly = rig.owner.commit({ ...request, chunks: [], addition });
    await expect(rig.ask(schemaOnly)).rejects.toThrow(readOnlyText);
    expect(await rig.read()).toEqual(new Map([[1, 1]]));
    await rig.change({ replicas: 1 });
    expect(await settingsOf(rig)).toEqual({
      readOnly: true,
      replicas: 1,
      shards: 0,
      retentionMs: 0,
    });
    await rig.change({ readOnly: false });
    await rig.put(3, [3]);
    await rig.change({ readOnly: true });
    await rig.remove();
    expect(await settingsOfNext(rig)).toMatchObject({ readOnly: false });
  });

  test("is in force from its place in the log on, for whatever waits behind it", async () => {
    const rig = new BranchRig("fish");
    await rig.put(1, [1]);
    const [before, after] = [await rig.request([2]), await rig.request([3])];
    const change = { ...(await rig.request([])), chunks: [], settings: { readOnly: true } };
    const replies = await rig.clock.run(
      Promise.all([before, change, after].map((request) => rig.owner.commit(request))),
    );
    expect(replies.map((reply) => reply.ok || reply.kind)).toEqual([true, true, "invalid"]);
    expect([...(await rig.read()).keys()]).toEqual([1, 2]);
  });

  test("survives the owner's replacement, from the tail and from the manifest", async () => {
    for (const isIndexed of [false, true]) {
      const rig = new BranchRig("fish");
      await rig.put(1, [1]);
      await rig.change({ readOnly: true, replicas: 2 });
      if (isIndexed) await rig.index();
      rig.storage.wipe();
      rig.restart();
      expect(await settingsOf(rig)).toEqual({
        readOnly: true,
        replicas: 2,
        shards: 0,
        retentionMs: 0,
      });
      await expect(rig.put(2, [2])).rejects.toThrow(readOnlyText);
    }
  });

  test("is inherited by a branch, pinning is not, and a copy inherits neither", async () => {
    for (const isIndexed of [false, true]) {
      const rig = new BranchRig("fish");
      await rig.put(1, [1]);
      await rig.change({ readOnly: true, replicas: 2 });
      if (isIndexed) await rig.index();
      const branch = await rig.branch("branch");
      expect(await settingsOf(branch)).toEqual({
        readOnly: true,
        replicas: 0,
        shards: 0,
        retentionMs: 0,
      });
      const { child } = await rig.copy("copy");
      expect(await settingsOf(child)).toEqual({
        readOnly: false,
        replicas: 0,
        shards: 0,
        retentionMs: 0,
      });
      await child.put(5, [5]);
      await child.index();
      child.storage.wipe();
      child.restart();
      expect(await settingsOf(child)).toEqual({
        readOnly: false,
        replicas: 0,
        shards: 0,
        retentionMs: 0,
      });
    }
  });

  test("is no matter to a copy's branch either, whose log began in what was read-only", async () => {
    const rig = new BranchRig("fish");
    await rig.put(1, [1]);
    await rig.change({ readOnly: true });
    const { child } = await rig.copy("copy");
    const grandchild = await child.branch("branch of the copy");
    expect(await settingsOf(grandchild)).toMatchObject({ readOnly: false });
    await grandchild.put(2, [2]);
    grandchild.restart();
    expect(await grandchild.read()).toEqual(
      new Map([
        [1, 1],
        [2, 2],
      ]),
    );
  });
});

describe("pinning", () => {
  const warmedMs = async (rig: BranchRig) =>
    (await rig.ask(rig.owner.status(rig.tenant, rig.name))).warmedMs;

  test("has the caches warmed by alarms alone, every five minutes, until it ends", async () => {
    const rig = new BranchRig("fish");
    await rig.put(1, [1, 2]);
    await rig.index();
    expect(await rig.runDue()).toEqual([]);
    await rig.change({ replicas: 1 });
    expect(await warmedMs(rig)).toBe(0);
    for (let i = 0; i < 3; i++) {
      rig.hints.splice(0);
      await rig.clock.run(rig.owner.alarm(rig.identity));
      expect(rig.hints).toHaveLength(1);
      expect(await rig.runDue()).toEqual(["warm"]);
      expect(await warmedMs(rig)).toBe(rig.clock.now());
      await rig.clock.advance(limits.warmEveryMs - 1_000);
      expect(await rig.runDue()).toEqual([]);
      expect(rig.storage.alarmMs).toBeLessThanOrEqual(rig.clock.now() + limits.alarmMs);
      await rig.clock.advance(1_000);
    }
    await rig.change({ replicas: 0 });
    expect(await rig.runDue()).toEqual([]);
  });

  test("goes on with a new instance, and with one that has lost its table", async () => {
    const rig = new BranchRig("fish");
    await rig.put(1, [1]);
    await rig.change({ replicas: 1 });
    expect(await rig.runDue()).toEqual(["warm"]);
    const before = await warmedMs(rig);
    rig.restart();
    expect(await warmedMs(rig)).toBe(before);
    rig.storage.wipe();
    rig.restart();
    expect(await rig.runDue()).toContain("warm");
  });
});

describe("times", () => {
  test("documents move both, a schema one, settings neither; all of it survives", async () => {
    for (const isIndexed of [false, true]) {
      const rig = new BranchRig("fish");
      const times = async () => {
        const { lastWriteMs, updatedMs } = await rig.head();
        await rig.clock.advance(1_000);
        return { lastWriteMs, updatedMs };
      };
      await rig.put(1, [1]);
      const first = await times();
      expect(first.updatedMs).toBe(first.lastWriteMs);
      const request = await rig.request([]);
      const addition = { attributes: new Map([["m", { type: "int", filterable: true } as const]]) };
      await rig.ask(rig.owner.commit({ ...request, chunks: [], addition }));
      const second = await times();
      expect(second.lastWriteMs).toBe(first.lastWriteMs);
      expect(second.updatedMs).toBeGreaterThan(first.updatedMs);
      await rig.change({ readOnly: true });
      expect(await times()).toEqual(second);
      if (isIndexed) await rig.index();
      rig.storage.wipe();
      rig.restart();
      expect(await times()).toEqual(second);
      const branch = await rig.branch("branch");
      const begun = await branch.head();
      expect(begun.lastWriteMs).toBe(first.lastWriteMs);
      expect(begun.updatedMs).toBe(begun.createdMs);
    }
  });
});

async function settingsOfNext(rig: BranchRig) {
  await rig.put(1, [1]);
  return await settingsOf(rig);
}
