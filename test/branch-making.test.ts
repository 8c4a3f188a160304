/** How a branch is made: refs and registry entry, at once or one after the other. */
import { describe, expect, test } from "vitest";
import { limits } from "../src/limits.ts";
import { protocolVersion } from "../src/namespace/protocol.ts";
import { refsPrefix, registryKey } from "../src/store/keys.ts";
import { BranchRig, expectModels, insistent, parentWith, rewrite, rootOf } from "./branch-rig.ts";

const dayMs = 24 * 3_600_000;

/** Somebody is about to branch what was pinned some time ago. */
async function pinned(pinAgeMs: number) {
  const parent = await parentWith(1, 1);
  const child = new BranchRig("child", parent);
  const pin = await insistent(parent).pin();
  await parent.clock.advance(pinAgeMs);
  const { tenant } = parent;
  const request = { protocol: protocolVersion, tenant, name: "child", parent: "parent", pin };
  return { parent, child, request };
}

/** The branch came to nothing: its name is free, and its ref goes. */
async function expectNothing(parent: BranchRig, child: BranchRig): Promise<void> {
  await expect(child.head()).rejects.toThrow("not found");
  const prefix = refsPrefix(await rootOf(parent));
  expect((await parent.objects(prefix)).length).toBe(1);
  await parent.pass(3 * dayMs);
  expect(await parent.objects(prefix)).toEqual([]);
  expect(await parent.objects("t/default/graves/")).toEqual([]);
  await child.put(4, [4]);
  await expectModels(parent, child);
}

describe("a branch", () => {
  test("of an older pin that takes too long is nothing, and leaves nothing a day later", async () => {
    const { parent, child, request } = await pinned(2 * limits.freshPinMs);
    const release = parent.stall(/\/refs\//);
    const adopted = child.owner.adopt(request);
    await parent.clock.advance(limits.adoptMs + 1);
    release();
    expect(await child.clock.run(adopted)).toMatchObject({ ok: false, kind: "unavailable" });
    await expectNothing(parent, child);
  });

  test("is registered while its refs are stored, and answered after both", async () => {
    for (const isEntry of [true, false]) {
      const { parent, child, request } = await pinned(0);
      const { tenant } = parent;
      const release = parent.stall(isEntry ? /names\/child$/ : /\/refs\//);
      let isAnswered = false;
      const adopted = child.owner.adopt(request).finally(() => {
        isAnswered = true;
      });
      await parent.clock.advance(1_000);
      const refs = await parent.objects(refsPrefix(await rootOf(parent)));
      const entry = await parent.memory.head(registryKey(tenant, "child"));
      expect([refs.length, entry === undefined]).toEqual(isEntry ? [1, true] : [0, false]);
      expect(isAnswered).toBe(false);
      release();
      expect(await child.ask(adopted)).toMatchObject({ kind: "adopted" });
    }
  });

  test("of a name that nobody used reads nothing before its puts", async () => {
    const { parent, child, request } = await pinned(0);
    const release = parent.stall(/\/refs\/|names\/child$/);
    const before = parent.store.counts();
    const adopted = child.owner.adopt(request);
    await parent.clock.advance(1_000);
    const { get, head, list, put } = parent.store.counts();
    expect({ get, head, list, put }).toEqual({
      get: before.get,
      head: before.head,
      list: before.list,
      put: before.put + 2,
    });
    release();
    expect(await child.ask(adopted)).toMatchObject({ kind: "adopted" });
    for (const [id, version] of parent.model) child.model.set(id, version);
    await expectModels(parent, child);
  });

  test("of a name that lives is refused, also where the object has lost all it knew", async () => {
    const { parent, child, request } = await pinned(0);
    await child.put(7, [7, 8]);
    child.storage.wipe();
    child.restart();
    const adopted = await child.clock.run(child.owner.adopt(request));
    expect(adopted).toMatchObject({ ok: false, kind: "conflict" });
    await child.put(9, [9]);
    await expectModels(parent, child);
    await parent.pass(3 * dayMs);
    expect(await parent.objects(refsPrefix(await rootOf(parent)))).toEqual([]);
    await expectModels(parent, child);
  });

  test("of a name that was deleted is one, also where the object has lost all it knew", async () => {
    const { parent, child, request } = await pinned(0);
    await child.put(7, [7, 8]);
    await child.remove();
    child.storage.wipe();
    child.restart();
    expect(await child.ask(child.owner.adopt(request))).toMatchObject({ kind: "adopted" });
    for (const [id, version] of parent.model) child.model.set(id, version);
    await expectModels(parent, child);
  });

  test("lives if its owner ended before its refs were stored, and the next one is in time", async () => {
    const { parent, child, request } = await pinned(0);
    parent.lost = /\/refs\//;
    void child.owner.adopt(request).catch(() => undefined);
    await parent.clock.advance(1_000);
    child.restart();
    parent.lost = undefined;
    await parent.clock.advance(limits.refsByMs - 2_000);
    for (const [id, version] of parent.model) child.model.set(id, version);
    await expectModels(parent, child);
    await rewrite(parent);
    await parent.pass(3 * dayMs, ["parent"]);
    await expectModels(parent, child);
  });

  test("that nobody waits for any more ends its owner all the same, and the next one knows it", async () => {
    const { parent, child, request } = await pinned(0);
    await expect(child.head()).rejects.toThrow("not found");
    parent.lost = /\/refs\//;
    const adopted = child.owner.adopt(request);
    await parent.clock.advance(limits.adoptMs + 60_000);
    expect(await adopted).toMatchObject({ ok: false, kind: "unavailable" });
    parent.lost = undefined;
    for (const [id, version] of parent.model) child.model.set(id, version);
    await expectModels(parent, child);
  });

  test("does not live if its refs were stored too late, and leaves nothing a day later", async () => {
    const { parent, child, request } = await pinned(0);
    const release = parent.stall(/\/refs\//);
    void child.owner.adopt(request).catch(() => undefined);
    await parent.clock.advance(1_000);
    child.restart();
    await parent.clock.advance(limits.refsByMs);
    release();
    await expectNothing(parent, child);
  });
});
