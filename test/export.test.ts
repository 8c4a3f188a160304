/** Exports: every document once, as of one moment, whatever happens meanwhile. */
import { expect, test } from "vitest";
import type { DocumentId } from "../src/document/id.ts";
import { isEngineError } from "../src/errors.ts";
import { type ExportCursor, openExport } from "../src/export.ts";
import { limits } from "../src/limits.ts";
import type { WalkedRow } from "../src/row-walk.ts";
import { BranchRig } from "./branch-rig.ts";

async function namespace(): Promise<BranchRig> {
  const rig = new BranchRig("fish");
  await rig.put(1, [1, 2, 3, 4]);
  await rig.index();
  await rig.put(2, [3, 5], [1]);
  await rig.index();
  await rig.put(3, [4, 6, 7], [2, 99]);
  await rig.put(4, [7, 8], [6]);
  return rig;
}

function open(rig: BranchRig, cursor?: ExportCursor) {
  const target = { tenant: rig.tenant, name: rig.name, owner: rig.owner };
  return rig.clock.run(openExport(rig.searchPorts(), target, cursor));
}

/** Some rows, by the pages in which they came. */
async function read(rig: BranchRig, cursor?: ExportCursor, rowsMax = Number.POSITIVE_INFINITY) {
  const source = await open(rig, cursor);
  const found: WalkedRow[] = [];
  const rows = source.rows(cursor?.place);
  for (;;) {
    const { done, value } = await rig.clock.run(rows.next());
    if (done === true) return { found, next: undefined, source };
    for (const row of value) {
      if (found.length === rowsMax) {
        const last = found.at(-1) as WalkedRow;
        return { found, next: source.cursor(last.after), source };
      }
      found.push(row);
    }
  }
}

function versions(found: readonly WalkedRow[]): Map<DocumentId, number> {
  return new Map(found.map(({ row }) => [row.id, Number(row.attributes[0]?.value)]));
}

test("an export has every document once, of the tail and of segments, and none that is gone", async () => {
  const rig = await namespace();
  const { found } = await read(rig);
  expect(found).toHaveLength(rig.model.size);
  expect(versions(found)).toEqual(rig.model);
});

test("pages of any size add up to the same, each begun by an isolate that knows nothing", async () => {
  const rig = await namespace();
  const whole = (await read(rig)).found.map(({ row }) => row.id);
  for (const size of [1, 2, 3, 100]) {
    const ids: DocumentId[] = [];
    let cursor: ExportCursor | undefined;
    for (let page = 0; page < 20; page++) {
      const { found, next } = await read(rig, cursor, size);
      ids.push(...found.map(({ row }) => row.id));
      cursor = next;
      if (next === undefined) break;
      expect(found).toHaveLength(size);
    }
    expect(ids).toEqual(whole);
  }
});

test("later pages are of the moment of the first, whatever is written, merged and collected", async () => {
  const rig = await namespace();
  const before = new Map(rig.model);
  const first = await read(rig, undefined, 2);
  const found = [...first.found];
  let cursor = first.next;
  for (let round = 0; cursor !== undefined; round++) {
    await rig.put(90 + round, [...before.keys()], [2]);
    await rig.index();
    await rig.clock.advance(limits.pinMs - 1_000);
    await rig.clock.run(rig.owner.alarm(rig.identity));
    await rig.runDue();
    const page = await read(rig, cursor, 1);
    found.push(...page.found);
    cursor = page.next;
  }
  expect(versions(found)).toEqual(before);
  expect(found).toHaveLength(before.size);
});

test("a cursor that was left alone for too long, or whose namespace is gone, is gone", async () => {
  const isGone = (error: unknown): boolean => isEngineError(error, "gone");
  const rig = await namespace();
  const late = await read(rig, undefined, 1);
  await rig.clock.advance(limits.pinMs);
  await expect(open(rig, late.next)).rejects.toSatisfy(isGone);
  const released = await read(rig, undefined, 1);
  await rig.clock.run(released.source.release());
  await expect(open(rig, released.next)).rejects.toSatisfy(isGone);
  const orphan = await read(rig, undefined, 1);
  await rig.remove();
  await expect(open(rig, orphan.next)).rejects.toSatisfy(isGone);
  await expect(open(rig)).rejects.toSatisfy((error) => isEngineError(error, "notFound"));
});

test("a stream fails rather than going on once its pin has ended", async () => {
  const rig = await namespace();
  const source = await open(rig);
  const rows = source.rows();
  await rig.clock.run(rows.next());
  await rig.clock.advance(limits.pinMs + 1);
  const rest = rig.clock.run(
    (async () => {
      for await (const _ of rows);
    })(),
  );
  await expect(rest).rejects.toSatisfy((error) => isEngineError(error, "gone"));
});

test("a branch is exported through what it shares", async () => {
  const rig = await namespace();
  const child = await rig.branch("child");
  await rig.remove();
  expect(versions((await read(child)).found)).toEqual(child.model);
});

test("an export reads stretches of segments, however many rows they hold", async () => {
  const costs: number[] = [];
  for (const rows of [5, 2_000]) {
    const rig = new BranchRig("fish");
    await rig.put(
      1,
      Array.from({ length: rows }, (_, i) => i),
    );
    await rig.index();
    const before = rig.store.counts().get;
    const { found, source } = await read(rig);
    await rig.clock.run(source.release());
    expect(found).toHaveLength(rows);
    costs.push(rig.store.counts().get - before);
  }
  // The pinned manifest, the root, one stretch of documents.
  expect(costs).toEqual([3, 3]);
});

test("an export holds no more memory than its stretches, and gives it back when given up", async () => {
  const rig = await namespace();
  const ports = rig.searchPorts();
  const target = { tenant: rig.tenant, name: rig.name, owner: rig.owner };
  const source = await rig.clock.run(openExport(ports, target));
  const rows = source.rows();
  for (let i = 0; i < 3; i++) await rig.clock.run(rows.next());
  expect(ports.budget.counts().reservedBytes).toBeGreaterThan(0);
  await rig.clock.run(rows.return());
  expect(ports.budget.counts()).toMatchObject({ reservedBytes: 0 });
  expect(ports.budget.counts().reservedBytesPeak).toBeLessThan(2 * limits.walkBytes);
});
