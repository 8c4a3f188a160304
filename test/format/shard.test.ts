/** Which shard an id belongs to: the same for ever, and about as many in each. */
import { expect, test } from "vitest";
import type { DocumentId, IdKind } from "../../src/document/id.ts";
import { shardCount, shardsOf, splitIds } from "../../src/format/shard.ts";

const uuids = ["00000000-0000-0000-0000-000000000001", "8f1d8f5e-5c2e-4d0a-9a66-3f2f4d3c2b1a"];
const samples: readonly [IdKind, readonly DocumentId[]][] = [
  ["uint", [0, 1, 2, 2 ** 53 - 1, 18_446_744_073_709_551_615n]],
  ["uuid", uuids],
  ["string", ["", "a", "fish", "köln"]],
];

test("an id belongs to the same shard for ever", () => {
  const found = samples.map(([kind, ids]) =>
    [2, 8, 256].map((shards) => [...shardsOf(kind, ids, shards)]),
  );
  expect(found).toEqual([
    [
      [0, 1, 0, 1, 1],
      [0, 7, 6, 5, 1],
      [0, 183, 6, 165, 153],
    ],
    [
      [1, 1],
      [7, 5],
      [71, 189],
    ],
    [
      [0, 1, 1, 0],
      [0, 3, 1, 4],
      [0, 139, 73, 36],
    ],
  ]);
});

test("shards get about as many ids each, whatever the ids look like", () => {
  const kinds: readonly [IdKind, (i: number) => DocumentId][] = [
    ["uint", (i) => i],
    ["uint", (i) => i * 1_024],
    ["uint", (i) => BigInt(i) << 40n],
    ["string", (i) => `user-${i}`],
    ["uuid", (i) => `00000000-0000-4000-8000-${i.toString(16).padStart(12, "0")}`],
  ];
  for (const [kind, idAt] of kinds) {
    const ids = Array.from({ length: 8_000 }, (_, i) => idAt(i));
    const counts = Array.from({ length: 8 }, () => 0);
    for (const shard of shardsOf(kind, ids, 8)) counts[shard] = (counts[shard] ?? 0) + 1;
    for (const count of counts) expect(Math.abs(count - 1_000)).toBeLessThan(150);
  }
});

test("ids are split in their order, and nobody has an empty shard", () => {
  const ids = Array.from({ length: 100 }, (_, i) => i);
  const split = splitIds("uint", ids, 8);
  expect([...split.values()].flat().toSorted((a, b) => Number(a) - Number(b))).toEqual(ids);
  for (const [shard, members] of split) {
    expect([...shardsOf("uint", members, 8)]).toEqual(members.map(() => shard));
    expect(members).toEqual(members.toSorted((a, b) => Number(a) - Number(b)));
  }
  expect(splitIds("uint", ids, 1)).toEqual(new Map([[undefined, ids]]));
  expect(splitIds("uint", [], 8)).toEqual(new Map());
  expect(splitIds(undefined, [], 1)).toEqual(new Map());
});

test("a namespace that asked for no shards has one", () => {
  expect([0, 1, 8].map((shards) => shardCount({ shards }))).toEqual([1, 1, 8]);
});
