/** Ranking by text: what is found, and with which scores, wherever documents lie. */
import { describe, expect, test } from "vitest";
import { canonicalUint, type DocumentId } from "../src/document/id.ts";
import { createPrng } from "../src/index/vector/prng.ts";
import { TextRig, type TextRow } from "./text-rig.ts";

const vocabulary = ["fish", "tank", "water", "deep", "blue", "swim", "fin", "finch", "sea", "salt"];

/** Words of a few, the first the most frequent. */
function makeTexts(count: number, seed: number, firstId = 0): TextRow[] {
  const prng = createPrng({ low: seed, high: 7 });
  const word = () => vocabulary[Math.min(prng.below(10), prng.below(10))] as string;
  return Array.from({ length: count }, (_, i) => {
    const text = Array.from({ length: prng.below(12) }, word).join(" ");
    return { id: firstId + i, text: prng.below(9) === 0 ? null : text, group: i % 3 };
  });
}

const queries = ["fish", "fish fish swim", "deep blue sea", "salt unknown", "FISH, finch!", "none"];

async function expectAll(rig: TextRig, name: string): Promise<void> {
  for (const query of queries) {
    await rig.expectRanking(query, { name });
    await rig.expectRanking(query, { name, group: 1, limit: 100 });
  }
  await rig.expectRanking("deep fi", { name, lastAsPrefix: true, limit: 50 });
}

