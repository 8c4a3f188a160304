/**
 * Dense vectors of a write, column by column: every document has one in each, all of a column's
 * dimensions.
 *
 * All lengths are checked first: only then is it safe to make room for all vectors. Components are
 * brought to the element of their column: f16 rounds to the nearest, i8 takes whole numbers only.
 */
import type { VectorValues } from "../../src/document/batch.ts";
import {
  type AttributeSchema,
  type DistanceMetric,
  parseVectorArrayType,
  primaryVector,
  type Schema,
  type VectorColumn,
  vectorColumns,
} from "../../src/document/schema.ts";
import { mergeMetric } from "../../src/document/schema-input.ts";
import type { AttributeColumn } from "../../src/document/value.ts";
import { EngineError, invalid } from "../../src/errors.ts";
import { packVector } from "../../src/format/packed-value.ts";
import { allocateVectors, narrowVector } from "../../src/format/vector-element.ts";
import { limits } from "../../src/limits.ts";
import { countComponents, writeVector } from "./vector-input.ts";

export interface WrittenVectors {
  readonly dims: number;
  /** Of the primary column. */
  readonly vectors: VectorValues;
  /** The other columns. */
  readonly packed: readonly AttributeColumn[];
}

/** Raw JSON values of each column, one for each upsert. */
type RawColumns = ReadonlyMap<string, readonly unknown[]>;
/** Where a value stands in the request. */
type PlaceOf = (row: number, name: string) => string;

export function readVectors(
  raw: RawColumns,
  schema: Schema,
  upserts: number,
  placeOf: PlaceOf,
): WrittenVectors {
  const primary = primaryVector(schema);
  if (primary === undefined) {
    return { dims: 0, vectors: new Float32Array(0), packed: [] };
  }
  const columns = vectorColumns(schema);
  for (const column of columns) {
    checkLengths(raw.get(column.name) ?? [], column, upserts, placeOf);
  }
  const dims = columns.reduce((sum, column) => sum + column.dims, 0);
  if (4 * upserts * dims > limits.batchBytesMax) {
    const text = `the vectors of a write have at most ${limits.batchBytesMax} bytes`;
    throw new EngineError("tooLarge", `💔 ${text}`);
  }
  const read = (column: VectorColumn): VectorValues =>
    readColumn(raw.get(column.name) ?? [], column, upserts, placeOf);
  const others = columns.filter(({ name }) => name !== primary.name);
  return {
    dims: primary.dims,
    vectors: read(primary),
    packed: upserts === 0 ? [] : others.map((column) => packColumn(column, read(column), upserts)),
  };
}

function checkLengths(
  values: readonly unknown[],
  { name, dims }: VectorColumn,
  upserts: number,
  placeOf: PlaceOf,
): void {
  let length = dims;
  for (let row = 0; row < upserts; row++) {
    const value = values[row] ?? null;
    if (value === null) {
      throw invalid(`💔 ${placeOf(row, name)}: missing required vector`, name);
    }
    const count = countComponents(value, placeOf(row, name));
    if (row > 0 && count !== length) {
      throw unequal(length, count, name);
    }
    length = count;
  }
  if (length !== dims) {
    throw invalid(
      `💔 attribute \`${name}\` has ${dims} dimensions, but got vectors of ${length}`,
      name,
    );
  }
}

export function unequal(length: number, other: number, name: string): EngineError {
  return invalid(
    `All nested vectors must have the same number of dimensions, got: ${length} and ${other}`,
    name,
  );
}

function readColumn(
  values: readonly unknown[],
  { name, dims, element }: VectorColumn,
  upserts: number,
  placeOf: PlaceOf,
): VectorValues {
  const vectors = allocateVectors(element, upserts * dims);
  const row32 = new Float32Array(dims);
  for (let row = 0; row < upserts; row++) {
    const place = placeOf(row, name);
    if (vectors instanceof Float32Array) {
      writeVector(values[row], vectors, row * dims, place);
      continue;
    }
    writeVector(values[row], row32, 0, place);
    const fault = narrowVector(row32, vectors, row * dims);
    if (fault >= 0) {
      const wanted = element === "i8" ? "an integer from -128 to 127" : "a finite 16-bit float";
      throw invalid(`💔 ${place}[${fault}]: ${row32[fault]} is not ${wanted}`, name);
    }
  }
  return vectors;
}

/** One vector of the column, in its width. */
export function readVector(value: unknown, column: VectorColumn, place: string): VectorValues {
  const placeOf = (): string => place;
  checkLengths([value], column, 1, placeOf);
  return readColumn([value], column, 1, placeOf);
}

function packColumn(
  { name, dims }: VectorColumn,
  vectors: VectorValues,
  upserts: number,
): AttributeColumn {
  const values = Array.from({ length: upserts }, (_, row) =>
    packVector(vectors.subarray(row * dims, (row + 1) * dims)),
  );
  return { name, values };
}

// ---- Schema -------------------------------------------------------------------------------------

/** The schema of a column called `vector` about which nothing was said. */
export function inferVector(values: readonly unknown[]): AttributeSchema {
  const first = values.find((value) => value !== null) ?? null;
  const dims = countComponents(first, "vector");
  if (dims > limits.dimensionsMax) {
    throw invalid(
      `💔 vector: at most ${limits.dimensionsMax} dimensions, but got ${dims}`,
      "vector",
    );
  }
  return { type: `[${dims}]f32`, filterable: false, ann: true };
}

/** The metric of the namespace after a write that says `sent`. */
export function decideMetric(
  sent: DistanceMetric | undefined,
  schema: Schema,
): DistanceMetric | undefined {
  const hasVector = primaryVector(schema) !== undefined;
  const hasArray = [...schema.attributes.values()].some(
    ({ type }) => parseVectorArrayType(type) !== undefined,
  );
  if (!hasVector && !hasArray && sent !== undefined) {
    throw invalid(
      "the `distance_metric` field cannot be provided, " +
        "namespace configured without vector indexing",
      "distance_metric",
    );
  }
  if (hasVector && sent === undefined && schema.metric === undefined) {
    throw invalid(
      "💔 distance_metric must be specified for write to namespace with a vector",
      "distance_metric",
    );
  }
  return sent === undefined ? schema.metric : mergeMetric(schema.metric, sent);
}
