/**
 * Writes that are decided from documents, against a real owner: what is committed was decided from
 * the state right before it, whoever writes beside.
 */
import { beforeEach, describe, expect, test } from "vitest";
import type { DocumentId } from "../src/document/id.ts";
import type { Schema, SchemaAddition } from "../src/document/schema.ts";
import type { WriteKey } from "../src/format/wal.ts";
import { scalarKernels } from "../src/kernels/scalar.ts";
import { limits } from "../src/limits.ts";
import type { CommitReply, CommitRequest, NamespaceApi } from "../src/namespace/protocol.ts";
import { type Rewritten, rewrite } from "../src/rewrite.ts";
import { createSearchMemory, type SearchPorts } from "../src/search-ports.ts";
import { BlockCache } from "../src/store/block-cache.ts";
import { MemoryBudget } from "../src/store/memory-budget.ts";
import type { BuiltWrite } from "../src/submission.ts";
import { CompactRig } from "./compact-rig.ts";
import { decideFrom, type ReadDocuments } from "./decide.ts";

let rig: CompactRig;
let ports: SearchPorts;
let evaluations: number;
let requests: CommitRequest[];

beforeEach(() => {
  rig = new CompactRig();
  evaluations = 0;
  requests = [];
  ports = {
    ...rig.ports(),
    kernels: scalarKernels,
    cache: new BlockCache({}),
    budget: new MemoryBudget(rig.clock),
    memory: createSearchMemory(),
    defer: () => {},
  };
});

/** The rows {id, n}; null deletes. */
function rowsOf(schema: Schema, rows: readonly (readonly [DocumentId, number | null])[]) {
  const upserts = rows.filter(([, n]) => n !== null);
  const deletes = rows.filter(([, n]) => n === null);
  const addition: SchemaAddition | undefined =
    schema.version > 0
      ? undefined
      : { idKind: "uint", attributes: new Map([["n", { type: "int", filterable: true }]]) };
  const built: BuiltWrite = {
    batch: {
      idKind: "uint",
      upserts: upserts.length,
      deletes: deletes.length,
      ids: [...upserts, ...deletes].map(([id]) => id),
      dims: 0,
      vectors: new Float32Array(0),
      attributes: [{ name: "n", values: upserts.map(([, n]) => n) }],
    },
    addition,
  };
  return built;
}

function valueOf(documents: ReadDocuments, id: DocumentId): number | undefined {
  const value = documents.get(id)?.attributes.find(({ name }) => name === "n")?.value;
  return value === undefined ? undefined : Number(value);
}

type Decide = (schema: Schema, documents: ReadDocuments) => BuiltWrite | undefined;

function start(ids: readonly DocumentId[], decide: Decide, key?: WriteKey, before?: Before) {
  const { tenant, name } = rig;
  const owner: NamespaceApi = new Proxy(rig.owner, {
    get: (target, method) => {
      if (method !== "commit") return Reflect.get(target, method, target) as unknown;
      return async (request: CommitRequest) => {
        requests.push(request);
        await before?.(requests.length);
        return await rig.owner.commit(request);
      };
    },
  });
  const memory = { recall: () => undefined, remember: () => {} };
  const evaluate: Decide = (schema, documents) => {
    evaluations += 1;
    return decide(schema, documents);
  };
  const options = { disableBackpressure: false, ...(key === undefined ? {} : { key }) };
  return rewrite(ports, { tenant, name, owner, memory }, decideFrom(ids, evaluate), options);
}

/** Runs before the commit of this number, counted from 1. */
type Before = (commit: number) => Promise<unknown>;

function run(...args: Parameters<typeof start>): Promise<Rewritten<BuiltWrite>> {
  return rig.clock.run(start(...args));
}

const increment =
  (id: DocumentId): Decide =>
  (schema, documents) =>
    rowsOf(schema, [[id, (valueOf(documents, id) ?? 0) + 1]]);

const claim =
  (id: DocumentId, owner: number): Decide =>
  (schema, documents) =>
    documents.has(id) ? undefined : rowsOf(schema, [[id, owner]]);

async function count(id: DocumentId): Promise<number | undefined> {
  let found: number | undefined;
  await run([id], (_, documents) => {
    found = valueOf(documents, id);
    return undefined;
  });
  return found;
}

