/** Restores: a name goes on as it was, exactly, whatever happens in between. */
import { describe, expect, test } from "vitest";
import type { DocumentId } from "../src/document/id.ts";
import { type AsOf, pointAsOf } from "../src/history.ts";
import { limits } from "../src/limits.ts";
import { protocolVersion } from "../src/namespace/protocol.ts";
import { restore } from "../src/restore.ts";
import { generationRoot, graveKey, registryKey, walKey } from "../src/store/keys.ts";
import { BranchRig } from "./branch-rig.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

class RestoreRig extends BranchRig {
  async point(asOf: AsOf) {
    const { tenant, name, owner } = this;
    return await this.clock.run(pointAsOf(this.ports(), { tenant, name, owner }, asOf));
  }

  /** Of the newest entry. */
  async last(): Promise<AsOf> {
    return { kind: "sequence", sequence: (await this.head()).next - 1 };
  }

  restoreTo(source: Parameters<typeof restore>[1]) {
    const owner = (of: string) => this.ownerOf(of);
    return this.clock.run(restore({ tenant: this.tenant, name: this.name, owner }, source));
  }

  become(rows: ReadonlyMap<DocumentId, number>): void {
    this.model.clear();
    for (const [id, version] of rows) this.model.set(id, version);
  }
}

async function begun(): Promise<RestoreRig> {
  const rig = new RestoreRig("fish");
  await rig.put(1, [1, 2, 3]);
  await rig.change({ retentionMs: dayMs });
  await rig.index();
  await rig.put(2, [2, 4]);
  return rig;
}

