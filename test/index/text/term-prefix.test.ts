/** Beginnings of terms with edits, beside distances computed in the plainest way. */
import { describe, expect, it } from "vitest";
import { prepareBeginning, sharedBeginning } from "../../../src/index/text/term-prefix.ts";
import { createPrng } from "../../../src/index/vector/prng.ts";

function editsBetween(a: readonly string[], b: readonly string[]): number {
  if (a.length === 0 || b.length === 0) return Math.max(a.length, b.length);
  const [restA, restB] = [a.slice(1), b.slice(1)];
  if (a[0] === b[0]) return editsBetween(restA, restB);
  return 1 + Math.min(editsBetween(restA, restB), editsBetween(restA, b), editsBetween(a, restB));
}

/** Whether some beginning of the term, with the same first character, is near enough. */
function begins(prefix: string, edits: number, term: string): boolean {
  const [wanted, characters] = [Array.from(prefix), Array.from(term)];
  return (
    wanted[0] === characters[0] &&
    characters.some((_, i) => editsBetween(wanted, characters.slice(0, i + 1)) <= edits)
  );
}

describe("terms that begin as a prefix", () => {
  it("are those of a plain comparison, with edits or without", () => {
    const prng = createPrng({ low: 3, high: 8 });
    const word = (length: number) =>
      Array.from({ length }, () => ["a", "b", "😀"][prng.below(3)]).join("");
    let found = 0;
    for (let i = 0; i < 3_000; i++) {
      const prefix = word(4 + prng.below(2));
      const term = word(1 + prng.below(7));
      const edits = prng.below(3);
      const isFound = prepareBeginning(prefix, edits)(term);
      const expected = edits === 0 ? term.startsWith(prefix) : begins(prefix, edits, term);
      expect(isFound, `${prefix} ${edits} ${term}`).toBe(expected);
      if (isFound) expect(term.startsWith(sharedBeginning(prefix, edits))).toBe(true);
      found += isFound ? 1 : 0;
    }
    expect(found).toBeGreaterThan(200);
  });
});
