/** The dense bitmap against a plain Set. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Bitmap, bitCount } from "../../src/bytes/bitmap.ts";

const pair = fc.nat(200).chain((size) => {
  const ordinals = size === 0 ? fc.constant<number[]>([]) : fc.uniqueArray(fc.nat(size - 1));
  return fc.record({ size: fc.constant(size), a: ordinals, b: ordinals, from: fc.nat(size) });
});

function sorted(ordinals: Iterable<number>): number[] {
  return [...ordinals].sort((x, y) => x - y);
}

describe("bitmap", () => {
  test("holds what a Set holds, whichever way it is read", () => {
    fc.assert(
      fc.property(pair, ({ size, a, from }) => {
        const bitmap = Bitmap.of(size, a);
        const members = new Set(a);
        const visited: number[] = [];
        bitmap.forEach((ordinal) => visited.push(ordinal));
        expect(visited).toEqual(sorted(a));
        expect([...bitmap]).toEqual(visited);
        expect([...bitmap.ordinals()]).toEqual(visited);
        expect(bitmap.count()).toBe(members.size);
        expect(bitmap.isEmpty()).toBe(members.size === 0);
        expect(bitmap.next(from)).toBe(visited.find((ordinal) => ordinal >= from) ?? -1);
        for (let ordinal = 0; ordinal < size + 40; ordinal++) {
          expect(bitmap.has(ordinal)).toBe(members.has(ordinal));
        }
        for (const to of [from, size, (from + size) >> 1]) {
          const expected = a.filter((ordinal) => ordinal >= from && ordinal < to).length;
          expect(bitmap.countRange(from, to)).toBe(expected);
        }
      }),
    );
  });

  test("combines like sets", () => {
    fc.assert(
      fc.property(pair, ({ size, a, b }) => {
        const left = Bitmap.of(size, a);
        const right = Bitmap.of(size, b);
        const inB = new Set(b);
        const inA = new Set(a);
        const all = Array.from({ length: size }, (_, ordinal) => ordinal);
        expect([...left.clone().and(right)]).toEqual(sorted(a.filter((x) => inB.has(x))));
        expect([...left.clone().or(right)]).toEqual(sorted(new Set([...a, ...b])));
        expect([...left.clone().andNot(right)]).toEqual(sorted(a.filter((x) => !inB.has(x))));
        expect([...left.clone().invert()]).toEqual(all.filter((x) => !inA.has(x)));
        expect(left.clone().invert().or(left)).toEqual(Bitmap.full(size));
        expect([...left]).toEqual(sorted(a));
      }),
    );
  });

  test("sets ranges and clears single ordinals", () => {
    fc.assert(
      fc.property(fc.nat(150), fc.nat(150), fc.nat(150), (from, length, other) => {
        const bitmap = Bitmap.of(300, [other]);
        bitmap.setRange(from, from + length);
        const expected = new Set([other]);
        for (let ordinal = from; ordinal < from + length; ordinal++) {
          expected.add(ordinal);
        }
        expect([...bitmap]).toEqual(sorted(expected));
        bitmap.clear(other);
        expected.delete(other);
        expect([...bitmap]).toEqual(sorted(expected));
      }),
    );
  });

  test("counts the bits of every byte pattern in a word", () => {
    for (const word of [0, 1, -1, 0x8000_0000, 0x5555_5555, 0x0f0f_0f0f, 0x7fff_ffff]) {
      expect(bitCount(word)).toBe((word >>> 0).toString(2).replaceAll("0", "").length);
    }
  });

  test("refuses ordinals, ranges and partners that do not fit", () => {
    const bitmap = new Bitmap(40);
    for (const attempt of [
      () => bitmap.set(40),
      () => bitmap.set(-1),
      () => bitmap.clear(40),
      () => bitmap.setRange(0, 41),
      () => bitmap.countRange(-1, 3),
      () => bitmap.and(new Bitmap(41)),
      () => bitmap.or(new Bitmap(39)),
      () => bitmap.andNot(new Bitmap(0)),
      () => new Bitmap(-1),
    ]) {
      expect(attempt).toThrow("assertion failed");
    }
    expect(bitmap.isEmpty()).toBe(true);
  });
});
