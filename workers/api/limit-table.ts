/**
 * The bounds a caller can run into, by the names of GET /v1/limits. The table of docs/limits.md
 * and the reference page say the same.
 */

import { importLimits } from "../../src/import-limits.ts";
import { limits } from "../../src/limits.ts";

export interface Limit {
  readonly value: number;
  readonly about: string;
}

export const limitTable = {
  write_body_bytes: { value: limits.bodyBytesMax, about: "body of a write, decompressed" },
  query_body_bytes: { value: limits.queryBodyBytesMax, about: "any other body, decompressed" },
  json_depth: { value: limits.jsonDepthMax, about: "nesting of a body" },
  write_rows: { value: limits.batchRowsMax, about: "documents and deletes in a write" },
  write_encoded_bytes: { value: limits.batchBytesMax, about: "documents of a write, as counted" },
  delete_by_filter_rows: {
    value: limits.deleteByFilterRowsMax,
    about: "documents that one `delete_by_filter` deletes",
  },
  patch_by_filter_rows: {
    value: limits.patchByFilterRowsMax,
    about: "documents that one `patch_by_filter` patches",
  },
  patched_bytes: {
    value: limits.batchBytesMax,
    about: "documents that a write patches, with those it upserts",
  },
  document_bytes: { value: limits.documentBytesMax, about: "a document" },
  id_bytes: { value: limits.idBytesMax, about: "an id that is text" },
  attribute_name_bytes: { value: limits.attributeNameBytesMax, about: "name of an attribute" },
  attributes: { value: limits.attributesMax, about: "attributes of a namespace" },
  filterable_value_bytes: { value: limits.filterableBytesMax, about: "a value that is filterable" },
  dimensions: { value: limits.dimensionsMax, about: "dimensions of a vector" },
  vector_array_dimensions: {
    value: limits.vectorArrayDimensionsMax,
    about: "dimensions of each vector of an array",
  },
  vector_columns: { value: limits.vectorColumnsMax, about: "vector columns of a namespace" },
  sparse_entries: { value: limits.sparseEntriesMax, about: "entries of a sparse vector" },
  filter_depth: { value: limits.filterDepthMax, about: "nesting of a filter" },
  filter_nodes: { value: limits.filterNodesMax, about: "parts of a filter" },
  in_list: { value: limits.inListMax, about: "values of `In`" },
  pattern_length: {
    value: limits.patternCharsMax,
    about: "characters of a pattern of `Glob`, `Regex` and `Fuzzy`",
  },
  filter_regexes: { value: limits.filterRegexesMax, about: "regular expressions of a filter" },
  posting_bytes: {
    value: limits.postingBytesMax,
    about:
      "lists of words that a query may read; rarer words, or more letters of a prefix, read less",
  },
  top_k: { value: limits.topKMax, about: "`limit` and `offset` together" },
  namespace_name_length: { value: limits.namespaceNameMax, about: "characters of a name" },
  list_page: { value: limits.listPageMax, about: "names in a page of the list" },
  export_page: { value: limits.exportPageRowsMax, about: "documents in a page of an export" },
  changes_page: { value: limits.changesPageMax, about: "documents in a page of changes, roughly" },
  retention_seconds: {
    value: limits.retentionMsMax / 1_000,
    about: "how far back a namespace can be read",
  },
  snapshot_name_length: {
    value: limits.snapshotNameMax,
    about: "characters of the name of a snapshot",
  },
  operation_answer_bytes: {
    value: limits.operationResultBytesMax,
    about: "an answer that comes later",
  },
  import_objects: { value: importLimits.sourcesMax, about: "objects of an import" },
  import_rejected: {
    value: importLimits.rejectedMax,
    about: "rows that an import refuses before it ends",
  },
  import_compressed_bytes: {
    value: importLimits.compressedBytesMax,
    about: "a compressed object of an import",
  },
  import_group_bytes: {
    value: importLimits.groupBytesMax,
    about: "a row group of Parquet without a page index, decompressed",
  },
  tool_rows: { value: limits.toolRowsMax, about: "documents that a tool of an agent asks for" },
  tool_answer_bytes: {
    value: limits.toolAnswerBytesMax,
    about: "an answer of such a tool; what was cut is said",
  },
  idempotency_key_length: { value: limits.keyCharsMax, about: "characters of an Idempotency-Key" },
  unindexed_bytes: {
    value: limits.unindexedHardBytes,
    about: "bytes that wait to be indexed; then 429 until indexing has caught up",
  },
  unindexed_entries: {
    value: limits.tailEntriesMax,
    about: "log entries that wait to be indexed; then 429",
  },
  segments: { value: limits.segmentsMax, about: "segments of a namespace; then 429" },
  eventual_age_ms: {
    value: limits.eventualAgeMsMax,
    about: "age of what an `eventual` query may see",
  },
} as const satisfies Readonly<Record<string, Limit>>;
