/**
 * One attempt at a write that patches, goes by a filter or has conditions: what it comes to, given
 * the documents of one snapshot. change.ts says in which order and why.
 *
 * Bounds: so many documents by filter, and of patched documents so many bytes as a write may have
 * at all. Beyond them the write is refused, or, if it may be partial, changes those with the lowest
 * ids and says that others remain. Conditions are looked at a slice of documents at a time.
 */
import type { DecisionSource } from "./decision-source.ts";
import type { Batch } from "./document/batch.ts";
import type { Filter } from "./document/filter.ts";
import type { DocumentId } from "./document/id.ts";
import type { DocumentPatch, Patch } from "./document/patch.ts";
import { elementBytes, primaryVector, type Schema } from "./document/schema.ts";
import { upsertLogicalBytes, valueLogicalBytes } from "./document/size.ts";
import { EngineError, invalid } from "./errors.ts";
import { packVector } from "./format/packed-value.ts";
import type { WriteCounts } from "./format/wal.ts";
import { limits } from "./limits.ts";
import { ChangedRows } from "./query/changed-rows.ts";
import {
  attributesOf,
  type Condition,
  type DocumentValues,
  nothingIncoming,
  packAs,
  prepareCondition,
} from "./query/condition.ts";
import { prepareRowTest } from "./query/filter.ts";
import type { ResultRow } from "./query/result.ts";
import type { Decision } from "./rewrite.ts";

/** What a request asks for, under one schema. No id is in it twice. */
export interface AskedWrite extends Pick<Decision, "addition"> {
  /** With the addition. */
  readonly schema: Schema;
  /** Upserts and deletes by id. */
  readonly batch: Batch;
  readonly patches: readonly DocumentPatch[];
  readonly deleteByFilter: ByFilter | undefined;
  readonly patchByFilter: (ByFilter & { readonly patch: Patch }) | undefined;
  readonly upsertCondition: Condition | undefined;
  readonly patchCondition: Condition | undefined;
  readonly deleteCondition: Condition | undefined;
}

export interface ByFilter {
  readonly filter: Filter;
  readonly allowPartial: boolean;
}

export interface BuiltChange extends Decision {
  readonly counts: WriteCounts;
  /** Which documents; those by filter first, in order. */
  readonly affected: {
    readonly upserted: readonly DocumentId[];
    readonly patched: readonly DocumentId[];
    readonly deleted: readonly DocumentId[];
  };
}

/** What filters are tried on, and what they match. */
export interface Candidates {
  readonly generation: string;
  readonly deletes: readonly DocumentId[];
  /** Those of them that match now. */
  readonly deleted: readonly DocumentId[];
  readonly patches: readonly DocumentId[];
  /** There are more. */
  readonly remain: boolean;
}

export class Attempt {
  readonly #source: DecisionSource;
  readonly #asked: AskedWrite;
  readonly #rows: ChangedRows;
  /** Logical bytes of documents that may be patched. */
  readonly #bytesMax: number;

  constructor(source: DecisionSource, asked: AskedWrite) {
    this.#source = source;
    this.#asked = asked;
    this.#rows = new ChangedRows(asked.batch.idKind, asked.schema);
    const upserted = upsertLogicalBytes(asked.batch).reduce((sum, bytes) => sum + bytes, 0);
    this.#bytesMax = limits.batchBytesMax - upserted;
  }

  async findCandidates(): Promise<Candidates> {
    const { deleteByFilter, patchByFilter } = this.#asked;
    const { deleteByFilterRowsMax, patchByFilterRowsMax } = limits;
    const { generation } = this.#source;
    const first = await this.#find("delete_by_filter", deleteByFilter, deleteByFilterRowsMax);
    const deletes = first.ids;
    const gone = new Set(patchByFilter === undefined ? [] : deletes);
    const second = await this.#find("patch_by_filter", patchByFilter, patchByFilterRowsMax, gone);
    const remain = first.remain || second.remain;
    return { generation, deletes, deleted: deletes, patches: second.ids, remain };
  }

