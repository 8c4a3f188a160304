/**
 * What can be done as an operation. Each kind answers the body of a request on a snapshot that was
 * pinned for it, and a route that answers at once does so by the same function.
 */
import type { NamespaceApi } from "../../src/namespace/protocol.ts";
import type { SearchPorts } from "../../src/search-ports.ts";
import type { SnapshotTarget } from "../../src/snapshot.ts";
import { answerRosalind } from "./adapters/rosalinddb.ts";
import { answerRecall } from "./debug-routes.ts";
import type { JsonEncodable } from "./json.ts";
import { answerQuery } from "./query-route.ts";

/** A request, whoever answers it. */
export interface Question {
  readonly ports: SearchPorts;
  readonly target: SnapshotTarget;
  /** The owner of a name of the same tenant. */
  owner(name: string): NamespaceApi;
  /** Whole milliseconds since it arrived, at least 1. */
  elapsedMs(): number;
}

export type Answerer = (question: Question, body: unknown) => Promise<JsonEncodable>;

/** By the kind that the stored request names: a name is for ever. */
export const operationKinds: ReadonlyMap<string, Answerer> = new Map<string, Answerer>([
  ["query", answerQuery],
  ["recall", answerRecall],
  ["rosalind_query", answerRosalind],
]);
