/**
 * Errors about malformed JSON, with the place as line and column. Both count from 1; behind the
 * last character of a line the column is the line's length.
 */
import { type EngineError, invalid } from "../../src/errors.ts";

/** `offset` is that of the character at fault, or the text's length if the text ends too early. */
export function syntaxError(reason: string, text: string, offset: number): EngineError {
  const before = text.slice(0, offset);
  const line = before.split("\n").length;
  const beforeInLine = offset - (before.lastIndexOf("\n") + 1);
  const column = offset < text.length ? beforeInLine + 1 : beforeInLine;
  return invalid(
    `Failed to parse the request body as JSON: ${reason} at line ${line} column ${column}`,
  );
}
