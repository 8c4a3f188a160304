/**
 * Where the rows of a new segment come from: memory (a flush) or other segments (a merge). Rows are
 * numbered as the source likes; some numbers may stand for dead rows, which are never asked for.
 * The builder decides the order, then asks for rows in that order, a bounded number at a time.
 */
import type { DocumentId } from "../../document/id.ts";
import type { VectorColumn } from "../../document/schema.ts";
import type { AttributeValue } from "../../document/value.ts";
import type { ColumnValue } from "../../format/segment-columns.ts";
import type { RefineRows } from "../../format/segment-refine.ts";
import type { MergedTexts } from "./merge-dictionary.ts";

/** The vectors of one column. */
export interface VectorSource {
  /** Rows that live, ascending. A fresh array. */
  liveRows(): Uint32Array;
  /**
   * Clusters that most of the living rows are in already, if they are: `live` as above. The new
   * segment keeps them, and they are looked after rather than made anew.
   */
  inherited?(live: Uint32Array): InheritedClusters | undefined;
  /** Writes each row as int8, row `rows[i]` at index i. */
  gatherCodes(rows: Uint32Array, out: RefineRows): Promise<void>;
  /** Writes each row's full vector, row `rows[i]` at index i. */
  gatherVectors(rows: Uint32Array, out: Float32Array): Promise<void>;
}

/** Those of a column beside the first, whose rows may be numbered otherwise. */
export interface FurtherSource extends VectorSource {
  /** The row of the segment's source that each number stands for; missing: the same number. */
  readonly rowsOf?: Uint32Array;
  /** To be called when it is let go of. */
  release(): void;
}

/** A row source's own vectors are those of the first column. */
export interface RowSource extends VectorSource {
  /** Row numbers are below this. */
  readonly rows: number;
  /**
   * Record hash of each row as the source knows it, before the row goes anywhere. Filled in as
   * rows pass: complete for living rows once documents and ids were all asked for.
   */
  readonly hashes: BigUint64Array;
  /** Size of the living documents as their users see it. */
  readonly logicalBytes: number;

  /** Undefined: not all rows have one, or there are too many to be indexed anew. */
  furtherVectors(column: VectorColumn): Promise<FurtherSource | undefined>;
  /** Ids and attributes of the first of `rows`: as many as `bytesMax` holds, at least one. */
  gatherDocuments(rows: Uint32Array, bytesMax: number): Promise<GatheredDocuments>;

  /**
   * Attributes of a row in the order of the schema, where they are in memory as they are: texts
   * need not be encoded and decoded to be analysed.
   */
  readonly valuesOf?: (row: number) => readonly AttributeValue[];

  /** All living rows in the order of their ids, in blocks of any size. */
  idsInOrder(): AsyncIterable<OrderedIds>;

  /** Values of an attribute as codes. */
  column(attribute: string): Promise<ColumnSource>;

  /** Postings of an attribute that were made by this analysis, if there are those of all rows. */
  texts?(attribute: string, analysis: string): MergedTexts | undefined;
}

export interface InheritedClusters {
  /** k x width, as they are stored. */
  readonly centroids: Float32Array;
  /** Of each living row; `noCluster` of those that are new there. */
  readonly clusters: Uint32Array;
}

export const noCluster = 0xffff_ffff;

export interface GatheredDocuments {
  readonly ids: readonly DocumentId[];
  /** Encoded attributes, see segment-documents.ts. */
  readonly rows: readonly Uint8Array[];
}

export interface OrderedIds {
  readonly ids: readonly DocumentId[];
  /** Row number of each id. */
  readonly rows: Uint32Array;
}

export interface ColumnSource {
  /** For each row: 0 = absent, else 1 + the value's index, counted through all dictionaries. */
  readonly codes: Uint32Array;
  readonly dictionaries: readonly DictionarySource[];
}

export interface DictionarySource {
  readonly length: number;
  /** Ascending, in chunks of any size. */
  values(): AsyncIterable<readonly ColumnValue[]>;
}

/** What a gathered row costs besides its bytes: an array object of its own. */
export const rowObjectBytes = 256;
