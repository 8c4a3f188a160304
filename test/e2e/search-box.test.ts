/** The example of scripts/examples/search-box: real texts with vectors of a real encoder. */
import { beforeAll, expect, it } from "vitest";
import { ApiClient, namespacePath } from "../../scripts/api-client.ts";
import { loadEncoder } from "../../scripts/embed.ts";
import { writeDocuments } from "../../scripts/examples/search-box/documents.ts";
import { answer, suggest } from "../../scripts/examples/search-box/queries.ts";
import { sampleQuestion } from "../../scripts/sample.ts";
import { freshName, indexNow, server } from "./harness.ts";

interface Row {
  readonly id: number;
  readonly $dist: number;
  readonly title: string;
  readonly sentences?: readonly { readonly text: string }[];
}

interface Answer {
  readonly rows: readonly Row[];
  readonly results: readonly { readonly rows: readonly Row[] }[];
  readonly performance: { readonly store_requests: number; readonly rounds: number };
}

const client = new ApiClient({ url: server.directUrl, apiKey: server.apiKey });
const name = freshName("box");
const { embed } = loadEncoder();

const query = (body: object) => client.post<Answer>(`${namespacePath(name)}/query`, body);
const titles = async (typed: string) =>
  (await query(suggest(typed))).rows.map(({ title }) => title);

beforeAll(async () => {
  await writeDocuments(client, name);
});

const questions = [
  sampleQuestion,
  "light that warns ships of rocks",
  "how herring swim together",
  "warm blooded fish",
  "a bridge for trains",
];

it.each(["the tail", "a segment"])("fuses words and meaning by rank (%s)", async (place) => {
  if (place === "a segment") await indexNow(name);
  for (const question of questions) {
    const body = answer(question, Array.from(embed(question))) as {
      readonly queries: readonly object[];
    };
    // A cold query looks at other candidates than a warm one: the first, of which nothing is kept,
    // and the second, which fills the memory, are not compared.
    await query(body);
    await query(body);
    const [fused] = (await query(body)).results;
    const alone = await Promise.all(body.queries.map(async (each) => (await query(each)).rows));
    const scores = new Map<number, number>();
    for (const rows of alone) {
      for (const [i, { id }] of rows.entries()) {
        scores.set(id, (scores.get(id) ?? 0) + 1 / (60 + i + 1));
      }
    }
    const expected = [...scores].sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, 10);
    expect(
      fused?.rows.map(({ id }) => id),
      question,
    ).toEqual(expected.map(([id]) => id));
    for (const [i, row] of (fused?.rows ?? []).entries()) {
      expect(row.$dist).toBeCloseTo(expected[i]?.[1] ?? 0, 6);
      expect(Array.isArray(row.sentences)).toBe(true);
    }
    const orderOf = (rows: readonly Row[] = []) => rows.slice(0, 10).map(({ id }) => id);
    for (const rows of alone) expect(orderOf(fused?.rows), question).not.toEqual(orderOf(rows));
  }
});

it("suggests at each keystroke, and reads words once and titles once", async () => {
  await indexNow(name);
  const wanted = "Why herring swim in schools";
  const typed = "herring sw";
  for (let length = 1; length <= typed.length; length++) {
    const { rows, performance } = await query({ ...suggest(typed.slice(0, length)), limit: 300 });
    expect(
      rows.map(({ title }) => title),
      typed.slice(0, length),
    ).toContain(wanted);
    // Words that begin with the first letter, and titles when a word is long enough to be misspelt.
    const isNew = length === 1 || length === 6 || typed[length - 2] === " ";
    if (!isNew) expect(performance.store_requests, typed.slice(0, length)).toBe(0);
  }
  expect((await titles(typed))[0]).toBe(wanted);
});

it("forgives misspelt words, also the one that is being typed", async () => {
  for (const typed of ["hering", "herrign", "why herrimg", "HERRNIG sw"]) {
    expect(await titles(typed), typed).toContain("Why herring swim in schools");
  }
  // Too short to be told from others.
  expect(await titles("herxx")).toEqual([]);
  // What is spelt right comes first.
  const [first] = await titles("bluefin");
  expect(first).toBe("The bluefin runs warm");
});
