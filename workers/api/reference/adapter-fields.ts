/** Fields of bodies that other databases' programs send. */
import type { FieldTable } from "./field.ts";
import { writeFields } from "./write-fields.ts";

const { upsert_rows, patch_rows, deletes, distance_metric } = writeFields;

export const vecPuffWriteFields = {
  distance_metric: { ...distance_metric, about: "cosine_distance unless said." },
  upsert_rows,
  patch_rows,
  deletes,
} as const satisfies FieldTable;

export const vecPuffQueryFields = {
  query_vector: {
    type: ["array", "string"],
    required: true,
    about: "What to search for: numbers, or 32-bit floats as base64.",
  },
  top_k: { type: "count", about: "How many documents at most; 10 unless said." },
} as const satisfies FieldTable;

export const rosalindQueryFields = {
  dataset: { type: "string", required: true, about: "Name of the namespace." },
  vector: {
    type: ["array", "string"],
    required: true,
    about: "What to search for: numbers, or 32-bit floats as base64.",
  },
  top_k: {
    type: "count",
    about: "How many documents at most; 10 unless said.",
    schema: { minimum: 1, maximum: 1_000 },
  },
  filter: { type: "object", about: "By attribute the value it must have." },
  nprobe: {
    type: "count",
    about: "Accepted; how much is read is decided by what the search needs.",
    schema: { minimum: 1, maximum: 1_024 },
  },
} as const satisfies FieldTable;
