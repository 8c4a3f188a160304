/** Jobs and manifests under fire: late deltas, lost turns, stuck consumers, pointers that lag. */
import { describe, expect, test } from "vitest";
import { collect, purge } from "../src/collect.ts";
import { limits } from "../src/limits.ts";
import type { Job, NamespaceApi } from "../src/namespace/protocol.ts";
import { currentKey, generationRoot, manifestKey, walKey } from "../src/store/keys.ts";
import { CompactRig } from "./compact-rig.ts";

/** From when something dies until it is collected. */
const collectMs = limits.collectGraceMs + limits.collectEveryMs;

/** The owner, but that `before` runs first when a delta is committed. */
function beforeDelta(rig: CompactRig, before: () => Promise<unknown>): NamespaceApi {
  const { owner } = rig;
  return new Proxy(owner, {
    get: (target, name) => {
      const method: unknown = Reflect.get(target, name, target);
      if (typeof method !== "function") return method;
      return async (...sent: unknown[]) => {
        if (name === "commitDelta") await before();
        return await (method as (...args: unknown[]) => unknown)(...sent);
      };
    },
  });
}

async function flushJob(rig: CompactRig): Promise<Job> {
  await rig.ask(rig.owner.requestFlush(rig.tenant, rig.name));
  const job = await rig.claim();
  expect(job?.kind).toBe("flush");
  return job as Job;
}

/** One consumer that works until nothing is due. Returns what it claimed. */
async function consume(rig: CompactRig): Promise<Job[]> {
  const done: Job[] = [];
  for (let job = await rig.claim(); job !== undefined; job = await rig.claim()) {
    expect(done.push(job), "a consumer that never comes to an end").toBeLessThan(50);
    if (job.kind === "collect") {
      const { version, kept } = await rig.clock.run(collect(rig.ports(), rig.tenant, job));
      await rig.ask(rig.owner.finish(rig.tenant, rig.name, job.id, job.attempt, version, kept));
    } else if (job.kind === "purge") {
      await rig.clock.run(purge(rig.ports(), rig.tenant, job.grave ?? ""));
      await rig.ask(rig.owner.finish(rig.tenant, rig.name, job.id, job.attempt, 0));
    } else {
      await rig.run(job);
    }
  }
  return done;
}

async function root(rig: CompactRig): Promise<string> {
  return generationRoot(rig.tenant, (await rig.head()).generation);
}

async function keys(rig: CompactRig, prefix: string): Promise<string[]> {
  return (await rig.memory.list(prefix)).objects.map(({ key }) => key.slice(prefix.length));
}

