/** Documents and questions that the bench of full-text search samples. */
import { expect, test } from "vitest";
import { type Collection, sampleCorpus } from "../../../scripts/bench/text/corpus.ts";

const subjects = ["walruses", "harbours", "lanterns", "glaciers", "ferrymen", "estuaries"];
const letterOf = (i: number) => String.fromCharCode(97 + (i % 26));
const collection: Collection = {
  passages: Array.from({ length: 40 }, (_, i) =>
    Array.from(
      { length: 4 },
      (_, j) =>
        `The ${subjects[(i + j) % 6]} of ${letterOf(i)}${letterOf(i * j)}kelpshire are old.`,
    ),
  ),
  questions: ["what became of the walruses in winter and of the lanterns in the old harbours"],
};
const request = { collections: [collection], documents: 500, questions: 28, seed: 3 };

test("A sample has as many documents as asked for, all different, the same for a seed.", () => {
  const { documents } = sampleCorpus(request);
  expect(new Set(documents).size).toBe(500);
  expect(sampleCorpus(request).documents).toEqual(documents);
  expect(sampleCorpus({ ...request, seed: 4 }).documents).not.toEqual(documents);
});

test("Words become more as documents do, and few are frequent.", () => {
  const { shape } = sampleCorpus(request);
  expect(shape.vocabulary).toBeGreaterThan(shape.vocabulary_tenth);
  expect(shape.zipf_slope).toBeLessThan(-0.3);
  expect(shape.tokens).toBeGreaterThan(3_000);
});

test("Questions have 1 to 14 words of the judged ones.", () => {
  const { questions } = sampleCorpus(request);
  expect(questions.map((question) => question.split(" ").length)).toEqual(
    Array.from({ length: 28 }, (_, i) => 1 + (i % 14)),
  );
  for (const question of questions) expect(collection.questions[0]).toContain(question);
});
