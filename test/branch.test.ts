/** Branches: cheap, independent, and alive whatever becomes of the name they came from. */
import { describe, expect, test } from "vitest";
import { branch } from "../src/branch.ts";
import { isEngineError } from "../src/errors.ts";
import { homeOfEntry } from "../src/format/homes.ts";
import { deadKeyOf, rootBlock } from "../src/index/segment/segment.ts";
import { limits } from "../src/limits.ts";
import { protocolVersion } from "../src/namespace/protocol.ts";
import { pinnedSnapshot } from "../src/pinned.ts";
import { writeRegistry } from "../src/registry.ts";
import { generationRoot, manifestKey, refsPrefix, walKey } from "../src/store/keys.ts";
import { BranchRig, expectModels, insistent, parentWith, rewrite, rootOf } from "./branch-rig.ts";

const dayMs = 24 * 3_600_000;

/** Keys of all that its newest manifest and tail name. */
async function heldBy(rig: BranchRig): Promise<Set<string>> {
  const { manifest, floor, next } = await rig.head();
  const { tenant } = rig;
  if (manifest === undefined) throw new Error("no manifest");
  const wal = Array.from({ length: next - floor }, (_, i) =>
    walKey(generationRoot(tenant, homeOfEntry(manifest, floor + i)), floor + i),
  );
  const segments = manifest.segments.flatMap((info) => [
    rootBlock(tenant, info).key,
    ...(info.dead.version > 0 ? [deadKeyOf(tenant, info)] : []),
  ]);
  return new Set([...wal, ...segments]);
}

describe("a name that was registered by an instance which wrote nothing", () => {
  test("is an empty namespace for the next one, also for who would branch to it", async () => {
    const parent = await parentWith(1, 1);
    const child = new BranchRig("child", parent);
    const { generation } = await child.ask(child.owner.describe(child.tenant, child.name));
    const change = { generation, state: "live", epoch: 1 } as const;
    const view = { entry: undefined, etag: undefined };
    await child.clock.run(writeRegistry(child.ports(), child.identity, view, change));
    child.restart();
    await expect(parent.branch("child")).rejects.toThrow("exists");
    await child.put(2, [2]);
    expect([...(await child.read()).keys()]).toEqual([2]);
  });
});