describe("a text query", () => {
  test("ranks documents of the tail and of segments by the statistics of both", async () => {
    const rig = new TextRig();
    await rig.putTexts(makeTexts(120, 1));
    await expectAll(rig, "tail");
    await rig.flush();
    await expectAll(rig, "segment");
    await rig.putTexts(makeTexts(60, 2, 90), [1, 2, 3, 500]);
    await expectAll(rig, "both");
    await rig.flush();
    await expectAll(rig, "two segments");
    rig.newIsolate();
    await expectAll(rig, "cold");
  });

  test.each<[string, (i: number) => DocumentId]>([
    ["small numbers", (i) => i],
    ["numbers of 64 bits", (i) => canonicalUint(2n ** 64n - 1n - BigInt(i))],
    ["uuids", (i) => `123e4567-e89b-12d3-a456-4266141${String(74_000 + i).padStart(5, "0")}`],
    ["texts", (i) => `id-${i}`],
  ])("finds the same %s again, without a look at documents", async (_, idOf) => {
    const rig = new TextRig();
    const text = (i: number) => "deep ".repeat(1 + (i % 13)) + "sea ".repeat(i % 19);
    const rows = Array.from({ length: 500 }, (_, i) => ({ id: idOf(i) as number, text: text(i) }));
    await rig.putTexts(rows);
    await rig.flush();
    rig.newIsolate();
    const ask = (limit: number) => rig.search({ rank_by: ["text", "BM25", "deep"], limit });
    const first = await ask(100);
    expect(first.rows).toHaveLength(100);
    for (const limit of [100, 10, 100]) {
      const { rows, performance } = await ask(limit);
      expect(rows).toEqual(first.rows.slice(0, limit));
      expect(performance.storeRequests).toBe(0);
    }
  });

  test("reads terms, then postings, then the documents that win", async () => {
    const rig = new TextRig();
    // No two score the same, so no ids are walked.
    const text = (i: number) =>
      `${"deep ".repeat(1 + (i % 13))}${"blue ".repeat(i % 17)}${"sea ".repeat(i % 19)}`;
    const rows = Array.from({ length: 2_000 }, (_, id) => ({ id, text: text(id) }));
    await rig.putTexts(rows.slice(0, 1_950));
    await rig.flush();
    await rig.putTexts(rows.slice(1_950));
    await rig.flush();
    rig.newIsolate();
    const body = { rank_by: ["text", "BM25", "deep blue salt"], limit: 10 };
    const { performance } = await rig.search(body);
    expect(performance).toMatchObject({ rounds: 3, temperature: "cold" });
    const [terms = 0, postings = 0, documents = 0] = performance.roundBytes;
    // Three words make no more than a block of terms in each segment.
    expect(terms).toBeLessThan(2 * 1_024);
    // A byte of length and two of postings a row, packed, of two words; the third is in none.
    expect(postings).toBeLessThan(2_000 * 5);
    expect(terms + postings + documents).toBe(performance.storeBytes);
    expect(rig.reads.requests).toBeLessThanOrEqual(9);
    expect((await rig.search(body)).performance).toMatchObject({ rounds: 0 });
  });

  test("has the scores that are known", async () => {
    const rig = new TextRig();
    const texts = ["fish fish swim", "fish tank water deep blue", "swim swim fish"];
    await rig.putTexts(texts.map((text, id) => ({ id, text })));
    const ask = async (query: string) => {
      const { rows } = await rig.search({ rank_by: ["text", "BM25", query], limit: 9 });
      return rows.map(({ id, distance }) => [Number(id), Number(distance?.toFixed(6))]);
    };
    for (const place of ["tail", "segment"]) {
      expect(await ask("fish"), place).toEqual([
        [0, 0.193501],
        [2, 0.144262],
        [1, 0.11624],
      ]);
      expect(await ask("fish fish swim"), place).toEqual([
        [2, 0.940754],
        [0, 0.856073],
        [1, 0.209231],
      ]);
      await rig.flush();
    }
  });

  test("finds nothing where there is nothing to find", async () => {
    const rig = new TextRig();
    await rig.putTexts([{ id: 1, text: null }]);
    await rig.expectRanking("fish");
    await rig.flush();
    await rig.expectRanking("fish");
    await rig.expectRanking("");
  });

  test("searches lists of tokens by tokens", async () => {
    const options = { tokenizer: "pre_tokenized_array", caseSensitive: true } as const;
    const rig = new TextRig(options, { tokenizer: options.tokenizer }, "[]string");
    await rig.putTexts([
      { id: 1, text: ["a b", "c", "C"] },
      { id: 2, text: ["c", "c"] },
      { id: 3, text: [] },
    ]);
    for (const place of ["tail", "segment"]) {
      await rig.expectRanking(["c"], { name: place });
      await rig.expectRanking(["a b", "x"], { name: place });
      await rig.flush();
    }
    await expect(rig.search({ rank_by: ["text", "BM25", "jumped"], limit: 1 })).rejects.toThrow(
      "invalid input 'jumped' for rank_by field \"text\", expecting []string",
    );
  });

  test("takes the texts of an array for one", async () => {
    const rig = new TextRig({}, true, "[]string");
    await rig.putTexts([
      { id: 1, text: ["fish swim", "fish"] },
      { id: 2, text: ["fish"] },
    ]);
    await rig.expectRanking("fish swim");
  });

  test("is refused where the attribute cannot be searched, or with tokens", async () => {
    const text = new TextRig();
    await text.putTexts(makeTexts(3, 4));
    const ask = (rank: unknown) => text.search({ rank_by: rank, limit: 1 });
    await expect(ask(["group", "BM25", "x"])).rejects.toThrow("must have `full_text_search`");
    await expect(ask(["other", "BM25", "x"])).rejects.toThrow("not found in schema");
    await expect(ask(["text", "BM25", ["x"]])).rejects.toThrow("expecting string");
    await expect(ask(["text", "BM25", "x".repeat(8_193)])).rejects.toThrow("8192");
    await expect(async () => await ask(["text", "BM25", 1])).rejects.toThrow("RankInput");
    await expect(async () => await ask(["text", "BM25", "x", 1])).rejects.toThrow("RankInput");
    await expect(
      async () => await ask(["text", "BM25", "x", { last_as_prefix: 1 }]),
    ).rejects.toThrow("last_as_prefix");
  });

  test("takes the last word as a prefix in which some characters are wrong", async () => {
    const rig = new TextRig();
    const texts = ["restaurant", "restaurateur", "resturant", "rustaurant", "testaurant", "rest"];
    await rig.putTexts(texts.map((word, id) => ({ id, text: `the ${word}` })));
    const fuzzy = { max_edit_distance: [{ min_query_chars: 6, distance: 1 }] };
    const ask = async (word: string, options: object) => {
      const rank = ["text", "BM25", word, { last_as_prefix: true, ...options }];
      const { rows } = await rig.search({ rank_by: rank, limit: 10 });
      return rows.map(({ id, distance }) => [Number(id), distance ?? 0]);
    };
    for (const place of ["tail", "segment"]) {
      expect(await ask("restaura", {}), place).toEqual([
        [0, 1],
        [1, 1],
      ]);
      const near = [
        [0, 1],
        [1, 1],
        [2, 0.5],
        [3, 0.5],
      ];
      expect(await ask("restaura", fuzzy), place).toEqual(near);
      // A missing letter, an additional one, a wrong one.
      for (const word of ["restura", "resttaura", "restbura"]) {
        const found = await ask(word, fuzzy);
        expect(found.map(([id]) => id).includes(0), `${place} ${word}`).toBe(true);
      }
      // Too short for an edit.
      expect(await ask("resto", fuzzy), place).toEqual([]);
      await rig.flush();
      rig.newIsolate();
    }
    const alone = { last_as_prefix: false, ...fuzzy };
    await expect(async () => await ask("restaura", alone)).rejects.toThrow("max_edit_distance");
  });

  test("is part of expressions, with the same scores", async () => {
    const rig = new TextRig();
    await rig.putTexts(makeTexts(80, 5));
    const ask = async (rank: unknown) => {
      const { rows } = await rig.search({ rank_by: rank, limit: 100 });
      return new Map(rows.map(({ id, distance }) => [Number(id), distance ?? 0]));
    };
    for (const place of ["tail", "segment"]) {
      const fish = await ask(["text", "BM25", "fish"]);
      const sea = await ask(["text", "BM25", "sea"]);
      const sum = await ask([
        "Sum",
        [
          ["text", "BM25", "fish"],
          ["Product", 2, ["text", "BM25", "sea"]],
        ],
      ]);
      const most = await ask(["Max", [["text", "BM25", "fish"], ["text", "BM25", "sea"], 2]]);
      const ids = new Set([...fish.keys(), ...sea.keys()]);
      expect(new Set(sum.keys()), place).toEqual(ids);
      expect(new Set(most.keys()), place).toEqual(ids);
      for (const id of ids) {
        const [a, b] = [fish.get(id) ?? 0, sea.get(id) ?? 0];
        expect(sum.get(id)).toBeCloseTo(a + 2 * b, 5);
        expect(most.get(id)).toBe(Math.max(a, b, 2));
      }
      await rig.flush();
    }
  });

  test("computes the score that it ranks by", async () => {
    const rig = new TextRig();
    await rig.putTexts(makeTexts(60, 6));
    await rig.flush();
    await rig.putTexts(makeTexts(20, 7, 50));
    const rank = ["text", "BM25", "deep fish"];
    const { rows } = await rig.search({
      rank_by: rank,
      limit: 50,
      compute_attributes: { score: rank },
    });
    expect(rows.length).toBeGreaterThan(10);
    for (const { distance, computed } of rows) {
      expect(computed).toEqual([{ name: "score", value: distance }]);
    }
  });
});

