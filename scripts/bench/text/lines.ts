/** Lines of `bench -- text`. */
import type { Phase, QueryCosts } from "../http-queries.ts";
import type { CorpusShape } from "./corpus.ts";

/** What was indexed, and what that took. */
export interface TextBuild {
  readonly rows: number;
  readonly seconds_build: number;
  readonly cpu_seconds_build: number;
  /** Of text, from the first write until all is indexed; what is merged at rest comes after. */
  readonly mb_per_second: number;
  /** Of ours: what the simulated bucket takes of that CPU for the puts (../load-cpu.ts). */
  readonly cpu_seconds_puts: number | null;
  /** Of text, by a second of the CPU that remains. */
  readonly mb_per_cpu_second: number | null;
  readonly index_bytes: number;
  /** Of the bytes of the text: all that is kept for searching, without documents and positions. */
  readonly index_share: number;
  /** Likewise: positions alone, which phrases read. */
  readonly positions_share: number;
  readonly version: string;
}

export interface TextLine extends QueryCosts, TextBuild {
  readonly bench: "text";
  readonly engine: string;
  readonly phase: Phase;
  readonly top_k: number;
  readonly queries: number;
  readonly rounds_max: number;
  readonly bytes_max: number;
  /** Of ours, from the bucket: what precedes the round that fetches the winners' documents. */
  readonly before_documents: ReadsBefore | null;
  readonly segments: number | null;
}

/** A phrase as a filter. */
export interface PhraseLine
  extends Pick<QueryCosts, "p50_ms" | "cpu_ms_per_query" | "bytes_per_query"> {
  readonly bench: "text";
  readonly phrase: string;
  readonly phase: Phase;
  readonly rounds_max: number;
}

export interface ReadsBefore {
  readonly rounds_max: number;
  readonly bytes_per_query: number;
  readonly bytes_max: number;
  readonly documents_bytes_per_query: number;
}

export interface SkippedLine {
  readonly bench: "text";
  readonly engine: string;
  readonly skipped: string;
}

/** The last line: ours, and how many times as much CPU a query takes elsewhere, in the same run. */
export interface TextSummary extends CorpusShape {
  readonly bench: "text";
  readonly summary: true;
  readonly rows: number;
  readonly seed: number;
  readonly cpu_ms_top_10: number;
  readonly cpu_ms_top_100: number;
  readonly mb_per_second: number;
  readonly mb_per_cpu_second: number;
  readonly index_share: number;
  readonly positions_share: number;
  readonly cold_rounds_max: number;
  readonly cold_bytes_max: number;
  readonly cold_rounds_before_documents_max: number;
  readonly cold_bytes_before_documents_max: number;
  readonly cpu_ratios_top_10: Readonly<Record<string, number>>;
  readonly cpu_ratios_top_100: Readonly<Record<string, number>>;
}

export function isMeasured(line: TextLine | SkippedLine): line is TextLine {
  return !("skipped" in line);
}
