import fc from "fast-check";
import { expect, test } from "vitest";
import { compareHits, TopK } from "../../src/query/top-k.ts";

test("keeps what sorting everything would put first, ties by lower id", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ distance: fc.integer({ min: 0, max: 9 }), id: fc.nat(50) })),
      fc.integer({ min: 1, max: 20 }),
      (offers, limit) => {
        const hits = [
          ...new Map(offers.map((hit) => [hit.id, { ...hit, value: hit.id }])).values(),
        ];
        const best = new TopK<number>(limit);
        for (const hit of hits) best.offer(hit);
        expect(best.sorted()).toEqual([...hits].sort(compareHits).slice(0, limit));
      },
    ),
  );
});

test("tells the distance to beat once it is full", () => {
  const best = new TopK<string>(2);
  expect(best.worst).toBe(Infinity);
  best.offer({ distance: 1, id: 1, value: "a" });
  expect(best.worst).toBe(Infinity);
  best.offer({ distance: 3, id: 2, value: "b" });
  expect(best.worst).toBe(3);
  best.offer({ distance: 2, id: 3, value: "c" });
  expect(best.worst).toBe(2);
  expect(best.sorted().map((hit) => hit.value)).toEqual(["a", "c"]);
});

test("orders ids beyond the safe integers and strings by their bytes", () => {
  const best = new TopK<null>(3);
  for (const id of [2n ** 64n - 1n, 7, 2n ** 53n + 1n])
    best.offer({ distance: 0, id, value: null });
  expect(best.sorted().map((hit) => hit.id)).toEqual([7, 2n ** 53n + 1n, 2n ** 64n - 1n]);
  const texts = new TopK<null>(3);
  for (const id of ["😀", "a", "\uffee"]) texts.offer({ distance: 0, id, value: null });
  expect(texts.sorted().map((hit) => hit.id)).toEqual(["a", "\uffee", "😀"]);
});
