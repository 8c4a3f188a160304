/**
 * Flushes and merges against a model: whatever order jobs are claimed, built, duplicated, abandoned
 * and resolved in, an id is live in at most one segment, and segments and tail together hold
 * exactly the newest version of every document.
 */
import { describe, expect, test } from "vitest";
import { collect, purge } from "../src/collect.ts";
import { limits } from "../src/limits.ts";
import type { Job } from "../src/namespace/protocol.ts";
import { CompactRig } from "./compact-rig.ts";

/** From when something dies until it is collected. */
const collectMs = limits.collectGraceMs + limits.collectEveryMs;

describe("flush", () => {
  test("moves everything into a segment and the floor to the head", async () => {
    const rig = new CompactRig();
    await rig.put([1, 2, 3]);
    await rig.put([2, 4], [3]);
    await rig.flushAll();
    expect(await rig.segmentIds()).toEqual(new Set([1, 2, 4]));
    const status = await rig.ask(rig.owner.status(rig.tenant, rig.name));
    expect(status).toMatchObject({ head: 2, floor: 2, unindexedRows: 0, indexed: true });
    expect(status.segments).toMatchObject([{ rows: 3, deadRows: 0 }]);
  });

  test("kills superseded rows of older segments", async () => {
    const rig = new CompactRig();
    await rig.put([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    await rig.flushAll();
    await rig.put([1], [2]);
    await rig.flushAll();
    expect(await rig.segmentIds()).toEqual(rig.model);
  });

  test("of deletes only adds no segment", async () => {
    const rig = new CompactRig();
    await rig.put([1, 2, 3, 4, 5, 6]);
    await rig.flushAll();
    await rig.put([], [1]);
    await rig.flushAll();
    expect(await rig.segmentIds()).toEqual(rig.model);
    const status = await rig.ask(rig.owner.status(rig.tenant, rig.name));
    expect(status.segments).toMatchObject([{ rows: 6, deadRows: 1 }]);
  });

  test("that deletes everything leaves no segment", async () => {
    const rig = new CompactRig();
    await rig.put([1, 2, 3]);
    await rig.flushAll();
    await rig.put([], [1, 2, 3]);
    await rig.flushAll();
    expect(await rig.segmentIds()).toEqual(new Set());
    const status = await rig.ask(rig.owner.status(rig.tenant, rig.name));
    expect(status.segments).toEqual([]);
  });

  test("survives a new instance without its storage", async () => {
    const rig = new CompactRig();
    await rig.put([1, 2, 3]);
    await rig.flushAll();
    await rig.put([4], [1]);
    rig.storage.wipe();
    rig.restart();
    await rig.flushAll();
    expect(await rig.segmentIds()).toEqual(rig.model);
  });

  test("by an attempt whose lease ran out changes nothing", async () => {
    const rig = new CompactRig();
    await rig.put([1, 2, 3]);
    await rig.ask(rig.owner.requestFlush(rig.tenant, rig.name));
    const first = await rig.claim();
    await rig.clock.advance(limits.leaseMs + 1);
    const second = await rig.claim();
    expect(second).toMatchObject({ id: first?.id, attempt: 2 });
    expect(await rig.run(first as Job)).toBe(false);
    expect(await rig.run(second as Job)).toBe(true);
    expect(await rig.run(second as Job)).toBe(false);
    expect(await rig.segmentIds()).toEqual(rig.model);
  });
});

describe("jobs", () => {
  test("ranges flushed in parallel are resolved in their order", async () => {
    const rig = new CompactRig();
    await rig.put([1, 2, 3]);
    await rig.ask(rig.owner.requestFlush(rig.tenant, rig.name));
    const first = (await rig.claim()) as Job;
    await rig.put([2, 4], [1]);
    await rig.ask(rig.owner.requestFlush(rig.tenant, rig.name));
    const second = (await rig.claim()) as Job;
    expect(second.wal?.from).toBe(first.wal?.to);
    const [late, early] = [rig.run(second), rig.run(first)];
    expect(await early).toBe(true);
    expect(await late).toBe(true);
    expect(await rig.segmentIds()).toEqual(rig.model);
  });

  test("random histories of writes, flushes, merges, crashes and duplicates agree with the model", async () => {
    for (let seed = 1; seed <= 12; seed++) {
      const rig = new CompactRig(`n${seed}`);
      let state = seed * 7919;
      const random = (n: number): number => {
        state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
        return (state >>> 8) % n;
      };
      const held: Job[] = [];
      await rig.put([0]);
      for (let step = 0; step < 60; step++) {
        const ids = Array.from({ length: 1 + random(30) }, () => random(60));
        const upserts = [...new Set(ids.slice(0, random(ids.length + 1)))];
        const deletes = [...new Set(ids)].filter((id) => !upserts.includes(id));
        await rig.put(upserts, deletes);
        if (random(3) === 0) {
          await rig.ask(rig.owner.requestFlush(rig.tenant, rig.name));
        }
        const claimed = random(2) === 0 ? await rig.claim() : undefined;
        if (claimed !== undefined) held.push(claimed);
        if (held.length > 0 && random(2) === 0) {
          const job = held[random(held.length)] as Job;
          const earliest = held.every(
            (other) => other.wal === undefined || (job.wal?.from ?? 0) <= other.wal.from,
          );
          if (job.wal === undefined || earliest) {
            await rig.run(job);
            if (random(4) > 0) held.splice(held.indexOf(job), 1);
          }
        }
        if (random(12) === 0) {
          if (random(2) === 0) {
            rig.storage.wipe();
            held.splice(0);
          }
          rig.restart();
        }
        if (random(10) === 0) {
          await rig.clock.advance(limits.leaseMs + 1);
          held.splice(0);
        }
      }
      await rig.clock.advance(limits.leaseMs + 60_001);
      await rig.flushAll();
      expect(await rig.segmentIds(), `seed ${seed}`).toEqual(rig.model);
    }
  }, 20_000);
});

describe("collection", () => {
  test("deletes what is dead for an hour, and nothing that is named", async () => {
    const rig = new CompactRig();
    for (let round = 0; round < 5; round++) {
      await rig.put([1, 2, 3, 4, 5, round + 10]);
      await rig.clock.advance(2_000);
      await rig.flushAll();
    }
    await rig.clock.advance(limits.restMs);
    await rig.flushAll();
    const before = rig.memory.size;
    await rig.clock.advance(collectMs + 1);
    await rig.clock.run(rig.owner.alarm({ tenant: rig.tenant, name: rig.name }));
    const job = (await rig.claim()) as Job;
    expect(job.kind).toBe("collect");
    const done = await rig.clock.run(collect(rig.ports(), rig.tenant, job));
    expect(done.objects).toBeGreaterThan(5);
    await rig.ask(rig.owner.finish(rig.tenant, rig.name, job.id, job.attempt, done.version));
    expect(rig.memory.size).toBeLessThan(before);
    expect(await rig.segmentIds()).toEqual(rig.model);
    rig.storage.wipe();
    rig.restart();
    expect(await rig.segmentIds()).toEqual(rig.model);
    await rig.put([77]);
    await rig.flushAll();
    expect(await rig.segmentIds()).toEqual(rig.model);
  });

  test("of a namespace that is written to all the time comes every ten minutes", async () => {
    const rig = new CompactRig();
    let collections = 0;
    for (let minute = 0; minute < 150; minute++) {
      await rig.put([minute % 7]);
      await rig.clock.advance(60_000);
      await rig.ask(rig.owner.requestFlush(rig.tenant, rig.name));
      for (let job = await rig.claim(); job !== undefined; job = await rig.claim()) {
        if (job.kind === "collect") {
          collections += 1;
          const { version } = await rig.clock.run(collect(rig.ports(), rig.tenant, job));
          await rig.ask(rig.owner.finish(rig.tenant, rig.name, job.id, job.attempt, version));
        } else {
          await rig.run(job);
        }
      }
    }
    expect(collections).toBeGreaterThan(4);
    expect(collections).toBeLessThanOrEqual(10);
    expect((await rig.head()).manifest?.dead.length).toBeLessThan(400);
    expect(await rig.segmentIds()).toEqual(rig.model);
  });

  test("purges a deleted generation after the grace and leaves the new one alone", async () => {
    const rig = new CompactRig();
    await rig.put([1, 2, 3]);
    await rig.flushAll();
    await rig.ask(rig.owner.remove(rig.tenant, rig.name));
    rig.model.clear();
    await rig.put([9]);
    const held = rig.memory.size;
    await rig.clock.advance(collectMs + 1);
    let job = await rig.claim();
    while (job !== undefined && job.kind !== "purge") {
      await rig.run(job);
      job = await rig.claim();
    }
    expect(job?.grave).toBeDefined();
    await rig.clock.run(purge(rig.ports(), rig.tenant, job?.grave ?? ""));
    await rig.ask(rig.owner.finish(rig.tenant, rig.name, job?.id ?? "", job?.attempt ?? 0, 0));
    expect(rig.memory.size).toBeLessThan(held);
    await rig.flushAll();
    expect(await rig.segmentIds()).toEqual(new Set([9]));
  });
});
