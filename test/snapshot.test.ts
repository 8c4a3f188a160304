/** What queries see of a namespace that changes, moves, vanishes or cannot be reached. */
import { describe, expect, test } from "vitest";
import { EngineError, isEngineError, unavailable } from "../src/errors.ts";
import { limits } from "../src/limits.ts";
import type { Reply } from "../src/namespace/protocol.ts";
import type { SnapshotTarget } from "../src/snapshot.ts";
import { generationRoot, segmentsPrefix } from "../src/store/keys.ts";
import type { OracleDocument } from "./oracle/brute-force.ts";
import { SearchRig } from "./search-rig.ts";

function documentAt(id: number): OracleDocument {
  const vector = Float32Array.of(id % 7, id % 5, id % 3, 1);
  return { id, vector, attributes: { n: id, name: null, tags: null, note: null } };
}

const all = { rank_by: ["id", "asc"], limit: 100 };
const eventual = { ...all, consistency: { level: "eventual" } };

async function idsOf(rig: SearchRig, body: object, owner = rig.target.owner) {
  return (await rig.searchThrough(owner, body)).rows.map(({ id }) => id);
}

async function failure(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (isEngineError(error)) return error.kind;
    throw error;
  }
  return "none";
}

const unreachable: SnapshotTarget["owner"] = {
  head: () => Promise.reject(new Error("the object is gone")),
};

describe("a strong query", () => {
  test("sees every write that was acknowledged before it, while segments change", async () => {
    const rig = new SearchRig();
    for (let round = 0; round < 12; round++) {
      await rig.put([documentAt(round), documentAt(round + 1)]);
      await rig.expectOrder(false, 100);
      await rig.put([], [round]);
      await rig.expectOrder(true, 100);
      if (round % 3 === 2) {
        const flushing = rig.flush();
        await rig.put([documentAt(50 + round)]);
        await rig.expectOrder(false, 100);
        await flushing;
        await rig.expectOrder(false, 100);
      }
    }
  });

  test("reports the tail as looked through, and documents it counts", async () => {
    const rig = new SearchRig();
    await rig.put([documentAt(1), documentAt(2), documentAt(3)]);
    const body = { rank_by: ["vector", "ANN", [1, 1, 1, 1]], limit: 10 };
    const { rows, performance, billing } = await rig.search({ ...body, filters: ["n", "Lte", 2] });
    expect(rows.length).toBe(2);
    expect(performance).toMatchObject({ unindexedRows: 3, approximateRows: 3 });
    expect(performance.lastWriteMs).toBe(rig.clock.now());
    expect(billing).toEqual({ queriedBytes: 256_000_000, returnedBytes: 24 });
  });

  test("keeps the schema it holds while no entry came", async () => {
    const rig = new SearchRig();
    await rig.put([documentAt(1)]);
    const head: SnapshotTarget["owner"]["head"] = async (request) =>
      structuredClone(await rig.owner.head(request));
    const schemaOf = async () => {
      await idsOf(rig, all, { head });
      return rig.isolate.memory.snapshots.recall(rig.tenant, rig.name)?.schema;
    };
    const first = await schemaOf();
    expect(await schemaOf()).toBe(first);
    await rig.put([documentAt(2)]);
    expect(await schemaOf()).not.toBe(first);
  });

  test("of a name that was deleted finds nothing, and of its successor nothing old", async () => {
    const rig = new SearchRig();
    await rig.put([documentAt(1), documentAt(2)]);
    await rig.flush();
    expect(await idsOf(rig, all)).toEqual([1, 2]);
    await rig.ask(rig.owner.remove(rig.tenant, rig.name));
    expect(await failure(rig.search(all))).toBe("notFound");
    await rig.put([documentAt(9)]);
    expect(await idsOf(rig, all)).toEqual([9]);
  });

  test("of a namespace that never was is refused", async () => {
    expect(await failure(new SearchRig().search(all))).toBe("notFound");
  });
});

describe("an eventual query", () => {
  test("makes no call while its snapshot is young, and then one", async () => {
    const rig = new SearchRig();
    await rig.put([documentAt(1)]);
    expect(await idsOf(rig, eventual)).toEqual([1]);
    expect(rig.heads).toBe(1);
    await rig.put([documentAt(2)]);
    expect(await idsOf(rig, eventual)).toEqual([1]);
    expect(rig.heads).toBe(1);
    await rig.clock.advance(limits.eventualAgeMsMax + 1);
    expect(await idsOf(rig, eventual)).toEqual([1, 2]);
    expect(rig.heads).toBe(2);
  });

  test("is refused rather than answered with older data", async () => {
    const rig = new SearchRig();
    await rig.put([documentAt(1)]);
    expect(await failure(rig.searchThrough(unreachable, eventual))).toBe("unavailable");
    await idsOf(rig, eventual);
    expect(await idsOf(rig, eventual, unreachable)).toEqual([1]);
    await rig.clock.advance(limits.eventualAgeMsMax + 1);
    expect(await failure(rig.searchThrough(unreachable, eventual))).toBe("unavailable");
  });
});

