/** Imports of objects in the bucket, whatever becomes of the consumers that run them. */
import { gzipSync } from "node:zlib";
import { beforeEach, describe, expect, it } from "vitest";
import { importLimits } from "../src/import-limits.ts";
import { cancelImport, listImports } from "../src/imports.ts";
import { limits } from "../src/limits.ts";
import { expireOperations } from "../src/operation-expiry.ts";
import { importSourceKey } from "../src/store/keys.ts";
import { write } from "../src/write.ts";
import { buildWrite } from "../workers/api/write-batch.ts";
import { parseWriteRequest } from "../workers/api/write-request.ts";
import { ImportRig } from "./import-rig.ts";

const rows = 2 * importLimits.batchRows + 500;
const lines = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => `{"id":${from + i},"n":${i % 7}}\n`).join("");

let rig: ImportRig;
beforeEach(() => {
  rig = new ImportRig();
});

async function overwrite(body: object): Promise<void> {
  const asked = parseWriteRequest(body);
  const memory = { recall: () => undefined, remember: () => {} };
  const target = { tenant: rig.tenant, name: rig.name, owner: rig.owner, memory };
  const options = { disableBackpressure: false };
  await rig.clock.run(write(rig.ports(), target, (schema) => buildWrite(asked, schema), options));
}

