/**
 * Endpoints for measuring: recall, caches made warm or empty, and what memory is held for what.
 * Caches and memory are those of the isolate that answers, and of the one its namespace's object is
 * in.
 */
import { invalid } from "../../src/errors.ts";
import { limits } from "../../src/limits.ts";
import { replyValue } from "../../src/namespace/protocol.ts";
import { scanBytes } from "../../src/operation-cost.ts";
import {
  measureRecall as measure,
  type RecallReport,
  type RecallRequest,
} from "../../src/recall.ts";
import { takeSnapshot } from "../../src/snapshot.ts";
import type { MemoryBudgetCounts } from "../../src/store/memory-budget.ts";
import { warm } from "../../src/warm.ts";
import { encodeJson, type JsonEncodable, type JsonValue } from "./json.ts";
import type { Question } from "./operation-kinds.ts";
import { respondAsync } from "./operation-routes.ts";
import { isAnsweredLater } from "./preference.ts";
import { parseQueryRequest } from "./query-request.ts";
import { renderRow } from "./query-response.ts";
import { type Given, readFields } from "./reference/field.ts";
import { recallFields } from "./reference/other-fields.ts";
import { respondJson } from "./respond.ts";
import type { Scope } from "./scope.ts";

const vectorsDefault = 25;
const vectorsMax = 100;
const topKDefault = 10;

/** POST …/_debug/recall. Every field may be left out, and the whole body too. */
export function measureRecall(scope: Scope, name: string): Promise<Response> {
  const { request, ports } = scope;
  const answer = async (body: unknown): Promise<Response> => {
    const { recall } = parseRecallRequest(body);
    const question = { ...scope, target: scope.target(name) };
    const isLarge = async (): Promise<boolean> => {
      const { snapshots } = ports.memory;
      const newest = await takeSnapshot(ports, snapshots, question.target, "eventual", undefined);
      return recall.count * scanBytes(newest) > limits.requestScanBytesMax;
    };
    return (await isAnsweredLater(request, isLarge))
      ? await respondAsync(scope, name, "recall", encodeJson(body as JsonValue))
      : respondJson(request, await answerRecall(question, body));
  };
  return scope.withJson(limits.queryBodyBytesMax, answer, {});
}

export async function answerRecall(question: Question, body: unknown): Promise<JsonEncodable> {
  const { recall, withTruth } = parseRecallRequest(body);
  return renderRecall(await measure(question.ports, question.target, recall), withTruth);
}

function parseRecallRequest(body: unknown): { recall: RecallRequest; withTruth: boolean } {
  const given = readFields(body, recallFields);
  return { recall: parseRecall(given), withTruth: given.include_ground_truth === true };
}

function parseRecall(given: Given<typeof recallFields>): RecallRequest {
  const { num, rank_by: rankBy, filters } = given;
  const topK = within(given.top_k ?? topKDefault, "top_k", limits.topKMax);
  if (rankBy === undefined) {
    const count = within(num ?? vectorsDefault, "num", vectorsMax);
    return { count, topK, filters, vector: undefined };
  }
  if ((num ?? 1) !== 1) {
    throw invalid("💔 num must be 1 when rank_by is given", "num");
  }
  const { rank } = parseQueryRequest({ rank_by: rankBy, limit: topK, filters }).query;
  if (rank.kind !== "vector") {
    throw invalid("💔 rank_by must be a vector to search for", "rank_by");
  }
  return { count: 1, topK, filters, vector: { column: rank.column, values: rank.vector } };
}

function within(count: number, field: string, max: number): number {
  if (count < 1 || count > max) {
    throw invalid(`💔 ${field} must be between 1 and ${max}`, field);
  }
  return count;
}

function renderRecall(report: RecallReport, withTruth: boolean): JsonEncodable {
  return {
    avg_recall: report.recall,
    avg_exhaustive_count: report.exhaustiveCount,
    avg_ann_count: report.annCount,
    ...(withTruth
      ? {
          ground_truth: report.truths.map(({ vector, rows }) => ({
            query_vector: vector,
            nearest_neighbors: rows.map((row) => renderRow(row, report.schema, "float")),
          })),
        }
      : {}),
  };
}

/** GET …/hint_cache_warm. Answers once the namespace is known to exist; reads on behind it. */
export async function warmCache(scope: Scope, name: string): Promise<Response> {
  const { ports } = scope;
  const { snapshots } = ports.memory;
  const snapshot = await takeSnapshot(ports, snapshots, scope.target(name), "strong", undefined);
  ports.defer(
    warm(ports, snapshot).catch((error: unknown) => {
      ports.log.warn("warming failed", { name, error });
    }),
  );
  const message = "the caches of this server are being warmed";
  return respondJson(scope.request, { status: "ACCEPTED", message }, { status: 202 });
}

/** GET …/_debug/purge_cache. Drops what this isolate keeps of every namespace. */
export async function purgeCache(scope: Scope): Promise<Response> {
  scope.purge();
  return respondJson(scope.request, { status: "OK" });
}

/**
 * GET …/_debug/memory. What is reserved now is reserved for requests under way, or for such as
 * vanished less than a lease ago. The cache may have what reads lend beside its own.
 */
export async function describeMemory(scope: Scope, name: string): Promise<Response> {
  const { blocks, reads, bodies, heads } = scope.memory();
  const { pendingBytes } = replyValue(await scope.owner(name).status(scope.tenant, name));
  return respondJson(scope.request, {
    cache: {
      bytes: blocks.bytes,
      bytes_peak: blocks.bytesPeak,
      bytes_max: limits.cacheBytesMax + limits.lentBytesMax,
    },
    reads: { ...renderBudget(reads), bytes_max: limits.reservedBytesMax },
    bodies: { ...renderBudget(bodies), bytes_max: limits.bodiesBytesMax },
    pending_writes: { bytes: pendingBytes },
    head_calls: { ...heads },
  });
}

function renderBudget(counts: MemoryBudgetCounts) {
  const { reservedBytes, reservedBytesPeak, waited, refused, expired } = counts;
  return { bytes: reservedBytes, bytes_peak: reservedBytesPeak, waited, refused, expired };
}
