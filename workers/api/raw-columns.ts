/**
 * Rows and columns of a request -> one column of raw JSON values for each attribute.
 */
import { attributeNameFault, type Schema, vectorColumns } from "../../src/document/schema.ts";
import { wrongShape } from "../../src/document/shape.ts";
import { EngineError, invalid } from "../../src/errors.ts";
import { limits } from "../../src/limits.ts";
import { splitColumn } from "./vector-input.ts";
import type { AskedRows } from "./write-request.ts";

/** Raw JSON values of each attribute, one for each document. */
export type RawColumns = ReadonlyMap<string, unknown[]>;

/** Columns that may come flat: dense vectors, and `vector` before the schema knows it. */
export function vectorNames(schema: Schema): ReadonlySet<string> {
  return new Set(["vector", ...vectorColumns(schema).map(({ name }) => name)]);
}

/** `absent` stands where a document says nothing. */
export function gatherColumns<Absent extends null | undefined>(
  { field, rows, columns }: AskedRows,
  vectors: ReadonlySet<string>,
  absent: Absent,
): RawColumns {
  const raw = new Map<string, unknown[]>();
  const count = rows.length + (columns?.ids.length ?? 0);
  const columnOf = (name: string): unknown[] =>
    raw.get(name) ?? addColumn(raw, name, count, absent);
  rows.forEach((row, i) => {
    for (const name of Object.keys(row)) {
      if (name !== "id") {
        columnOf(name)[i] = row[name];
      }
    }
  });
  for (const [name, values] of columns?.values ?? []) {
    const place = `${field}_columns.${name}`;
    const list = listColumn(place, name, values, columns?.ids.length ?? 0, vectors.has(name));
    const column = columnOf(name);
    for (let i = 0; i < list.length; i++) {
      column[rows.length + i] = list[i];
    }
  }
  return raw;
}

function addColumn(
  raw: Map<string, unknown[]>,
  name: string,
  count: number,
  absent: null | undefined,
): unknown[] {
  const fault = attributeNameFault(name);
  if (fault !== undefined) {
    throw invalid(`💔 ${fault}`, name);
  }
  if (raw.size >= limits.attributesMax) {
    throw invalid(`💔 a write has at most ${limits.attributesMax} attributes`);
  }
  if ((raw.size + 1) * count > limits.batchCellsMax) {
    const text = "too many attributes for so many rows; send fewer rows in one write";
    throw new EngineError("tooLarge", `💔 ${text}`);
  }
  const column = Array.from<unknown>({ length: count }).fill(absent);
  raw.set(name, column);
  return column;
}

function listColumn(
  place: string,
  name: string,
  values: readonly unknown[] | string,
  rows: number,
  isVector: boolean,
): readonly unknown[] {
  if (!isVector && typeof values === "string") {
    throw wrongShape(place, values, "a sequence");
  }
  const list = isVector ? splitColumn(values, rows, place) : (values as readonly unknown[]);
  if (list.length !== rows) {
    throw invalid(
      `💔 ${place.slice(0, -name.length - 1)}: all columns must have the same length, ` +
        `but \`${name}\` has ${list.length} values and \`id\` has ${rows}`,
      place,
    );
  }
  return list;
}

/** What all of them say about each attribute. */
export function joinColumns(sources: readonly RawColumns[]): RawColumns {
  const names = new Set(sources.flatMap((source) => [...source.keys()]));
  return new Map(
    Array.from(names, (name) => {
      const given = sources.filter((source) => source.has(name));
      const [only] = given;
      // Usually only one does, and without gaps.
      return given.length === 1 && only !== undefined && !only.get(name)?.includes(undefined)
        ? [name, only.get(name) as unknown[]]
        : [name, given.flatMap((source) => source.get(name) ?? []).filter(isGiven)];
    }),
  );
}

function isGiven(value: unknown): boolean {
  return value !== undefined;
}