describe("while the owner cannot be reached", () => {
  test("a strong query reads the log forward from the last snapshot", async () => {
    const rig = new SearchRig();
    await rig.put([documentAt(1), documentAt(2)]);
    await rig.flush();
    await rig.put([documentAt(3)]);
    await idsOf(rig, all);
    for (let id = 10; id < 30; id++) await rig.put([documentAt(id)], [2]);
    expect(await idsOf(rig, all, unreachable)).toEqual([
      1,
      3,
      ...Array.from({ length: 20 }, (_, i) => 10 + i),
    ]);
    // What was read is the last snapshot now; the next query starts from there.
    rig.reads.reset();
    await idsOf(rig, all, unreachable);
    expect(rig.reads.counts().get).toBeLessThanOrEqual(2 * limits.connectionsMax);
  });

  test("its refusals count as unreachable, and a namespace's end leaves the answer to it", async () => {
    const rig = new SearchRig();
    await rig.put([documentAt(1)]);
    await idsOf(rig, all);
    const refusing: SnapshotTarget["owner"] = {
      head: async (): Promise<Reply<never>> => ({ ok: false, kind: "overloaded", message: "busy" }),
    };
    await rig.put([documentAt(2)]);
    expect(await idsOf(rig, all, refusing)).toEqual([1, 2]);
    await rig.ask(rig.owner.remove(rig.tenant, rig.name));
    expect(await failure(rig.searchThrough(unreachable, all))).toBe("unavailable");
  });

  test("nothing is answered from a snapshot that the collector may have overtaken", async () => {
    const rig = new SearchRig();
    await rig.put([documentAt(1)]);
    expect(await failure(rig.searchThrough(unreachable, all))).toBe("unavailable");
    await idsOf(rig, all);
    await rig.clock.advance(limits.collectGraceMs);
    expect(await failure(rig.searchThrough(unreachable, all))).toBe("unavailable");
  });
});

describe("when objects vanish or are damaged", () => {
  test("a query on an old snapshot starts over on a new one", async () => {
    const rig = new SearchRig();
    await rig.put([documentAt(1), documentAt(2)]);
    await rig.flush();
    await idsOf(rig, eventual);
    // Everything is rewritten, and the old segment collected, within the age of an eventual
    // snapshot.
    await rig.put([documentAt(1), documentAt(2), documentAt(3)]);
    await deleteSegments(rig, async () => rig.flush());
    rig.isolate.cache.memory.clear();
    rig.heads = 0;
    expect(await idsOf(rig, eventual)).toEqual([1, 2, 3]);
    expect(rig.heads).toBe(1);
  });

  test("a query gives up when they stay away", async () => {
    const rig = new SearchRig();
    await rig.put([documentAt(1)]);
    await rig.flush();
    await deleteSegments(rig, async () => {});
    expect(await failure(rig.search({ ...all, include_attributes: true }))).toBe("unavailable");
  });

  test("damaged bytes are an error, and not remembered", async () => {
    const rig = new SearchRig();
    await rig.put(Array.from({ length: 40 }, (_, id) => documentAt(id)));
    await rig.flush();
    await rig.search({ rank_by: ["id", "asc"], limit: 1 });
    rig.faulty.failNext("get", "flipped");
    const body = { rank_by: ["vector", "ANN", [1, 2, 3, 4]], limit: 3 };
    expect(await failure(rig.search(body))).toBe("corrupt");
    expect((await rig.search(body)).rows.length).toBe(3);
  });

  test("a store that does not answer makes the query unavailable", async () => {
    const rig = new SearchRig();
    await rig.put([documentAt(1)]);
    await rig.flush();
    rig.faulty.failNext("get", "lost", 50);
    expect(await failure(rig.search({ ...all, include_attributes: true }))).toBe("unavailable");
    rig.faulty.clear();
    expect(await idsOf(rig, all)).toEqual([1]);
  });
});

/** Deletes the segments that exist now, after something else was done. */
async function deleteSegments(rig: SearchRig, first: () => Promise<void>): Promise<void> {
  const { generation } = await rig.head();
  const prefix = segmentsPrefix(generationRoot(rig.tenant, generation));
  const { objects } = await rig.memory.list(prefix);
  await first();
  await rig.memory.delete(objects.map(({ key }) => key));
}

test("an error of the engine passes through unchanged", async () => {
  const rig = new SearchRig();
  await rig.put([documentAt(1)]);
  const broken: SnapshotTarget["owner"] = {
    head: () => Promise.reject(new EngineError("corrupt", "the manifest is damaged")),
  };
  expect(await failure(rig.searchThrough(broken, all))).toBe("corrupt");
  const away: SnapshotTarget["owner"] = { head: () => Promise.reject(unavailable("away")) };
  expect(await failure(rig.searchThrough(away, eventual))).toBe("unavailable");
});