describe("a restore", () => {
  test("to a point of the past brings back that state, its tail included, and nothing later", async () => {
    const rig = await begun();
    const at = await rig.point(await rig.last());
    const then = new Map(rig.model);
    await rig.put(3, [1, 5], [2]);
    await rig.index();
    await rig.put(4, [6]);
    await rig.restoreTo({ name: "fish", at });
    rig.become(then);
    expect(await rig.read()).toEqual(then);
    expect((await rig.head()).settings).toMatchObject({ retentionMs: dayMs });
    await rig.put(5, [7], [1]);
    await rig.index();
    rig.storage.wipe();
    rig.restart();
    await rig.pass(2 * dayMs);
    expect(await rig.read()).toEqual(rig.model);
    expect(rig.broken).toEqual([]);
  });

  test("to another name brings back what that holds, and neither needs the other after", async () => {
    const rig = await begun();
    const saved = await rig.branch("saved");
    await rig.put(3, [1, 5], [2]);
    await rig.restoreTo({ name: "saved" });
    rig.become(saved.model);
    expect(await rig.read()).toEqual(saved.model);
    await rig.put(6, [6], [3]);
    await saved.remove();
    await rig.pass(2 * dayMs);
    expect(await rig.read()).toEqual(rig.model);
  });

  test("of a name that was deleted brings it back", async () => {
    const rig = await begun();
    const saved = await rig.branch("saved");
    await rig.remove();
    await rig.restoreTo({ name: "saved" });
    rig.become(saved.model);
    await rig.pass(2 * dayMs);
    expect(await rig.read()).toEqual(rig.model);
  });

  test("is a write, and refused while the name is read-only", async () => {
    const rig = await begun();
    const at = await rig.point(await rig.last());
    await rig.put(3, [9]);
    await rig.change({ readOnly: true });
    await expect(rig.restoreTo({ name: "fish", at })).rejects.toMatchObject({ kind: "invalid" });
    expect(await rig.read()).toEqual(rig.model);
    await rig.change({ readOnly: false });
    await rig.restoreTo({ name: "fish", at });
    expect((await rig.read()).has(9)).toBe(false);
  });

  test("keeps what the name is set to, also what is set while it is prepared", async () => {
    const rig = await begun();
    const at = await rig.point(await rig.last());
    rig.putMs = 50;
    const restored = rig.restoreTo({ name: "fish", at });
    await rig.clock.advance(60);
    await Promise.all([rig.change({ replicas: 1, retentionMs: hourMs }), restored]);
    rig.putMs = 0;
    const settings = { replicas: 1, retentionMs: hourMs };
    expect((await rig.head()).settings).toMatchObject(settings);
    rig.storage.wipe();
    rig.restart();
    expect((await rig.head()).settings).toMatchObject(settings);
  });

  test("began when its log's entry says so: as of a moment before, it is gone", async () => {
    const rig = await begun();
    const at = await rig.point(await rig.last());
    await rig.put(3, [9]);
    rig.putMs = 50;
    const beganMs = rig.clock.now();
    await rig.restoreTo({ name: "fish", at });
    rig.putMs = 0;
    for (const restart of [() => {}, () => rig.restart()]) {
      restart();
      const { createdMs } = await rig.head();
      // Refs and manifest come first.
      expect(createdMs).toBeGreaterThanOrEqual(beganMs + 2 * 50);
      await rig.clock.advance(1_000);
      const before = rig.point({ kind: "time", ms: createdMs - 1 });
      await expect(before).rejects.toMatchObject({ kind: "gone" });
      const { next } = await rig.point({ kind: "time", ms: createdMs });
      expect(next).toBe(at.next);
    }
  });

  test("waits for nobody and keeps whoever asks waiting, never not found", async () => {
    const rig = await begun();
    const at = await rig.point(await rig.last());
    const then = new Map(rig.model);
    await rig.put(3, [9]);
    rig.putMs = 50;
    const answers: string[] = [];
    const ask = async (): Promise<void> => {
      for (let i = 0; i < 60; i++) {
        const request = { protocol: protocolVersion, tenant: rig.tenant, name: rig.name };
        const reply = await rig.owner.head(request);
        answers.push(reply.ok ? "ok" : reply.kind);
        await rig.clock.sleep(10);
      }
    };
    const asked = ask();
    const restored = rig.restoreTo({ name: "fish", at });
    await rig.clock.run(Promise.all([asked, restored]));
    expect(new Set(answers)).toEqual(new Set(["ok"]));
    rig.putMs = 0;
    rig.become(then);
    expect(await rig.read()).toEqual(then);
  });

  test.each(["refs", "manifest", "wal", "graves", "names"])(
    "cut off before %s is written either happens or does not, and is made up for",
    async (kind) => {
      const rig = await begun();
      const at = await rig.point(await rig.last());
      const then = new Map(rig.model);
      await rig.put(3, [1, 5], [2]);
      const now = new Map(rig.model);
      const { generation, next } = await rig.head();
      rig.lost = {
        refs: /\/refs\//,
        manifest: /\/manifest\//,
        wal: new RegExp(walKey(generationRoot(rig.tenant, generation), next)),
        graves: new RegExp(graveKey(rig.tenant, generation)),
        names: new RegExp(registryKey(rig.tenant, rig.name)),
      }[kind];
      const cut = rig.restoreTo({ name: "fish", at }).catch((error: unknown) => error);
      await rig.clock.advance(5_000);
      rig.lost = undefined;
      rig.storage.wipe();
      rig.restart();
      const isDone = kind === "graves" || kind === "names";
      rig.become(isDone ? then : now);
      expect(await rig.read()).toEqual(rig.model);
      await rig.clock.run(cut);
      await rig.put(7, [70]);
      await rig.index();
      const before = await rig.objects();
      await rig.pass(3 * dayMs);
      expect(await rig.read()).toEqual(rig.model);
      const left = (await rig.objects()).filter((key) => key.includes("/refs/"));
      expect(left.length, before.join("\n")).toBeLessThanOrEqual(1);
      expect(rig.broken).toEqual([]);
    },
  );

  test("is refused to a point that a collection may be taking, or of another life", async () => {
    const rig = await begun();
    const at = await rig.point(await rig.last());
    await rig.put(3, [9]);
    await rig.index();
    const old = await rig.point({ kind: "sequence", sequence: at.next - 1 });
    await rig.change({ retentionMs: 0 });
    await rig.index();
    await rig.clock.advance(limits.collectGraceMs + limits.collectEveryMs + 1_000);
    const job = await rig.ask(rig.owner.claim(rig.tenant, rig.name));
    expect(job?.kind).toBe("collect");
    await expect(rig.restoreTo({ name: "fish", at: old })).rejects.toMatchObject({ kind: "gone" });
    const other = { ...at, generation: "ab".repeat(16) };
    await expect(rig.restoreTo({ name: "fish", at: other })).rejects.toMatchObject({
      kind: "gone",
    });
    expect(await rig.read()).toEqual(rig.model);
  });
});
