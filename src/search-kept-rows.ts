/**
 * Rows that queries have looked at, each kept in memory by itself: of refine planes, and their
 * full vectors. Candidates lie apart, so of the nine or thirty rows of a page one or two are
 * wanted: what a query needs again takes a tenth of the memory, and all of it is scored in one go.
 *
 * Full vectors would be the most of it, so they are kept in the narrowest width that loses no bit:
 * pixels and other small numbers are bytes, what comes from half precision stays that.
 *
 * Rows were cut out of verified blocks. They are named by segment, column and place in its planes,
 * and segments never change.
 */
import { decodeF16, encodeF16 } from "./bytes/f16.ts";
import { scratch } from "./bytes/scratch.ts";
import { bytesOf, f32View, u16View } from "./bytes/typed-view.ts";
import { refineRowBytes } from "./format/segment-refine.ts";
import { vectorPlanes } from "./index/segment/segment.ts";
import type { SearchContext } from "./search-ports.ts";
import type { MatchedSegment } from "./search-segments.ts";
import type { RowMemory, RowTable } from "./store/row-memory.ts";

/** Tables of a segment. */
interface SegmentTables {
  readonly codes: RowTable;
  /** Narrowest first. */
  readonly vectors: readonly VectorTable[];
}

interface VectorTable {
  readonly width: VectorWidth;
  readonly rows: RowTable;
}

export class KeptRows {
  readonly #memory: RowMemory | undefined;
  readonly #segments: readonly MatchedSegment[];
  readonly #tables: (SegmentTables | undefined)[] = [];

  constructor({ reader, ports }: SearchContext, segments: readonly MatchedSegment[]) {
    this.#memory = reader.fillsMemory ? ports.cache.rows : undefined;
    this.#segments = segments;
  }

  get isUsed(): boolean {
    return this.#memory !== undefined;
  }

  /** A row of the refine plane. */
  code(segment: number, ordinal: number): Uint8Array | undefined {
    return this.#tablesOf(segment)?.codes.get(ordinal);
  }

  keepCode(segment: number, ordinal: number, bytes: Uint8Array): void {
    this.#tablesOf(segment)?.codes.put(ordinal, bytes);
  }

  /** A full vector; what is returned is valid until the next call. */
  vector(segment: number, ordinal: number): Float32Array | undefined {
    for (const { width, rows } of this.#tablesOf(segment)?.vectors ?? []) {
      const bytes = rows.get(ordinal);
      if (bytes !== undefined) return width.widen(bytes);
    }
    return undefined;
  }

  keepVector(segment: number, ordinal: number, values: Float32Array): void {
    for (const { width, rows } of this.#tablesOf(segment)?.vectors ?? []) {
      const bytes = width.narrow(values);
      if (bytes !== undefined) return rows.put(ordinal, bytes);
    }
  }

  #tablesOf(segment: number): SegmentTables | undefined {
    if (this.#memory === undefined) return undefined;
    const known = this.#tables[segment];
    if (known !== undefined) return known;
    const tables = openTables(this.#memory, this.#segments[segment] as MatchedSegment);
    this.#tables[segment] = tables;
    return tables;
  }
}

function openTables(memory: RowMemory, { segment }: MatchedSegment): SegmentTables {
  const { home, info } = segment;
  const { name: column, dims, width: codes } = vectorPlanes(segment);
  const name = `${home.tenant}/${home.generation}/${info.id}?${column}?`;
  return {
    codes: memory.table(`${name}codes`, refineRowBytes(codes)),
    vectors: vectorWidths.map((width) => ({
      width,
      rows: memory.table(`${name}${width.name}`, dims * width.bytes),
    })),
  };
}

interface VectorWidth {
  readonly name: string;
  readonly bytes: number;
  /** Undefined unless `widen` gives back every bit. */
  narrow(values: Float32Array): Uint8Array | undefined;
  /** Valid until the next call. */
  widen(bytes: Uint8Array): Float32Array;
}

const wide = scratch((length) => new Float32Array(length));

const vectorWidths: readonly VectorWidth[] = [
  {
    name: "u8",
    bytes: 1,
    narrow: narrowToBytes,
    widen: (bytes) => {
      const values = wide(bytes.length);
      values.set(bytes);
      return values;
    },
  },
  {
    name: "f16",
    bytes: 2,
    narrow: (values) => {
      const halves = encodeF16(values);
      return sameBits(decodeF16(halves), values) ? bytesOf(halves) : undefined;
    },
    widen: (bytes) => decodeF16(u16View(bytes, 0, bytes.length / 2), wide(bytes.length / 2)),
  },
  {
    name: "f32",
    bytes: 4,
    narrow: bytesOf,
    widen: (bytes) => f32View(bytes, 0, bytes.length / 4),
  },
];

function narrowToBytes(values: Float32Array): Uint8Array | undefined {
  const bytes = new Uint8Array(values.length);
  for (let d = 0; d < bytes.length; d++) {
    const value = values[d] as number;
    bytes[d] = value;
    if (!Object.is(bytes[d], value)) return undefined;
  }
  return bytes;
}

function sameBits(a: Float32Array, b: Float32Array): boolean {
  return a.every((value, d) => Object.is(value, b[d]));
}
