/** Full-text search through the official client. */
import { describe, expect, it } from "vitest";
import { freshName, indexNow, openClient } from "./harness.ts";

const client = openClient();

async function openAnimals() {
  const name = freshName();
  const namespace = client.namespace(name);
  await namespace.write({
    upsert_rows: [
      { id: 1, vector: [0.1, 0.2], name: "foo", public: 1, text: "quick walrus" },
      { id: 2, vector: [0.2, 0.1], name: "foo", public: 0, text: "a quick brown fox and a walrus" },
      { id: 3, vector: [0.3, 0.3], name: "bar", public: 1, text: "the walrus" },
      { id: 4, vector: [0.4, 0.4], name: "foo", public: 1, text: "nothing of the kind" },
    ],
    distance_metric: "cosine_distance",
    schema: { text: { type: "string", full_text_search: true } },
  });
  return { name, namespace };
}

describe("full-text search", () => {
  it("answers the client's own example", async () => {
    const { name, namespace } = await openAnimals();
    const vectors = await namespace.query({
      rank_by: ["vector", "ANN", [0.1, 0.2]],
      top_k: 10,
      filters: [
        "And",
        [
          ["name", "Eq", "foo"],
          ["public", "Eq", 1],
        ],
      ],
      include_attributes: ["name"],
    });
    expect(vectors.rows?.map(({ id }) => id)).toEqual([1, 4]);
    for (const place of ["tail", "segment"]) {
      const texts = await namespace.query({
        top_k: 10,
        filters: ["name", "Eq", "foo"],
        rank_by: ["text", "BM25", "quick walrus"],
        include_attributes: ["name"],
      });
      expect(texts.rows, place).toEqual([
        { id: 1, $dist: expect.closeTo(1.2975329, 6) as number, name: "foo" },
        { id: 2, $dist: expect.closeTo(0.7750365, 6) as number, name: "foo" },
      ]);
      await indexNow(name);
    }
  });

  it("shows its options in the schema and in metadata", async () => {
    const { namespace } = await openAnimals();
    const options = {
      k1: 1.2,
      k3: 8,
      b: 0.75,
      language: "english",
      stemming: false,
      remove_stopwords: false,
      ascii_folding: false,
      case_sensitive: false,
      max_token_length: 39,
      tokenizer: "word_v4",
    };
    const shown = { type: "string", filterable: false, full_text_search: options };
    expect((await namespace.schema())["text"]).toEqual(shown);
    expect((await namespace.metadata()).schema["text"]).toEqual(shown);
    await namespace.updateSchema({
      schema: { text: { type: "string", full_text_search: { k1: 1.5 } } },
    });
    expect((await namespace.schema())["text"]).toEqual({
      ...shown,
      full_text_search: { ...options, k1: 1.5 },
    });
  });

  it("highlights what it found", async () => {
    const { namespace } = await openAnimals();
    const { rows } = await namespace.query({
      rank_by: ["text", "BM25", "walrus fox"],
      top_k: 1,
      compute_attributes: {
        whole: ["Highlight", "text", { fragment_by: "none", include_offsets: "utf-8" }],
        words: ["Highlight", "text", { fragment_by: "word" }],
      },
    });
    expect(rows?.[0]).toMatchObject({
      id: 2,
      whole: [
        {
          text: "a quick brown fox and a walrus",
          fragment_range: [0, 30],
          match_ranges: [
            [14, 17],
            [24, 30],
          ],
        },
      ],
      words: [{ text: "fox" }, { text: "walrus" }],
    });
    const wrong = namespace.query({
      rank_by: ["text", "BM25", "fox"],
      top_k: 1,
      compute_attributes: { h: ["Highlight", "name"] },
    });
    await expect(wrong).rejects.toThrow(/full_text_search/);
  });

  it("takes the last word for a prefix, and refuses what cannot be searched", async () => {
    const { namespace } = await openAnimals();
    const { rows } = await namespace.query({
      rank_by: ["text", "BM25", "quick wal", { last_as_prefix: true }],
      top_k: 10,
    });
    expect(rows?.map(({ id }) => id)).toEqual([1, 2, 3]);
    expect(rows?.[2]?.$dist).toBe(1);
    const wrong = namespace.query({ rank_by: ["name", "BM25", "foo"], top_k: 1 });
    await expect(wrong).rejects.toThrow(/full_text_search/);
  });
});
