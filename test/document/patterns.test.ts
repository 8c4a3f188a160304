/** Globs, regular expressions and fuzzy search, each against its definition. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compileFuzzy } from "../../src/document/fuzzy.ts";
import { compileGlob, globPrefix } from "../../src/document/glob.ts";
import { compileRegex } from "../../src/document/regex.ts";
import { TextSteps } from "../../src/document/text-steps.ts";
import { matchesFuzzy, matchesGlob } from "../oracle/text-match.ts";

const glob = (pattern: string, text: string, ignoresCase = false): boolean =>
  compileGlob(pattern, ignoresCase, new TextSteps())(text);

describe("globs", () => {
  test.each([
    ["*", "a/b", true],
    ["*", "", false],
    ["", "", false],
    ["a?c", "a😀c", true],
    ["a?c", "ac", false],
    ["**/b", "b", true],
    ["**/b", "x/y/b", true],
    ["**/b", "xb", false],
    ["a/**/b", "a/b", true],
    ["a/**/b", "a/x/b", true],
    ["a/**", "a/x/y", true],
    ["a/**", "a", false],
    ["a**b", "a/x/b", true],
    ["[]x]", "]", true],
    ["[a-]", "-", true],
    ["[^a]", "b", true],
    ["[!a]", "a", false],
    ["{a,{b,c}d}e", "cde", true],
    ["{a,}b", "b", true],
    ["a,b", "a,b", true],
    ["\\*", "*", true],
    ["\\*", "x", false],
    ["a*\nb", "ax\nb", true],
  ])("%s on %j: %s", (pattern, text, expected) => {
    expect(glob(pattern, text)).toBe(expected);
  });

  test("regardless of case, letters that differ in it alone are one", () => {
    expect(glob("É[A-C]*", "éb", true)).toBe(true);
    expect(glob("É[A-C]*", "éd", true)).toBe(false);
    expect(glob("[!a]", "A", true)).toBe(false);
    expect(glob("ß", "SS", true)).toBe(false);
  });

  test("match what their definition matches, and only texts that begin as they do", () => {
    const part = fc.constantFrom("*", "**/", "?", "a", "B", "/", "😀", "[ab]", "[!a]", "{a,b*}");
    const pattern = fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => parts.join(""));
    const char = fc.constantFrom("a", "b", "A", "B", "/", "😀");
    const text = fc.array(char, { maxLength: 8 }).map((chars) => chars.join(""));
    fc.assert(
      fc.property(pattern, text, fc.boolean(), (each, given, ignoresCase) => {
        const isMatch = glob(each, given, ignoresCase);
        expect(isMatch).toBe(matchesGlob(each, given, ignoresCase));
        if (isMatch && !ignoresCase) expect(given.startsWith(globPrefix(each))).toBe(true);
      }),
      { numRuns: 3_000 },
    );
  });

  test("that are bombs elsewhere take steps in proportion to the text", () => {
    const steps = new TextSteps();
    const test = compileGlob(`${"a*".repeat(200)}b`, false, steps);
    expect(test("a".repeat(4_000))).toBe(false);
    expect(steps.taken).toBe(4_000 * 402);
  });
});

describe("regular expressions", () => {
  test.each(["(a+)+$", "(a|aa)*b", "(.*)(.*)(.*)(.*)(.*)x", "(a?){30}a{30}"])(
    "%s is no bomb",
    (pattern) => {
      const steps = new TextSteps();
      const test = compileRegex(pattern, steps);
      test(`${"a".repeat(4_000)}!`);
      expect(steps.taken).toBeLessThan(4_002 * 1_000);
    },
  );

  test("stop at the steps that are allowed", () => {
    const steps = new TextSteps(1_000);
    const test = compileRegex("a.b", steps);
    expect(test("aab")).toBe(true);
    expect(() => test("a".repeat(1_000))).toThrow("take more than 1000 steps");
  });
});

test("fuzzy search finds what its definition finds", () => {
  const char = fc.constantFrom("a", "b", "B", "😀");
  const text = (maxLength: number) => fc.array(char, { maxLength }).map((chars) => chars.join(""));
  fc.assert(
    fc.property(text(9), text(9), fc.nat(2), fc.boolean(), (query, given, distance, sensitive) => {
      const options = { distance, isCaseSensitive: sensitive };
      const found = compileFuzzy(query, options, new TextSteps())(given);
      const threshold = { min_query_chars: 0, distance };
      expect(found).toBe(
        matchesFuzzy(query, given, { max_edit_distance: [threshold], case_sensitive: sensitive }),
      );
    }),
    { numRuns: 1_000 },
  );
});
