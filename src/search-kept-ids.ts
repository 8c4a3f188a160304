/**
 * Ids of rows that queries have found, in memory, so that no document block is inflated for them:
 *
 *   rows    ids of fixed width, each by itself: the best rows of a query lie apart, and one of them
 *           is found again with a fraction of what it takes to look its block up;
 *   blocks  the ids of each block that was opened, for rows beside those, and ids that are texts.
 */
import type { DocumentId } from "./document/id.ts";
import { fixedIdBytes, type IdColumn, openIds, readFixedId } from "./format/id-column.ts";
import { documentBlockOf, documentBlockRange } from "./index/segment/document-rows.ts";
import type { Segment } from "./index/segment/segment.ts";
import type { SearchContext } from "./search-ports.ts";
import type { SegmentRow } from "./search-rows.ts";
import type { OpenSegment } from "./search-segments.ts";
import type { ByteLru } from "./store/byte-lru.ts";
import type { RowMemory, RowTable } from "./store/row-memory.ts";

interface OpenBlock {
  readonly bytes: Uint8Array;
  readonly ids: IdColumn;
}

/** Ids of fixed width. */
interface RowIds {
  readonly kind: "uint" | "uuid";
  readonly width: number;
  readonly table: RowTable;
}

interface SegmentIds {
  readonly segment: Segment;
  readonly name: string;
  /** Undefined where ids have no fixed width. */
  readonly rows: RowIds | undefined;
  /** Those that this query has opened. */
  readonly blocks: Map<number, OpenBlock>;
}

export class KeptIds {
  readonly #blocks: ByteLru;
  readonly #rows: RowMemory;
  readonly #segments: readonly OpenSegment[];
  readonly #ids: (SegmentIds | undefined)[] = [];

  constructor({ ports: { cache } }: SearchContext, segments: readonly OpenSegment[]) {
    this.#blocks = cache.memory;
    this.#rows = cache.rows;
    this.#segments = segments;
  }

  /** Fills in the ids that are known. */
  recall(rows: readonly SegmentRow[]): void {
    for (const row of rows) row.id ??= this.#idOf(this.#idsOf(row.segment), row.ordinal);
  }

  /** The encoded ids of a block of documents. */
  keep(segment: number, block: number, ids: Uint8Array): void {
    this.#blocks.put(blockName(this.#idsOf(segment).name, block), ids);
  }

  #idOf({ segment, name, rows, blocks }: SegmentIds, ordinal: number): DocumentId | undefined {
    const kept = rows?.table.get(ordinal);
    if (rows !== undefined && kept !== undefined) return readFixedId(rows.kind, kept);
    const index = documentBlockOf(segment, ordinal);
    const { from, to } = documentBlockRange(segment, index);
    let block = blocks.get(index);
    if (block === undefined) {
      const bytes = this.#blocks.get(blockName(name, index));
      if (bytes === undefined) return undefined;
      block = { bytes, ids: openIds(segment.root.idKind, bytes, to - from) };
      blocks.set(index, block);
    }
    const at = ordinal - from;
    if (rows !== undefined) {
      rows.table.put(ordinal, block.bytes.subarray(at * rows.width, (at + 1) * rows.width));
    }
    return block.ids.at(at);
  }

  #idsOf(index: number): SegmentIds {
    const known = this.#ids[index];
    if (known !== undefined) return known;
    const { segment } = this.#segments[index] as OpenSegment;
    const name = `${segment.keys[0]}?ids`;
    const ids = { segment, name, rows: this.#rowsOf(segment, name), blocks: new Map() };
    this.#ids[index] = ids;
    return ids;
  }

  #rowsOf({ root: { idKind: kind } }: Segment, name: string): RowIds | undefined {
    if (kind === "string") return undefined;
    const width = fixedIdBytes(kind);
    return { kind, width, table: this.#rows.table(name, width) };
  }
}

function blockName(name: string, block: number): string {
  return `${name}=${block}`;
}
