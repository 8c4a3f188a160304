/**
 * Finds rows of segments in the order of their ids, without looking at more of them than needed.
 *
 *   few matches    ids are read with the documents of all rows that match, if that is less to read
 *   otherwise      each segment's id blocks are read in order, from where the filter's id range
 *                  begins; a merge takes the next id of any segment, skipping rows that are dead,
 *                  do not match or were touched by the tail. How many blocks to read at a time
 *                  follows from the share of rows that match, so that one round is usually enough.
 */
import { compareIds, type DocumentId } from "./document/id.ts";
import type { IdRows } from "./format/segment-ids.ts";
import { documentBlock, documentBlockOf } from "./index/segment/document-rows.ts";
import { idBlock, idBlockCount, idBlockOf, openIdBlock } from "./index/segment/id-lookup.ts";
import { limits } from "./limits.ts";
import { type IdRange, isInRange } from "./query/id-range.ts";
import type { SearchContext } from "./search-ports.ts";
import { fetchRows, newRow, type SegmentRow } from "./search-rows.ts";
import type { MatchedSegment } from "./search-segments.ts";
import type { ReadRound } from "./store/block-reader.ts";
import { rangeBytes } from "./store/range-plan.ts";

export interface OrderSearch {
  readonly context: SearchContext;
  readonly segments: readonly MatchedSegment[];
  readonly range: IdRange;
  readonly descending: boolean;
  readonly wanted: number;
  readonly attributes: readonly string[] | undefined;
  readonly touched: ReadonlySet<DocumentId>;
}

export interface OrderedRow extends SegmentRow {
  readonly id: DocumentId;
}

/** So few matches are looked up by their documents: that takes one round for sure. */
const matchesLookedUpMin = 64;
/** More are not, whatever it costs to find them otherwise. */
const matchesLookedUpMax = 1_024;
/** Id blocks of one segment read at a time. */
const blocksAtOnceMax = 64;
const idReadsMax = 2 * limits.connectionsMax;

/** At most `wanted` rows, in order. */
export async function searchInOrder(
  search: OrderSearch,
  round: ReadRound,
): Promise<readonly OrderedRow[]> {
  const isFiltered = search.segments.some(({ rows }) => rows !== undefined);
  const matches = search.segments.reduce((sum, { count }) => sum + count, 0);
  const cursors = search.segments
    .map((_, segment) => new IdCursor(search, segment))
    .filter((cursor) => !cursor.isEmpty);
  if (isFiltered && isLookUpCheaper(search, matches, cursors)) {
    return lookUp(search, round);
  }
  const found: OrderedRow[] = [];
  let nextRound: ReadRound | undefined = round;
  while (found.length < search.wanted) {
    const dry = cursors.filter((cursor) => cursor.isDry);
    if (dry.length > 0) {
      await refill(dry, nextRound ?? search.context.reader.round(), search.wanted - found.length);
      nextRound = undefined;
      continue;
    }
    const row = takeNext(cursors, search.descending);
    if (row === undefined) {
      break;
    }
    found.push(row);
  }
  return found;
}

/** Compares the documents of all matches with the id blocks that hold as many as are wanted. */
function isLookUpCheaper(
  { segments, wanted }: OrderSearch,
  matches: number,
  cursors: readonly IdCursor[],
): boolean {
  if (matches <= matchesLookedUpMin || matches > matchesLookedUpMax) {
    return matches <= matchesLookedUpMin;
  }
  const blocks = segments.flatMap(({ segment, rows }) => {
    const wantedBlocks = new Set<number>();
    for (const ordinal of rows ?? Array(segment.root.rows).keys()) {
      wantedBlocks.add(documentBlockOf(segment, ordinal));
    }
    return Array.from(wantedBlocks, (block) => documentBlock(segment, block));
  });
  const bounds = { readsMax: limits.documentReadsMax, gapBytes: limits.coalesceGapBytes };
  const lookUpBytes = rangeBytes(blocks, bounds);
  const walkBytes = cursors.reduce((sum, { bytesLeft }) => sum + bytesLeft, 0);
  return lookUpBytes <= walkBytes * Math.min(1, wanted / matches);
}

async function lookUp(search: OrderSearch, round: ReadRound): Promise<readonly OrderedRow[]> {
  const { segments, range, touched, descending, context } = search;
  const rows: SegmentRow[] = [];
  for (const [segment, matched] of segments.entries()) {
    for (const ordinal of matched.rows ?? Array(matched.segment.root.rows).keys()) {
      rows.push(newRow(segment, ordinal));
    }
  }
  const needs = { ids: true, attributes: search.attributes, onVector: undefined };
  await fetchRows(round, segments, rows, needs);
  const inRange = (rows as readonly OrderedRow[]).filter(({ id }) => isInRange(range, id));
  const live = inRange.filter(({ id }) => !touched.has(id));
  context.counters.masked += inRange.length - live.length;
  const sign = descending ? -1 : 1;
  return live.sort((a, b) => sign * compareIds(a.id, b.id)).slice(0, search.wanted);
}

