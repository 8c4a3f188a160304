/** Random writes to a world: whole documents, patches, deletions by id and by filter. */
import type { DocumentId } from "../../../src/document/id.ts";
import type { AttributeValue } from "../../../src/document/value.ts";
import type { OracleRow, OracleWrite } from "../writes.ts";
import { type FilterSource, jsonFilter, randomFilter } from "./random-filters.ts";
import { attributes, jsonValue, randomId, randomValue, randomVector } from "./values.ts";

/** `dims`: 0 if documents have no vectors. */
export function randomWrite(source: FilterSource, rows: number, dims: number): OracleWrite {
  const { random } = source;
  const ids = new Set<DocumentId>();
  const draw = (count: number): DocumentId[] => {
    const drawn = Array.from({ length: count }, () => randomId(random, source.idKind, source.ids));
    const fresh = [...new Set(drawn)].filter((id) => !ids.has(id));
    for (const id of fresh) ids.add(id);
    return fresh;
  };
  const upserts = draw(rows).map((id) => ({
    ...randomRow(source, id, attributes.length),
    ...(dims > 0 ? { vector: randomVector(random, dims) } : {}),
  }));
  return {
    upsert_rows: upserts,
    ...(random.chance(0.3) ? { patch_rows: draw(5).map((id) => randomRow(source, id, 3)) } : {}),
    ...(random.chance(0.5) ? { deletes: draw(random.below(8)) } : {}),
    ...(random.chance(0.1) ? { delete_by_filter: randomFilter(source, 1) } : {}),
  };
}

/** With values of `count` attributes. */
function randomRow({ random }: FilterSource, id: DocumentId, count: number): OracleRow {
  const chosen =
    count === attributes.length
      ? attributes
      : Array.from({ length: count }, () => random.pick(attributes));
  const values = chosen.map((each): [string, AttributeValue] => [
    each.name,
    randomValue(random, each),
  ]);
  return { id, ...Object.fromEntries(values) };
}

/** As a request. */
export function jsonWrite(write: OracleWrite): object {
  const { upsert_rows: upserts, patch_rows: patches, delete_by_filter: filter, deletes } = write;
  return {
    ...(upserts === undefined ? {} : { upsert_rows: upserts.map(jsonRow) }),
    ...(patches === undefined ? {} : { patch_rows: patches.map(jsonRow) }),
    ...(deletes === undefined ? {} : { deletes }),
    ...(filter === undefined
      ? {}
      : { delete_by_filter: jsonFilter(filter), delete_by_filter_allow_partial: true }),
  };
}

function jsonRow(row: OracleRow): object {
  const values = attributes
    .filter(({ name }) => row[name] !== undefined)
    .map(({ name, scalar }) => [name, jsonValue(scalar, row[name] as AttributeValue)]);
  const { id, vector } = row;
  return { id, ...(vector === undefined ? {} : { vector }), ...Object.fromEntries(values) };
}
