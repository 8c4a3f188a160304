/**
 * Planes of the vector columns beside the first, of a segment whose blocks are whole: each row has
 * one place in them, with the vector that its document has.
 *
 * Memory: 16 bytes a row, and the ordinals.
 */
import { unpackVector } from "../../src/format/packed-value.ts";
import { hashVectors } from "../../src/format/record-hash.ts";
import type { FurtherPlanes } from "../../src/format/segment-root.ts";
import { locateBlock } from "../../src/format/segment-section.ts";
import {
  attributeIndex,
  documentBlock,
  documentValues,
  openDocumentBlock,
  readVectorBlock,
  vectorBlock,
  vectorBlockRange,
} from "../../src/index/segment/document-rows.ts";
import {
  ordinalBlocks,
  placeOrdinals,
  viewColumn,
} from "../../src/index/segment/further-planes.ts";
import { blockAt, rootBlock, type Segment } from "../../src/index/segment/segment.ts";
import { lesson, mixedUp, readBlock } from "./blocks.ts";
import type { Ledger } from "./ledger.ts";

export async function checkFurther(ledger: Ledger, segment: Segment): Promise<void> {
  for (const planes of segment.root.further ?? []) {
    const wanted = await hashDocuments(ledger, segment, planes);
    const found = await hashPlanes(ledger, segment, planes);
    if (wanted === undefined || found === undefined) continue;
    const wrong = wanted.findIndex((hash, ordinal) => hash !== found[ordinal]);
    if (wrong < 0) {
      ledger.count("vectors of further columns", segment.root.rows);
      continue;
    }
    const { key } = blockAt(segment, locateBlock(planes.vectors, 0));
    ledger.fault(key, `${planes.name}: row ${wrong} is not there with its vector`, mixedUp);
  }
}

/** By ordinal. */
async function hashDocuments(
  ledger: Ledger,
  segment: Segment,
  { name, dims, element }: FurtherPlanes,
): Promise<BigUint64Array | undefined> {
  const hashes = new BigUint64Array(segment.root.rows);
  const at = attributeIndex(segment, name);
  for (let index = 0; index < segment.root.documents.blocks.count; index++) {
    const place = documentBlock(segment, index);
    const bytes = await readBlock(ledger, place);
    const isRead =
      bytes &&
      (await ledger.open(place.key, lesson, () => {
        const block = openDocumentBlock(segment, index, bytes);
        for (let ordinal = block.from; ordinal < block.to; ordinal++) {
          const value = documentValues(segment, block, ordinal)[at];
          const packed = value instanceof Uint8Array ? value : new Uint8Array(0);
          hashVectors(unpackVector(packed, dims, element), dims, hashes, ordinal);
        }
        return true;
      }));
    if (isRead !== true) return undefined;
  }
  return hashes;
}

/** By ordinal; 0 of those that have no place. */
async function hashPlanes(
  ledger: Ledger,
  segment: Segment,
  { name, dims, vectors }: FurtherPlanes,
): Promise<BigUint64Array | undefined> {
  const view = viewColumn(segment, name);
  if (view === undefined) return undefined;
  const parts: Uint8Array[] = [];
  for (const block of view.ordinals === undefined ? [] : ordinalBlocks(segment, view.ordinals)) {
    parts.push((await readBlock(ledger, block)) ?? new Uint8Array(0));
  }
  const { key } = rootBlock(segment.home.tenant, segment.info);
  const ordinals =
    view.ordinals && (await ledger.open(key, lesson, () => placeOrdinals(segment, parts)));
  if (view.ordinals !== undefined && ordinals === undefined) return undefined;
  const hashes = new BigUint64Array(segment.root.rows);
  for (let index = 0; index < vectors.count; index++) {
    const { from, to } = vectorBlockRange(view.segment, index);
    const own = new BigUint64Array(to - from);
    const bytes = await readBlock(ledger, vectorBlock(view.segment, index));
    if (bytes === undefined) return undefined;
    hashVectors(readVectorBlock(view.segment, index, bytes), dims, own, 0);
    for (const [i, hash] of own.entries()) {
      hashes[ordinals?.[from + i] ?? from + i] = hash;
    }
  }
  return hashes;
}
