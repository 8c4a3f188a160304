/**
 * Random worlds and random questions: every answer is compared with that of brute force.
 *
 *   1. A world: kind of ids, vectors or none, which attributes are filterable from the start.
 *   2. Writes of all kinds, flushes and merges between them, at random: so documents lie in the
 *      tail, in one or several segments, are replaced and deleted in either.
 *   3. After each step some questions, from one isolate that goes on or from a new one.
 *
 * A mismatch names its seed: `--seed` of it with `--count` 1 repeats the world up to there.
 */
import type { IdKind } from "../../../src/document/id.ts";
import { ChangeRig } from "../../change-rig.ts";
import { SimRandom } from "../../sim/random.ts";
import { BruteForce } from "../brute-force.ts";
import { applyWrite } from "../writes.ts";
import { type Asked, questionMakers, randomQuestion } from "./questions.ts";
import { jsonWrite, randomWrite } from "./random-writes.ts";
import { rankQuestionMakers } from "./rank-questions.ts";
import { type Attribute, attributes, attributeType } from "./values.ts";

export interface QueryMismatch {
  readonly seed: number;
  /** Number of the question in its world. */
  readonly question: number;
  readonly detail: string;
  readonly body: string;
}

export interface QueryRun {
  readonly count: number;
  /** Of the first world. */
  readonly seed: number;
  readonly onMismatch: (mismatch: QueryMismatch) => void;
}

export interface QueryTotals {
  readonly queries: number;
  readonly worlds: number;
  readonly mismatches: number;
}

const makers = [...questionMakers, ...rankQuestionMakers];
const questionsPerWorld = 100;
const stepsPerWorld = 10;
/** One world in so many has a segment that is large enough for clusters. */
const largeEvery = 100;

export async function runQueries({ count, seed, onMismatch }: QueryRun): Promise<QueryTotals> {
  let [queries, worlds, mismatches] = [0, 0, 0];
  while (queries < count) {
    const world = new QueryWorld(seed + worlds);
    worlds += 1;
    await world.begin();
    for (let step = 0; step < stepsPerWorld; step++) {
      await world.change();
      const questions = Math.min(questionsPerWorld / stepsPerWorld, count - queries);
      for (let i = 0; i < questions; i++) {
        const mismatch = await world.ask();
        queries += 1;
        if (mismatch !== undefined) {
          mismatches += 1;
          onMismatch(mismatch);
        }
      }
    }
  }
  return { queries, worlds, mismatches };
}

class QueryWorld {
  readonly #seed: number;
  readonly #rig = new ChangeRig();
  readonly #asked: Asked;
  readonly #rows: number;
  #questions = 0;
  #late: readonly Attribute[] = [];

  constructor(seed: number) {
    this.#seed = seed;
    const random = new SimRandom(seed);
    const isLarge = seed % largeEvery === 0;
    this.#rows = isLarge ? 2_000 : random.pick([4, 20, 60]);
    this.#asked = {
      random,
      idKind: random.pick<IdKind>(["uint", "string", "uuid"]),
      ids: isLarge ? 100_000 : random.pick([30, 200]),
      documents: new BruteForce(),
      metric: random.pick(["euclidean_squared", "cosine_distance"] as const),
      dims: isLarge || random.chance(0.5) ? 3 : 0,
    };
  }

  /** The first write, which declares everything. */
  async begin(): Promise<void> {
    const { random, idKind, metric, dims } = this.#asked;
    // Filters need every attribute, so those that are late are so before any question.
    this.#late = random.chance(0.3) ? attributes.filter(() => random.chance(0.5)) : [];
    const schema = {
      id: idKind,
      ...Object.fromEntries(attributes.map((each) => [each.name, this.#options(each, true)])),
      ...(dims === 0 ? {} : { vector: { type: `[${dims}]f32`, ann: true } }),
    };
    await this.#write({ schema, ...(dims === 0 ? {} : { distance_metric: metric }) });
    if (this.#late.length > 0) {
      if (random.chance(0.5)) await this.#rig.flush();
      const late = this.#late.map((each) => [each.name, this.#options(each, false)]);
      await this.#rig.post({ schema: Object.fromEntries(late) });
    }
  }

  async change(): Promise<void> {
    const { random } = this.#asked;
    if (random.chance(0.3)) await this.#rig.flush();
    if (random.chance(0.8)) await this.#write({});
    if (random.chance(0.2)) this.#rig.newIsolate();
  }

  async ask(): Promise<QueryMismatch | undefined> {
    const question = this.#questions++;
    const asked = randomQuestion(this.#asked, makers);
    const { body } = asked;
    let detail: string | undefined;
    try {
      detail =
        "check" in asked
          ? asked.check(await this.#rig.search(body))
          : asked.checkParts(await this.#rig.searchParts(body));
    } catch (error) {
      detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
    }
    if (detail === undefined) return undefined;
    return { seed: this.#seed, question, detail, body: showBody(body) };
  }

  async #write(more: object): Promise<void> {
    const { documents, dims } = this.#asked;
    const isFirst = "schema" in more;
    const write = randomWrite(this.#asked, this.#rows, dims);
    const { upsert_rows: rows = [] } = write;
    // A first write only puts: what it may name is not declared before.
    const sent = isFirst ? { upsert_rows: rows } : write;
    await this.#rig.post({ ...jsonWrite(sent), ...more });
    applyWrite(documents, sent);
  }

  #options(attribute: Attribute, isFirst: boolean): object {
    const isLate = isFirst && this.#late.includes(attribute);
    const isText = attribute.name.startsWith("text") && !isLate;
    const patterns = isText ? { glob: true, regex: true, fuzzy: true } : {};
    return { type: attributeType(attribute), filterable: !isLate, ...patterns };
  }
}

function showBody(body: object): string {
  return JSON.stringify(body, (_, value: unknown) =>
    typeof value === "bigint" ? `${value}n` : value,
  );
}
