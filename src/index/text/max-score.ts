/**
 * The best rows by a sum of terms without a look at every posting: MAXSCORE (Turtle & Flood 1995)
 * over windows of rows, with the maxima of blocks (as Ding & Suel 2011). Pure.
 *
 *   1. No posting of a block adds more than its largest count in its shortest row would, whatever
 *      k1, b and the statistics are. So a term has a bound in each window that its blocks reach.
 *   2. Windows of all runs are taken in the order of the sums of their bounds, and none whose sum
 *      is below the threshold: the score of the last row that is wanted, of those found so far.
 *   3. In a window, the weakest terms whose bounds together stay below the threshold are not
 *      *essential*: a row that has no other cannot win. Postings of the others are summed up.
 *   4. What is not essential is looked up, strongest first, in rows whose sum and all that it may
 *      lack reach the threshold.
 *   5. Rows that are left are scored, those with the largest sums first, until the others cannot
 *      win: exactly, terms in the order of the query, unless the rounded sum is that anyway.
 *
 * Sums up to 4 add in another order and are not rounded, so they are compared with a threshold that
 * is smaller by `slack`: whatever ties with the last row is found. Rows that were found before the
 * threshold rose are among the answer; the caller drops them.
 */
import type { Bitmap } from "../../bytes/bitmap.ts";
import { type BlockedPostings, postingBlockRows } from "../../format/posting-block.ts";
import type { BestScores } from "./best-scores.ts";
import type { TermScore } from "./bm25.ts";
import { FoundRows } from "./found-rows.ts";

export type RowNumbers = Uint8Array | Uint16Array | Uint32Array;

/** A term of a leaf in one run. */
export interface ScoredList {
  readonly postings: BlockedPostings;
  /** Tokens of each row of the run. */
  readonly lengths: RowNumbers;
  readonly term: TermScore;
  /** The most that the whole score grows by where the leaf's grows by 1. */
  readonly factor: number;
  readonly leaf: number;
}

/** Ordinals `from` … `to`-1 of a segment. */
export interface ScoredRun {
  readonly segment: number;
  readonly from: number;
  readonly to: number;
  /** Leaf after leaf, terms in the order of the query. */
  readonly lists: readonly ScoredList[];
  /** By ordinal of the segment; undefined: all rows. */
  readonly rows: Bitmap | undefined;
}

/** Where the scores of the leaves of a row are put, and the score that is made of them. */
export interface LeafScores {
  readonly leaves: Float64Array;
  /** NaN: the row is not in the answer. */
  readonly combine: () => number;
  /** The score is that of the only leaf. */
  readonly isSum: boolean;
}

const windowRows = 2_048;
/** More than sums differ from scores: those are 32-bit floats. */
const slack = 1e-6;
/** More than the order of additions changes a sum by: its rounding hides that nearly always. */
const sumError = 1e-12;
/** A list with fewer postings a window is bounded by its postings. */
const sparsePostings = 4;

/** Of each segment: every row that is among the best of all, and some that are not. */
export function findBestRows(
  runs: readonly ScoredRun[],
  scores: LeafScores,
  best: BestScores,
): ReadonlyMap<number, FoundRows> {
  const found = new Map(runs.map(({ segment }) => [segment, new FoundRows()]));
  const scorers = runs.map(
    (run) => new RunScorer(run, scores, best, found.get(run.segment) as FoundRows),
  );
  const windows = scorers.flatMap((scorer) => scorer.windows());
  windows.sort((a, b) => b.bound - a.bound);
  for (const { scorer, window, bound } of windows) {
    if (bound < lowered(best.threshold)) break;
    scorer.scoreWindow(window);
  }
  return found;
}

function lowered(threshold: number): number {
  return threshold * (1 - slack);
}

interface Window {
  readonly scorer: RunScorer;
  readonly window: number;
  readonly bound: number;
}

const sums = new Float64Array(windowRows);
const matched = new Uint32Array(windowRows / 32);
const candidates = new Uint32Array(windowRows);
const totals = new Float64Array(windowRows);

class RunScorer {
  readonly #run: ScoredRun;
  readonly #scores: LeafScores;
  readonly #best: BestScores;
  readonly #found: FoundRows;
  readonly #windows: number;
  /** By list, then by window. */
  readonly #bounds: Float64Array;
  /** Likewise, and one more a list: the first posting of the window. */
  readonly #starts: Uint32Array;
  /** Lists with postings in the window at hand, weakest first. */
  readonly #order: number[] = [];

