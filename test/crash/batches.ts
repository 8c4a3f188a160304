/** The documents of crash scenarios: {n: version}, and at times one attribute more. */
import type { Batch } from "../../src/document/batch.ts";
import type { DocumentId } from "../../src/document/id.ts";
import type { Schema, SchemaAddition } from "../../src/document/schema.ts";

export function batchOf(
  version: number,
  ids: readonly DocumentId[],
  deletes: readonly DocumentId[],
  attribute?: string,
): Batch {
  const values = ids.map(() => version);
  const names = attribute === undefined ? ["n"] : ["n", attribute];
  return {
    idKind: "uint",
    upserts: ids.length,
    deletes: deletes.length,
    ids: [...ids, ...deletes],
    dims: 0,
    vectors: new Float32Array(0),
    attributes: names.map((name) => ({ name, values })),
  };
}

export function additionTo(schema: Schema, attribute?: string): SchemaAddition | undefined {
  const names = ["n", ...(attribute === undefined ? [] : [attribute])];
  const added = names.filter((name) => !schema.attributes.has(name));
  if (added.length === 0) return undefined;
  const attributes = new Map(
    added.map((name) => [name, { type: "int", filterable: true }] as const),
  );
  return schema.version > 0 ? { attributes } : { idKind: "uint", attributes };
}