describe("an import", () => {
  it("writes each row once, in steps, and says how many they were", async () => {
    await rig.object("rows.jsonl", lines(rows));
    const place = await rig.submit();
    expect(await rig.run(place)).toEqual({ kind: "done" });
    const end = { status: "finished" };
    const counts = { rowsRead: rows, rowsWritten: rows, rowsRejected: 0 };
    expect(await rig.state(place)).toEqual({ end, ...counts, steps: 3 });
    expect(await rig.upserts()).toBe(rows);
    expect(await rig.run(place)).toEqual({ kind: "done" });
    expect(await rig.upserts()).toBe(rows);
  });

  it("takes several objects one after the other, plain and compressed", async () => {
    await rig.object("a.jsonl", lines(10));
    await rig.object("b.jsonl.gz", gzipSync(lines(rows, 10)));
    await rig.object("c.jsonl", lines(10, 10 + rows).trimEnd());
    const place = await rig.submit();
    await rig.finish(place);
    expect(await rig.state(place)).toMatchObject({ rowsWritten: rows + 20, rowsRejected: 0 });
    expect(await rig.upserts()).toBe(rows + 20);
  });

  it("loses no row and writes none twice, wherever its consumer dies", {
    timeout: 60_000,
  }, async () => {
    const few = importLimits.batchRows + 1;
    await rig.object("rows.jsonl", lines(few));
    await rig.finish(await rig.submit());
    const effects = rig.effects.length;
    expect(effects).toBeGreaterThan(15);
    for (const when of ["before", "after"] as const) {
      for (let effect = 0; effect < effects; effect++) {
        rig = new ImportRig();
        await rig.object("rows.jsonl", lines(few));
        const place = await rig.submit();
        await rig.run(place, { effect, when }).catch(() => undefined);
        await rig.clock.advance(2 * limits.operationLeaseMs);
        await rig.finish(place);
        const state = await rig.state(place);
        const upserts = await rig.upserts();
        const counts = { upserts: few, rowsRead: few, rowsWritten: few, steps: 2 };
        expect({ when, effect, upserts, ...state }).toMatchObject(counts);
      }
    }
  });

  it("goes no further than the row that ends it, wherever its consumer dies", async () => {
    const few = importLimits.batchRows + 10;
    const asked = { schema: { n: "int" } };
    const source = `${lines(7)}{"id":7,"n":"seven"}\n${lines(few, 8)}`;
    await rig.object("rows.jsonl", source);
    await rig.finish(await rig.submit(asked));
    const effects = rig.effects.length;
    expect(effects).toBeGreaterThan(5);
    for (const when of ["before", "after"] as const) {
      for (let effect = 0; effect < effects; effect++) {
        rig = new ImportRig();
        await rig.object("rows.jsonl", source);
        const place = await rig.submit(asked);
        await rig.run(place, { effect, when }).catch(() => undefined);
        await rig.clock.advance(2 * limits.operationLeaseMs);
        await rig.finish(place);
        const state = await rig.state(place);
        const end = { status: "failed", error: expect.stringMatching(/^row 7: /) };
        const counts = { rowsRead: 8, rowsWritten: 7, rowsRejected: 1, steps: 1, end };
        expect({ when, effect, ...state }).toMatchObject(counts);
        expect(await rig.upserts()).toBe(7);
      }
    }
  });

  it("goes on however often it must be begun, as long as each attempt gets further", async () => {
    await rig.object("rows.jsonl", lines(12 * importLimits.batchRows));
    const place = await rig.submit();
    for (let deaths = 0; deaths < 11; deaths++) {
      await rig.run(place, { effect: 16, when: "before" }).catch(() => undefined);
      await rig.clock.advance(2 * limits.operationLeaseMs);
    }
    await rig.finish(place);
    expect(await rig.state(place)).toMatchObject({ end: { status: "finished" }, steps: 12 });
  });

  it("is written by one of two consumers that both believe it is theirs", async () => {
    await rig.object("rows.jsonl", lines(rows));
    const place = await rig.submit();
    const both = [rig.start(place), rig.start(place)];
    const kinds = (await rig.clock.run(Promise.all(both))).map(({ kind }) => kind);
    expect(kinds.toSorted()).toEqual(["done", "later"]);
    expect(await rig.upserts()).toBe(rows);
  });

  it("does not undo what others wrote between a step and its repetition", async () => {
    await rig.object("rows.jsonl", lines(10));
    const place = await rig.submit();
    const commit = await effectOf("owner commit");
    await rig.run(place, { effect: commit, when: "after" }).catch(() => undefined);
    await overwrite({ upsert_rows: [{ id: 3, n: 100 }] });
    await rig.clock.advance(2 * limits.operationLeaseMs);
    await rig.finish(place);
    expect(await rig.state(place)).toMatchObject({ rowsWritten: 10 });
    expect(await rig.upserts()).toBe(11);
  });

  it("pauses when it has worked long enough, and lets others have the consumer", async () => {
    await rig.object("rows.jsonl", lines(rows));
    const place = await rig.submit();
    rig.putMs = importLimits.sliceMs / 4;
    expect(await rig.run(place)).toEqual({ kind: "pause", afterMs: 0 });
    await rig.finish(place);
    expect(await rig.upserts()).toBe(rows);
  });

  it("ends where it is when somebody cancels it", async () => {
    await rig.object("rows.jsonl", lines(rows));
    const place = await rig.submit();
    const step = await effectOf("store put", "/step/");
    await rig.run(place, { effect: step, when: "after" }).catch(() => undefined);
    await rig.clock.run(cancelImport(rig.ports(), place));
    await rig.clock.advance(2 * limits.operationLeaseMs);
    await rig.finish(place);
    const counts = { rowsWritten: importLimits.batchRows, steps: 1 };
    expect(await rig.state(place)).toMatchObject({ end: { status: "cancelled" }, ...counts });
  });

  it("ends when its namespace is deleted, instead of making it anew", async () => {
    await rig.object("rows.jsonl", lines(rows));
    const place = await rig.submit();
    const step = await effectOf("store put", "/step/");
    await rig.run(place, { effect: step, when: "after" }).catch(() => undefined);
    await rig.ask(rig.owner.remove(rig.tenant, rig.name));
    await rig.clock.advance(2 * limits.operationLeaseMs);
    await rig.finish(place);
    const { end } = await rig.state(place);
    expect(end).toMatchObject({ status: "error" });
    expect(JSON.stringify(end)).toContain("deleted");
  });

  it("ends when its object is another than it was", async () => {
    await rig.object("rows.jsonl", lines(rows));
    const place = await rig.submit();
    const key = importSourceKey(rig.tenant, "rows.jsonl");
    await rig.memory.delete([key]);
    await rig.memory.put(key, new TextEncoder().encode(lines(rows, 1)), { kind: "create" });
    await rig.finish(place);
    expect(JSON.stringify((await rig.state(place)).end)).toContain("rows.jsonl was changed");
  });
});

