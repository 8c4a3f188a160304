/** Highlights: what is shown of a text, row for row of the options, in the tail and in segments. */
import { describe, expect, test } from "vitest";
import { encodeJson } from "../workers/api/json-encode.ts";
import { renderRow } from "../workers/api/query-response.ts";
import { TextRig } from "./text-rig.ts";

const text =
  "turbopuffer is a search engine built on object storage. " +
  "Writes land in a write-ahead log for durability.\n\n" +
  "Warm queries are served from an NVMe cache. " +
  "Colder ones travel considerably longer distances to find answers.\n" +
  "A page has a head, a body, a foot, and marginalia here, there, everywhere. " +
  "Pufferfish café 🐡 naïve storage.";

const whole = "object storage cache";

interface Shown {
  readonly text: string;
  readonly fragment_range?: readonly [number, number];
  readonly match_ranges?: readonly (readonly [number, number])[];
  readonly array_index?: number;
}

/** One document, searched where it is. */
class Page {
  readonly rig: TextRig;
  readonly #rank: readonly unknown[];

  private constructor(rig: TextRig, rank: readonly unknown[]) {
    this.rig = rig;
    this.#rank = rank;
  }

  static async open(
    value: string | readonly string[] | null,
    words: unknown,
    schema: unknown = true,
  ): Promise<Page> {
    const rig = new TextRig({}, schema, Array.isArray(value) ? "[]string" : "string");
    await rig.putTexts([{ id: 1, text: value }]);
    return new Page(rig, ["text", "BM25", words]);
  }

  /** Fragments as users see them. */
  async show(options?: object, rank: readonly unknown[] = this.#rank): Promise<readonly Shown[]> {
    const highlight = ["Highlight", "text", ...(options === undefined ? [] : [options])];
    const body = { rank_by: rank, limit: 1, compute_attributes: { h: highlight } };
    const { rows, schema } = await this.rig.search(body);
    const [row] = rows;
    if (row === undefined) return [];
    const json = new TextDecoder().decode(encodeJson(renderRow(row, schema, "float")));
    return (JSON.parse(json) as { h: readonly Shown[] }).h;
  }

  async texts(options?: object, rank?: readonly unknown[]): Promise<readonly string[]> {
    return (await this.show(options, rank)).map((fragment) => fragment.text);
  }
}

