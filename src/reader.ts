/**
 * Reads some shards of a namespace for a query that another isolate answers.
 *
 *   1. The snapshot names the segments of these shards and no tail: of the tail the asking isolate
 *      says which ids it touched, and how near its best rows are.
 *   2. The query is bound to the schema and the rows are found as any query finds them, in the
 *      caches and under the budget of this isolate.
 *   3. The best of them, with their columns, and what that cost.
 *
 * Cost: that of a query over so many segments; with warm caches nothing.
 */
import { EngineError, isEngineError } from "./errors.ts";
import { type Reply, replyError } from "./namespace/protocol.ts";
import { bindQuery } from "./query/bind.ts";
import type { ResultRow } from "./query/result.ts";
import { TailFold } from "./query/tail.ts";
import { type ReadReply, type ReadRequest, readerProtocol } from "./reader-protocol.ts";
import { bestRows, findInSegments } from "./search.ts";
import { completeRows } from "./search-answer.ts";
import { openContext, type SearchPorts } from "./search-ports.ts";

export async function readForQuery(
  ports: SearchPorts,
  request: ReadRequest,
): Promise<Reply<ReadReply>> {
  try {
    return { ok: true, value: await read(ports, request) };
  } catch (error) {
    if (!isEngineError(error)) throw error;
    return replyError(error);
  }
}

async function read(
  ports: SearchPorts,
  { protocol, snapshot, query, touched, distances }: ReadRequest,
): Promise<ReadReply> {
  if (protocol !== readerProtocol) {
    throw new EngineError("unavailable", `reader protocol ${protocol} is not spoken here`);
  }
  const { rank, ...others } = bindQuery(query, snapshot.schema);
  if (rank.kind === "ranked") {
    throw new EngineError("unavailable", "readers do not rank by columns");
  }
  const bound = { rank, ...others };
  const context = openContext(ports, snapshot, query.disableCache);
  const tail = { touched: new Set(touched), distances, scored: 0 };
  const { segments, rows } = await findInSegments(context, bound, tail);
  const winners = bestRows(bound, [], rows, []);
  const found = { winners, segments, fold: new TailFold(), chunks: new Map() };
  const complete = await completeRows(context, bound, found);
  context.reader.finish();
  return {
    rows: complete.map(detach),
    counters: context.counters,
    reads: context.reader.counts(),
  };
}

/** Values that are bytes are views of the blocks they were read with. */
function detach(row: ResultRow): ResultRow {
  const attributes = row.attributes.map(({ name, value }) => ({
    name,
    value: value instanceof Uint8Array ? value.slice() : value,
  }));
  const { vector } = row;
  return {
    ...row,
    attributes,
    vector: vector && { ...vector, values: vector.values.slice() },
  };
}
