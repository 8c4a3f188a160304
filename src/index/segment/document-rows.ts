/**
 * The documents themselves: full vectors in blocks of a fixed number of rows, ids and attributes in
 * compressed blocks. A query reads the blocks of its winners, both kinds in one round.
 */
import type { DocumentId } from "../../document/id.ts";
import type { AttributeValue } from "../../document/value.ts";
import { type DocumentRows, decodeRow, readDocuments } from "../../format/segment-documents.ts";
import { locateBlock } from "../../format/segment-section.ts";
import { readVectorRows, vectorBlockRows } from "../../format/segment-vectors.ts";
import type { Block } from "../../store/block.ts";
import { blockAt, blockOfRow, type RowRange, type Segment, vectorPlanes } from "./segment.ts";

// ---- Vectors ------------------------------------------------------------------------------------

export function vectorBlockOf(segment: Segment, ordinal: number): number {
  return Math.floor(ordinal / vectorBlockRows(vectorPlanes(segment)));
}

export function vectorBlock(segment: Segment, index: number): Block {
  return blockAt(segment, locateBlock(vectorPlanes(segment).vectors, index));
}

export function vectorBlockRange(segment: Segment, index: number): RowRange {
  const each = vectorBlockRows(vectorPlanes(segment));
  return { from: index * each, to: Math.min(segment.root.rows, (index + 1) * each) };
}

/** All vectors of a verified block, row-major. */
export function readVectorBlock(segment: Segment, index: number, bytes: Uint8Array): Float32Array {
  const { from, to } = vectorBlockRange(segment, index);
  return readVectorRows(bytes, to - from, vectorPlanes(segment));
}

/** The vector of one document as it is stored. */
export function readVector(segment: Segment, ordinal: number, bytes: Uint8Array): Float32Array {
  const { dims } = vectorPlanes(segment);
  const index = vectorBlockOf(segment, ordinal);
  const start = (ordinal - vectorBlockRange(segment, index).from) * dims;
  return readVectorBlock(segment, index, bytes).subarray(start, start + dims);
}

// ---- Ids and attributes -------------------------------------------------------------------------

export function documentBlockOf(segment: Segment, ordinal: number): number {
  return blockOfRow(segment.root.documents.firstRows, ordinal);
}

export function documentBlock(segment: Segment, index: number): Block {
  return blockAt(segment, locateBlock(segment.root.documents.blocks, index));
}

export function documentBlockRange(segment: Segment, index: number): RowRange {
  const { firstRows } = segment.root.documents;
  return { from: firstRows[index] as number, to: firstRows[index + 1] as number };
}

export interface DocumentBlock extends RowRange {
  readonly rows: DocumentRows;
}

/** Inflates the verified bytes of a block. */
export function openDocumentBlock(
  segment: Segment,
  index: number,
  bytes: Uint8Array,
): DocumentBlock {
  const { from, to } = documentBlockRange(segment, index);
  const { idKind, documents } = segment.root;
  const contentBytes = documents.contentBytes[index] as number;
  return { from, to, rows: readDocuments(bytes, idKind, to - from, contentBytes) };
}

export function documentId(block: DocumentBlock, ordinal: number): DocumentId {
  return block.rows.ids.at(ordinal - block.from);
}

/** Attribute values in the order of `root.attributes`; those missing at the end are absent. */
export function documentValues(
  segment: Segment,
  block: DocumentBlock,
  ordinal: number,
): readonly AttributeValue[] {
  return decodeRow(block.rows.row(ordinal - block.from), segment.root.attributes.length);
}

/** Where `documentValues` has an attribute, or -1 if no document of the segment has it. */
export function attributeIndex(segment: Segment, name: string): number {
  return segment.root.attributes.findIndex((attribute) => attribute.name === name);
}