  /** The same candidates, on another snapshot. */
  async tryAgain(candidates: Candidates): Promise<Candidates> {
    const { deletes } = candidates;
    const { deleteByFilter } = this.#asked;
    if (deleteByFilter === undefined || deletes.length === 0) {
      return candidates;
    }
    this.#source.dependsOn(deletes);
    const among = new Set(deletes);
    const isCandidate = (id: DocumentId): boolean => among.has(id);
    const { filter } = deleteByFilter;
    const deleted = await this.#source.matching(filter, among.size, isCandidate);
    return { ...candidates, deleted };
  }

  async decide({ deleted, patches, remain }: Candidates): Promise<BuiltChange> {
    const gone = new Set(deleted);
    const { isWhole, patched } = await this.#patchByFilter(patches);
    const patchedById = await this.#patchById(gone);
    const { batch, addition, upsertCondition, deleteCondition } = this.#asked;
    const { upserts, ids } = batch;
    const idOf = (row: number): DocumentId => ids[row] as DocumentId;
    const accepted = await this.#accept(rowsFrom(0, upserts), upsertCondition, gone, true);
    const deletes = rowsFrom(upserts, ids.length);
    const dropped = (await this.#accept(deletes, deleteCondition, gone, false)).map(idOf);
    const affected = {
      upserted: accepted.map(idOf),
      patched: [...patched, ...patchedById],
      deleted: dropped.length === 0 ? deleted : [...deleted, ...dropped],
    };
    for (const id of dropped) {
      gone.add(id);
    }
    return {
      addition,
      affected,
      counts: {
        upserts: affected.upserted.length,
        patches: affected.patched.length,
        deletes: affected.deleted.length,
        remain: remain || !isWhole,
      },
      batch: this.#rows.toBatch(batch, accepted, gone),
    };
  }

  async #find(
    field: string,
    asked: ByFilter | undefined,
    rowsMax: number,
    except: ReadonlySet<DocumentId> = new Set(),
  ): Promise<{ readonly ids: readonly DocumentId[]; readonly remain: boolean }> {
    if (asked === undefined) {
      return { ids: [], remain: false };
    }
    const isWanted = (id: DocumentId): boolean => !except.has(id);
    const ids = await this.#source.matching(asked.filter, rowsMax + 1, isWanted);
    const remain = ids.length > rowsMax;
    if (remain && !asked.allowPartial) {
      throw tooMuch(field, `matches more than ${rowsMax} documents`);
    }
    return { ids: remain ? ids.slice(0, rowsMax) : ids, remain };
  }

  // ---- Patches
  // -------------------------------------------------------------------------------------------

