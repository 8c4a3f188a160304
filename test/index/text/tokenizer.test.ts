import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { splitWords, type WordTokenizer } from "../../../src/index/text/tokenizer.ts";

function words(text: string, tokenizer: WordTokenizer = "word_v4"): string[] {
  const found: string[] = [];
  splitWords(text, tokenizer, (from, to) => found.push(text.slice(from, to)));
  return found;
}

describe("word_v4 and word_v3", () => {
  it.each([
    ["e.g", ["e.g"]],
    ["see e.g. this", ["see", "e.g", "this"]],
    ["sea.com", ["sea.com"]],
    ["3.14 and 1,000.5", ["3.14", "and", "1,000.5"]],
    ["don't can''t", ["don't", "can", "t"]],
    ["U.S.A", ["U.S.A"]],
    ["e-mail", ["e", "mail"]],
    ["fish@sea.com", ["fish", "sea.com"]],
    ["東京タワー", ["東", "京", "タワー"]],
    ["ひらがな", ["ひ", "ら", "が", "な"]],
    ["🐡!", ["🐡"]],
    ["👨‍👩‍👧 👍🏽 🇩🇪 🇩", ["👨‍👩‍👧", "👍🏽", "🇩🇪"]],
    ["naïve nai\u0308ve", ["naïve", "nai\u0308ve"]],
    ["foo_bar __ _a #x", ["foo_bar", "_a", "x"]],
    ["שלום' ב\"ה", ["שלום'", 'ב"ה']],
    ["ภาษา", ["ภ", "า", "ษ", "า"]],
    ["서울 도시", ["서울", "도시"]],
    ["", []],
    [" \n.,;", []],
  ])("splits %j", (text, expected) => {
    expect(words(text)).toEqual(expected);
    expect(words(text, "word_v3")).toEqual(expected);
  });

  it("are the segments of the platform that have a letter, a number or an emoji", () => {
    const segmenter = new Intl.Segmenter("en", { granularity: "word" });
    const pieces = Array.from("añß12éДאタ東 .,'\":_-;\u00ad\n🐡\u{10400}").concat("e\u0301", "x'");
    const text = fc.array(fc.constantFrom(...pieces), { maxLength: 12 }).map((all) => all.join(""));
    fc.assert(
      fc.property(text, (each) => {
        // ICU joins ideographs by a dictionary.
        const expected = Array.from(segmenter.segment(each)).flatMap(({ segment }) =>
          /[\p{L}\p{N}🐡]/u.test(segment) ? segment.match(/東\u00ad*|[^東]+/g) : [],
        );
        expect(words(each)).toEqual(expected);
      }),
      { numRuns: 2_000 },
    );
  });

  it("never overlap, whatever the text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 40 }), (text) => {
        let end = 0;
        let isOrdered = true;
        splitWords(text, "word_v4", (from, to) => {
          isOrdered &&= from >= end && to > from;
          end = to;
        });
        return isOrdered && end <= text.length;
      }),
    );
  });
});

describe("older tokenizers", () => {
  const text = "don't 3.14 sea.com U.S.A 東京タワー 🐡 naïve";

  it("word_v2 splits into runs of letters and numbers, single ideographs and emoji", () => {
    expect(words(text, "word_v2")).toEqual([
      "don",
      "t",
      "3",
      "14",
      "sea",
      "com",
      "U",
      "S",
      "A",
      "東",
      "京",
      "タワー",
      "🐡",
      "naïve",
    ]);
  });

  it("word_v1 takes ideographs for letters", () => {
    expect(words(text, "word_v1").slice(9)).toEqual(["東京タワー", "🐡", "naïve"]);
  });

  it("word_v0 leaves out emoji", () => {
    expect(words(text, "word_v0").slice(9)).toEqual(["東京タワー", "naïve"]);
  });
});