describe("a row that is refused", () => {
  const bad = ['{"id":1,"n":1}', '{"id":2,"n":"two"}', "{", '{"n":4}', "[5]", '{"id":6,"n":6}'];

  it("ends the import, with the rows before it written, unless it may go on", async () => {
    await rig.object("rows.jsonl", bad.join("\n"));
    const place = await rig.submit();
    await rig.finish(place);
    const state = await rig.state(place);
    expect(state).toMatchObject({ rowsRead: 2, rowsWritten: 1, rowsRejected: 1 });
    expect(state.end).toMatchObject({ status: "failed" });
    expect(JSON.stringify(state.end)).toContain("row 1: ");
  });

  it("is set aside with the reason if it may", async () => {
    await rig.object("rows.jsonl", bad.join("\n"));
    const place = await rig.submit({ error_mode: "continue" });
    await rig.finish(place);
    expect(await rig.state(place)).toMatchObject({
      end: { status: "finished" },
      rowsRead: 6,
      rowsWritten: 2,
      rowsRejected: 4,
    });
    const rejected = await rig.rejected(place);
    expect(rejected.map(({ row }) => row)).toEqual([1, 2, 3, 4]);
    for (const { reason } of rejected) expect(reason).not.toBe("");
  });

  it("ends the import when there are too many of them", async () => {
    const count = importLimits.rejectedMax + importLimits.batchRows;
    await rig.object("rows.jsonl", '{"n":1}\n'.repeat(count));
    const place = await rig.submit({ error_mode: "continue" });
    await rig.finish(place);
    const { end, rowsRejected } = await rig.state(place);
    expect(end).toMatchObject({ status: "failed" });
    expect(rowsRejected).toBeGreaterThan(importLimits.rejectedMax);
  });

  it("leaves the row before it with the same id", async () => {
    const same = ['{"id":1,"n":1}', '{"id":1,"n":2}', '{"id":1,"n":"three"}'];
    await rig.object("rows.jsonl", same.join("\n"));
    const place = await rig.submit({ error_mode: "continue", schema: { n: "int" } });
    await rig.finish(place);
    expect(await rig.state(place)).toMatchObject({ rowsWritten: 1, rowsRejected: 1 });
  });
});

describe("imports", () => {
  it("are listed in the order they were asked for, a page at a time, and kept for a week", async () => {
    const tokens: string[] = [];
    for (let i = 0; i <= importLimits.page; i++) {
      tokens.push((await rig.submit()).token);
      await rig.clock.advance(1_000);
    }
    const list = (after?: string) =>
      rig.clock.run(listImports(rig.ports(), rig.tenant, rig.name, after));
    const first = await list();
    expect(first).toEqual({ tokens: tokens.slice(0, importLimits.page), more: true });
    expect(await list(first.tokens.at(-1))).toEqual({ tokens: tokens.slice(-1), more: false });
    const waiting = await rig.clock.run(expireOperations(rig.ports(), rig.tenant));
    expect(waiting.map(({ token }) => token)).toEqual(tokens.slice(0, -4));
    await rig.clock.advance(importLimits.keepMs);
    await rig.clock.run(expireOperations(rig.ports(), rig.tenant));
    expect((await list()).tokens).toEqual([]);
  });
});

/** The number of the first effect that begins so, of an import that goes well. */
async function effectOf(what: string, part = ""): Promise<number> {
  const other = new ImportRig();
  await other.object("rows.jsonl", lines(rows));
  await other.finish(await other.submit());
  return other.effects.findIndex((effect) => effect.startsWith(what) && effect.includes(part));
}
