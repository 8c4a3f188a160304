/** The past: every state within the retention is read as it was, whatever was collected since. */
import { describe, expect, test } from "vitest";
import type { DocumentId } from "../src/document/id.ts";
import { openWalEntry } from "../src/format/wal.ts";
import { type AsOf, kept, snapshotAsOf } from "../src/history.ts";
import { limits } from "../src/limits.ts";
import { search } from "../src/search.ts";
import { generationRoot, walKey } from "../src/store/keys.ts";
import { parseQueryRequest } from "../workers/api/query-request.ts";
import { BranchRig } from "./branch-rig.ts";
import { syncDigest } from "./sync-digest.ts";

const hourMs = 3_600_000;

interface Moment {
  readonly ms: number;
  /** Of the newest entry. */
  readonly sequence: number;
  readonly rows: ReadonlyMap<DocumentId, number>;
}

/** A namespace that notes what it held at every moment. */
class PastRig extends BranchRig {
  readonly moments: Moment[] = [];

  async step(version: number, ids: readonly DocumentId[], deletes: readonly DocumentId[] = []) {
    await this.put(version, ids, deletes);
    await this.note();
  }

  async note(): Promise<void> {
    const { next } = await this.head();
    const rows = new Map(this.model);
    this.moments.push({ ms: this.clock.now(), sequence: next - 1, rows });
    await this.clock.advance(10);
  }

  async readAsOf(asOf: AsOf): Promise<Map<DocumentId, number>> {
    const { tenant, name, owner } = this;
    const ports = this.searchPorts();
    const { query } = parseQueryRequest({
      rank_by: ["id", "asc"],
      limit: 1_000,
      include_attributes: ["n"],
    });
    const read = async () => {
      const snapshot = await snapshotAsOf(ports, { tenant, name, owner }, asOf);
      return await kept(() => search(ports, { tenant, name, owner, snapshot }, query));
    };
    const { rows } = await this.clock.run(read());
    return new Map(rows.map(({ id, attributes }) => [id, Number(attributes[0]?.value)]));
  }

  /** The log's end in the state that is shown. */
  async endAt(ms: number): Promise<number> {
    const { tenant, name, owner } = this;
    const asOf = { kind: "time", ms } as const;
    const ports = this.searchPorts();
    return (await this.clock.run(snapshotAsOf(ports, { tenant, name, owner }, asOf))).next;
  }

  /** What each entry of its own log says. */
  async times(): Promise<number[]> {
    const { generation, next } = await this.head();
    const times: number[] = [];
    for (let sequence = 0; sequence < next; sequence++) {
      const stored = await this.memory.get(
        walKey(generationRoot(this.tenant, generation), sequence),
      );
      if (stored === undefined) continue;
      const place = { generation, sequence };
      times.push((await openWalEntry(stored.bytes, place, syncDigest)).timeMs);
    }
    return times;
  }

  async expectPast(moments: readonly Moment[] = this.moments): Promise<void> {
    for (const { ms, sequence, rows } of moments) {
      expect(await this.readAsOf({ kind: "sequence", sequence })).toEqual(rows);
      expect(await this.readAsOf({ kind: "time", ms })).toEqual(rows);
    }
  }

  async expectGone(moments: readonly Moment[]): Promise<void> {
    for (const { ms, sequence } of moments) {
      for (const asOf of [{ kind: "sequence", sequence } as const, { kind: "time", ms } as const]) {
        await expect(this.readAsOf(asOf)).rejects.toMatchObject({ kind: "gone" });
      }
    }
  }
}

/** Writes that are flushed and merged again and again. */
async function live(rig: PastRig, rounds: number, first = 0): Promise<void> {
  for (let round = first; round < first + rounds; round++) {
    await rig.step(10 * round, [1, 100 + round]);
    await rig.step(10 * round + 1, [2, 200 + round], [100 + round]);
    await rig.index();
    await rig.note();
    await rig.step(10 * round + 2, [3], [2]);
  }
}

