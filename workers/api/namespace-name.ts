/**
 * Names of namespaces as they stand in paths: [A-Za-z0-9-_.], 1 … 128 characters. Other names are
 * answered in plain text, as clients of the API know it: this is about the URL, not the request.
 */
import { limits } from "../../src/limits.ts";

/** The path names no namespace. Answered by 400 with the message as plain text. */
export class InvalidUrl extends Error {}

/** "." and ".." would name other paths wherever a name becomes one. */
export function isNamespaceName(text: string): boolean {
  const isLegal = /^[A-Za-z0-9\-_.]+$/.test(text) && text.length <= limits.namespaceNameMax;
  return isLegal && text !== "." && text !== "..";
}

/** `name`: the path segment, percent-decoded once. */
export function checkNamespaceName(name: string): string {
  if (isNamespaceName(name)) {
    return name;
  }
  const max = limits.namespaceNameMax;
  throw new InvalidUrl(
    name.length > max
      ? `Invalid URL: Namespace \`${name}\` is too long, limit is currently ${max} characters`
      : "Invalid URL: Namespace contains invalid characters, must be [A-Za-z0-9-_.]",
  );
}
