/**
 * How many reads the rounds of a vector query may make, all together. Each round is sure of a
 * number of its own; what the rounds before have not used, it may use as well: rows that match a
 * filter lie apart, and one read more saves the bytes between two of them. Beyond that, a few more
 * may be made where they save megabytes (range-plan.ts).
 *
 *   filter 12    scan 6    refine 6    exact 6    all with a filter 36    and instead of gaps 5
 *
 * Without a filter, few segments need fewer instead of gaps: 2 of one segment, 5 of four. Ten rows
 * of up to five segments by one plane, without attributes: 16 in all, and none instead of gaps.
 *
 * Ranges are never fewer than objects, and what is joined into few may be large. So a round without
 * a filter also has a cap of what is read at all; what promises least is left out. It is for ten
 * rows wanted of five segments, and grows with either: each segment that is looked into costs a
 * range. (Beyond twenty segments, which are small then, it grows more slowly.)
 *
 *   scan 8 and 5 MiB    refine 8 and 4 MiB    exact 8 and 2 MiB    and what was left before
 */
import { limits } from "../limits.ts";
import type { ReadCap } from "../store/range-plan.ts";

export type RankingRound = "scan" | "refine" | "exact";

const { scanReadsMax, refineReadsMax, exactReadsMax, filteredReadsMax } = limits;
const { coalesceGapBytes, filteredGapBytes, wideReadsMax } = limits;
const sure: Readonly<Record<RankingRound, number>> = {
  scan: scanReadsMax,
  refine: refineReadsMax,
  exact: exactReadsMax,
};
const later: Readonly<Record<RankingRound, number>> = {
  scan: refineReadsMax + exactReadsMax,
  refine: exactReadsMax,
  exact: 0,
};
/** Of both rounds by one plane together. */
const onePlaneRankingMax = 16;
const MiB = 1024 * 1024;
const capped: Readonly<Record<RankingRound, { readonly reads: number; readonly bytes: number }>> = {
  scan: { reads: 8, bytes: 5 * MiB },
  refine: { reads: 8, bytes: 4 * MiB },
  exact: { reads: 8, bytes: 2 * MiB },
};
const rounds = ["scan", "refine", "exact"] as const;
/** Of so many rows and segments at most, the caps are as they stand there. */
const cappedWanted = 10;
const cappedSegments = 5;
const manySegments = 20;

/** How many times larger the caps are, for so many segments. */
export function capScale(segments: number): number {
  const few = Math.min(segments, manySegments) / cappedSegments;
  return Math.max(1, few, segments / manySegments);
}

/** What a request has read so far, other parts of it included. */
export interface ReadsMade {
  readonly requests: number;
  readonly bytes: number;
}

/** Scan blocks are large, and near ones lie together; rows to refine are scattered. */
const spareShare: Readonly<Record<RankingRound, number>> = {
  scan: 1 / 3,
  refine: 1,
  exact: 1,
};

export class ReadAllowance {
  /** Gap between two rows that is cheaper to read than to skip. */
  readonly gapBytes: number;
  #readsMax: number;
  #wideReadsMax: number;
  readonly #isFiltered: boolean;
  readonly #made: () => ReadsMade;
  readonly #before: ReadsMade;

  constructor(isFiltered: boolean, segments: number, made: () => ReadsMade) {
    const unfiltered = scanReadsMax + refineReadsMax + exactReadsMax;
    this.#readsMax = isFiltered ? filteredReadsMax : unfiltered;
    this.#wideReadsMax = isFiltered ? wideReadsMax : Math.min(wideReadsMax, 1 + segments);
    this.gapBytes = isFiltered ? filteredGapBytes : coalesceGapBytes;
    this.#isFiltered = isFiltered;
    this.#made = made;
    this.#before = made();
  }

  /** A round less, so a few rows of a few segments need fewer reads, if their vectors are all. */
  goByOnePlane(wanted: number, segments: number): void {
    if (wanted > cappedWanted || segments > cappedSegments) return;
    this.#readsMax = onePlaneRankingMax;
    this.#wideReadsMax = 0;
  }

  /** Most reads of a round that is about to begin. */
  readsMax(round: RankingRound): number {
    return this.#shareOf(round, this.#readsMax);
  }

  /** So many more of them instead of wide gaps. */
  wideReads(round: RankingRound): number {
    return this.#shareOf(round, this.#readsMax + this.#wideReadsMax) - this.readsMax(round);
  }

  /**
   * Most that a round reads which is about to begin. `wanted`: rows; `segments`: how many there
   * are; `probes`: times what is usual, where too little was found. What matches a filter is
   * spread: nothing of it is left out.
   */
  cap(
    round: RankingRound,
    wanted: number,
    segments: number,
    probes = 1,
  ): Omit<ReadCap, "sure"> | undefined {
    if (this.#isFiltered) return undefined;
    const scale = Math.max(wanted / cappedWanted, capScale(segments)) * probes;
    const made = this.#made();
    const left = { reads: 0, bytes: 0 };
    for (const each of rounds.slice(0, rounds.indexOf(round) + 1)) {
      left.reads += capped[each].reads * scale;
      left.bytes += capped[each].bytes * scale;
    }
    const { requests, bytes } = this.#before;
    return {
      reads: Math.max(capped[round].reads * scale, left.reads - (made.requests - requests)),
      bytes: Math.max(capped[round].bytes * scale, left.bytes - (made.bytes - bytes)),
    };
  }

  #shareOf(round: RankingRound, readsMax: number): number {
    const left = readsMax - (this.#made().requests - this.#before.requests);
    const spare = Math.max(0, left - sure[round] - later[round]);
    return sure[round] + Math.floor(spare * spareShare[round]);
  }
}
