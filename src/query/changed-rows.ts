/**
 * Documents that a write changes, column by column as they will be committed: whole, with what they
 * were and what was patched. Their number and bytes are known before all have come. Pure but for
 * what it holds.
 */
import type { Batch, VectorValues } from "../document/batch.ts";
import type { DocumentId, IdKind } from "../document/id.ts";
import type { Patch } from "../document/patch.ts";
import { elementBytes, primaryVector, type Schema, type VectorColumn } from "../document/schema.ts";
import { idLogicalBytes, valueLogicalBytes } from "../document/size.ts";
import type { AttributeColumn, AttributeValue } from "../document/value.ts";
import { assert, EngineError } from "../errors.ts";
import { packVector } from "../format/packed-value.ts";
import { allocateVectors, elementOf, narrowVector } from "../format/vector-element.ts";
import { limits } from "../limits.ts";
import type { DocumentValues } from "./condition.ts";
import type { ResultRow } from "./result.ts";

/** Rows whose vectors get room at first; twice as many whenever that is used up. */
const roomMin = 16;

export class ChangedRows {
  readonly #idKind: IdKind;
  readonly #column: VectorColumn | undefined;
  readonly #rows = new Map<DocumentId, number>();
  readonly #columns = new Map<string, AttributeValue[]>();
  readonly #sizes: number[] = [];
  #vectors: VectorValues;
  #bytes = 0;

  constructor(idKind: IdKind, schema: Schema) {
    this.#idKind = idKind;
    this.#column = primaryVector(schema);
    this.#vectors = allocateVectors(this.#column?.element ?? "f32", 0);
  }

  /** Logical. */
  get bytes(): number {
    return this.#bytes;
  }

  has(id: DocumentId): boolean {
    return this.#rows.has(id);
  }

  /** A document as it is stored, patched. */
  add(document: ResultRow, patch: Patch): void {
    const row = this.#rows.size;
    this.#rows.set(document.id, row);
    this.#sizes.push(0);
    for (const { name, value } of document.attributes) {
      this.#set(row, name, value);
    }
    if (this.#column !== undefined) {
      assert(document.vector !== undefined, "every document of a namespace with vectors has one");
      this.#setVector(row, this.#column, document.vector.values);
    }
    const vectorBytes = (this.#column?.dims ?? 0) * elementBytes(this.#column?.element ?? "f32");
    this.#grow(row, document.id, idLogicalBytes(document.id, this.#idKind) + vectorBytes);
    this.patch(document.id, patch);
  }

  /** Once more, what was added. */
  patch(id: DocumentId, { attributes, vector }: Patch): void {
    const row = this.#rows.get(id) as number;
    for (const [name, value] of attributes) {
      this.#set(row, name, value);
    }
    if (vector !== undefined && this.#column !== undefined) {
      this.#setVector(row, this.#column, vector);
    }
    this.#grow(row, id, 0);
  }

  /** What a condition sees of a document that was added. */
  valuesOf(id: DocumentId): DocumentValues {
    const row = this.#rows.get(id) as number;
    return (name) => {
      if (name === "id") {
        return id;
      }
      if (name === this.#column?.name) {
        const { dims } = this.#column;
        return packVector(this.#vectors.subarray(row * dims, (row + 1) * dims));
      }
      return this.#columns.get(name)?.[row] ?? null;
    };
  }

  /**
   * One batch: of the other the rows that are `accepted`; of these what is neither among them nor
   * deleted; and what is deleted and not upserted again.
   */
  toBatch(other: Batch, accepted: readonly number[], deleted: ReadonlySet<DocumentId>): Batch {
    const written = new Set(accepted.map((row) => other.ids[row] as DocumentId));
    const own = [...this.#rows].filter(([id]) => !written.has(id) && !deleted.has(id));
    const deletes = [...deleted].filter((id) => !written.has(id));
    const upserts = own.length + accepted.length;
    const dims = this.#column?.dims ?? 0;
    const vectors = allocateVectors(elementOf(this.#vectors), upserts * dims);
    own.forEach(([, row], at) => {
      vectors.set(this.#vectors.subarray(row * dims, (row + 1) * dims), at * dims);
    });
    accepted.forEach((row, i) => {
      const at = (own.length + i) * dims;
      vectors.set(other.vectors.subarray(row * dims, (row + 1) * dims), at);
    });
    const others = new Map(other.attributes.map(({ name, values }) => [name, values]));
    const attributes: AttributeColumn[] = [];
    for (const name of new Set([...this.#columns.keys(), ...others.keys()])) {
      const [mine, theirs] = [this.#columns.get(name), others.get(name)];
      const values = [
        ...own.map(([, row]) => mine?.[row] ?? null),
        ...accepted.map((row) => theirs?.[row] ?? null),
      ];
      if (values.some((value) => value !== null)) {
        attributes.push({ name, values });
      }
    }
    const ids = [
      ...own.map(([id]) => id),
      ...accepted.map((row) => other.ids[row] as DocumentId),
      ...deletes,
    ];
    const { idKind } = other;
    return { idKind, upserts, deletes: deletes.length, ids, dims, vectors, attributes };
  }

  #set(row: number, name: string, value: AttributeValue): void {
    let column = this.#columns.get(name);
    if (column === undefined) {
      column = [];
      this.#columns.set(name, column);
    }
    while (column.length <= row) {
      column.push(null);
    }
    const before = column[row] as AttributeValue;
    column[row] = value;
    const bytes = valueLogicalBytes(value) - valueLogicalBytes(before);
    this.#sizes[row] = (this.#sizes[row] as number) + bytes;
    this.#bytes += bytes;
  }

  #setVector(row: number, { dims, element }: VectorColumn, values: Float32Array): void {
    if (this.#vectors.length < (row + 1) * dims) {
      const room = allocateVectors(element, Math.max(roomMin, 2 * row) * dims);
      room.set(this.#vectors);
      this.#vectors = room;
    }
    narrowVector(values, this.#vectors, row * dims);
  }

  #grow(row: number, id: DocumentId, bytes: number): void {
    const size = (this.#sizes[row] as number) + bytes;
    this.#sizes[row] = size;
    this.#bytes += bytes;
    if (size > limits.documentBytesMax) {
      const text = `document ${String(id)} has ${size} bytes, at most ${limits.documentBytesMax}`;
      throw new EngineError("tooLarge", `💔 ${text}`);
    }
  }
}
