/**
 * Random texts and random questions of them: ids and scores of every answer are compared with an
 * exhaustive search (text.ts, text-rig.ts), whatever lies in the tail and in how many segments.
 *
 * A mismatch names the seed of its world: that seed with the count up to it repeats the world.
 */
import {
  defaultText,
  languages,
  type TextOptions,
  textView,
} from "../../src/document/text-options.ts";
import { SimRandom } from "../sim/random.ts";
import { type AskedTokens, type Ranking, TextRig, type TextRow } from "../text-rig.ts";

export interface TextMismatch {
  readonly seed: number;
  readonly question: number;
  readonly detail: string;
}

export interface TextRun {
  readonly count: number;
  readonly seed: number;
  readonly onMismatch: (mismatch: TextMismatch) => void;
}

const questionsPerWorld = 100;
const stepsPerWorld = 10;
const words =
  "fish fishes fishing tank water deep blue swim swimming swam fin finch sea salt the a of and naïve " +
  "café Straße U.S.A e.g. don't 3.14 東京 タワー 🐡 running runner Häuser Haus канал каналы";

export async function runTextQueries({ count, seed, onMismatch }: TextRun) {
  let [queries, worlds, mismatches] = [0, 0, 0];
  while (queries < count) {
    const world = new TextWorld(seed + worlds);
    worlds += 1;
    for (let step = 0; step < stepsPerWorld; step++) {
      await world.change();
      const questions = Math.min(questionsPerWorld / stepsPerWorld, count - queries);
      for (let i = 0; i < questions; i++) {
        const detail = await world.ask();
        queries += 1;
        if (detail === undefined) continue;
        mismatches += 1;
        onMismatch({ seed: seed + worlds - 1, question: world.questions, detail });
      }
    }
  }
  return { queries, worlds, mismatches };
}

class TextWorld {
  readonly #random: SimRandom;
  readonly #rig: TextRig;
  readonly #vocabulary: readonly string[];
  readonly #ids: number;
  questions = 0;

  constructor(seed: number) {
    const random = new SimRandom(seed);
    this.#random = random;
    const options = randomOptions(random);
    this.#rig = new TextRig(options, textView({ ...defaultText, ...options }));
    const known = words.split(" ");
    const others = Array.from({ length: random.pick([0, 200]) }, (_, i) => `w${i.toString(36)}`);
    this.#vocabulary = [...known, ...others];
    this.#ids = random.pick([10, 60, 200]);
  }

  async change(): Promise<void> {
    const random = this.#random;
    if (this.questions > 0 && random.chance(0.35)) await this.#rig.flush();
    const rows = new Map<number, TextRow>();
    for (let i = random.below(this.#ids); i >= 0; i--) {
      const id = random.below(this.#ids);
      const text = random.chance(0.1) ? null : this.#text(random.spread(1, 60));
      rows.set(id, { id, text, group: random.below(3) });
    }
    const deleted = Array.from({ length: random.below(4) }, () => random.below(this.#ids));
    await this.#rig.putTexts(
      [...rows.values()],
      [...new Set(deleted)].filter((id) => !rows.has(id)),
    );
    if (random.chance(0.2)) this.#rig.newIsolate();
  }

  async ask(): Promise<string | undefined> {
    const random = this.#random;
    this.questions += 1;
    const query = this.#text(1 + random.below(14));
    const prefix = random.chance(0.2);
    const more: Ranking = {
      limit: random.pick([1, 3, 10, 100]),
      ...(random.chance(0.3) && { group: random.below(3) }),
      ...(prefix && { lastAsPrefix: true }),
      ...(random.chance(0.3) && { tokens: this.#tokens() }),
    };
    try {
      return await this.#rig.compare(prefix ? query.slice(0, -1) : query, more);
    } catch (error) {
      return error instanceof Error ? (error.stack ?? error.message) : String(error);
    }
  }

  #tokens(): AskedTokens {
    const random = this.#random;
    const op = random.pick([
      "ContainsAllTokens",
      "ContainsAnyToken",
      "ContainsTokenSequence",
    ] as const);
    return { op, words: this.#text(1 + random.below(3)), not: random.chance(0.2) };
  }

  /** The first words of the vocabulary are the most frequent. */
  #text(length: number): string {
    const random = this.#random;
    const word = () => this.#vocabulary[Math.floor(this.#vocabulary.length * random.next() ** 2)];
    return Array.from({ length: Math.floor(length) }, word).join(random.pick([" ", ", ", "\n"]));
  }
}

function randomOptions(random: SimRandom): Partial<TextOptions> {
  const caseSensitive = random.chance(0.2);
  const language = random.pick(languages);
  const hasStopwords = !["arabic", "greek", "romanian", "tamil", "turkish"].includes(language);
  return {
    tokenizer: random.pick(["word_v4", "word_v4", "word_v3", "word_v2", "word_v1", "word_v0"]),
    language,
    caseSensitive,
    stemming: !caseSensitive && random.chance(0.4),
    removeStopwords: hasStopwords && random.chance(0.3),
    asciiFolding: random.chance(0.3),
    maxTokenLength: random.pick([39, 5]),
    k1: random.pick([1.2, 0.9, 2]),
    b: random.pick([0.75, 0.4, 0, 1]),
  };
}
