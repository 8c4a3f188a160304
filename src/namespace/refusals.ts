/** What a namespace says that cannot be read, or must not be written to. */
import { EngineError } from "../errors.ts";

/** An object without which nothing may be answered or written, and that cannot be read. */
export interface Quarantine {
  /** Of the log entry it is; undefined for a manifest. */
  readonly sequence?: number;
  readonly key: string;
  /** In words, behind the key. */
  readonly reason: string;
}

export function quarantineError({ sequence, key, reason }: Quarantine): EngineError {
  const what = sequence === undefined ? `the manifest ${key}` : `log entry ${sequence} (${key})`;
  const remedy =
    sequence === undefined
      ? "put the object back from a copy, or delete the namespace"
      : 'put the object back from a copy, or go on without it by POST …/_debug/skip_entry {"sequence' +
        `": ${sequence}, "reason": "…"}`;
  return new EngineError(
    "corrupt",
    `the namespace is in quarantine, so nothing is lost or answered wrongly: ${what} ${reason}. ` +
      `It is read again by itself now and then. What to do: ${remedy}`,
    { object: key },
  );
}

/** In the words that clients know. */
export function readOnlyError(): EngineError {
  return new EngineError("invalid", "💔 Writes not permitted. This namespace is read-only.");
}