describe("a filter of tokens", () => {
  const texts = [
    "we visited the café by the sea",
    "we visited a café",
    "visited café",
    "visited big café",
    "the café visited us",
    "finch and fish",
    null,
  ];

  async function open(options: object): Promise<TextRig> {
    const rig = new TextRig({}, options);
    await rig.putTexts(texts.map((text, id) => ({ id, text })));
    return rig;
  }

  async function ask(rig: TextRig, filters: unknown): Promise<number[]> {
    const { rows } = await rig.search({ rank_by: ["id", "asc"], limit: 20, filters });
    return rows.map(({ id }) => Number(id));
  }

  test.each<[unknown, number[]]>([
    [
      ["text", "ContainsAllTokens", "café Visited"],
      [0, 1, 2, 3, 4],
    ],
    [["text", "ContainsAllTokens", "visited sea"], [0]],
    [["text", "ContainsAllTokens", ""], []],
    [
      ["text", "ContainsAnyToken", "sea fish none"],
      [0, 5],
    ],
    [["text", "ContainsAllTokens", "fin", { last_as_prefix: true }], [5]],
    [["text", "ContainsAllTokens", "fish fi", { last_as_prefix: true }], [5]],
    [
      ["text", "ContainsAnyToken", "sea fi", { last_as_prefix: true }],
      [0, 5],
    ],
    [["text", "ContainsTokenSequence", "visited the café"], [0]],
    [["text", "ContainsTokenSequence", "visited café"], [2]],
    [["text", "ContainsTokenSequence", "café visited"], [4]],
    [
      ["Not", ["text", "ContainsAnyToken", "visited"]],
      [5, 6],
    ],
    [
      [
        "And",
        [
          ["text", "ContainsAnyToken", "we"],
          ["id", "Gt", 0],
        ],
      ],
      [1],
    ],
  ])("%j finds what it says", async (filters, expected) => {
    const rig = await open({});
    expect(await ask(rig, filters), "tail").toEqual(expected);
    await rig.flush();
    expect(await ask(rig, filters), "segment").toEqual(expected);
  });

  test("lets any stop word stand for another in a sequence, and nothing else", async () => {
    const rig = await open({ remove_stopwords: true });
    for (const place of ["tail", "segment"]) {
      const sequence = (text: string) => ask(rig, ["text", "ContainsTokenSequence", text]);
      expect(await sequence("visited the café"), place).toEqual([0, 1]);
      expect(await sequence("visited café"), place).toEqual([2]);
      expect(await sequence("the"), place).toEqual([]);
      await rig.flush();
    }
  });

  test("looks for all sequences in the positions of all segments in one round", async () => {
    const rig = new TextRig();
    const text = (i: number) => (i % 7 === 0 ? "deep blue sea" : "blue deep sea, sea blue");
    for (const part of [0, 1, 2]) {
      const rows = Array.from({ length: 400 }, (_, i) => ({ id: part * 1_000 + i, text: text(i) }));
      await rig.putTexts(rows);
      await rig.flush();
    }
    rig.newIsolate();
    const phrase = (words: string) => ["text", "ContainsTokenSequence", words];
    const either = ["Or", [phrase("deep blue"), phrase("blue deep"), phrase("sea deep")]];
    const { rows, performance } = await rig.search({
      filters: ["And", [either, ["Not", phrase("deep sea sea")]]],
      rank_by: ["id", "asc"],
      limit: 9_000,
    });
    expect(rows).toHaveLength(3 * Math.ceil(400 / 7));
    // Terms, postings, positions; ids of the answer.
    expect(performance.rounds).toBe(4);
  });

  test("finds Chinese phrases where they stand, and not over punctuation", async () => {
    const rig = new TextRig();
    const poems = [
      "床前明月光，疑是地上霜。舉頭望明月，低頭思故鄉。",
      "春眠不覺曉，處處聞啼鳥。夜來風雨聲，花落知多少。",
      "白日依山盡，黃河入海流。欲窮千里目，更上一層樓。",
      "空山不見人，但聞人語響。返景入深林，復照青苔上。",
      "明月松間照，清泉石上流。竹喧歸浣女，蓮動下漁舟。",
    ];
    await rig.putTexts(poems.slice(0, 3).map((text, id) => ({ id, text })));
    await rig.flush();
    await rig.putTexts(poems.slice(3).map((text, i) => ({ id: 3 + i, text })));
    for (const place of ["a segment and the tail", "two segments"]) {
      for (const phrase of [
        "光疑",
        "光，疑",
        "明月",
        "月明",
        "上流",
        "海流",
        "聞人",
        "人聞",
        "照青苔上",
        "山不",
        "山盡黃河",
      ]) {
        const found = poems.flatMap((text, id) => (text.includes(phrase) ? [id] : []));
        expect(await ask(rig, ["text", "ContainsTokenSequence", phrase]), place).toEqual(found);
      }
      await rig.flush();
    }
  });

  test("is an expression, and refused where it means nothing", async () => {
    const rig = await open({});
    const { rows } = await rig.search({
      rank_by: [
        "Sum",
        [
          ["text", "BM25", "fish"],
          ["text", "ContainsAnyToken", "visited fish"],
        ],
      ],
      limit: 9,
    });
    expect(rows.map(({ id }) => Number(id))).toEqual([5, 0, 1, 2, 3, 4]);
    const wrong = (filter: unknown) => ask(rig, filter);
    await expect(wrong(["group", "ContainsAnyToken", "x"])).rejects.toThrow("full_text_search");
    await expect(wrong(["other", "ContainsAnyToken", "x"])).rejects.toThrow("not found in schema");
    await expect(wrong(["text", "ContainsAllTokens", ["rust", "ranking"]])).rejects.toThrow(
      "ContainsAllTokens expects string, but got '[rust, ranking]'",
    );
    await expect(wrong(["text", "ContainsAnyToken", 1])).rejects.toThrow("text or a list");
  });
});
