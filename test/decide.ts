/** Decisions from a few documents, for tests that write them as one function. */
import type { DocumentId } from "../src/document/id.ts";
import type { Schema } from "../src/document/schema.ts";
import type { ResultRow } from "../src/query/result.ts";
import type { Decide, Decision } from "../src/rewrite.ts";

/** By id, with all attributes; an id without one is absent. */
export type ReadDocuments = ReadonlyMap<DocumentId, ResultRow>;

export function decideFrom<T extends Decision>(
  ids: readonly DocumentId[],
  evaluate: (schema: Schema, documents: ReadDocuments) => T | undefined,
): Decide<T> {
  return async (source) => {
    const documents = new Map<DocumentId, ResultRow>();
    await source.documents(ids, { kind: "all" }, (row) => {
      documents.set(row.id, row);
      return true;
    });
    return evaluate(source.schema, documents);
  };
}