function takeNext(cursors: readonly IdCursor[], descending: boolean): OrderedRow | undefined {
  let best: IdCursor | undefined;
  for (const cursor of cursors) {
    const { head } = cursor;
    const order =
      best?.head === undefined || head === undefined ? 0 : compareIds(head.id, best.head.id);
    if (head !== undefined && (best === undefined || (descending ? order > 0 : order < 0))) {
      best = cursor;
    }
  }
  return best?.take();
}

async function refill(cursors: readonly IdCursor[], round: ReadRound, missing: number) {
  const windows = cursors.map((cursor) => cursor.nextBlocks(missing));
  const reads = cursors.flatMap((cursor, i) =>
    (windows[i] ?? []).map((block) => ({ cursor, block })),
  );
  const arrived = new Map<IdCursor, Map<number, Uint8Array>>();
  await round.readBlocks(
    reads.map(({ cursor, block }) => idBlock(cursor.matched.segment, block)),
    {
      readsMax: idReadsMax,
      onBlock: (index, bytes) => {
        const { cursor, block } = reads[index] as (typeof reads)[number];
        const blocks = arrived.get(cursor) ?? new Map<number, Uint8Array>();
        arrived.set(cursor, blocks.set(block, bytes));
      },
    },
  );
  for (const [i, cursor] of cursors.entries()) {
    for (const block of windows[i] ?? []) {
      cursor.append(block, arrived.get(cursor)?.get(block) as Uint8Array);
    }
  }
}

/** Walks the ids of one segment in order; `head` is the next row that counts. */
class IdCursor {
  readonly matched: MatchedSegment;
  readonly #search: OrderSearch;
  readonly #index: number;
  readonly #buffer: IdRows[] = [];
  /** Position in the first block of the buffer. */
  #row = 0;
  /** The next block to read and the last one, in the direction of the walk. */
  #next: number;
  #last: number;
  #head: OrderedRow | undefined;

  constructor(search: OrderSearch, index: number) {
    this.matched = search.segments[index] as MatchedSegment;
    this.#search = search;
    this.#index = index;
    const { segment } = this.matched;
    const { from, to } = search.range;
    const first = from === undefined ? 0 : idBlockOf(segment, from);
    const last = to === undefined ? idBlockCount(segment) - 1 : idBlockOf(segment, to);
    [this.#next, this.#last] = search.descending ? [last, first] : [first, last];
    const { minId, maxId } = segment.root;
    const outside =
      (to !== undefined && compareIds(to, minId) < 0) ||
      (from !== undefined && compareIds(from, maxId) > 0);
    if (outside || this.matched.count === 0) {
      this.#next = this.#last + this.#step;
    }
  }

  get isEmpty(): boolean {
    return this.#isDone && this.#head === undefined;
  }

  get head(): OrderedRow | undefined {
    return this.#head;
  }

  /** Has blocks left and nothing to offer before it has read them. */
  get isDry(): boolean {
    return this.#head === undefined && !this.#isDone;
  }

  /** Of the id blocks that were not asked for yet. */
  get bytesLeft(): number {
    if (this.#isDone) return 0;
    const blocks = Math.abs(this.#last - this.#next) + 1;
    return blocks * idBlock(this.matched.segment, this.#next).length;
  }

  get #isDone(): boolean {
    return this.#next === this.#last + this.#step;
  }

  get #step(): 1 | -1 {
    return this.#search.descending ? -1 : 1;
  }

  /** The blocks that probably hold `missing` rows that count. */
  nextBlocks(missing: number): readonly number[] {
    const { segment, count } = this.matched;
    const rows = (missing * segment.root.rows) / Math.max(1, count);
    const left = Math.abs(this.#last - this.#next) + 1;
    const blocks = Math.min(left, blocksAtOnceMax, 1 + Math.ceil(rows / limits.idBlockRows));
    return Array.from({ length: blocks }, (_, i) => this.#next + i * this.#step);
  }

  append(block: number, bytes: Uint8Array): void {
    this.#buffer.push(openIdBlock(this.matched.segment, block, bytes));
    this.#next = block + this.#step;
    if (this.#head === undefined) this.#advance();
  }

  take(): OrderedRow | undefined {
    const taken = this.#head;
    this.#advance();
    return taken;
  }

  #advance(): void {
    this.#head = undefined;
    for (let rows = this.#buffer[0]; rows !== undefined; rows = this.#buffer[0]) {
      while (this.#row < rows.ids.length) {
        const at = this.#search.descending ? rows.ids.length - 1 - this.#row : this.#row;
        this.#row++;
        const ordinal = rows.ordinals[at] as number;
        if (this.matched.rows?.has(ordinal) === false) {
          continue;
        }
        const id = rows.ids.at(at);
        if (this.#counts(id)) {
          this.#head = { ...newRow(this.#index, ordinal), id };
          return;
        }
      }
      this.#buffer.shift();
      this.#row = 0;
    }
  }

  #counts(id: DocumentId): boolean {
    const { range, touched, context } = this.#search;
    if (!isInRange(range, id)) {
      return false;
    }
    context.counters.masked += touched.has(id) ? 1 : 0;
    return !touched.has(id);
  }
}
