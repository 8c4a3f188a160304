/**
 * How many reads the rounds of a vector query may make, all together. Each round is sure of a
 * number of its own; what the rounds before have not used, it may use as well: rows that match a
 * filter lie apart, and one read more saves the bytes between two of them. Beyond that, a few more
 * may be made where they save megabytes (range-plan.ts).
 *
 *   filter 12    scan 6    refine 6    exact 6    all with a filter 36    and instead of gaps 5
 */
import { limits } from "../limits.ts";

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
/** Scan blocks are large, and near ones lie together; rows to refine are scattered. */
const spareShare: Readonly<Record<RankingRound, number>> = {
  scan: 1 / 3,
  refine: 1,
  exact: 1,
};

export class ReadAllowance {
  /** Gap between two rows that is cheaper to read than to skip. */
  readonly gapBytes: number;
  readonly #readsMax: number;
  readonly #readsMade: () => number;
  readonly #before: number;

  /** `readsMade`: by the request so far, those of other parts of it included. */
  constructor(isFiltered: boolean, readsMade: () => number) {
    const unfiltered = scanReadsMax + refineReadsMax + exactReadsMax;
    this.#readsMax = isFiltered ? filteredReadsMax : unfiltered;
    this.gapBytes = isFiltered ? filteredGapBytes : coalesceGapBytes;
    this.#readsMade = readsMade;
    this.#before = readsMade();
  }

  /** Most reads of a round that is about to begin. */
  readsMax(round: RankingRound): number {
    return this.#shareOf(round, this.#readsMax);
  }

  /** So many more of them instead of wide gaps. */
  wideReads(round: RankingRound): number {
    return this.#shareOf(round, this.#readsMax + wideReadsMax) - this.readsMax(round);
  }

  #shareOf(round: RankingRound, readsMax: number): number {
    const left = readsMax - (this.#readsMade() - this.#before);
    const spare = Math.max(0, left - sure[round] - later[round]);
    return sure[round] + Math.floor(spare * spareShare[round]);
  }
}
