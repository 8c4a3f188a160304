/**
 * The answer to a committed write. Counts appear for the kinds of operation the request had, also
 * when they are 0; deletes count every id asked for, whether it existed or not.
 */
import { type Batch, batchRows } from "../../src/document/batch.ts";
import type { DocumentId } from "../../src/document/id.ts";
import { batchLogicalBytes } from "../../src/document/size.ts";
import type { WriteRequest } from "./write-request.ts";

/** An alias, not an interface, so that it passes for JSON. */
export type WriteResponse = {
  readonly status: "OK";
  readonly message: string;
  readonly rows_affected: number;
  readonly rows_upserted?: number;
  readonly rows_deleted?: number;
  readonly upserted_ids?: readonly DocumentId[];
  readonly deleted_ids?: readonly DocumentId[];
  readonly billing: { readonly billable_logical_bytes_written: number };
  readonly performance: { readonly server_total_ms: number };
};

/** Ids above 2^53-1 are bigints: the answer needs a writer that keeps them exact. */
export function writeResponse(request: WriteRequest, batch: Batch, totalMs: number): WriteResponse {
  const hasUpserts = request.rows !== undefined || request.columns !== undefined;
  const hasDeletes = request.deletes !== undefined;
  const listsIds = request.returnAffectedIds;
  const { upserts, deletes, ids } = batch;
  return {
    status: "OK",
    message: "documents committed successfully",
    rows_affected: batchRows(batch),
    ...(hasUpserts ? { rows_upserted: upserts } : {}),
    ...(hasDeletes ? { rows_deleted: deletes } : {}),
    ...(listsIds && upserts > 0 ? { upserted_ids: ids.slice(0, upserts) } : {}),
    ...(listsIds && deletes > 0 ? { deleted_ids: ids.slice(upserts) } : {}),
    billing: { billable_logical_bytes_written: batchLogicalBytes(batch) },
    performance: { server_total_ms: totalMs },
  };
}