describe.each(["the tail", "a segment"])("a highlight in %s", (place) => {
  const open = async (...given: Parameters<typeof Page.open>): Promise<Page> => {
    const page = await Page.open(...given);
    if (place === "a segment") await page.rig.flush();
    return page;
  };

  test("shows three sentences, the best first, then the first in the text", async () => {
    const page = await open(text, whole);
    expect(await page.show()).toEqual([
      { text: "turbopuffer is a search engine built on object storage." },
      { text: "Warm queries are served from an NVMe cache." },
      { text: "Pufferfish café 🐡 naïve storage." },
    ]);
  });

  test("counts ranges in bytes of UTF-8, in units of UTF-16 or in code points", async () => {
    const page = await open(text, whole);
    const bytes = await page.show({ include_offsets: "utf-8" });
    expect(bytes.slice(0, 2)).toEqual([
      {
        text: "turbopuffer is a search engine built on object storage.",
        fragment_range: [0, 55],
        match_ranges: [
          [40, 46],
          [47, 54],
        ],
      },
      {
        text: "Warm queries are served from an NVMe cache.",
        fragment_range: [106, 149],
        match_ranges: [[143, 148]],
      },
    ]);
    expect(bytes[2]).toMatchObject({ fragment_range: [291, 328], match_ranges: [[320, 327]] });
    const [, , units] = await page.show({ include_offsets: "utf-16" });
    expect(units).toMatchObject({ fragment_range: [291, 324], match_ranges: [[316, 323]] });
    const [, , points] = await page.show({ include_offsets: "codepoints" });
    expect(points).toMatchObject({ fragment_range: [291, 323], match_ranges: [[315, 322]] });
  });

  test("of none is the whole text with all matches", async () => {
    const page = await open(text, whole);
    const [fragment, ...more] = await page.show({ fragment_by: "none", include_offsets: "utf-8" });
    expect(more).toEqual([]);
    expect(fragment).toEqual({
      text,
      fragment_range: [0, 328],
      match_ranges: [
        [40, 46],
        [47, 54],
        [143, 148],
        [320, 327],
      ],
    });
  });

  test("of paragraphs ends at line breaks and leaves out white space at the end", async () => {
    const page = await open("one fish\t \n\n \r\n  two fish\u2028six fish", "fish");
    expect(await page.texts({ fragment_by: "paragraph" })).toEqual([
      "one fish",
      "  two fish",
      "six fish",
    ]);
  });

  test("of sentences follows the standard, and a line break ends one", async () => {
    const page = await open(
      "Mr. X paid 3.14 a fish. Is there a fish?  It was a fish\nat U.S.A. fish dot.",
      "fish",
    );
    expect(await page.texts({ fragment_limit: 9 })).toEqual([
      "Is there a fish?",
      "It was a fish",
      "at U.S.A. fish dot.",
      "X paid 3.14 a fish.",
    ]);
  });

  test("of words shows each word once, the best first", async () => {
    const page = await open("Fish and fish, a sea of FISH, salt", "fish salt");
    const words = await page.show({ fragment_by: "word", include_offsets: "utf-8" });
    expect(words).toEqual([
      { text: "salt", fragment_range: [30, 34], match_ranges: [[30, 34]] },
      { text: "Fish", fragment_range: [0, 4], match_ranges: [[0, 4]] },
    ]);
  });

  test("shows as many fragments as are asked for", async () => {
    const page = await open("A fish. ".repeat(1_100), "fish");
    expect(await page.texts({ fragment_limit: 1 })).toEqual(["A fish."]);
    expect(await page.texts()).toHaveLength(3);
    expect(await page.texts({ fragment_limit: 1_024 })).toHaveLength(1_024);
    await expect(page.show({ fragment_limit: 0 })).rejects.toMatchObject({ kind: "invalid" });
    await expect(page.show({ fragment_limit: 1_025 })).rejects.toMatchObject({ kind: "invalid" });
  });

  test("prefers more of the words, and words that fewer of its fragments have", async () => {
    const page = await open("A fish. A whale. A fish, a whale. One more fish.", "fish whale");
    expect(await page.texts({ fragment_limit: 4 })).toEqual([
      "A fish, a whale.",
      "A whale.",
      "A fish.",
      "One more fish.",
    ]);
  });

  test("shows what the clients' service shows of these documents, with its scores", async () => {
    const page = await open(text, "");
    await page.rig.putTexts([
      { id: 1, text },
      { id: 2, text: "Of no interest. Just cache." },
      { id: 3, text: "three other words" },
    ]);
    if (place === "a segment") {
      await page.rig.flush();
    }
    const ask = async (words: string, options: object) => {
      const { rows } = await page.rig.search({
        rank_by: ["text", "BM25", words],
        limit: 9,
        compute_attributes: { h: ["Highlight", "text", options] },
      });
      return rows.map(({ id, distance, computed }) => {
        const [h] = computed ?? [];
        const fragments = h?.value as readonly Shown[];
        return [Number(id), distance?.toFixed(5), fragments.map((fragment) => fragment.text)];
      });
    };
    expect(await ask(whole, { fragment_by: "word" })).toEqual([
      [1, "1.80186", ["object", "cache", "storage"]],
      [2, "0.68128", ["cache"]],
    ]);
    expect(await ask("naïve storage", { fragment_limit: 1 })).toEqual([
      [1, "1.51870", ["Pufferfish café 🐡 naïve storage."]],
    ]);
  });

  test("weighs what the query weighs", async () => {
    const page = await open("A fish. A whale.", "");
    const sum = (fish: number, whale: number) => [
      "Sum",
      [
        ["Product", fish, ["text", "BM25", "fish"]],
        ["Product", ["Product", 2, ["text", "BM25", "whale"]], whale],
      ],
    ];
    expect(await page.texts({}, sum(3, 1))).toEqual(["A fish.", "A whale."]);
    expect(await page.texts({}, sum(3, 2))).toEqual(["A whale.", "A fish."]);
    expect(await page.texts({}, sum(0, 2))).toEqual(["A whale."]);
  });

  test("may be ranked by other words than the query's, or without any", async () => {
    const page = await open("A fish. A whale. A shark.", "fish");
    const by = (rank: unknown) => ({ rank_fragments_by: rank });
    const shark = ["$fragment", "BM25", "shark"];
    expect(await page.texts(by(shark))).toEqual(["A shark."]);
    expect(await page.texts(by(shark), ["id", "asc"])).toEqual(["A shark."]);
    const both = [
      "Sum",
      [
        ["$fragment", "BM25", "fish"],
        ["Product", 2, shark],
      ],
    ];
    expect(await page.texts(by(both))).toEqual(["A shark.", "A fish."]);
    const floor = ["Max", [5, shark]];
    expect(await page.texts(by(floor))).toEqual(["A shark."]);
    const prefix = ["$fragment", "BM25", "wha", { last_as_prefix: true }];
    expect(await page.texts(by(prefix))).toEqual(["A whale."]);
    for (const wrong of [
      ["id", "Eq", 1],
      ["$fragment", "ContainsAllTokens", "fish"],
    ]) {
      await expect(page.show(by(wrong))).rejects.toMatchObject({ kind: "invalid" });
    }
    await expect(page.show(by(7))).rejects.toMatchObject({ kind: "malformed" });
  });

  test("marks whole words as they are written, whatever the analysis makes of them", async () => {
    const schema = { stemming: true, ascii_folding: true };
    const page = await open("The FISHING, in Cafés.", "fished cafe", schema);
    const [fragment] = await page.show({ include_offsets: "utf-16" });
    expect(fragment?.match_ranges).toEqual([
      [4, 11],
      [16, 21],
    ]);
  });

  test("of an array says which element, and counts in the element", async () => {
    const page = await open(["no", "a fish. The sea", "é fish"], "fish");
    expect(await page.show({ include_offsets: "utf-8" })).toEqual([
      { text: "a fish.", fragment_range: [0, 7], match_ranges: [[2, 6]], array_index: 1 },
      { text: "é fish", fragment_range: [0, 7], match_ranges: [[3, 7]], array_index: 2 },
    ]);
    expect(await page.show()).toEqual([
      { text: "a fish.", array_index: 1 },
      { text: "é fish", array_index: 2 },
    ]);
  });

  test("of tokens that the user made is of whole elements", async () => {
    const page = await open(["a b", "c", "d. e"], ["d. e", "a b"], {
      tokenizer: "pre_tokenized_array",
    });
    expect(await page.show({ fragment_by: "none" })).toEqual([
      { text: "a b", array_index: 0 },
      { text: "d. e", array_index: 2 },
    ]);
  });

  test("is empty where no word is, and where there is no text", async () => {
    const page = await open("A fish.", "fish");
    await page.rig.putTexts([{ id: 1, text: null }]);
    expect(
      await page.show({ rank_fragments_by: ["$fragment", "BM25", "fish"] }, ["id", "asc"]),
    ).toEqual([]);
    const other = await open("A fish.", "fish");
    expect(await other.show({ rank_fragments_by: ["$fragment", "BM25", "sea"] })).toEqual([]);
  });

  test("is refused for what it does not know, by name", async () => {
    const page = await open("A fish.", "fish");
    const malformed = [
      { fragment_by: "line" },
      { fragment_by: 1 },
      { fragment_limit: "1" },
      { fragment_limit: 1.5 },
      { include_offsets: "utf-32" },
      { include_offsets: true },
      { fragments: 1 },
    ];
    for (const options of malformed) {
      const name = JSON.stringify(options);
      await expect(page.show(options), name).rejects.toMatchObject({ kind: "malformed" });
    }
    const ask = (highlight: unknown, rank: unknown = ["text", "BM25", "fish"]) =>
      page.rig.search({ rank_by: rank, limit: 1, compute_attributes: { h: highlight } });
    await expect(ask(["Highlight"])).rejects.toMatchObject({ kind: "malformed" });
    await expect(ask(["Highlight", "text", 1])).rejects.toMatchObject({ kind: "malformed" });
    await expect(ask(["Highlight", "text", {}, 1])).rejects.toMatchObject({ kind: "malformed" });
    await expect(ask(["Highlight", "group"])).rejects.toThrow("full_text_search");
    await expect(ask(["Highlight", "other"])).rejects.toThrow("not found in schema");
    await expect(ask(["Highlight", "text"], ["id", "asc"])).rejects.toThrow("no BM25 clause");
  });
});

test("a highlight is billed by the bytes that it shows", async () => {
  const page = await Page.open("A café. A sea.", "café");
  const body = { rank_by: ["text", "BM25", "café"], limit: 1 };
  const without = await page.rig.search(body);
  const shown = await page.rig.search({
    ...body,
    compute_attributes: { h: ["Highlight", "text"] },
  });
  expect(shown.billing.returnedBytes - without.billing.returnedBytes).toBe(8);
});
