/** What texts and questions become for the two rankings: words for BM25, a vector for ANN. */
import { type Encoder, loadEncoder } from "../../embed.ts";

/** Identifiers whole and in parts: `walEntryKey` -> `walEntryKey wal Entry Key`. */
export function splitIdentifiers(text: string): string {
  return text.replace(/[A-Za-z][A-Za-z0-9_]*/g, (word) => {
    const parts = word
      .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
      .replace(/([A-Z])([A-Z][a-z])/g, "$1 $2")
      .replaceAll("_", " ")
      .trim();
    return parts === word ? word : `${word} ${parts}`;
  });
}

/** Lists of imports name everything and say nothing. */
export function withoutImports(text: string): string {
  return text
    .replace(/^(import|export)\b[^;"']*\bfrom\s+["'][^"']+["'];?/gm, "")
    .replace(/^\s*(import\b.*|from \S+ import\b.*|#include\b.*|use \S+;)$/gm, "");
}

/** Only the parts, and no marks: the encoder was trained on prose. */
export function asProse(text: string): string {
  return text
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
}

/** Undefined where the encoder's files are not: search is by words alone then. */
export function openEncoder(folder: string | undefined): Encoder | undefined {
  try {
    return loadEncoder(folder);
  } catch {
    return undefined;
  }
}
