/**
 * From ids to ordinals.
 *
 *   1. `planIds`: which id blocks could hold the ids. Ids outside [minId, maxId] need none; nor do
 *      those that the membership filter denies, if it was read before (about 10 bits a row; worth
 *      it when most of the ids are expected to be elsewhere).
 *   2. Read `idBlock` of each.
 *   3. `findIds` in each: the ordinals of those that are there.
 *
 * Blocks follow each other in the order of ids, so ordered iteration reads them one after the
 * other.
 */
import { compareIds, type DocumentId } from "../../document/id.ts";
import {
  hashKeys,
  type IdRows,
  idKeys,
  readIdRows,
  readMembership,
} from "../../format/segment-ids.ts";
import { locateBlock } from "../../format/segment-section.ts";
import { limits } from "../../limits.ts";
import type { Block } from "../../store/block.ts";
import { blockAt, type Segment } from "./segment.ts";

/** False only for ids that the segment does not hold; see `readMembership`. */
export type Membership = (hashes: Uint8Array, row: number) => boolean;

export interface IdPlan {
  /** Ascending. */
  readonly blocks: readonly number[];
  /** For each of `blocks`, the ids that may be in it. */
  readonly ids: readonly (readonly DocumentId[])[];
}

export function membershipBlock(segment: Segment): Block {
  return blockAt(segment, segment.root.ids.membership);
}

/** Opens the verified bytes of the membership block. */
export function openMembership(bytes: Uint8Array): Membership {
  return readMembership(bytes);
}

export function idBlockCount(segment: Segment): number {
  return segment.root.ids.blocks.count;
}

export function idBlock(segment: Segment, index: number): Block {
  return blockAt(segment, locateBlock(segment.root.ids.blocks, index));
}

/** The verified bytes of an id block: ids ascending, and their ordinals. */
export function openIdBlock(segment: Segment, index: number, bytes: Uint8Array): IdRows {
  const { idKind, rows } = segment.root;
  const length = Math.min(limits.idBlockRows, rows - index * limits.idBlockRows);
  return readIdRows(bytes, idKind, length, rows);
}

/** The block where an id would be: the last whose first id is not above it; 0 for ids below all. */
export function idBlockOf(segment: Segment, id: DocumentId): number {
  const { firstIds } = segment.root.ids;
  let low = 0;
  let high = firstIds.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (compareIds(firstIds.at(middle), id) <= 0) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

/** Ids must be of the namespace's kind; each block gets its ids in the order given. */
export function planIds(
  segment: Segment,
  ids: readonly DocumentId[],
  membership?: Membership,
): IdPlan {
  const { idKind, minId, maxId } = segment.root;
  let wanted = ids.filter((id) => compareIds(id, minId) >= 0 && compareIds(id, maxId) <= 0);
  if (membership !== undefined) {
    const hashes = hashKeys(idKeys(idKind, wanted));
    wanted = wanted.filter((_, row) => membership(hashes, row));
  }
  const byBlock = new Map<number, DocumentId[]>();
  for (const id of wanted) {
    const block = idBlockOf(segment, id);
    const inBlock = byBlock.get(block);
    if (inBlock === undefined) {
      byBlock.set(block, [id]);
    } else {
      inBlock.push(id);
    }
  }
  const blocks = [...byBlock.keys()].sort((a, b) => a - b);
  return { blocks, ids: blocks.map((block) => byBlock.get(block) ?? []) };
}

/** Calls `found` for each of `ids` that is in the block; `at`: its row there. */
export function findIds(
  rows: IdRows,
  ids: readonly DocumentId[],
  found: (id: DocumentId, ordinal: number, at: number) => void,
): void {
  for (const id of ids) {
    const at = lowerBound(rows, id);
    if (at < rows.ids.length && compareIds(rows.ids.at(at), id) === 0) {
      found(id, rows.ordinals[at] as number, at);
    }
  }
}

/** Number of ids of the block below `id`. */
export function lowerBound(rows: IdRows, id: DocumentId): number {
  let low = 0;
  let high = rows.ids.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareIds(rows.ids.at(middle), id) < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}