  constructor(run: ScoredRun, scores: LeafScores, best: BestScores, found: FoundRows) {
    this.#run = run;
    this.#scores = scores;
    this.#best = best;
    this.#found = found;
    const windows = Math.ceil((run.to - run.from) / windowRows);
    this.#windows = windows;
    this.#bounds = new Float64Array(run.lists.length * windows);
    this.#starts = new Uint32Array(run.lists.length * (windows + 1));
    for (const [i, list] of run.lists.entries()) {
      boundWindows(list, run.from, this.#bounds.subarray(i * windows, (i + 1) * windows));
      const starts = this.#starts.subarray(i * (windows + 1), (i + 1) * (windows + 1));
      findWindows(list.postings.rows, run.from, starts);
    }
  }

  windows(): readonly Window[] {
    const windows: Window[] = [];
    for (let window = 0; window < this.#windows; window++) {
      let bound = 0;
      for (let at = window; at < this.#bounds.length; at += this.#windows) {
        bound += this.#bounds[at] as number;
      }
      if (bound > 0) windows.push({ scorer: this, window, bound });
    }
    return windows;
  }

  scoreWindow(window: number): void {
    const { from, to, lists } = this.#run;
    const first = from + window * windowRows;
    const end = Math.min(to, first + windowRows);
    this.#orderLists(window);
    const floor = lowered(this.#best.threshold);
    let rest = 0;
    let essential = 0;
    for (; essential < this.#order.length; essential++) {
      const bound = this.#boundOf(this.#order[essential] as number, window);
      if (rest + bound >= floor) break;
      rest += bound;
    }
    for (let i = essential; i < this.#order.length; i++) {
      const at = this.#order[i] as number;
      const list = lists[at] as ScoredList;
      addPostings(list, this.#startOf(at, window), this.#startOf(at, window + 1), first, from);
    }
    let count = this.#collect(first, end, floor - rest);
    for (let i = essential - 1; i >= 0 && count > 0; i--) {
      const at = this.#order[i] as number;
      rest -= this.#boundOf(at, window);
      count = this.#lookUp(at, window, count, floor - Math.max(0, rest));
    }
    this.#scoreCandidates(window, count);
  }

  #boundOf(list: number, window: number): number {
    return this.#bounds[list * this.#windows + window] as number;
  }

  #startOf(list: number, window: number): number {
    return this.#starts[list * (this.#windows + 1) + window] as number;
  }

  #orderLists(window: number): void {
    this.#order.length = 0;
    for (let i = 0; i < this.#run.lists.length; i++) {
      if (this.#startOf(i, window) < this.#startOf(i, window + 1)) this.#order.push(i);
    }
    this.#order.sort((a, b) => this.#boundOf(a, window) - this.#boundOf(b, window));
  }

  /** Rows that match and have a sum of at least `least` become candidates; sums are zero again. */
  #collect(first: number, end: number, least: number): number {
    const { rows } = this.#run;
    let count = 0;
    const words = (end - first + 31) >>> 5;
    for (let word = 0; word < words; word++) {
      let bits = matched[word] as number;
      matched[word] = 0;
      for (; bits !== 0; bits &= bits - 1) {
        const slot = word * 32 + (31 - Math.clz32(bits & -bits));
        const sum = sums[slot] as number;
        sums[slot] = 0;
        if (sum < least || rows?.has(first + slot) === false) continue;
        candidates[count] = first + slot;
        totals[count] = sum;
        count += 1;
      }
    }
    return count;
  }

  /** Adds what the list has for candidates; returns how many still reach `least`. */
  #lookUp(at: number, window: number, count: number, least: number): number {
    const list = this.#run.lists[at] as ScoredList;
    const { rows, counts } = list.postings;
    const end = this.#startOf(at, window + 1);
    let next = this.#startOf(at, window);
    let kept = 0;
    for (let i = 0; i < count; i++) {
      const row = candidates[i] as number;
      let total = totals[i] as number;
      next = gallop(rows, row, next, end);
      if (next < end && rows[next] === row) {
        const length = list.lengths[row - this.#run.from] as number;
        total += list.factor * addedBy(list.term, counts[next] as number, length);
      }
      if (total < least) continue;
      candidates[kept] = row;
      totals[kept] = total;
      kept += 1;
    }
    return kept;
  }

  /** The most promising first: each that is found may spare others. */
  #scoreCandidates(window: number, count: number): void {
    for (let at = (count >>> 1) - 1; at >= 0; at--) sinkCandidate(at, count);
    for (let left = count; left > 0; left--) {
      const row = candidates[0] as number;
      if ((totals[0] as number) < lowered(this.#best.threshold)) return;
      const score = this.#scoreOf(window, row, totals[0] as number);
      if (score >= this.#best.threshold) {
        this.#best.offer(score);
        this.#found.add(row, score);
      }
      candidates[0] = candidates[left - 1] as number;
      totals[0] = totals[left - 1] as number;
      sinkCandidate(0, left - 1);
    }
  }

  /** Of a row with this sum. */
  #scoreOf(window: number, row: number, total: number): number {
    const least = Math.fround(total * (1 - sumError));
    const isSure = this.#scores.isSum && least === Math.fround(total * (1 + sumError));
    return isSure ? least : this.#exactScore(window, row);
  }

