/** What a name holds between two entries of its log, and what an entry says of it. */
import type { Batch } from "../../src/document/batch.ts";
import { widenVectors } from "../../src/format/vector-element.ts";
import type { OpenedWalEntry } from "../../src/format/wal.ts";
import { zeroHash } from "../../src/namespace/state.ts";
import type { OracleDocument } from "../oracle/brute-force.ts";

export type Documents = ReadonlyMap<number, OracleDocument>;

export interface Point {
  readonly generation: string;
  /** Entries below belong to it. */
  readonly next: number;
  readonly exists: boolean;
  readonly documents: Documents;
  readonly readOnly: boolean;
  /** It was, between two members of the last entry. */
  readonly metReadOnly?: boolean;
  /** Tags of the writes its last entry holds. */
  readonly writes: ReadonlySet<number>;
  /** Of its last entry. */
  readonly hash: Uint8Array;
  /** That its last entry names; of a slot that is skipped, of the entry before. */
  readonly entryMs: number;
  /** From when on the name is like that: a branch begins later than its last entry. */
  readonly timeMs: number;
  /** From its last entry on. */
  readonly retentionMs: number;
  /** Slots of this life that were skipped when it became known. */
  readonly skipped?: readonly number[];
}

/** What an entry does. */
export interface Change {
  readonly writes: ReadonlySet<number>;
  /** Attachments the entry names. */
  readonly parts: readonly string[];
  /** Undefined: it stays as it was. */
  readonly readOnly: boolean | undefined;
  /** Changes the map, and returns it. */
  apply(documents: Map<number, OracleDocument>): Map<number, OracleDocument>;
}

/** Before everything. */
export const nowhere: Point = {
  generation: "",
  next: 0,
  exists: false,
  documents: new Map(),
  readOnly: false,
  writes: new Set(),
  hash: zeroHash,
  entryMs: 0,
  timeMs: 0,
  retentionMs: 0,
};

/** What is kept of the past from the entry on. */
export function retentionAfter(retentionMs: number, { members }: OpenedWalEntry): number {
  const changes = members.flatMap((member) =>
    member.kind === "batch" ? (member.settings ?? []) : [],
  );
  return changes.reduce((before, change) => change.retentionMs ?? before, retentionMs);
}

/** Changes the map. */
export function applyBatch(documents: Map<number, OracleDocument>, batch: Batch): void {
  batch.ids.forEach((id, row) => {
    if (row >= batch.upserts) documents.delete(Number(id));
    else documents.set(Number(id), documentAt(batch, row));
  });
}

function documentAt(batch: Batch, row: number): OracleDocument {
  const attributes: Record<string, OracleDocument["attributes"][string]> = {};
  for (const { name, values } of batch.attributes) {
    const value = values[row] ?? null;
    if (value !== null) attributes[name] = value;
  }
  const vector = widenVectors(batch.vectors.slice(row * batch.dims, (row + 1) * batch.dims));
  return { id: Number(batch.ids[row]), vector, attributes };
}

export interface ReadWindow {
  /** The oldest point it may show. */
  readonly first: number;
  /**
   * The owner answered: what it has shown, nobody may take back. Without it the log may show an
   * entry that its writer, and the owner, have not heard of yet.
   */
  readonly isFirm: boolean;
}
