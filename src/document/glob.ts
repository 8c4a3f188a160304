/**
 * Globs, which match a text as a whole.
 *
 *   ?        one character            *      any text, slashes too
 *   [a-z]    one of them              [!a]   one that is none of them; [^a] says the same
 *   {a,b}    either; may be nested    \x     x itself
 *   **      as *, but `**` + `/` at the start and `/` + `**` + `/` also match without the part
 *
 * A glob becomes its alternatives, each a list of characters, classes and stars, and is matched by
 * going back to the last star only. No glob matches an empty text. Characters are code points;
 * without regard to case, those that differ in case alone are one.
 *
 * Cost: alternatives x length of the glob x length of the text, at the worst.
 */
import { invalid } from "../errors.ts";
import { limits } from "../limits.ts";
import type { TextSteps, TextTest } from "./text-steps.ts";

type Part =
  | { readonly kind: "star" | "any" }
  | { readonly kind: "char"; readonly char: number }
  | {
      readonly kind: "class";
      readonly isNegated: boolean;
      readonly ranges: readonly (readonly [number, number])[];
    };

/** Throws `invalid` for what is no glob. */
export function compileGlob(pattern: string, ignoresCase: boolean, steps: TextSteps): TextTest {
  const globs = parseGlob(pattern).map((parts) => parts.map((part) => prepare(part, ignoresCase)));
  const places = globs.reduce((sum, { length }) => sum + length, 0);
  return (text) => {
    if (text === "") return false;
    steps.take(text.length * (places + 1));
    const chars = Array.from(text, (char) => fold(char, ignoresCase));
    return globs.some((parts) => matchParts(parts, chars));
  };
}

/** What every text that matches begins with. */
export function globPrefix(pattern: string): string {
  const globs = parseGlob(pattern).map((parts) => {
    const end = parts.findIndex(({ kind }) => kind !== "char");
    const chars = end < 0 ? parts : parts.slice(0, end);
    return chars.map((part) => String.fromCodePoint(part.kind === "char" ? part.char : 0)).join("");
  });
  return globs.reduce((prefix, each) => {
    let common = Array.from(prefix);
    const other = Array.from(each);
    const end = common.findIndex((char, i) => char !== other[i]);
    if (end >= 0) common = common.slice(0, end);
    return common.join("");
  });
}

// ---- Matching
// ---------------------------------------------------------------------------------------

type PartTest = ((char: number) => boolean) | undefined;

/** Undefined: a star. */
function prepare(part: Part, ignoresCase: boolean): PartTest {
  switch (part.kind) {
    case "star":
      return undefined;
    case "any":
      return () => true;
    case "char": {
      const wanted = fold(String.fromCodePoint(part.char), ignoresCase);
      return (char) => char === wanted;
    }
    case "class": {
      const { ranges, isNegated } = part;
      const isIn = (char: number) => ranges.some(([from, to]) => from <= char && char <= to);
      return (char) => {
        const isMember = isIn(char) || (ignoresCase && isIn(unfold(char)));
        return isMember !== isNegated;
      };
    }
  }
}

/** The lower case, where that is one character. */
function fold(char: string, ignoresCase: boolean): number {
  const code = char.codePointAt(0) as number;
  const lower = ignoresCase ? char.toLowerCase() : char;
  const folded = lower.codePointAt(0) as number;
  return lower.length === (folded > 0xffff ? 2 : 1) ? folded : code;
}

function unfold(char: number): number {
  const upper = String.fromCodePoint(char).toUpperCase();
  const code = upper.codePointAt(0) as number;
  return upper.length === (code > 0xffff ? 2 : 1) ? code : char;
}

function matchParts(parts: readonly PartTest[], chars: readonly number[]): boolean {
  let part = 0;
  let at = 0;
  let star = -1;
  let resume = 0;
  while (at < chars.length) {
    const test = parts[part];
    if (part < parts.length && test === undefined) {
      star = part++;
      resume = at;
    } else if (test?.(chars[at] as number) === true) {
      part++;
      at++;
    } else if (star >= 0) {
      part = star + 1;
      at = ++resume;
    } else {
      return false;
    }
  }
  while (part < parts.length && parts[part] === undefined) part++;
  return part === parts.length;
}

