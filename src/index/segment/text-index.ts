/**
 * Where a segment's text index has a term, and in which rows. A lookup takes two reads: the blocks
 * of terms that the root names, then the pages that those name.
 */
import { ByteReader } from "../../bytes/byte-reader.ts";
import { corrupt } from "../../errors.ts";
import { decodePostings, type Postings } from "../../format/posting-block.ts";
import { readSized } from "../../format/segment-block.ts";
import { codeBlockRows, readCodes } from "../../format/segment-columns.ts";
import { locateBlock, type Section } from "../../format/segment-section.ts";
import type { TermPostings, TextDirectory, TextRun } from "../../format/segment-text.ts";
import type { Block } from "../../store/block.ts";
import { blockAt, type Segment } from "./segment.ts";

export interface WantedTerm {
  readonly term: string;
  readonly isPrefix: boolean;
}

/** The index of an attribute, if there is one that was made by this analysis. */
export function textIndexOf(
  { root }: Segment,
  attribute: string,
  analysis: string,
): TextDirectory | undefined {
  const text = root.attributes.find(({ name }) => name === attribute)?.text;
  return text?.analysis === analysis ? text : undefined;
}

/** Blocks that may have the term, or terms that begin with it. */
export function termBlocks({ separators }: TextRun, { term, isPrefix }: WantedTerm): number[] {
  let first = lastNotAbove(separators, term);
  if (!isPrefix) return first < 0 ? [] : [first];
  first = Math.max(0, first);
  let end = first;
  while (end < separators.length && isBefore(separators[end] as string, term)) end++;
  return Array.from({ length: end - first }, (_, i) => first + i);
}

/** Whether terms that begin with the prefix may stand at the separator or behind. */
function isBefore(separator: string, prefix: string): boolean {
  return separator <= prefix || separator.startsWith(prefix);
}

function lastNotAbove(separators: readonly string[], term: string): number {
  let low = 0;
  let high = separators.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((separators[middle] as string) <= term) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

export function sectionBlock(segment: Segment, section: Section, index: number): Block {
  return blockAt(segment, locateBlock(section, index));
}

/** Pages of postings, none if they are at hand. */
export function pagesOf(found: TermPostings): number[] {
  return found.kind === "inline"
    ? []
    : Array.from({ length: found.pages }, (_, i) => found.page + i);
}

export function rowsWith(found: TermPostings): number {
  return found.kind === "inline" ? found.rows.length : found.df;
}

/** Rows of a term; `pageAt` has the verified pages. */
export function openPostings(
  { from, to }: TextRun,
  found: TermPostings,
  pageAt: (page: number) => Uint8Array,
): Postings {
  if (found.kind === "inline") return found;
  const { df, page, pages, offset } = found;
  const postings = { rows: new Uint32Array(df), counts: new Uint32Array(df) };
  let before = from;
  let at = 0;
  for (let i = 0; i < pages && at < df; i++) {
    const content = readSized(pageAt(page + i), "postings");
    const reader = new ByteReader(content, "postings");
    reader.bytes(i === 0 ? offset : 0);
    while (at < df && reader.remaining > 0) {
      at += decodePostings(reader, postings, at, before, to);
      before = postings.rows[at - 1] as number;
    }
  }
  if (at !== df) {
    throw corrupt(`postings: ${at} rows instead of ${df}`);
  }
  return postings;
}

/** Writes the lengths of a verified block to `out`, which holds those of all rows of the run. */
export function openLengths(
  run: TextRun,
  index: number,
  bytes: Uint8Array,
  out: Uint32Array,
): void {
  const first = index * codeBlockRows;
  const rows = Math.min(codeBlockRows, run.to - run.from - first);
  out.set(readCodes(bytes, rows, run.lengthBytes), first);
}
