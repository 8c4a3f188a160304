/**
 * Questions of texts: a label is a word or two, which each write of a document changes. Which rows
 * have one of some words is exact, and so is their order by ids where they have the same label.
 * What a word is worth depends on rows that are superseded and not merged yet, which nobody outside
 * knows: all rows with a label score the same, and more than nothing. Highlights are the words of
 * the label that were asked for. A word that is being typed may be wrong: what it means is looked
 * for among the words of every label, by definition.
 */

import type { ResultRow } from "../../src/query/result.ts";
import type { BruteForce, OracleDocument, OracleFilter } from "../oracle/brute-force.ts";
import { edits, type OracleFuzzy } from "../oracle/text-match.ts";
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

/** What else it may be: long enough to be typed with a mistake. */
export const longWords = ["letter1", "latter2"] as const;

const oneEdit: OracleFuzzy = { max_edit_distance: [{ min_query_chars: 6, distance: 1 }] };

/** The beginning of a word, with a mistake or none, or too short to have one. */
function randomTyped(random: SimRandom): string {
  return random.pick(["lett", "letter", "latter", "lettar", "lattte", "lxtter", "ketter"]);
}

export interface TextRank {
  readonly rank: { readonly kind: "expression"; readonly json: readonly unknown[] };
  readonly words: readonly string[];
  readonly typed?: string;
}

export function randomTextRank(random: SimRandom): TextRank {
  const words = randomWords(random);
  if (random.chance(0.7)) {
    return { rank: { kind: "expression", json: ["label", "BM25", words.join(" ")] }, words };
  }
  const typed = randomTyped(random);
  const options = { ...oneEdit, last_as_prefix: true };
  const json = ["label", "BM25", `${words.join(" ")} ${typed}`, options];
  return { rank: { kind: "expression", json }, words, typed };
}

/** A label of two words with a mistake, or a part of one with none. */
export function randomFuzzy(random: SimRandom): readonly [string, "Fuzzy", string, OracleFuzzy] {
  const sequence = randomSequence(random);
  const exact: OracleFuzzy = { max_edit_distance: [{ min_query_chars: 3, distance: 0 }] };
  return random.chance(0.7)
    ? ["label", "Fuzzy", `${sequence}${random.pick(["x", "!", "0"])}`, oneEdit]
    : ["label", "Fuzzy", random.pick([sequence, sequence.slice(1), "etter"]), exact];
}

function isMeant(typed: string, word: string): boolean {
  if (word.startsWith(typed)) return true;
  if (typed.length < 6 || word[0] !== typed[0]) return false;
  const beginnings = Array.from({ length: word.length }, (_, i) => word.slice(0, i + 1));
  return beginnings.some((each) => edits(Array.from(typed), Array.from(each)) <= 1);
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
  readonly typed?: string;
  readonly filter: OracleFilter | undefined;
  readonly limit: number;
  readonly offset: number;
}

/** How the answer differs from what it may be, or undefined. */
export function compareTexts(
  { words, typed, filter, limit, offset }: TextCheck,
  oracle: BruteForce,
  rows: readonly ResultRow[],
  compareRow: (row: ResultRow, document: OracleDocument) => string | undefined,
): string | undefined {
  const isFound = (word: string): boolean =>
    words.includes(word) || (typed !== undefined && isMeant(typed, word));
  const matching = oracle.matching(filter).filter((document) => wordsOf(document).some(isFound));
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