// ---- Parsing
// ----------------------------------------------------------------------------------------

function parseGlob(pattern: string): readonly (readonly Part[])[] {
  if (pattern.length > limits.patternCharsMax) {
    throw refuse(pattern, `is longer than ${limits.patternCharsMax} characters`);
  }
  const parser = new GlobParser(pattern);
  const globs = parser.alternatives(0);
  return globs;
}

class GlobParser {
  readonly #pattern: string;
  readonly #chars: readonly string[];
  #at = 0;

  constructor(pattern: string) {
    this.#pattern = pattern;
    this.#chars = Array.from(pattern);
  }

  /** Up to the end, or to the comma or brace that ends an alternative. */
  alternatives(depth: number): (readonly Part[])[] {
    let globs: (readonly Part[])[] = [[]];
    while (this.#at < this.#chars.length) {
      const char = this.#chars[this.#at];
      if (depth > 0 && (char === "," || char === "}")) return globs;
      globs = this.#append(globs, this.#next(depth));
    }
    if (depth > 0) throw refuse(this.#pattern, "lacks a `}`");
    return globs;
  }

  /** What comes next, as alternatives. */
  #next(depth: number): (readonly Part[])[] {
    const char = this.#chars[this.#at++] as string;
    switch (char) {
      case "?":
        return [[{ kind: "any" }]];
      case "*":
        return this.#stars();
      case "[":
        return [[this.#class()]];
      case "{":
        return this.#braces(depth);
      case "}":
        throw refuse(this.#pattern, "has a `}` without a `{`");
      case "\\": {
        const escaped = this.#chars[this.#at++];
        if (escaped === undefined) throw refuse(this.#pattern, "ends with a `\\`");
        return [[literal(escaped)]];
      }
      default:
        return [[literal(char)]];
    }
  }

  #stars(): (readonly Part[])[] {
    const first = this.#at - 1;
    while (this.#chars[this.#at] === "*") this.#at++;
    const isPair = this.#at - first === 2;
    const isPart = first === 0 || this.#chars[first - 1] === "/";
    if (!isPair || !isPart || this.#chars[this.#at] !== "/") return [[{ kind: "star" }]];
    this.#at++;
    return [[], [{ kind: "star" }, literal("/")]];
  }

  #braces(depth: number): (readonly Part[])[] {
    const all: (readonly Part[])[] = [];
    for (;;) {
      all.push(...this.alternatives(depth + 1));
      if (this.#chars[this.#at++] === "}") return all;
    }
  }

  #class(): Part {
    const isNegated = this.#chars[this.#at] === "!" || this.#chars[this.#at] === "^";
    if (isNegated) this.#at++;
    const ranges: [number, number][] = [];
    for (let isFirst = true; ; isFirst = false) {
      const char = this.#chars[this.#at++];
      if (char === undefined) throw refuse(this.#pattern, "lacks a `]`");
      if (char === "]" && !isFirst) return { kind: "class", isNegated, ranges };
      const from = char.codePointAt(0) as number;
      const end = this.#chars[this.#at + 1];
      if (this.#chars[this.#at] !== "-" || end === undefined || end === "]") {
        ranges.push([from, from]);
        continue;
      }
      this.#at += 2;
      const to = end.codePointAt(0) as number;
      if (to < from) throw refuse(this.#pattern, `has the range ${char}-${end}, which is empty`);
      ranges.push([from, to]);
    }
  }

  #append(globs: readonly (readonly Part[])[], more: readonly (readonly Part[])[]) {
    const count = globs.length * more.length;
    if (count > limits.globAlternativesMax) {
      throw refuse(this.#pattern, `has more than ${limits.globAlternativesMax} alternatives`);
    }
    return globs.flatMap((glob) => more.map((each) => [...glob, ...each]));
  }
}

function literal(char: string): Part {
  return { kind: "char", char: char.codePointAt(0) as number };
}

function refuse(pattern: string, reason: string): Error {
  const shown = pattern.length > 64 ? `${pattern.slice(0, 64).toWellFormed()}…` : pattern;
  return invalid(`💔 the glob '${shown}' ${reason}`, "filters");
}