/** Another writer, who asks nobody. */
function overwrite(id: DocumentId): Promise<CommitReply> {
  return rig.request([id], [], () => 100).then((request) => rig.ask(rig.owner.commit(request)));
}

function keyOf(id: number): WriteKey {
  const bytes = new Uint8Array(16).fill(id);
  return { id: bytes, body: bytes, keepMs: limits.keyKeepMs };
}

describe("a rewrite", () => {
  test("founds a namespace, and goes on in tail and segments alike", async () => {
    expect(await run([1], increment(1))).toMatchObject({ kind: "committed", sequence: 0 });
    expect(await run([1], increment(1))).toMatchObject({ kind: "committed", sequence: 1 });
    await rig.flushAll();
    expect(await run([1], increment(1))).toMatchObject({ kind: "committed", sequence: 2 });
    expect(await count(1)).toBe(3);
    expect(requests.map(({ reads }) => reads?.next)).toEqual([0, 1, 2]);
  });

  test("that loses against another is evaluated again on what that left", async () => {
    await run([1], increment(1));
    const lost = await run([1], increment(1), undefined, async (commit) => {
      if (commit === 2) await overwrite(1);
    });
    expect(lost).toMatchObject({ kind: "committed", repeated: false });
    expect(await count(1)).toBe(101);
    expect(requests.map(({ reads }) => reads?.refusals)).toEqual([0, 0, 1]);
  });

  test("does not lose against writes to other documents", async () => {
    await run([1], increment(1));
    await run([1], increment(1), undefined, () => overwrite(2));
    expect(evaluations).toBe(2);
  });

  test("of many at once none gets lost", async () => {
    await run([1], increment(1));
    await rig.clock.run(Promise.all(Array.from({ length: 8 }, () => start([1], increment(1)))));
    expect(await count(1)).toBe(9);
  });

  test("reads of absent documents count: of many who claim an id one gets it", async () => {
    await run([1], increment(1));
    const claims = await rig.clock.run(
      Promise.all(Array.from({ length: 5 }, (_, i) => start([7], claim(7, i)))),
    );
    const won = claims.flatMap(({ kind }, i) => (kind === "committed" ? [i] : []));
    expect(won).toHaveLength(1);
    expect(await count(7)).toBe(won[0]);
  });

  test("what it read and did not write counts as well", async () => {
    await run([1, 2], (schema) =>
      rowsOf(schema, [
        [1, 1],
        [2, 2],
      ]),
    );
    const moved = await run(
      [1, 2],
      (schema, documents) => rowsOf(schema, [[2, (valueOf(documents, 1) ?? 0) + 5]]),
      undefined,
      async (commit) => {
        if (commit === 2) await overwrite(1);
      },
    );
    expect(moved.kind).toBe("committed");
    expect(await count(2)).toBe(105);
  });

  test("a deletion is a change like any other", async () => {
    await run([1], increment(1));
    await run([1], increment(1), undefined, async (commit) => {
      if (commit === 2) await rig.write([], [1]);
    });
    expect(await count(1)).toBe(1);
  });

  test("decided before a restart is decided again if anything was written between", async () => {
    await run([1], increment(1));
    await run([1], increment(1), undefined, async (commit) => {
      if (commit !== 2) return;
      await overwrite(2);
      rig.restart();
    });
    expect(requests.map(({ reads }) => reads?.refusals)).toEqual([0, 0, 1]);
    await run([1], increment(1), undefined, async (commit) => {
      if (commit === 4) rig.restart();
    });
    expect(requests).toHaveLength(4);
    expect(await count(1)).toBe(3);
  });

  test("loses against a writer that does not say what it touches", async () => {
    await run([1], increment(1));
    await run([1], increment(1), undefined, async (commit) => {
      if (commit !== 2) return;
      const { touches: _, ...blind } = await rig.request([2]);
      await rig.ask(rig.owner.commit(blind));
    });
    expect(requests).toHaveLength(3);
  });

  test("sees the group that is under way, and is refused only once that is durable", async () => {
    await run([1], increment(1));
    const release = rig.stall(/\/wal\//);
    const other = overwrite(1);
    await rig.clock.advance(500);
    const mine = start([1], increment(1));
    let isDone = false;
    void mine.then(() => {
      isDone = true;
    });
    await rig.clock.advance(3_000);
    expect(requests).toHaveLength(2);
    expect(isDone).toBe(false);
    release();
    await rig.clock.run(Promise.all([other, mine]));
    expect(requests).toHaveLength(3);
    expect(await count(1)).toBe(101);
  });

  test("loses against an entry that an earlier instance had under way", async () => {
    await run([1], increment(1));
    const release = rig.stall(/\/wal\//);
    const lost = overwrite(1).catch(() => undefined);
    await rig.clock.advance(500);
    const mine = start([1], increment(1), undefined, async (commit) => {
      if (commit !== 2) return;
      // It lands after its successor has listed the log.
      const list = rig.memory.list.bind(rig.memory);
      rig.memory.list = async (prefix, options) => {
        const page = await list(prefix, options);
        if (prefix.endsWith("/wal/")) release();
        return page;
      };
      rig.restart();
    });
    await rig.clock.run(Promise.all([lost, mine]));
    // The entry that was adopted, and the one that closed the slot after it.
    expect(requests.map(({ reads }) => reads?.next)).toEqual([0, 1, 3]);
    expect(await count(1)).toBe(101);
  });

  test("with nothing to write asks nobody, and changes nothing", async () => {
    await run([1], increment(1));
    expect(await run([1], claim(1, 5))).toEqual({ kind: "nothing" });
    expect(requests).toHaveLength(1);
    expect((await rig.head()).next).toBe(1);
  });

  test("throws what its evaluation throws", async () => {
    const failing = run([1], () => {
      throw new Error("no such attribute");
    });
    await expect(failing).rejects.toThrow("no such attribute");
  });

  test("of a name that was deleted meanwhile is decided anew in the next life", async () => {
    await run([1], increment(1));
    await run([1], increment(1), undefined, async (commit) => {
      if (commit === 2) await rig.ask(rig.owner.remove(rig.tenant, rig.name));
    });
    expect(await count(1)).toBe(1);
  });
});

describe("under a key of its client", () => {
  test("a rewrite is applied once, and answered with what was committed then", async () => {
    const first = await run([1], increment(1), keyOf(1));
    expect(first).toMatchObject({ kind: "committed", upserts: 1, repeated: false });
    rig.restart();
    const again = await run([1], increment(1), keyOf(1));
    expect(again).toMatchObject({ sequence: 0, upserts: 1, repeated: true, built: undefined });
    expect(await count(1)).toBe(1);
  });

  test("a claim that was won is still won, though there is nothing left to write", async () => {
    await run([1], claim(1, 5), keyOf(1));
    await rig.flushAll();
    rig.restart();
    expect(await run([1], claim(1, 5), keyOf(1))).toMatchObject({ kind: "committed", sequence: 0 });
    expect(await run([1], claim(1, 6), keyOf(2))).toEqual({ kind: "nothing" });
    expect(await count(1)).toBe(5);
  });
});

test("one that was refused twice goes before those that come later", async () => {
  await run([1], increment(1));
  const later: Promise<CommitReply>[] = [];
  await run([1], increment(1), undefined, async (commit) => {
    if (commit === 2 || commit === 3) await overwrite(1);
    if (commit === 4) {
      const request = await rig.request([1], [], () => 500);
      later.push(rig.ask(rig.owner.commit(request)));
      await rig.clock.sleep(500);
    }
  });
  expect(requests.map(({ reads }) => reads?.refusals)).toEqual([0, 0, 1, 2]);
  expect(await rig.clock.run(Promise.all(later))).toMatchObject([{ kind: "committed" }]);
  expect(await count(1)).toBe(500);
});

test("nobody waits for one that never comes back", async () => {
  await run([1], increment(1));
  const failing = run([1], increment(1), undefined, async (commit) => {
    if (commit === 2 || commit === 3) await overwrite(1);
    if (commit === 4) throw new Error("its isolate ended");
  });
  await expect(failing).rejects.toThrow("its isolate ended");
  const started = rig.clock.now();
  await overwrite(1);
  const waitedMs = rig.clock.now() - started;
  expect(waitedMs).toBeGreaterThan(1_000);
  expect(waitedMs).toBeLessThanOrEqual(limits.holdMs + 100);
});
