/**
 * The schema that goes with an import: types that the server would infer otherwise, and which
 * texts are too long to be filtered by.
 */
import type { ColumnTypes } from "../../workers/rows/column-schema.ts";
import type { Mapping } from "../../workers/rows/row-mapping.ts";
import type { ImportRequest, SchemaTypes } from "./import-rows.ts";
import type { Row } from "./row-source.ts";

/** Characters; the server refuses 4 KiB. Nobody filters by as much. */
const filterableMax = 800;

export function documentSchema({
  request,
  mapping,
  types,
  sample,
  existing,
}: {
  readonly request: ImportRequest;
  readonly mapping: Mapping;
  readonly types: ColumnTypes;
  readonly sample: readonly Row[];
  readonly existing: SchemaTypes;
}): Readonly<Record<string, unknown>> {
  const { unfilterable = [], types: given = {}, source } = request;
  const shownOnly = new Set([...unfilterable, ...(source.unfilterable ?? [])]);
  const schema: Record<string, unknown> = {};
  for (const [column, type] of types) {
    const isVector = column === mapping.vector;
    const target = targetOf(column, mapping);
    if (target === undefined || existing[target] !== undefined) continue;
    if (target === "id") {
      if (given[column] !== undefined) schema["id"] = type;
    } else if (isVector) {
      const wanted = given[column] ?? type;
      if (/^\[\d+\](f16|i8|f32)$/.test(wanted)) schema[target] = { type: wanted, ann: true };
    } else {
      const isLong = sample.some((row) => isLongText(row[column]));
      const isShown = shownOnly.has(column) || (type === "string" && isLong);
      schema[target] = isShown ? { type, filterable: false } : type;
    }
  }
  return schema;
}

function isLongText(value: unknown): boolean {
  return typeof value === "string" && value.length > filterableMax;
}

/** Undefined if the column is not taken. */
function targetOf(column: string, mapping: Mapping): string | undefined {
  if (column === mapping.vector) return "vector";
  if (column === mapping.id) return mapping.numbersRows ? undefined : "id";
  const { columns, renamed } = mapping;
  if (columns.length > 0 && !columns.includes(column)) return undefined;
  return renamed.get(column) ?? column;
}
