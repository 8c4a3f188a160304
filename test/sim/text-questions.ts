/**
 * Questions of texts: a label is a word or two, which each write of a document changes. Which rows
 * have one of some words is exact, and so is their order by ids where they have the same label.
 * What a word is worth depends on rows that are superseded and not merged yet, which nobody outside
 * knows: all rows with a label score the same, and more than nothing. Highlights are the words of
 * the label that were asked for.
 */

import type { ResultRow } from "../../src/query/result.ts";
import type { BruteForce, OracleDocument, OracleFilter } from "../oracle/brute-force.ts";
import type { SimRandom } from "./random.ts";

export function randomWords(random: SimRandom): readonly string[] {
  const word = () => `${random.pick(["a", "b", "c"])}${random.below(10)}`;
  return [...new Set(Array.from({ length: 1 + random.below(8) }, word))];
}

/** What the second word of a label may be: few, so that sequences are found. */
export const secondWords = ["a0", "b0", "c0"] as const;

/** Two words that may stand side by side. */
export function randomSequence(random: SimRandom): string {
  const first = `${random.pick(["a", "b", "c"])}${random.below(10)}`;
  return random.chance(0.8)
    ? `${first} ${random.pick(secondWords)}`
    : `${random.pick(secondWords)} ${first}`;
}

export const highlightLabel = {
  name: "h",
  kind: "expression",
  json: ["Highlight", "label", { fragment_by: "word" }],
} as const;

function wordsOf({ attributes }: OracleDocument): readonly string[] {
  return String(attributes["label"]).split(" ");
}

function wrongHighlight(
  { id, computed }: ResultRow,
  document: OracleDocument,
  words: readonly string[],
): string | undefined {
  const [highlight] = computed ?? [];
  if (highlight === undefined) return undefined;
  const fragments = typeof highlight.value === "number" ? [] : highlight.value;
  const shown = fragments.map(({ text }) => text).sort();
  const expected = [...new Set(wordsOf(document).filter((word) => words.includes(word)))].sort();
  return shown.join() === expected.join()
    ? undefined
    : `${id} highlights ${shown.join()} instead of ${expected.join()}`;
}

export interface TextCheck {
  readonly words: readonly string[];
  readonly filter: OracleFilter | undefined;
  readonly limit: number;
  readonly offset: number;
}

/** How the answer differs from what it may be, or undefined. */
export function compareTexts(
  { words, filter, limit, offset }: TextCheck,
  oracle: BruteForce,
  rows: readonly ResultRow[],
  compareRow: (row: ResultRow, document: OracleDocument) => string | undefined,
): string | undefined {
  const matching = oracle
    .matching(filter)
    .filter((document) => wordsOf(document).some((word) => words.includes(word)));
  const byId = new Map(matching.map((document) => [document.id, document]));
  const count = Math.max(0, Math.min(limit, matching.length - offset));
  if (rows.length !== count) return `${rows.length} rows instead of ${count}`;
  const scores = new Map<unknown, number | undefined>();
  for (const [at, row] of rows.entries()) {
    const document = byId.get(row.id);
    if (document === undefined) return `${row.id} has none of ${words.join(" ")}`;
    const { label } = document.attributes;
    const score = row.distance ?? 0;
    if (score <= 0 || (scores.get(label) ?? score) !== score) return `${row.id} scores ${score}`;
    scores.set(label, score);
    const before = rows[at - 1];
    const isLater =
      before === undefined ||
      (before.distance ?? 0) > score ||
      (before.distance === score && before.id < row.id);
    if (!isLater) return `${row.id} with ${score} behind ${before?.id} with ${before?.distance}`;
    const wrong = compareRow(row, document) ?? wrongHighlight(row, document, words);
    if (wrong !== undefined) return wrong;
  }
  return offset > 0 ? undefined : missingTies(matching, rows, limit);
}

/** Of a word that is shown in part: those with the lowest ids are. */
function missingTies(
  matching: readonly OracleDocument[],
  rows: readonly ResultRow[],
  limit: number,
): string | undefined {
  if (rows.length < limit) return undefined;
  const shown = new Set(rows.map(({ id }) => id));
  for (const word of new Set(matching.map(({ attributes }) => attributes["label"]))) {
    const ids = matching.filter(({ attributes }) => attributes["label"] === word);
    const left = ids.filter(({ id }) => !shown.has(id));
    const last = ids.filter(({ id }) => shown.has(id)).sort((a, b) => (a.id < b.id ? 1 : -1))[0];
    const skipped = left.find(({ id }) => last !== undefined && id < last.id);
    if (skipped !== undefined) return `${skipped.id} is missing before ${last?.id}`;
  }
  return undefined;
}
