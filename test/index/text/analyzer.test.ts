import { describe, expect, it } from "vitest";
import { defaultText, languages, type TextOptions } from "../../../src/document/text-options.ts";
import type { AttributeValue } from "../../../src/document/value.ts";
import { analysisName, analyzerFor, elementGap } from "../../../src/index/text/analyzer.ts";

function analyze(value: AttributeValue, options: Partial<TextOptions> = {}): string[] {
  const terms: string[] = [];
  analyzerFor({ ...defaultText, ...options }).visit(value, ({ term }) => terms.push(term));
  return terms;
}

describe("an analysis", () => {
  it("makes words lower case unless case matters", () => {
    expect(analyze("The QUICK Fox")).toEqual(["the", "quick", "fox"]);
    expect(analyze("The QUICK Fox", { caseSensitive: true })).toEqual(["The", "QUICK", "Fox"]);
  });

  it("drops what is longer than the limit, in characters", () => {
    expect(analyze("café naïve 🐡", { maxTokenLength: 4 })).toEqual(["café", "🐡"]);
    expect(analyze(`${"a".repeat(39)} ${"b".repeat(40)}`)).toEqual(["a".repeat(39)]);
  });

  it("removes stop words of the language", () => {
    const text = "we visited a café and the sea";
    expect(analyze(text, { removeStopwords: true })).toEqual(["visited", "café", "sea"]);
    const german = { removeStopwords: true, language: "german" } as const;
    expect(analyze("der Hund und die Katze", german)).toEqual(["hund", "katze"]);
  });

  it("stems before it folds to ASCII", () => {
    expect(analyze("running distribution thickness", { stemming: true })).toEqual([
      "run",
      "distribut",
      "thick",
    ]);
    const german = { stemming: true, asciiFolding: true, language: "german" } as const;
    expect(analyze("straße strasse", german)).toEqual(["strass", "strass"]);
    expect(analyze("naïve Ærø Łódź ﬁn", { asciiFolding: true })).toEqual([
      "naive",
      "aero",
      "lodz",
      "fin",
    ]);
    expect(analyze("Москва", { asciiFolding: true })).toEqual(["москва"]);
  });

  it.each(languages)("has a stemmer for %s", (language) => {
    expect(analyze("a", { language, stemming: true })).toHaveLength(1);
  });

  it("counts dropped words in positions, and a gap between elements", () => {
    const positions: number[] = [];
    const analyzer = analyzerFor({ ...defaultText, removeStopwords: true });
    analyzer.visit(["visited the café", "sea"], ({ position }) => positions.push(position));
    expect(positions).toEqual([0, 2, 3 + elementGap]);
  });

  it("of tokens leaves them as they are", () => {
    const options = { tokenizer: "pre_tokenized_array", caseSensitive: true } as const;
    expect(analyze(["Rust", "is fast", ""], options)).toEqual(["Rust", "is fast", ""]);
  });

  it("of other values has no tokens", () => {
    expect(analyze(null)).toEqual([]);
    expect(analyze([])).toEqual([]);
  });

  it("takes the last word as a prefix, neither stemmed nor dropped", () => {
    const options = { ...defaultText, stemming: true, removeStopwords: true };
    expect(analyzerFor(options).lastPrefix("big Runnings THE")).toEqual({
      term: "the",
      position: 2,
    });
    expect(analyzerFor(options).lastPrefix(" ")).toBeUndefined();
  });

  it("is named by all that decides its tokens, and by nothing else", () => {
    const name = analysisName(defaultText);
    expect(analysisName({ ...defaultText, k1: 2, b: 0, k3: 1, language: "german" })).toBe(name);
    for (const change of [
      { stemming: true },
      { removeStopwords: true },
      { caseSensitive: true },
      { asciiFolding: true },
      { maxTokenLength: 40 },
      { tokenizer: "word_v2" },
      { tokenizer: "pre_tokenized_array" },
    ] as const) {
      expect(analysisName({ ...defaultText, ...change })).not.toBe(name);
    }
  });
});
