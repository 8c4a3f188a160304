/** Answers about imports, by name: part of answers.ts. */
import { count, listOf, record, text, time } from "./answer-parts.ts";
import type { JsonSchema } from "./field.ts";

const importState: JsonSchema = {
  id: text,
  namespace: text,
  source: text,
  status: { enum: ["pending", "running", "cancelling", "finished", "cancelled", "failed"] },
  error: { ...text, description: "Why it failed" },
  created_at: time,
  rows_read: count,
  rows_written: { ...count, description: "Documents; of rows with one id the last counts" },
  rows_rejected: count,
  bytes_read: count,
  bytes_total: count,
  objects: { ...count, description: "That it reads" },
};
const importNames = Object.keys(importState).filter((name) => name !== "error");

export const importAnswers = {
  Import: record(importState, importNames),
  ImportList: record(
    {
      imports: listOf(record(importState, importNames)),
      next_cursor: { type: ["string", "null"] },
    },
    ["imports", "next_cursor"],
  ),
  RejectedRow: record(
    {
      row: { ...count, description: "Of the import, from 0" },
      reason: text,
      document: { description: "As it was read; the beginning of it, if it is long" },
    },
    ["row", "reason", "document"],
  ),
} as const;
