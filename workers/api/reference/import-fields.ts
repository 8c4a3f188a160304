/** Fields of the body that asks for an import. */
import { distanceMetrics } from "../../../src/document/schema.ts";
import type { FieldTable } from "./field.ts";
import { pageParams } from "./other-fields.ts";

export const importFields = {
  source: {
    type: "string",
    required: true,
    about:
      "Key of an object in the bucket, below `imports/<tenant>/`; all that begin with it if it " +
      "ends with a slash.",
  },
  format: {
    type: "string",
    values: ["jsonl", "csv", "parquet"],
    about:
      "What it is, if its name does not say so. Names that end with .gz or .zst say what it is compressed by.",
  },
  delimiter: { type: "string", about: "Between the values of a CSV; a comma unless said." },
  id: { type: "string", about: "Column of the ids; `id` unless said." },
  vector: { type: "string", about: "Column of the vectors; `vector` unless said." },
  columns: {
    type: "array",
    about: "Columns to take; all unless said.",
    schema: { items: { type: "string" } },
  },
  rename: {
    type: "object",
    about: "What attributes are to be called, by column.",
    schema: { additionalProperties: { type: "string" } },
  },
  schema: {
    type: "object",
    about: "Types and options of attributes, as in a write. Others are decided by the first rows.",
    schema: { $ref: "#/components/schemas/SchemaInput" },
  },
  distance_metric: {
    type: "string",
    about: "Of a new namespace; cosine_distance unless said.",
    schema: { enum: distanceMetrics },
  },
  error_mode: {
    type: "string",
    values: ["abort", "continue"],
    about:
      "Whether the first row that is refused ends the import, or is set aside. abort unless said.",
  },
} as const satisfies FieldTable;

export const importListParams = pageParams;
