/** Sequences of tokens by their positions, beside what each living text says of itself. */
import { expect, test } from "vitest";
import type { TextOptions } from "../src/document/text-options.ts";
import { analyzerFor } from "../src/index/text/analyzer.ts";
import { queryTokens, tokenTestOf } from "../src/index/text/token-test.ts";
import { onSnapshot } from "../src/search.ts";
import { openSegments } from "../src/search-segments.ts";
import { SimRandom } from "./sim/random.ts";
import { TextRig } from "./text-rig.ts";

const words = "the of sea deep blue to be or not fin finch 東 京 。 U.S.A".split(" ");

function makeText(random: SimRandom, length: number): string {
  // The first words are frequent.
  const word = () => words[Math.floor(words.length * random.next() ** 3)];
  return Array.from({ length }, word).join(random.pick([" ", " ", ""]));
}

interface World {
  readonly type: "string" | "[]string";
  readonly options: Partial<TextOptions>;
  readonly schema: object | true;
  readonly text: (random: SimRandom) => string | readonly string[] | null;
}

const long = (random: SimRandom) =>
  random.chance(0.1) ? null : makeText(random, random.below(60));
const worlds: readonly (readonly [string, World])[] = [
  ["texts", { type: "string", options: {}, schema: true, text: long }],
  [
    "texts without stop words",
    {
      type: "string",
      options: { removeStopwords: true, maxTokenLength: 4 },
      schema: { remove_stopwords: true, max_token_length: 4 },
      text: long,
    },
  ],
  [
    "arrays of texts",
    {
      type: "[]string",
      options: {},
      schema: true,
      text: (random) =>
        Array.from({ length: random.below(12) }, () => makeText(random, random.below(5))),
    },
  ],
  [
    "arrays of tokens",
    {
      type: "[]string",
      options: { tokenizer: "pre_tokenized_array" },
      schema: { tokenizer: "pre_tokenized_array" },
      text: (random) => Array.from({ length: random.below(40) }, () => makeText(random, 1)),
    },
  ],
];

class Phrases {
  readonly rig: TextRig;
  readonly #random: SimRandom;
  readonly #world: World;

  constructor(world: World, seed: number) {
    this.#world = world;
    this.#random = new SimRandom(seed);
    this.rig = new TextRig(world.options, world.schema, world.type);
  }

  async write(rows: number, ids: number): Promise<void> {
    const random = this.#random;
    const texts = new Map(
      Array.from({ length: rows }, () => {
        const id = random.below(ids);
        return [id, { id, text: this.#world.text(random), group: random.below(3) }];
      }),
    );
    const deletes = Array.from({ length: rows / 9 }, () => random.below(ids));
    await this.rig.putTexts(
      [...texts.values()] as Parameters<TextRig["putTexts"]>[0],
      [...new Set(deletes)].filter((id) => !texts.has(id)),
    );
  }

  /** Asks for so many phrases: alone, with other filters, and as what must not be. */
  async expectAll(count: number, place: string): Promise<void> {
    const random = this.#random;
    const analyzer = analyzerFor(this.rig.text);
    for (let i = 0; i < count; i++) {
      const length = 1 + random.below(4);
      const input = analyzer.isPreTokenized
        ? Array.from({ length }, () => makeText(random, 1))
        : makeText(random, length);
      const lastAsPrefix = random.chance(0.3);
      const tokens = queryTokens(analyzer, input, lastAsPrefix);
      const op = "ContainsTokenSequence";
      const asked = {
        attribute: "text",
        op,
        options: this.rig.text,
        analysis: analyzer.name,
      } as const;
      const has = tokenTestOf({ kind: "tokens", ...asked, tokens });
      const phrase = ["text", op, input, ...(lastAsPrefix ? [{ last_as_prefix: true }] : [])];
      const group = random.below(3);
      const [filters, passes] = random.pick<[unknown, (has: boolean, of?: number) => boolean]>([
        [phrase, (is) => is],
        [["Not", phrase], (is) => !is],
        [["And", [["group", "Eq", group], phrase]], (is, of) => is && of === group],
        [["Or", [phrase, ["group", "Eq", group]]], (is, of) => is || of === group],
      ]);
      const { rows } = await this.rig.search({ filters, rank_by: ["id", "asc"], limit: 5_000 });
      const expected = [...this.rig.living.values()]
        .filter(({ text, group: of }) => passes(has(text as string), of))
        .map(({ id }) => id)
        .sort((a, b) => a - b);
      const name = `${JSON.stringify(filters)} in ${place}`;
      expect(
        rows.map(({ id }) => Number(id)),
        name,
      ).toEqual(expected);
    }
  }

  /** As if positions of segments had been counted by other rules. Returns how many runs have. */
  async forgetPositions(): Promise<number> {
    const { rig } = this;
    let runs = 0;
    const walk = onSnapshot(
      rig.isolate,
      rig.target,
      { consistency: "strong", disableCache: false },
      async (context) => {
        for (const { segment } of await openSegments(context, context.reader.round())) {
          for (const run of segment.root.attributes.flatMap(({ text }) => text?.runs ?? [])) {
            Object.assign(run.positions ?? {}, { placing: 0 });
            runs += 1;
          }
        }
      },
    );
    await rig.clock.run(walk);
    return runs;
  }
}

test.each(worlds)("phrases of %s are found exactly where they stand", async (_, world) => {
  const phrases = new Phrases(world, 7);
  await phrases.write(450, 600);
  await phrases.expectAll(5, "the tail");
  await phrases.rig.flush();
  await phrases.expectAll(25, "a segment");
  for (const part of [2, 3, 4, 5]) {
    await phrases.write(150, 600);
    await phrases.rig.flush();
    phrases.rig.newIsolate();
    await phrases.expectAll(10, `${part} segments or fewer`);
  }
  await phrases.write(100, 600);
  await phrases.expectAll(20, "segments and the tail");
  expect(await phrases.forgetPositions()).toBeGreaterThan(0);
  await phrases.expectAll(10, "documents");
});

test("a phrase reads positions and no documents, fewer where another filter leaves few rows", async () => {
  const rig = new TextRig();
  const random = new SimRandom(3);
  const note = () => Array.from({ length: 100 }, () => random.next().toString(36)).join("");
  const rows = Array.from({ length: 2_000 }, (_, id) => {
    const text = `${"of ".repeat(random.below(20))} the ${"sea of ".repeat(random.below(20))} fin`;
    return { id, text, group: id, note: note() };
  });
  await rig.putTexts(rows);
  await rig.flush();
  const read = async (filters: unknown) => {
    rig.newIsolate();
    const { performance } = await rig.search({ filters, rank_by: ["id", "asc"], limit: 1 });
    return performance.bytes;
  };
  const phrase = ["text", "ContainsTokenSequence", "of sea of"];
  const all = await read(["text", "ContainsAllTokens", "of sea"]);
  const positions = await read(phrase);
  const few = await read(["And", [phrase, ["group", "Lt", 3]]]);
  const column = await read(["group", "Lt", 3]);
  // Documents are more than 1,900 bytes each; positions of these words are 15 KB in all.
  expect(positions - all).toBeGreaterThan(10_000);
  expect(positions - all).toBeLessThan(20_000);
  expect(few - column).toBeLessThan(positions - 10_000);
});