describe("as of an earlier moment", () => {
  test("every state is what it was, in the tail, in segments and between them", async () => {
    const rig = new PastRig("past");
    await rig.put(1, [1]);
    await rig.change({ retentionMs: 24 * hourMs });
    await rig.note();
    await live(rig, 6);
    await rig.expectPast();
  });

  test("all of it is there until its retention is over, and none of it after", async () => {
    const rig = new PastRig("past");
    await rig.put(1, [1]);
    await rig.change({ retentionMs: 10 * hourMs });
    await rig.note();
    await live(rig, 5);
    await rig.pass(9 * hourMs);
    await rig.expectPast();
    const old = rig.moments.slice(0, -1);
    const before = (await rig.objects()).length;
    await live(rig, 2, 5);
    await rig.pass(4 * hourMs);
    await rig.expectGone(old);
    expect((await rig.objects()).length).toBeLessThan(before);
    await rig.expectPast(rig.moments.slice(old.length + 1));
    expect(await rig.read()).toEqual(rig.model);
  });

  test("nothing but the present is there without retention, and the bucket is small", async () => {
    const rig = new PastRig("past");
    await rig.step(1, [1]);
    await live(rig, 4);
    await rig.clock.advance(1_000);
    await rig.expectGone(rig.moments.slice(0, -1));
    expect(await rig.readAsOf({ kind: "time", ms: rig.clock.now() })).toEqual(rig.model);
    await rig.pass(3 * hourMs);
    const bare = (await rig.objects()).length;
    await rig.change({ retentionMs: 24 * hourMs });
    await live(rig, 4, 4);
    await rig.pass(3 * hourMs);
    expect((await rig.objects()).length).toBeGreaterThan(bare + 8);
    await rig.change({ retentionMs: 0 });
    await rig.pass(5 * hourMs);
    await rig.index();
    await rig.pass(5 * hourMs);
    expect((await rig.objects()).length).toBeLessThanOrEqual(bare + 2);
  });

  test("the future and what is not written yet are refused, and so is before the first", async () => {
    const rig = new PastRig("past");
    await rig.step(1, [1]);
    await rig.change({ retentionMs: limits.retentionMsMax });
    const later = { kind: "time", ms: rig.clock.now() + 1 } as const;
    await expect(rig.readAsOf(later)).rejects.toMatchObject({ kind: "invalid" });
    const next = { kind: "sequence", sequence: 2 } as const;
    await expect(rig.readAsOf(next)).rejects.toMatchObject({ kind: "invalid" });
    const early = { kind: "time", ms: rig.clock.now() - hourMs } as const;
    await expect(rig.readAsOf(early)).rejects.toMatchObject({ kind: "gone" });
    await rig.remove();
    await expect(rig.readAsOf(next)).rejects.toMatchObject({ kind: "notFound" });
  });

  test("times never fall along the log, also behind an entry without writes that is flushed", async () => {
    const rig = new PastRig("past");
    await rig.step(1, [1]);
    await rig.change({ retentionMs: 24 * hourMs });
    await rig.index();
    await rig.note();
    rig.clock.set(rig.clock.now() - 5 * 60_000);
    rig.restart();
    await rig.step(2, [2]);
    const times = await rig.times();
    expect(times).toHaveLength((await rig.head()).next);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    await rig.clock.advance(10 * 60_000);
    const ends = await Promise.all(times.map((ms) => rig.endAt(ms)));
    expect(ends).toEqual(times.map((ms) => times.findLastIndex((other) => other === ms) + 1));
  });

  test("the state behind an entry that is gone is not shown for a time before it", async () => {
    const rig = new PastRig("past");
    await rig.step(1, [1]);
    await rig.change({ retentionMs: 24 * hourMs });
    await rig.clock.advance(hourMs);
    const between = rig.clock.now() - 1;
    await rig.change({ retentionMs: 0 });
    const changed = Math.max(...(await rig.times()));
    await rig.index();
    await rig.pass(3 * hourMs);
    expect(await rig.times()).toEqual([]);
    await rig.change({ retentionMs: 24 * hourMs });
    await expect(rig.endAt(between)).rejects.toMatchObject({ kind: "gone" });
    expect(await rig.endAt(changed)).toBe(3);
    await rig.clock.advance(1_000);
    expect(await rig.endAt(rig.clock.now())).toBe(4);
  });

  test("a branch begins after all that it begins with, whatever its machine's clock says", async () => {
    for (const isFlushed of [false, true]) {
      const parent = new PastRig("parent");
      await parent.put(1, [1]);
      await parent.change({ retentionMs: 24 * hourMs });
      if (isFlushed) await parent.index();
      const last = Math.max(...(await parent.times()));
      parent.clock.set(last - 5 * 60_000);
      const child = new PastRig("child", parent);
      await parent.branch("child");
      await child.change({ retentionMs: 24 * hourMs });
      expect((await child.head()).createdMs).toBe(last);
      await child.clock.advance(10 * 60_000);
      const { next } = await child.head();
      await child.step(2, [2]);
      await expect(child.endAt(last - 1)).rejects.toMatchObject({ kind: "gone" });
      expect(await child.endAt(last)).toBe(next);
      await expect(child.readAsOf({ kind: "sequence", sequence: 0 })).rejects.toMatchObject({
        kind: "gone",
      });
      await child.index();
      expect(await child.endAt(last)).toBe(next);
      await child.expectPast();
    }
  });

  test("it is read by a branch from its own past, its parent deleted or not", async () => {
    const parent = new PastRig("parent");
    await parent.put(1, [1, 2]);
    await parent.change({ retentionMs: 24 * hourMs });
    await live(parent, 2);
    const child = new PastRig("child", parent);
    await parent.branch("child");
    await child.note();
    await live(child, 3, 7);
    await parent.remove();
    await child.pass(9 * hourMs);
    await child.expectPast();
  });
});