describe("a manifest published", () => {
  test("while a log entry is under way does not forget that it is", async () => {
    const rig = new CompactRig();
    await rig.put([1]);
    const job = await flushJob(rig);
    const request = await rig.request([2]);
    const release = rig.stall(/\/wal\//);
    const write = rig.owner.commit(request);
    await rig.clock.advance(200);
    await rig.run(job);
    expect(rig.storage.record).toMatchObject({ intent: 1, manifestVersion: 1 });
    release();
    await rig.ask(write);
    expect(rig.storage.record).toMatchObject({ intent: undefined, next: 2 });
  });

  test("while the name is deleted belongs to the life that ended", async () => {
    const rig = new CompactRig();
    await rig.put([1, 2]);
    const job = await flushJob(rig);
    const release = rig.stall(/\/manifest\//);
    const running = rig.start(job);
    await rig.clock.advance(100);
    const removal = rig.owner.remove(rig.tenant, rig.name);
    await rig.clock.advance(1_000);
    release();
    await rig.ask(removal);
    await rig.clock.run(running);
    await rig.write([9]);
    expect(await rig.head()).toMatchObject({ floor: 0, next: 1, manifestVersion: 0 });
    rig.restart();
    expect(await rig.head()).toMatchObject({ floor: 0, next: 1, manifestVersion: 0 });
  });

  test("by an instance that was replaced never reaches the store", async () => {
    const rig = new CompactRig();
    await rig.put([1, 2]);
    const job = await flushJob(rig);
    const running = rig.start(
      job,
      beforeDelta(rig, async () => rig.restart()),
    );
    await expect(rig.clock.run(running)).rejects.toThrow("reset");
    expect(await rig.memory.get(manifestKey(await root(rig), 1))).toBeUndefined();
  });
});

describe("a delta", () => {
  test("that arrives at any moment of a deletion changes nothing of the next life", async () => {
    for (let turns = 0; turns < 80; turns++) {
      const rig = new CompactRig(`n${turns}`);
      await rig.put([1, 2]);
      const job = await flushJob(rig);
      await rig.clock.advance(limits.commitIntervalMs);
      let removal: Promise<unknown> = Promise.resolve();
      const running = rig.start(
        job,
        beforeDelta(rig, async () => {
          removal = rig.owner.remove(rig.tenant, rig.name);
          for (let i = 0; i < turns; i++) await Promise.resolve();
        }),
      );
      await rig.clock.run(running.catch(() => undefined));
      await rig.clock.run(removal);
      await rig.write([9]);
      rig.restart();
      expect(await rig.head(), `after ${turns} turns`).toMatchObject({ floor: 0, next: 1 });
    }
  });

  test("whose answer was lost is committed once, and says so as often as it is sent", async () => {
    const rig = new CompactRig();
    await rig.put([1, 2]);
    const job = await flushJob(rig);
    const replies: unknown[] = [];
    const api = beforeDelta(rig, async () => {});
    const twice: NamespaceApi = new Proxy(api, {
      get: (target, name) => {
        const method = Reflect.get(target, name) as (...args: unknown[]) => Promise<unknown>;
        if (name !== "commitDelta") return method;
        return async (...sent: unknown[]) => {
          replies.push(await method(...sent));
          return await method(...sent);
        };
      },
    });
    expect(await rig.clock.run(rig.start(job, twice))).toBe(true);
    expect(replies).toEqual([{ ok: true, value: { kind: "committed", version: 1 } }]);
    expect((await rig.head()).manifestVersion).toBe(1);
  });

  test("is refused when the lease ran out after its turn had come", async () => {
    const rig = new CompactRig();
    await rig.put([1, 2]);
    const job = await flushJob(rig);
    const api = beforeDelta(rig, () => rig.clock.sleep(limits.leaseMs + 1));
    expect(await rig.clock.run(rig.start(job, api))).toBe(false);
    expect((await rig.head()).manifestVersion).toBe(0);
  });

  test("is committed however long its bitmaps took, unless another's turn has come", async () => {
    const rig = new CompactRig();
    await rig.put([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    await rig.flushAll();
    await rig.put([1]);
    const job = await flushJob(rig);
    rig.putMs = limits.ticketMs + 1_000;
    expect(await rig.run(job)).toBe(true);
    rig.putMs = 0;
    expect(await rig.segmentIds()).toEqual(rig.model);
  });
});

describe("a consumer", () => {
  test("does not wait for an earlier range that nobody works on", async () => {
    const rig = new CompactRig();
    await rig.put([1]);
    const first = await flushJob(rig);
    await rig.put([2]);
    const second = await flushJob(rig);
    await rig.ask(rig.owner.fail(rig.tenant, rig.name, first.id, first.attempt, "no luck"));
    let done: boolean | undefined;
    const running = rig.start(second).then((value) => {
      done = value;
    });
    await rig.clock.advance(60_000);
    expect(done).toBe(false);
    await running;
    const claimed = await consume(rig);
    expect(claimed.slice(0, 2).map(({ id }) => id)).toEqual([first.id, second.id]);
    expect(await rig.segmentIds()).toEqual(rig.model);
  });

  test("is given no later range while an earlier one waits to be tried again", async () => {
    const rig = new CompactRig();
    await rig.put([1]);
    const first = await flushJob(rig);
    await rig.ask(rig.owner.fail(rig.tenant, rig.name, first.id, first.attempt, "no luck"));
    await rig.put([2]);
    await rig.ask(rig.owner.requestFlush(rig.tenant, rig.name));
    expect(await rig.claim()).toBeUndefined();
    await rig.clock.advance(2_000);
    expect(await rig.claim()).toMatchObject({ id: first.id, attempt: 2 });
  });

  test("does not collect over and over while the pointer lags behind", async () => {
    const rig = new CompactRig();
    rig.lost = /\/current$/;
    await rig.put([1]);
    await rig.flushAll();
    await rig.clock.advance(collectMs + 1);
    await consume(rig);
    const before = rig.store.counts().put;
    await rig.clock.advance(10_000);
    await consume(rig);
    expect(rig.store.counts().put - before).toBeLessThanOrEqual(1);
    rig.lost = undefined;
    await rig.clock.advance(60_000);
    await rig.clock.run(rig.owner.alarm(rig.identity));
    await consume(rig);
    expect((await rig.head()).manifest?.dead).toEqual([]);
    expect(await keys(rig, `${await root(rig)}wal/`)).toEqual([]);
  });

  test("that lost its lease in the middle of a long build stops", async () => {
    const rig = new CompactRig();
    await rig.put([1, 2, 3]);
    const job = await flushJob(rig);
    rig.putMs = limits.leaseMs + 1_000;
    await expect(rig.run(job)).rejects.toMatchObject({ kind: "conflict" });
  });
});

describe("a collection", () => {
  test("forgets only what it has seen, though the clock was set back meanwhile", async () => {
    const rig = new CompactRig();
    await rig.put([1]);
    await rig.flushAll();
    await rig.clock.advance(collectMs + 2_000);
    await rig.clock.run(rig.owner.alarm(rig.identity));
    const job = (await rig.claim()) as Job;
    expect(job.kind).toBe("collect");
    rig.clock.set(rig.clock.now() - 2 * limits.collectGraceMs);
    await rig.put([2]);
    await rig.ask(rig.owner.requestFlush(rig.tenant, rig.name));
    expect(await rig.run((await rig.claim()) as Job)).toBe(true);
    rig.clock.set(job.leaseUntilMs - limits.leaseMs + 1_000);
    await rig.clock.run(rig.owner.alarm(rig.identity));
    const { version } = await rig.clock.run(collect(rig.ports(), rig.tenant, job));
    await rig.ask(rig.owner.finish(rig.tenant, rig.name, job.id, job.attempt, version));
    const { manifest } = await rig.head();
    expect(manifest?.dead.map(({ object }) => object)).toEqual([{ kind: "wal", from: 1, to: 2 }]);
  });

  test("spares what a manifest names that its owner has not heard of", async () => {
    const rig = new CompactRig();
    await rig.put([1, 2, 3]);
    await rig.flushAll();
    await rig.clock.advance(2_000);
    await rig.put([4]);
    const job = await flushJob(rig);
    expect(await rig.run(job)).toBe(true);
    await rig.clock.advance(limits.orphanAgeMs + 60_000);
    // As an owner would order it that had not heard of the second manifest.
    const uninformed = { ...job, kind: "collect" as const, deadBeforeMs: rig.clock.now() };
    await rig.clock.run(collect(rig.ports(), rig.tenant, uninformed));
    expect(await rig.segmentIds()).toEqual(rig.model);
  });

  test("spares what died less than an hour ago, and what a running job has built", async () => {
    const rig = new CompactRig();
    await rig.put([1]);
    await rig.flushAll();
    await rig.clock.advance(collectMs + 2_000);
    await rig.put([2], [1]);
    expect(await rig.run(await flushJob(rig))).toBe(true);
    await rig.clock.run(rig.owner.alarm(rig.identity));
    const job = (await rig.claim()) as Job;
    expect(job.kind).toBe("collect");
    const prefix = await root(rig);
    const built = `${prefix}segment/f9-0-1`;
    await rig.memory.put(built, new Uint8Array(1), { kind: "create" });
    const before = await keys(rig, prefix);
    await rig.clock.run(collect(rig.ports(), rig.tenant, job));
    const spared = before.filter((key) => key !== "wal/0000000000000000");
    expect(await keys(rig, prefix)).toEqual(spared);
  });

  test("takes what landed in the log below the floor, too late for anybody", async () => {
    const rig = new CompactRig();
    for (const id of [1, 2, 3]) await rig.put([id]);
    await rig.flushAll();
    const prefix = await root(rig);
    const first = await rig.memory.get(walKey(prefix, 0));
    await rig.clock.advance(collectMs + 2_000);
    await rig.clock.run(rig.owner.alarm(rig.identity));
    await consume(rig);
    expect(await keys(rig, `${prefix}wal/`)).toEqual([]);
    await rig.memory.put(walKey(prefix, 0), first?.bytes ?? new Uint8Array(), { kind: "create" });
    await rig.put([4]);
    await rig.flushAll();
    await rig.clock.advance(collectMs + 2_000);
    await rig.clock.run(rig.owner.alarm(rig.identity));
    await consume(rig);
    expect(await keys(rig, `${prefix}wal/`)).toEqual([]);
  });
});

describe("a new instance", () => {
  test("finds the manifest though pointer and record are lost and the first ones collected", async () => {
    const rig = new CompactRig();
    for (const id of [1, 2, 3]) {
      await rig.put([id]);
      await rig.flushAll();
      await rig.clock.advance(2_000);
    }
    await rig.clock.run(rig.owner.alarm(rig.identity));
    await rig.clock.advance(2 * limits.collectGraceMs);
    await rig.clock.run(rig.owner.alarm(rig.identity));
    await consume(rig);
    const prefix = await root(rig);
    expect(await rig.memory.get(manifestKey(prefix, 1))).toBeUndefined();
    const pointer = await rig.memory.get(currentKey(prefix));
    await rig.memory.delete([currentKey(prefix)]);
    rig.storage.wipe();
    rig.restart();
    expect(await rig.segmentIds()).toEqual(rig.model);

    const torn = pointer?.bytes.subarray(0, 99) ?? new Uint8Array();
    await rig.memory.put(currentKey(prefix), torn, { kind: "create" });
    rig.storage.wipe();
    rig.restart();
    expect(await rig.segmentIds()).toEqual(rig.model);
  });

  test("refuses a log with a gap instead of ending it there", async () => {
    const rig = new CompactRig();
    for (const id of [1, 2, 3]) await rig.put([id]);
    await rig.memory.delete([walKey(await root(rig), 1)]);
    rig.storage.wipe();
    rig.restart();
    await expect(rig.head()).rejects.toMatchObject({ kind: "corrupt" });
  });

  test("does not bring a life back because its storage was restored to an earlier time", async () => {
    const rig = new CompactRig();
    await rig.put([1]);
    const { generation } = await rig.head();
    const { record } = rig.storage;
    await rig.ask(rig.owner.remove(rig.tenant, rig.name));
    await rig.write([2]);
    await rig.ask(rig.owner.remove(rig.tenant, rig.name));
    rig.storage.record = record;
    rig.restart();
    await rig.write([3]);
    const head = await rig.head();
    expect(head.generation).not.toBe(generation);
    expect(head.unindexedRows).toBe(1);
  });

  test("has its alarm set before the first entry can be stored", async () => {
    const rig = new CompactRig();
    const request = await rig.request([1]);
    let armedMs: number | undefined;
    const put = rig.memory.put.bind(rig.memory);
    rig.memory.put = (key, ...rest) => {
      if (key.includes("/wal/")) armedMs = rig.storage.alarmMs;
      return put(key, ...rest);
    };
    await rig.ask(rig.owner.commit(request));
    expect(armedMs).toBe(rig.clock.now() + limits.flushAgeSmallMs);
  });

  test("answers head though the store cannot give what would be sent along", async () => {
    const rig = new CompactRig();
    await rig.put([1, 2, 3]);
    await rig.flushAll();
    rig.restart();
    await rig.ask(rig.owner.describe(rig.tenant, rig.name));
    rig.faulty.failNext("get", "lost", 10);
    const head = await rig.head();
    expect(head.manifest?.segments).toHaveLength(1);
    expect(head.inline.roots).toEqual([]);
  });
});
