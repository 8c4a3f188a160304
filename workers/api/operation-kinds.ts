/**
 * What can be done as an operation. Each kind answers the body of a request on a snapshot that was
 * pinned for it, and a route that answers at once does so by the same function.
 */
import type { Pin } from "../../src/namespace/pins.ts";
import type { NamespaceApi } from "../../src/namespace/protocol.ts";
import type { SearchPorts } from "../../src/search-ports.ts";
import type { SnapshotTarget } from "../../src/snapshot.ts";
import { answerRosalind } from "./adapters/rosalinddb.ts";
import { answerCopy, sourceOfCopy } from "./clone-route.ts";
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

/** Of an operation: with what it reads pinned. */
export interface PinnedQuestion extends Question {
  readonly pin: Pin;
}

interface OperationKind {
  readonly answer: (question: PinnedQuestion, body: unknown) => Promise<JsonEncodable>;
  /** The namespace that is read, if it is not the one that was asked. */
  readonly reads?: (body: unknown) => string;
}

/** By the kind that the stored request names: a name is for ever. */
export const operationKinds: ReadonlyMap<string, OperationKind> = new Map<string, OperationKind>([
  ["query", { answer: answerQuery }],
  ["recall", { answer: answerRecall }],
  ["rosalind_query", { answer: answerRosalind }],
  ["copy", { answer: answerCopy, reads: sourceOfCopy }],
]);
