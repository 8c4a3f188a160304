/**
 * Text indexes of a merge, made from those of its inputs: no document is analysed again.
 *
 *   1. lengths of the living rows, each at its new ordinal
 *   2. dictionaries of all runs of all inputs, side by side: the least term comes next
 *   3. its postings in each of them, dead rows left out, the others at their new ordinals, in order
 *   4. its positions in each of them, so many rows at a time as `positionsMax` allows
 *
 * What comes out is what the documents would give, if all inputs were made by the analysis asked
 * for. A new run takes the rows of as many old ones as its terms and its longest postings allow;
 * every run passes all postings once.
 *
 * Memory: blocks of terms and pages of postings and positions of each run, `windowBytes` of all
 * together, or all pages of postings of one term; terms of the new run; 4 bytes a row for lengths
 * and 36 for postings; `positionsMax`, or the positions of one term in 128 rows.
 */

import { locateBlock, type Section } from "../../format/segment-section.ts";
import type { TextRun } from "../../format/segment-text.ts";
import { hasPositions, openLengths, sectionBlock, textIndexOf } from "../segment/text-index.ts";
import { forEachBlock, type ReadRange } from "./block-gather.ts";
import { CollectedPositions, CollectedPostings, positionsMax } from "./collected-postings.ts";
import {
  Dictionary,
  type MergedRunInput,
  type MergedTexts,
  PositionScratch,
  type TextInput,
} from "./merge-dictionary.ts";
import type { PlacedInput } from "./merge-input.ts";
import { positionStretchBytes, RunWriter } from "./run-writer.ts";

const windowBytes = 8 * 1024 * 1024;
const windowBytesMin = 32 * 1024;
/** Of the bytes of a run, its terms may take so much. */
const termShare = 0.4;
const runRowsMax = 512 * 1024;
const rowBytes = 4 + 36;

/** Undefined if an input has the attribute and no index of it, with positions, by this analysis. */
export function findTexts(
  inputs: readonly PlacedInput[],
  name: string,
  analysis: string,
  read: ReadRange,
): MergedTexts | undefined {
  const found: TextInput[] = [];
  for (const { segment, first } of inputs) {
    if (segment.root.attributes.every((attribute) => attribute.name !== name)) continue;
    const text = textIndexOf(segment, name, analysis);
    if (text === undefined || !text.runs.every(hasPositions)) return undefined;
    found.push({ segment, first, text });
  }
  return { inputs: found, read };
}

/**
 * Whether a step of a merge that an earlier attempt has stored is one of texts without positions:
 * this version goes through others, since it does not merge such inputs.
 */
export function isEarlierStep(result: unknown): boolean {
  const runs = Array.isArray(result) ? result : [result];
  return runs.some(
    (run: Partial<TextRun> | null | undefined) =>
      run?.separators !== undefined && run.postings !== undefined && !hasPositions(run),
  );
}

/** Rows of each run but the last. */
export function mergedRunRows(texts: MergedTexts, rows: number, runBytes: number): number {
  const runs = Math.max(1, Math.ceil(termBytes(texts) / (termShare * runBytes)));
  return Math.min(runRowsMax, Math.ceil(rows / runs));
}

function termBytes({ inputs }: MergedTexts): number {
  return inputs
    .flatMap(({ text }) => text.runs)
    .reduce((sum, { terms }) => sum + sectionBytes(terms), 0);
}

function sectionBytes(section: Section): number {
  let bytes = 0;
  for (let block = 0; block < section.count; block++) bytes += locateBlock(section, block).length;
  return bytes;
}

export async function mergeTextRun(input: MergedRunInput): Promise<TextRun> {
  const { texts, from, to, writer, ledger } = input;
  const runBytes = termBytes(texts) + (to - from) * rowBytes;
  const count = texts.inputs.reduce((sum, { text }) => sum + text.runs.length, 0);
  const each = Math.max(windowBytesMin, Math.floor(windowBytes / (3 * Math.max(1, count))));
  const release = ledger.hold(
    3 * each * count + runBytes + 4 * positionsMax + positionStretchBytes,
  );
  const run = new RunWriter(writer, from, await gatherLengths(input));
  const scratch = new PositionScratch(ledger);
  const dictionaries = texts.inputs.flatMap(({ segment, first, text }) =>
    text.runs.map(
      (old) => new Dictionary({ segment, first, run: old, bytes: each, scratch }, input),
    ),
  );
  await Promise.all(dictionaries.map((dictionary) => dictionary.next()));
  const collected = new CollectedPostings();
  const positions = new CollectedPositions(from, to);
  for (;;) {
    const term = leastTerm(dictionaries);
    if (term === undefined) break;
    const having = dictionaries.filter((dictionary) => dictionary.term === term);
    for (const dictionary of having) {
      if (dictionary.lacksPages()) await dictionary.readPages();
      dictionary.collect(collected);
    }
    const postings = collected.take();
    if (postings.rows.length > 0) {
      await run.add(term, postings, positions.begin(postings, having));
    }
    for (const dictionary of having) {
      if (!dictionary.advance()) await dictionary.next();
    }
  }
  const written = await run.finish();
  scratch.release();
  release();
  return written;
}

function leastTerm(dictionaries: readonly Dictionary[]): string | undefined {
  let least: string | undefined;
  for (const { term } of dictionaries) {
    if (term !== undefined && (least === undefined || term < least)) least = term;
  }
  return least;
}

async function gatherLengths(input: MergedRunInput): Promise<Uint32Array> {
  const { texts, ordinals, from, to, ledger } = input;
  const lengths = new Uint32Array(to - from);
  for (const { segment, first, text } of texts.inputs) {
    for (const run of text.runs) {
      const indexes = Array.from({ length: run.lengths.count }, (_, i) => i);
      const blocks = indexes.map((i) => sectionBlock(segment, run.lengths, i));
      const contents: Uint8Array[] = [];
      await forEachBlock(blocks, texts.read, ledger, (i, bytes) => {
        contents[i] = bytes;
      });
      openLengths(run, contents).forEach((length, row) => {
        const ordinal = ordinals[first + run.from + row] as number;
        if (ordinal >= from && ordinal < to) lengths[ordinal - from] = length;
      });
    }
  }
  return lengths;
}
