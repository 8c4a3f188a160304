import { expect, test } from "vitest";
import { hashIds } from "../../src/format/id-hash.ts";
import { limits } from "../../src/limits.ts";
import { Holds } from "../../src/namespace/holds.ts";
import type { CommitRequest } from "../../src/namespace/protocol.ts";

/** A rewrite of the ids under this key. */
function rewrite(key: number, ids: readonly number[], refusals = 1): CommitRequest {
  const id = new Uint8Array(16).fill(key);
  const hashes = hashIds("uint", ids);
  return {
    protocol: 1,
    tenant: "default",
    name: "fish",
    generation: "",
    schemaVersion: 1,
    addition: undefined,
    upserts: ids.length,
    deletes: 0,
    chunks: [],
    disableBackpressure: false,
    key: { id, body: id, keepMs: 1 },
    touches: hashes,
    reads: { next: 1, ids: hashes, refusals },
  };
}

function write(ids: readonly number[]): CommitRequest {
  const { key: _, reads: __, ...request } = rewrite(0, ids);
  return request;
}

test("a rewrite that was refused twice has its ids to itself until it is through", () => {
  const holds = new Holds();
  holds.refused(rewrite(1, [1, 2], 0), 0);
  expect(holds.bars(write([1]), 0)).toBe(false);
  holds.refused(rewrite(1, [1, 2]), 0);
  expect(holds.bars(write([2, 3]), 0)).toBe(true);
  expect(holds.bars(write([3]), 0)).toBe(false);
  expect(holds.bars(rewrite(1, [1, 2]), 0)).toBe(false);
  holds.release(rewrite(1, []).key);
  expect(holds.bars(write([2]), 0)).toBe(false);
});

test("nobody waits longer than the bound, wherever the clock goes", () => {
  for (const laterMs of [limits.holdMs, -1]) {
    const holds = new Holds();
    holds.refused(rewrite(1, [1]), 0);
    expect(holds.bars(write([1]), limits.holdMs - 1)).toBe(true);
    expect(holds.bars(write([1]), laterMs)).toBe(false);
  }
});

test("two that hold the same ids have an order", () => {
  const holds = new Holds();
  holds.refused(rewrite(1, [1]), 0);
  holds.refused(rewrite(2, [1]), 1);
  holds.refused(rewrite(1, [1]), 2);
  expect(holds.bars(rewrite(1, [1]), 3)).toBe(false);
  expect(holds.bars(rewrite(2, [1]), 3)).toBe(true);
  holds.release(rewrite(1, []).key);
  expect(holds.bars(rewrite(2, [1]), 3)).toBe(false);
});

test("what does not say which ids it touches waits for everybody, an empty write for nobody", () => {
  const holds = new Holds();
  holds.refused(rewrite(1, [1]), 0);
  const { touches: _, ...blind } = write([9]);
  expect(holds.bars(blind, 0)).toBe(true);
  expect(holds.bars({ ...blind, upserts: 0 }, 0)).toBe(false);
});

test("holds are few", () => {
  const holds = new Holds();
  for (let key = 1; key <= limits.holdsMax + 1; key++) holds.refused(rewrite(key, [key]), 0);
  expect(holds.bars(write([limits.holdsMax]), 0)).toBe(true);
  expect(holds.bars(write([limits.holdsMax + 1]), 0)).toBe(false);
});

test("a rewrite of more ids than are kept has all held, but for those that were there before", () => {
  const holds = new Holds();
  const many = Array.from({ length: limits.heldIdsMax + 1 }, (_, i) => i);
  holds.refused(rewrite(2, [1_000_000]), 0);
  holds.refused(rewrite(1, many), 0);
  expect(holds.bars(write([limits.heldIdsMax + 5]), 1)).toBe(true);
  expect(holds.bars(rewrite(2, [1_000_000]), 1)).toBe(false);
  expect(holds.bars(rewrite(1, many), 1)).toBe(false);
  expect(holds.bars(write([limits.heldIdsMax + 5]), limits.holdMs)).toBe(false);
});
