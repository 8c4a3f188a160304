import fc from "fast-check";
import { expect, test } from "vitest";
import { u32View } from "../../src/bytes/typed-view.ts";
import { idKeys } from "../../src/format/segment-ids.ts";
import { KeySet } from "../../src/query/key-set.ts";

test("knows exactly the ids it was made of, of every kind", () => {
  const kinds = [
    fc.record({
      kind: fc.constant("uint" as const),
      ids: fc.array(fc.nat(300)),
      probe: fc.array(fc.nat(300)),
    }),
    fc.record({
      kind: fc.constant("string" as const),
      ids: fc.array(fc.string()),
      probe: fc.array(fc.string()),
    }),
    fc.record({
      kind: fc.constant("uuid" as const),
      ids: fc.array(fc.uuid()),
      probe: fc.array(fc.uuid()),
    }),
  ];
  fc.assert(
    fc.property(fc.oneof(...kinds), ({ kind, ids, probe }) => {
      const set = new KeySet(idKeys(kind, ids));
      const asked = [...probe, ...ids];
      const keys = idKeys(kind, asked);
      const words = u32View(keys, 0, keys.length / 4);
      asked.forEach((id, row) => {
        expect(set.has(words, row)).toBe(ids.some((held) => held === id));
      });
    }),
  );
});

test("an empty set has no members", () => {
  const set = new KeySet(new Uint8Array(0));
  expect(set.isEmpty).toBe(true);
  expect(set.has(new Uint32Array(4), 0)).toBe(false);
});