describe("a branch", () => {
  test("begins as its parent is, segments and tail, and both go their own ways", async () => {
    const parent = await parentWith(2, 3);
    const child = await parent.branch("child");
    await expectModels(parent, child);
    await child.put(90, [1], [2]);
    await parent.put(91, [3], [1]);
    await expectModels(parent, child);
    await child.index();
    await parent.index();
    await expectModels(parent, child);
    child.storage.wipe();
    child.restart();
    await expectModels(parent, child);
  });

  test("costs the same however much there is to branch", async () => {
    const costs: unknown[] = [];
    for (const [segments, tail] of [
      [1, 1],
      [6, 40],
    ] as const) {
      const parent = await parentWith(segments, tail);
      const child = new BranchRig("child", parent);
      await child.ask(child.owner.describe(child.tenant, child.name));
      const { tenant, store } = parent;
      const before = store.counts();
      const release = parent.stall(/names\/child$/);
      const owner = (name: string) => parent.ownerOf(name);
      const done = branch({ tenant, parent: "parent", name: "child", owner });
      await parent.clock.advance(1_000);
      const { get, put, list } = store.counts();
      costs.push({ get: get - before.get, put: put - before.put, list: list - before.list });
      release();
      await parent.clock.run(done);
    }
    expect(costs[1]).toEqual(costs[0]);
    // Ref and registry entry. The manifest is put into its place, and the tail read, behind the
    // answer.
    expect(costs[0]).toEqual({ get: 0, put: 2, list: 0 });
  });

  test("of nothing but deletions is empty, and can be written to", async () => {
    const parent = await parentWith(1, 0);
    await parent.put(7, [], [...parent.model.keys()]);
    await parent.index();
    const child = await parent.branch("child");
    await child.put(8, [5]);
    await expectModels(parent, child);
    const prefix = refsPrefix(await rootOf(parent));
    expect((await parent.objects(prefix)).length).toBe(1);
    await parent.pass(dayMs);
    expect(await parent.objects(prefix)).toEqual([]);
  });

  test("is refused where a name lives, and given to one of two", async () => {
    const parent = await parentWith(1, 1);
    const other = new BranchRig("other", parent);
    await other.put(1, [1]);
    await expect(parent.branch("other")).rejects.toThrow("exists");
    await expectModels(other);
    const pins = await Promise.all([insistent(parent).pin(), insistent(parent).pin()]);
    const child = new BranchRig("child", parent);
    const { tenant } = parent;
    const replies = await parent.clock.run(
      Promise.all(
        pins.map((pin) =>
          child.owner.adopt({
            protocol: protocolVersion,
            tenant,
            name: "child",
            parent: "parent",
            pin,
          }),
        ),
      ),
    );
    expect(replies.map((reply) => (reply.ok ? "made" : reply.kind)).toSorted()).toEqual([
      "conflict",
      "made",
    ]);
  });

  test("that was made is recognised when the call is repeated, also by a new instance", async () => {
    const parent = await parentWith(1, 1);
    const child = new BranchRig("child", parent);
    const pin = await insistent(parent).pin();
    const { tenant } = parent;
    const request = { protocol: protocolVersion, tenant, name: "child", parent: "parent", pin };
    const made = await child.ask(child.owner.adopt(request));
    await child.put(5, [5]);
    expect(await child.ask(child.owner.adopt(request))).toEqual(made);
    child.restart();
    expect(await child.ask(child.owner.adopt(request))).toEqual(made);
    const another = { ...request, pin: { ...pin, id: "another" } };
    await expect(child.ask(child.owner.adopt(another))).rejects.toThrow("exists");
  });

  test("needs its pin: without it nothing is made", async () => {
    const parent = await parentWith(1, 1);
    const child = new BranchRig("child", parent);
    const pin = await insistent(parent).pin();
    await parent.clock.advance(limits.pinMs + 1);
    const { tenant } = parent;
    const request = { protocol: protocolVersion, tenant, name: "child", parent: "parent", pin };
    expect(await child.ask(child.owner.adopt(request))).toEqual({ kind: "unpinned" });
    expect(await parent.objects(refsPrefix(await rootOf(parent)))).toEqual([]);
    await child.put(4, [4]);
    await expectModels(parent, child);
  });

  test("comes before or after a first write to its name, never in the middle", async () => {
    const parent = await parentWith(1, 2);
    const child = new BranchRig("child", parent);
    const pin = await insistent(parent).pin();
    const write = await child.request([9], [], () => 9);
    const { tenant } = parent;
    const request = { protocol: protocolVersion, tenant, name: "child", parent: "parent", pin };
    const release = parent.stall(/\/refs\//);
    const adopted = child.owner.adopt(request);
    const committed = child.owner.commit(write);
    await parent.clock.advance(100);
    release();
    expect(await child.ask(adopted)).toMatchObject({ kind: "adopted" });
    expect(await child.ask(committed)).toMatchObject({ kind: "stale", now: { exists: true } });
    expect(await child.read()).toEqual(parent.model);
  });
});

describe("what a branch reads", () => {
  test("stays while the parent replaces it, and goes once the branch has let go of it", async () => {
    const parent = await parentWith(3, 2);
    const child = await parent.branch("child");
    const held = await heldBy(child);
    await rewrite(parent);
    await parent.pass(3 * dayMs, ["parent"]);
    await expectModels(parent, child);
    const stored = await parent.objects(await rootOf(parent));
    expect(stored.filter((key) => held.has(key)).length).toBe(held.size);
    // What died before the branch began is nobody's.
    const own = await heldBy(parent);
    expect(stored.filter((key) => !/(refs|manifest)\//.test(key)).length).toBe(
      held.size + own.size,
    );
    await rewrite(child);
    await parent.pass(3 * dayMs);
    await expectModels(parent, child);
    const { manifest, generation } = await parent.head();
    const root = generationRoot(parent.tenant, generation);
    expect(manifest?.dead).toEqual([]);
    const segments = (await parent.objects(`${root}segment/`)).length;
    expect(segments).toBe(manifest?.segments.length);
    expect(await parent.objects(`${root}refs/`)).toEqual([]);
    expect(await parent.objects(`${root}wal/`)).toEqual([]);
  });

  test("survives its parent, whose rest is purged; the grave waits for the last ref", async () => {
    const parent = await parentWith(2, 2);
    const child = await parent.branch("child");
    const root = await rootOf(parent);
    const held = await heldBy(child);
    await parent.remove();
    await parent.pass(dayMs, ["parent"]);
    await expectModels(child);
    const [ref, ...rest] = await parent.objects(root);
    expect(ref).toContain("/refs/");
    expect(new Set(rest)).toEqual(held);
    await parent.put(1, [1]);
    await rewrite(child);
    await parent.pass(dayMs);
    await expectModels(parent, child);
    expect(await parent.objects(root)).toEqual([]);
    expect(await parent.objects("t/default/graves/")).toEqual([]);
  });

  test("is freed by the deletion of the branch", async () => {
    const parent = await parentWith(2, 2);
    const child = await parent.branch("child");
    const root = await rootOf(parent);
    await child.put(3, [3]);
    const childRoot = await rootOf(child);
    await rewrite(parent);
    await child.remove();
    await parent.pass(3 * dayMs);
    expect(await parent.objects(childRoot)).toEqual([]);
    expect(await parent.objects(`${root}refs/`)).toEqual([]);
    expect((await parent.head()).manifest?.dead).toEqual([]);
    await expectModels(parent);
  });

  test("is held below every ancestor, whichever of them dies first", async () => {
    for (const order of [
      [0, 1],
      [1, 0],
    ]) {
      const first = await parentWith(2, 2);
      const second = await first.branch("second");
      await second.put(60, [1, 300], [201]);
      await second.index();
      await second.put(61, [301]);
      const third = await second.branch("third");
      await third.put(62, [302]);
      for (const i of order) {
        await ([first, second][i] as BranchRig).remove();
        await first.pass(dayMs);
        await expectModels(third);
      }
      const fourth = await third.branch("fourth");
      await third.remove();
      await first.pass(dayMs);
      await expectModels(fourth);
      await fourth.put(70, [500]);
      await fourth.index();
      await expectModels(fourth);
      await fourth.remove();
      await first.pass(3 * dayMs);
      expect(await first.objects()).toEqual([]);
    }
  });
});

describe("a pin", () => {
  test("keeps its manifest and what that names; without it both go", async () => {
    for (const isPinned of [true, false]) {
      const rig = await parentWith(2, 2);
      const { pin, renew } = insistent(rig);
      const pinned = await pin();
      const key = manifestKey(await rootOf(rig), pinned.version);
      const held = [...(await heldBy(rig)), key];
      await rewrite(rig);
      for (let i = 0; i < 8; i++) {
        await rig.clock.advance(limits.pinMs - 1_000);
        if (isPinned) expect(await renew(pinned.id)).toMatchObject({ version: pinned.version });
        await rig.clock.run(rig.owner.alarm(rig.identity));
        await rig.runDue();
      }
      const after = new Set(await rig.objects());
      const left = held.filter((each) => after.has(each));
      expect(left).toEqual(isPinned ? held : []);
      if (!isPinned) expect(await renew(pinned.id)).toBeUndefined();
      await rig.pass(dayMs);
      expect((await rig.head()).manifest?.dead).toEqual([]);
    }
  });

  test("ends with its namespace, its table, its release or its time", async () => {
    const rig = await parentWith(1, 0);
    const { pin, renew } = insistent(rig);
    const released = await pin();
    await rig.ask(rig.owner.releasePin(rig.tenant, rig.name, released.id));
    expect(await renew(released.id)).toBeUndefined();
    const lost = await pin();
    rig.storage.wipe();
    rig.restart();
    expect(await renew(lost.id)).toBeUndefined();
    const over = await pin();
    await rig.clock.advance(limits.pinMs);
    expect(await renew(over.id)).toBeUndefined();
    const orphan = await pin();
    await rig.remove();
    expect(await renew(orphan.id)).toBeUndefined();
  });

  test("knows what a branch has skipped of the log that it inherited", async () => {
    const parent = await parentWith(0, 3);
    const child = await parent.branch("child");
    const { tenant, name } = child;
    const root = await rootOf(parent);
    await parent.memory.delete([walKey(root, 2)]);
    child.restart();
    const skip = () => child.ask(child.owner.skipEntry(tenant, name, 2, "it is lost"));
    await expect(skip()).rejects.toMatchObject({ kind: "unavailable" });
    await skip();
    const pin = await insistent(child).pin();
    expect(pin).toMatchObject({ skipped: [2] });
    const { next, skipped } = await child.clock.run(pinnedSnapshot(child.ports(), tenant, pin));
    expect([next, ...skipped]).toEqual([pin.next, 2]);
  });

  test("is refused beyond a number of them", async () => {
    const rig = await parentWith(1, 0);
    const { pin } = insistent(rig);
    for (let i = 0; i < limits.pinsMax; i++) await pin();
    await expect(pin()).rejects.toSatisfy((error) => isEngineError(error, "overloaded"));
    await rig.clock.advance(limits.pinMs);
    await pin();
  });
});
