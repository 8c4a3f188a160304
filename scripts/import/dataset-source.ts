/** Rows of a benchmark data set (scripts/datasets.ts). A row's id is its number. */
import type { Dataset } from "../datasets.ts";
import type { Row, RowSource } from "./row-source.ts";

const stretchRows = 1_000;

export function openDatasetRows(dataset: Dataset, identity = dataset.name): RowSource {
  const { base, metric, name } = dataset;
  const types = Object.entries(dataset.schema).flatMap(([column, type]) =>
    typeof type === "object" && type !== null && "type" in type ? [[column, type.type]] : [],
  );
  return {
    name,
    identity: `data set\n${identity}`,
    rows: base.rows,
    types: Object.fromEntries(types) as Record<string, string>,
    unfilterable: Object.keys(dataset.schema),
    isText: false,
    metric,
    numbersRows: true,
    stretches: async function* (from) {
      for (let row = from; row < base.rows; row += stretchRows) {
        yield rowsOf(dataset, row, Math.min(row + stretchRows, base.rows));
      }
    },
  };
}

function rowsOf(dataset: Dataset, from: number, to: number): readonly Row[] {
  const { base } = dataset;
  const vectors = base.slice(from, to);
  const attributes = Object.entries(dataset.columns(from, to));
  return Array.from({ length: to - from }, (_, row) => ({
    vector: vectors.subarray(row * base.dimensions, (row + 1) * base.dimensions),
    ...Object.fromEntries(attributes.map(([name, values]) => [name, values[row]])),
  }));
}
