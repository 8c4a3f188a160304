/** What a request has used of the platform so far, as its answer says it. */
import type { Usage } from "../platform/usage-meter.ts";
import { costOf } from "../prices.ts";
import { F64 } from "./json-encode.ts";

export function renderCost(usage: Usage) {
  const cost = costOf(usage, 1);
  return {
    store_reads: cost.storeReads,
    store_writes: cost.storeWrites,
    store_deletes: cost.storeDeletes,
    store_bytes_read: usage.bytesRead,
    store_bytes_written: usage.bytesWritten,
    object_calls: cost.objectCalls,
    queue_messages: cost.queueMessages,
    worker_requests: cost.workerRequests,
    dollars: new F64(cost.dollars),
  };
}
