/**
 * The answer to a committed write. Counts appear for the kinds of operation the request had, also
 * when they are 0; deletes without a condition count every id asked for, whether it existed or not.
 *
 * The answer to a repetition has the counts of the write that was committed, not its ids.
 */
import type { BuiltChange } from "../../src/change-attempt.ts";
import type { Batch } from "../../src/document/batch.ts";
import type { DocumentId } from "../../src/document/id.ts";
import { batchLogicalBytes } from "../../src/document/size.ts";
import type { WriteCounts } from "../../src/format/wal.ts";
import { billSearch } from "../../src/query/result.ts";
import type { WriteRequest } from "./write-request.ts";

/** What became of a request. */
export interface WriteOutcome {
  readonly counts: WriteCounts;
  readonly affected: BuiltChange["affected"] | undefined;
  /** What was committed; undefined if that was another attempt. */
  readonly batch: Batch | undefined;
  /** Size of what it was decided from; undefined if from nothing. */
  readonly readBytes: number | undefined;
}

/** An alias, not an interface, so that it passes for JSON. */
export type WriteResponse = {
  readonly status: "OK";
  readonly message: string;
  readonly rows_affected: number;
  readonly rows_upserted?: number;
  readonly rows_patched?: number;
  readonly rows_deleted?: number;
  readonly rows_remaining?: true;
  readonly upserted_ids?: readonly DocumentId[];
  readonly patched_ids?: readonly DocumentId[];
  readonly deleted_ids?: readonly DocumentId[];
  readonly billing: {
    readonly billable_logical_bytes_written: number;
    readonly query?: {
      readonly billable_logical_bytes_queried: number;
      readonly billable_logical_bytes_returned: number;
    };
  };
  readonly performance: { readonly server_total_ms: number };
};

/** Of a write that was decided without reading. */
export function plainOutcome(batch: Batch): WriteOutcome {
  const { upserts, deletes, ids } = batch;
  return {
    counts: { upserts, patches: 0, deletes, remain: false },
    affected: { upserted: ids.slice(0, upserts), patched: [], deleted: ids.slice(upserts) },
    batch,
    readBytes: undefined,
  };
}

/** Ids above 2^53-1 are bigints: the answer needs a writer that keeps them exact. */
export function writeResponse(
  request: WriteRequest,
  { counts, affected, batch, readBytes }: WriteOutcome,
  totalMs: number,
): WriteResponse {
  const { upserts, patches, deletes, deleteByFilter, patchByFilter } = request;
  const hasPatches = patches.isGiven || patchByFilter !== undefined;
  const hasDeletes = deletes !== undefined || deleteByFilter !== undefined;
  const { upserted, patched, deleted } =
    affected !== undefined && request.returnAffectedIds ? affected : nobody;
  return {
    status: "OK",
    message: "documents committed successfully",
    rows_affected: counts.upserts + counts.patches + counts.deletes,
    ...(upserts.isGiven ? { rows_upserted: counts.upserts } : {}),
    ...(hasPatches ? { rows_patched: counts.patches } : {}),
    ...(hasDeletes ? { rows_deleted: counts.deletes } : {}),
    ...(counts.remain ? { rows_remaining: true } : {}),
    ...(upserted.length > 0 ? { upserted_ids: upserted } : {}),
    ...(patched.length > 0 ? { patched_ids: patched } : {}),
    ...(deleted.length > 0 ? { deleted_ids: deleted } : {}),
    billing: {
      billable_logical_bytes_written: batch === undefined ? 0 : batchLogicalBytes(batch),
      ...(readBytes === undefined ? {} : { query: billReads(readBytes) }),
    },
    performance: { server_total_ms: totalMs },
  };
}

const nobody: BuiltChange["affected"] = { upserted: [], patched: [], deleted: [] };

function billReads(logicalBytes: number) {
  const { queriedBytes, returnedBytes } = billSearch([], undefined, logicalBytes);
  return {
    billable_logical_bytes_queried: queriedBytes,
    billable_logical_bytes_returned: returnedBytes,
  };
}
