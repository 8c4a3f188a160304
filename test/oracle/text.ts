/**
 * Exhaustive BM25: every document is looked at for every query, in the plainest way there is. It
 * shares the engine's tokens, which have tests of their own, and nothing else.
 */
import type { TextOptions } from "../../src/document/text-options.ts";
import { analyzerFor } from "../../src/index/text/analyzer.ts";

export interface OracleText {
  readonly id: number;
  readonly text: string | readonly string[] | null;
}

export interface OracleScore {
  readonly id: number;
  readonly score: number;
}

export function tokensOf(text: OracleText["text"], options: TextOptions): string[] {
  const tokens: string[] = [];
  analyzerFor(options).visit(text, ({ term }) => tokens.push(term));
  return tokens;
}

/** `counted` are all rows that statistics are of, `living` those that may be found. */
export function bm25(
  counted: readonly (readonly string[])[],
  living: readonly { readonly id: number; readonly tokens: readonly string[] }[],
  query: readonly string[],
  { k1, b, k3 }: TextOptions,
  prefix?: string,
): OracleScore[] {
  const texts = counted.filter(({ length }) => length > 0);
  const average = texts.reduce((sum, { length }) => sum + length, 0) / texts.length;
  const frequencies = new Map<string, number>();
  for (const text of texts) {
    for (const token of new Set(text)) {
      frequencies.set(token, (frequencies.get(token) ?? 0) + 1);
    }
  }
  const found = living.flatMap(({ id, tokens }) => {
    let score = 0;
    for (const term of new Set(query)) {
      const tf = tokens.filter((token) => token === term).length;
      const qtf = query.filter((token) => token === term).length;
      const df = frequencies.get(term) ?? 0;
      const idf = Math.log(1 + (texts.length - df + 0.5) / (df + 0.5));
      const norm = k1 * (1 - b + (b * tokens.length) / average);
      score += idf * ((tf * (k1 + 1)) / (tf + norm)) * ((qtf * (k3 + 1)) / (k3 + qtf));
    }
    if (prefix !== undefined && tokens.some((token) => token.startsWith(prefix))) score += 1;
    return score > 0 ? [{ id, score: Math.fround(score) }] : [];
  });
  return found.sort((x, y) => y.score - x.score || x.id - y.id);
}
