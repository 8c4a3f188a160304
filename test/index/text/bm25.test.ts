import { describe, expect, it } from "vitest";
import { defaultText } from "../../../src/document/text-options.ts";
import { analyzerFor } from "../../../src/index/text/analyzer.ts";
import { Bm25, noStatistics } from "../../../src/index/text/bm25.ts";

const fish = ["fish fish swim", "fish tank water deep blue", "swim swim fish"];

/** As long as the texts whose scores are known, and with as much of what is searched for. */
const pages = [
  `object storage cache durability naïve storage ${"other ".repeat(48)}`,
  "cache and four others more",
  "three other words",
];
const tags = ["object storage cold cache warm", "x", "y"];

function tokensOf(text: string): string[] {
  const tokens: string[] = [];
  analyzerFor(defaultText).visit(text, ({ term }) => tokens.push(term));
  return tokens;
}

function scores(query: string, documents: readonly string[]): number[] {
  const tokens = tokensOf(query);
  const terms = [...new Set(tokens)];
  const statistics = noStatistics(terms.length);
  const texts = documents.map(tokensOf);
  for (const text of texts) {
    statistics.rows += 1;
    statistics.tokens += text.length;
    terms.forEach((term, i) => {
      if (text.includes(term)) statistics.frequencies[i] = (statistics.frequencies[i] ?? 0) + 1;
    });
  }
  const scored = terms.map((term) => ({
    count: tokens.filter((token) => token === term).length,
    isPrefix: false,
  }));
  const bm25 = new Bm25(defaultText, scored, statistics);
  return texts.map((text) =>
    bm25.score(
      terms.map((term) => text.filter((token) => token === term).length),
      text.length,
    ),
  );
}

describe("BM25", () => {
  it.each([
    ["fish", fish, [0.1935007, 0.1162396, 0.1442616]],
    ["fish fish", fish, [0.348301, 0.2092313, 0.259671]],
    ["fish fish swim", fish, [0.856073, 0.2092313, 0.9407541]],
    ["object storage cache", pages, [1.801863, 0.68128055, 0]],
    ["naïve storage", pages, [1.5186982, 0, 0]],
    ["cache", tags, [0.6683526, 0, 0]],
  ])("of %j has the known values", (query, documents, expected) => {
    for (const [i, score] of scores(query, documents).entries()) {
      expect(score).toBeCloseTo(expected[i] as number, 6);
    }
  });

  it("of two attributes adds up to the known value", () => {
    const [page = 0] = scores("durability", pages);
    const [tag = 0] = scores("warm", tags);
    expect(page + tag).toBeCloseTo(1.2592762, 6);
  });

  it("gives a prefix 1 wherever it is met", () => {
    const statistics = { rows: 3, tokens: 9, frequencies: [3, 0] };
    const terms = [
      { count: 1, isPrefix: false },
      { count: 1, isPrefix: true },
    ];
    const bm25 = new Bm25(defaultText, terms, statistics);
    expect(bm25.score([0, 5], 7)).toBe(1);
    expect(bm25.score([0, 0], 7)).toBe(0);
  });
});
