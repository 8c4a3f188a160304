/** Numbers of words, beside a map of strings. */
import { describe, expect, it } from "vitest";
import { WordTable } from "../../../src/index/text/word-table.ts";
import { createPrng } from "../../../src/index/vector/prng.ts";

const letters = ["a", "b", "é", "ß", "字", "😀", "\u{1d4d0}"];

describe("numbers of words", () => {
  it("are those that a map of strings would give, wherever the words stand", () => {
    const prng = createPrng({ low: 5, high: 1 });
    const table = new WordTable(1_000_000);
    const known = new Map<string, number>();
    for (let i = 0; i < 30_000; i++) {
      const length = prng.below(8);
      const word = Array.from({ length }, () => letters[prng.below(letters.length)]).join("");
      const before = "x".repeat(prng.below(4));
      const number = table.numberOf(
        `${before}${word}y`,
        before.length,
        before.length + word.length,
      );
      expect(number).toBe(known.get(word) ?? known.size);
      known.set(word, number);
    }
    expect(table.size).toBe(known.size);
    expect(known.size).toBeGreaterThan(10_000);
  });

  it("are kept when there is no room for more, and new words get none", () => {
    const table = new WordTable(3);
    expect(["one", "two", "three"].map((word) => table.numberOf(word, 0, word.length))).toEqual([
      0, 1, 2,
    ]);
    expect(table.numberOf("four", 0, 4)).toBe(-1);
    expect(table.numberOf("two", 0, 3)).toBe(1);
    const long = "z".repeat(65);
    expect(new WordTable(10).numberOf(long, 0, 65)).toBe(-1);
  });
});
