/**
 * What can go wrong, named by what the caller must do about it.
 *
 *   invalid      the request is wrong; repeating it unchanged is useless
 *   malformed    well-formed JSON that does not have the request's shape (the API answers 422)
 *   tooLarge     the request exceeds a bound of limits.ts
 *   forbidden    the caller may not do this; somebody else may
 *   notFound     the namespace (or object) does not exist
 *   gone         what the caller goes on from is no longer kept; begin anew
 *   conflict     somebody else got there first; read again, then decide
 *   fenced       this instance of the namespace's owner was replaced; ask the new one
 *   overloaded   a bound on work in progress is reached; wait `retryAfterMs`
 *   unavailable  something below us failed; the outcome of a write may be unknown
 *   corrupt      bytes from storage are not what was written; never guess, never serve
 */
export type ErrorKind =
  | "invalid"
  | "malformed"
  | "tooLarge"
  | "forbidden"
  | "notFound"
  | "gone"
  | "conflict"
  | "fenced"
  | "overloaded"
  | "unavailable"
  | "corrupt";

export interface ErrorDetail {
  /** The request field at fault, as the user wrote it. */
  readonly field?: string;
  /** The attribute whose type or value is at fault; the answer carries it as a field of its own. */
  readonly attribute?: string;
  /** For `overloaded` and `unavailable`: when trying again makes sense, in milliseconds. */
  readonly retryAfterMs?: number;
  /** True when a write may or may not have been applied. */
  readonly outcomeUnknown?: boolean;
  /** For `corrupt`: the key of the object, when the message is written for the user. */
  readonly object?: string;
  readonly cause?: unknown;
}

export class EngineError extends Error {
  readonly kind: ErrorKind;
  readonly detail: ErrorDetail;

  constructor(kind: ErrorKind, message: string, detail: ErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.name = "EngineError";
    this.kind = kind;
    this.detail = detail;
  }
}

export function invalid(message: string, field?: string): EngineError {
  return new EngineError("invalid", message, field === undefined ? {} : { field });
}

export function malformed(message: string, field?: string): EngineError {
  return new EngineError("malformed", message, field === undefined ? {} : { field });
}

export function corrupt(message: string): EngineError {
  return new EngineError("corrupt", message);
}

export function unavailable(message: string, cause?: unknown): EngineError {
  return new EngineError("unavailable", message, cause === undefined ? {} : { cause });
}

export function overloaded(message: string): EngineError {
  return new EngineError("overloaded", message, { retryAfterMs: 1_000 });
}

export function isEngineError(error: unknown, kind?: ErrorKind): error is EngineError {
  return error instanceof EngineError && (kind === undefined || error.kind === kind);
}

/** For our own mistakes only: a failed assertion is a bug in Shoal, never bad input. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) {
    throw new Error(`assertion failed: ${message}`);
  }
}

/** Makes a switch over a union exhaustive at compile time. */
export function unreachable(value: never): never {
  throw new Error(`assertion failed: unexpected ${JSON.stringify(value)}`);
}