  /** `isWhole`: there was room for all of them. */
  async #patchByFilter(
    candidates: readonly DocumentId[],
  ): Promise<{ readonly isWhole: boolean; readonly patched: readonly DocumentId[] }> {
    const patched: DocumentId[] = [];
    const { patchByFilter } = this.#asked;
    if (patchByFilter === undefined) {
      return { isWhole: true, patched };
    }
    const { filter, patch, allowPartial } = patchByFilter;
    let isWhole = true;
    let values: DocumentValues = nothingIncoming;
    const passes = prepareRowTest(filter, (attribute) => () => values(attribute));
    await this.#source.documents(candidates, { kind: "all" }, (row) => {
      values = this.#valuesOf(row);
      if (passes(0)) {
        isWhole = this.#patch(row, patch);
        patched.push(...(isWhole ? [row.id] : []));
      }
      return isWhole;
    });
    if (!isWhole && !(allowPartial && patched.length > 0)) {
      const text = `matches documents of more than ${this.#bytesMax} bytes together`;
      throw tooMuch("patch_by_filter", text);
    }
    return { isWhole, patched };
  }

  /** In the order of the request. */
  async #patchById(gone: ReadonlySet<DocumentId>): Promise<readonly DocumentId[]> {
    const { patches, patchCondition } = this.#asked;
    const test = patchCondition && prepareCondition(patchCondition);
    const byId = new Map(patches.map(({ id, patch }) => [id, patch]));
    const patched = new Set<DocumentId>();
    const passes = (id: DocumentId, stored: DocumentValues): boolean => {
      const incoming = this.#incoming(id, byId.get(id) as Patch);
      return test === undefined || test({ stored, incoming });
    };
    const others: DocumentId[] = [];
    for (const { id, patch } of patches) {
      if (!this.#rows.has(id)) {
        others.push(...(gone.has(id) ? [] : [id]));
      } else if (passes(id, this.#rows.valuesOf(id))) {
        this.#rows.patch(id, patch);
        patched.add(id);
      }
    }
    await this.#source.documents(others, { kind: "all" }, (row) => {
      if (passes(row.id, this.#valuesOf(row))) {
        patched.add(row.id);
        if (!this.#patch(row, byId.get(row.id) as Patch)) {
          const text = `patched documents have at most ${this.#bytesMax} bytes together`;
          throw new EngineError("tooLarge", `💔 ${text}; send fewer patches in one write`);
        }
      }
      return true;
    });
    return patches.flatMap(({ id }) => (patched.has(id) ? [id] : []));
  }

  /** False if there is no room for it. */
  #patch(row: ResultRow, patch: Patch): boolean {
    const bytes = this.#rows.bytes + bytesOfRow(row) + bytesOfPatch(patch);
    if (bytes > this.#bytesMax) {
      return false;
    }
    this.#rows.add(row, patch);
    return true;
  }

  // ---- Conditions
  // -------------------------------------------------------------------------------------------

  /** Rows of the batch whose condition holds. `absent`: what holds where there is no document. */
  async #accept(
    rows: readonly number[],
    condition: Condition | undefined,
    gone: ReadonlySet<DocumentId>,
    absent: boolean,
  ): Promise<readonly number[]> {
    if (condition === undefined) {
      return rows;
    }
    const { batch } = this.#asked;
    const test = prepareCondition(condition);
    const rowOf = new Map(rows.map((row) => [batch.ids[row] as DocumentId, row]));
    const verdicts = new Map<DocumentId, boolean>();
    const judge = (id: DocumentId, stored: DocumentValues): void => {
      const incoming = this.#incomingRow(rowOf.get(id) as number);
      verdicts.set(id, test({ stored, incoming }));
    };
    const others: DocumentId[] = [];
    for (const id of rowOf.keys()) {
      if (this.#rows.has(id)) {
        judge(id, this.#rows.valuesOf(id));
      } else if (!gone.has(id)) {
        others.push(id);
      }
    }
    const names = [...attributesOf(condition)];
    await this.#source.documents(others, { kind: "only", names }, (row) => {
      judge(row.id, this.#valuesOf(row));
      return true;
    });
    return rows.filter((row) => verdicts.get(batch.ids[row] as DocumentId) ?? absent);
  }

  #valuesOf({ id, attributes, vector }: ResultRow): DocumentValues {
    return (name) => {
      if (name === "id") {
        return id;
      }
      if (name === vector?.name) {
        return packAs(vector.values, vector.element) ?? null;
      }
      return attributes.find((attribute) => attribute.name === name)?.value ?? null;
    };
  }

  #incoming(id: DocumentId, { attributes, vector }: Patch): DocumentValues {
    const column = primaryVector(this.#asked.schema);
    return (name) => {
      if (name === "id") {
        return id;
      }
      if (vector !== undefined && name === column?.name) {
        return packAs(vector, column.element) ?? null;
      }
      return attributes.get(name) ?? null;
    };
  }

  #incomingRow(row: number): DocumentValues {
    const { upserts, ids, dims, vectors, attributes } = this.#asked.batch;
    if (row >= upserts) {
      return nothingIncoming;
    }
    const column = primaryVector(this.#asked.schema);
    return (name) => {
      if (name === "id") {
        return ids[row] as DocumentId;
      }
      if (name === column?.name) {
        return packVector(vectors.subarray(row * dims, (row + 1) * dims));
      }
      return attributes.find((attribute) => attribute.name === name)?.values[row] ?? null;
    };
  }
}

function rowsFrom(from: number, to: number): readonly number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

function bytesOfRow({ attributes, vector }: ResultRow): number {
  const bytes = vector === undefined ? 0 : vector.values.length * elementBytes(vector.element);
  return attributes.reduce((sum, { value }) => sum + valueLogicalBytes(value), bytes);
}

function bytesOfPatch({ attributes }: Patch): number {
  return [...attributes.values()].reduce<number>((sum, value) => sum + valueLogicalBytes(value), 0);
}

function tooMuch(field: string, reason: string): EngineError {
  const advice = `set \`${field}_allow_partial\` to change some of them and be told that others remain`;
  return invalid(`💔 ${field} ${reason}; ${advice}`, field);
}
