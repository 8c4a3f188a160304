/**
 * Folding a stretch of the log: of all operations on an id only the newest counts. Pure.
 *
 *   batches   oldest first; inside a batch ids are unique, so its own order means nothing
 *   touched   every id with an operation, upsert or delete: dead in every older segment
 *   live      ids whose newest operation is an upsert, in order; their documents are gathered as
 *             they are asked for, because a flush wants them by shard
 */
import { type Batch, batchRows, type VectorValues } from "../document/batch.ts";
import { compareIds, type DocumentId } from "../document/id.ts";
import type { AttributeColumn, AttributeValue } from "../document/value.ts";
import { allocateVectors, elementOf } from "../format/vector-element.ts";

export interface Documents {
  readonly ids: readonly DocumentId[];
  readonly dims: number;
  /** ids × dims, row-major. */
  readonly vectors: VectorValues;
  readonly attributes: readonly AttributeColumn[];
}

export interface Folded {
  readonly touched: readonly DocumentId[];
  readonly live: readonly DocumentId[];
  /** Of these of the ids that live. */
  readonly documents: (ids: readonly DocumentId[]) => Documents;
}

interface Place {
  readonly batch: number;
  readonly row: number;
}

export function foldBatches(batches: readonly Batch[]): Folded {
  const newest = new Map<DocumentId, Place>();
  for (let b = batches.length - 1; b >= 0; b--) {
    const batch = batches[b] as Batch;
    const rows = batchRows(batch);
    for (let row = 0; row < rows; row++) {
      const id = batch.ids[row] as DocumentId;
      if (!newest.has(id)) {
        newest.set(id, { batch: b, row });
      }
    }
  }
  const touched = [...newest.keys()].sort(compareIds);
  const live = touched.filter((id) => {
    const place = newest.get(id) as Place;
    return place.row < (batches[place.batch] as Batch).upserts;
  });
  const documents = (ids: readonly DocumentId[]): Documents => {
    const places = ids.map((id) => newest.get(id) as Place);
    return { ids, ...gather(batches, places) };
  };
  return { touched, live, documents };
}

function gather(batches: readonly Batch[], places: readonly Place[]): Omit<Documents, "ids"> {
  const dims = batches.reduce((max, batch) => Math.max(max, batch.dims), 0);
  const element = elementOf(batches.find((batch) => batch.vectors.length > 0)?.vectors);
  const vectors = allocateVectors(element, places.length * dims);
  const columns = new Map<string, AttributeValue[]>();
  const sources = batches.map(
    (batch) => new Map(batch.attributes.map(({ name, values }) => [name, values])),
  );
  for (const source of sources) {
    for (const name of source.keys()) {
      if (!columns.has(name)) {
        columns.set(
          name,
          Array.from(places, () => null),
        );
      }
    }
  }
  for (const [at, { batch, row }] of places.entries()) {
    const { vectors: from, dims: width } = batches[batch] as Batch;
    vectors.set(from.subarray(row * width, (row + 1) * width), at * dims);
    for (const [name, values] of sources[batch] as Map<string, readonly AttributeValue[]>) {
      (columns.get(name) as AttributeValue[])[at] = values[row] ?? null;
    }
  }
  const attributes = [...columns].map(([name, values]) => ({ name, values }));
  return { dims, vectors, attributes };
}