  #exactScore(window: number, row: number): number {
    const { lists, from } = this.#run;
    const { leaves, combine } = this.#scores;
    leaves.fill(0);
    for (let i = 0; i < lists.length; i++) {
      const { postings, lengths, term, leaf } = lists[i] as ScoredList;
      const end = this.#startOf(i, window + 1);
      const at = firstNotBelow(postings.rows, row, this.#startOf(i, window), end);
      if (at === end || postings.rows[at] !== row) continue;
      const added = addedBy(term, postings.counts[at] as number, lengths[row - from] as number);
      leaves[leaf] = (leaves[leaf] as number) + added;
    }
    for (let i = 0; i < leaves.length; i++) leaves[i] = Math.fround(leaves[i] as number);
    return combine();
  }
}

/** Candidates are a heap, the largest sum at its root, but for the one at `at`. */
function sinkCandidate(at: number, count: number): void {
  const row = candidates[at] as number;
  const total = totals[at] as number;
  for (let child = 2 * at + 1; child < count; child = 2 * at + 1) {
    const right = child + 1;
    if (right < count && (totals[right] as number) > (totals[child] as number)) child = right;
    if ((totals[child] as number) <= total) break;
    candidates[at] = candidates[child] as number;
    totals[at] = totals[child] as number;
    at = child;
  }
  candidates[at] = row;
  totals[at] = total;
}

/** What a posting adds to its leaf: the same number, to the bit, as `Bm25.termScore`. */
function addedBy({ weight, isFlat, base, perToken }: TermScore, count: number, length: number) {
  return isFlat ? weight : (weight * count) / (count + base + perToken * length);
}

/** The most that a list adds to a row of each window. */
function boundWindows(
  { postings, lengths, term, factor }: ScoredList,
  from: number,
  bounds: Float64Array,
): void {
  const { rows, counts, largest, shortest } = postings;
  if (rows.length <= sparsePostings * bounds.length) {
    for (let i = 0; i < rows.length; i++) {
      const at = (rows[i] as number) - from;
      const added = factor * addedBy(term, counts[i] as number, lengths[at] as number);
      raise(bounds, Math.floor(at / windowRows), added);
    }
    return;
  }
  for (let block = 0; block < largest.length; block++) {
    const added = factor * addedBy(term, largest[block] as number, shortest[block] as number);
    const start = block * postingBlockRows;
    const last = Math.min(rows.length, start + postingBlockRows) - 1;
    const end = Math.floor(((rows[last] as number) - from) / windowRows);
    for (let at = Math.floor(((rows[start] as number) - from) / windowRows); at <= end; at++) {
      raise(bounds, at, added);
    }
  }
}

/** Of each window the first posting; the last of `starts` is the number of postings. */
function findWindows(rows: Uint32Array, from: number, starts: Uint32Array): void {
  let at = 0;
  for (let window = 0; window < starts.length; window++) {
    at = gallop(rows, from + window * windowRows, at, rows.length);
    starts[window] = at;
  }
}

function raise(bounds: Float64Array, at: number, bound: number): void {
  if ((bounds[at] as number) < bound) bounds[at] = bound;
}

function addPostings(
  { postings: { rows, counts }, lengths, term, factor }: ScoredList,
  start: number,
  end: number,
  first: number,
  from: number,
): void {
  const { base, perToken, isFlat } = term;
  const weight = factor * term.weight;
  for (let i = start; i < end; i++) {
    const row = rows[i] as number;
    const count = counts[i] as number;
    const slot = row - first;
    const added = isFlat
      ? weight
      : (weight * count) / (count + base + perToken * (lengths[row - from] as number));
    sums[slot] = (sums[slot] as number) + added;
    matched[slot >>> 5] = (matched[slot >>> 5] as number) | (1 << (slot & 31));
  }
}

/** Index in `start` … `end` of the first row that is not below; `end` if all are. */
function firstNotBelow(rows: Uint32Array, row: number, start: number, end: number): number {
  let low = start;
  let high = end;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((rows[middle] as number) < row) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** As `firstNotBelow`, for a row that is near. */
function gallop(rows: Uint32Array, row: number, start: number, end: number): number {
  let step = 1;
  let low = start;
  while (low + step < end && (rows[low + step] as number) < row) {
    low += step;
    step *= 2;
  }
  return firstNotBelow(rows, row, low, Math.min(end, low + step + 1));
}
