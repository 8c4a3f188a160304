/**
 * Root: what a segment holds and where. One block at the end of the segment's last object;
 * everything else is found from it without another read.
 *
 *   offset  size  field
 *        0     8  magic "SHOALSEG"
 *        8     2  format version, u16: 2
 *       10     2  zero
 *       12     4  bytes of the head, u32
 *       16     h  head: CBOR map, see `headOf` in segment-root-codec.ts
 *       ..     p  zero, up to a multiple of 16
 *       ..        arrays, each filled up with zeros to a multiple of 16:
 *                 clusters   first row of each scan block and the number of rows, u32 × (b + 1)
 *                            radius of each centroid f32 × c, scale f32 × c, codes i8 × c × P
 *                 documents  first row of each block and the number of rows, u32 × (d + 1)
 *                            block sizes u32 × d, content sizes u32 × d
 *                 ids        block sizes u32 × i, first ids: id-column.ts
 *                 columns    for each: chunk sizes u32 × s, index of each chunk's first value and
 *                            the number of values, u32 × (s + 1); its lists; its elements: chunks
 *                            as of a column, lists. Of lists: block sizes u32 × l, first code of
 *                            each block and the number of codes, u32 × (l + 1), rows listed before
 *                            each block and all rows listed, u32 × (l + 1)
 *                 texts      for each run: block sizes of terms u32 × t, of postings u32 × p; those
 *                            of an attribute behind its column
 *                 further    vector columns: for each what clusters have
 *
 * Framed as in segment-block.ts. 60,000 rows of 784 dimensions take 125 KiB, nearly all of it
 * centroids. Golden: test/golden/v2/segment.hex.
 */
import type { DocumentId, IdKind } from "../document/id.ts";
import type { DistanceMetric, VectorElement } from "../document/schema.ts";
import type { ScalarValue } from "../document/value.ts";
import type { IdColumn } from "./id-column.ts";
import type { SectionRange } from "./manifest.ts";
import type { CodeBytes } from "./segment-columns.ts";
import type { RowLists } from "./segment-lists.ts";
import type { Section } from "./segment-section.ts";
import type { TextDirectory } from "./segment-text.ts";

export interface SegmentRoot {
  readonly generation: string;
  readonly segment: string;
  readonly schemaVersion: number;
  readonly rows: number;
  readonly idKind: IdKind;
  readonly minId: DocumentId;
  readonly maxId: DocumentId;
  /** Undefined in a namespace without a vector column. */
  readonly vector: VectorPlanes | undefined;
  readonly documents: DocumentDirectory;
  readonly ids: IdDirectory;
  /** All attributes but the vector of the planes, in the order of rows of documents. */
  readonly attributes: readonly RootAttribute[];
  /** Of dense vector columns beside that of `vector`; their values are attributes as well. */
  readonly further?: readonly FurtherPlanes[];
}

/** A seed of `index/vector/prng.ts`. */
export interface RootSeed {
  readonly low: number;
  readonly high: number;
}

/** The planes of the vector column; ordinals run in the order of its clusters. */
export interface VectorPlanes {
  readonly name: string;
  readonly dims: number;
  /** Of the full vectors; codes are made from their f32 values. */
  readonly element: VectorElement;
  /** P: dims rounded up to a multiple of 64. */
  readonly width: number;
  readonly metric: DistanceMetric;
  readonly rotation: RootSeed;
  /**
   * False: one centroid for all scan blocks, which are stretches of rows in the order of their ids.
   */
  readonly clustered: boolean;
  /** First row of each scan block, then the number of rows. */
  readonly firstRows: Uint32Array;
  readonly centroids: RootCentroids;
  readonly scan: Section;
  readonly refine: Section;
  readonly vectors: Section;
}

/**
 * Planes of a vector column beside the first. If they are clustered, their rows stand in an order
 * of their own, or the nearest would lie apart; else in that of the ordinals.
 */
export interface FurtherPlanes extends VectorPlanes {
  /** Of clustered planes: the ordinal of each of their rows, as codes of a column of four bytes. */
  readonly ordinals?: Section;
}

export interface RootCentroids {
  /** c × P. */
  readonly codes: Int8Array;
  readonly scales: Float32Array;
  /** |c|² of the dequantised centroid. */
  readonly norms: Float32Array;
  /** Root mean square distance of its rows. */
  readonly radii: Float32Array;
}

export interface DocumentDirectory {
  readonly blocks: Section;
  /** First row of each block, then the number of rows. */
  readonly firstRows: Uint32Array;
  /** Bytes of each block's content, inflated. */
  readonly contentBytes: Uint32Array;
}

export interface IdDirectory {
  /** Blocks of `idBlockRows`, the last of what remains. */
  readonly blocks: Section;
  readonly firstIds: IdColumn;
  readonly membership: SectionRange;
}

export interface RootAttribute {
  readonly name: string;
  /** Undefined: filters on it are answered from the documents. */
  readonly column: ColumnDirectory | undefined;
  /** Missing: queries of text read the documents. */
  readonly text?: TextDirectory;
}

/** Sorted distinct values: code c is value c - 1. */
export interface DictionaryDirectory {
  readonly dictionary: Section;
  /** Index of each chunk's first value, then the number of values. */
  readonly firstValues: Uint32Array;
  /**
   * Of each chunk; undefined when values are arrays, whose comparisons read the whole dictionary.
   */
  readonly separators: readonly ScalarValue[] | undefined;
}

export interface ColumnDirectory extends DictionaryDirectory {
  readonly codes: Section;
  readonly codeBytes: CodeBytes;
  /** Of scalars; missing: filters read codes. */
  readonly lists?: RowLists;
  /** Of arrays; missing: filters read codes. */
  readonly elements?: ElementDirectory;
}

/** Values that stand in arrays, and the rows whose arrays they stand in. */
export interface ElementDirectory extends DictionaryDirectory {
  readonly lists: RowLists;
}
