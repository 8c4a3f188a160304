/**
 * A namespace with texts, and what an exhaustive search of them says: of the living, with the
 * statistics of all rows that segments and the tail hold.
 */
import { expect } from "vitest";
import { defaultText, type TextOptions } from "../src/document/text-options.ts";
import {
  attributeIndex,
  documentBlock,
  documentBlockRange,
  documentValues,
  openDocumentBlock,
} from "../src/index/segment/document-rows.ts";
import { analyzerFor } from "../src/index/text/analyzer.ts";
import { queryTokens, tokenTestOf } from "../src/index/text/token-test.ts";
import { termsOf } from "../src/query/text-clause.ts";
import { onSnapshot } from "../src/search.ts";
import { openSegments } from "../src/search-segments.ts";
import { write } from "../src/write.ts";
import { buildWrite } from "../workers/api/write-batch.ts";
import { parseWriteRequest } from "../workers/api/write-request.ts";
import { bm25, type OracleScore, type OracleText, tokensOf } from "./oracle/text.ts";
import { SearchRig } from "./search-rig.ts";

export interface TextRow extends OracleText {
  readonly group?: number;
}

export interface AskedTokens {
  readonly op: "ContainsAllTokens" | "ContainsAnyToken" | "ContainsTokenSequence";
  readonly words: string;
  readonly not: boolean;
}

function filtersOf(group: number | undefined, tokens: AskedTokens | undefined): object {
  const filters: unknown[] = [];
  if (group !== undefined) filters.push(["group", "Eq", group]);
  if (tokens !== undefined) {
    const filter = ["text", tokens.op, tokens.words];
    filters.push(tokens.not ? ["Not", filter] : filter);
  }
  return filters.length === 0 ? {} : { filters: ["And", filters] };
}

export class TextRig extends SearchRig {
  readonly living = new Map<number, TextRow>();
  /** Written since the last flush. */
  readonly #tail = new Map<number, TextRow | undefined>();
  readonly text: TextOptions;
  readonly #schema: object;
  #counted: readonly (readonly string[])[] | undefined;

  constructor(options: Partial<TextOptions> = {}, schema: unknown = true, type = "string") {
    super();
    this.text = { ...defaultText, ...options };
    this.#schema = { text: { type, full_text_search: schema }, group: "int" };
  }

  async putTexts(rows: readonly TextRow[], deletes: readonly number[] = []): Promise<void> {
    const request = parseWriteRequest({
      upsert_rows: rows,
      deletes,
      schema: this.#schema,
    });
    const build = (known: Parameters<typeof buildWrite>[1]) => buildWrite(request, known);
    const options = { disableBackpressure: false };
    await this.clock.run(write(this.ports(), this.writeTarget, build, options));
    this.#counted = undefined;
    for (const row of rows) {
      this.living.set(row.id, row);
      this.#tail.set(row.id, row);
    }
    for (const id of deletes) {
      this.living.delete(id);
      this.#tail.set(id, undefined);
    }
  }

  override async flush(): Promise<void> {
    await super.flush();
    this.#counted = undefined;
    this.#tail.clear();
  }

  /** Texts of all rows of segments, dead ones too. */
  async #segmentTexts(): Promise<OracleText["text"][]> {
    const texts: OracleText["text"][] = [];
    const fresh = { consistency: "strong", disableCache: true } as const;
    const walk = onSnapshot(this.isolate, this.target, fresh, async (context) => {
      for (const { segment } of await openSegments(context, context.reader.round())) {
        const at = attributeIndex(segment, "text");
        const { count } = segment.root.documents.blocks;
        const blocks = Array.from({ length: count }, (_, i) => documentBlock(segment, i));
        await context.reader.readRound(blocks, {
          readsMax: 100,
          onBlock: (index, bytes) => {
            const block = openDocumentBlock(segment, index, bytes);
            const { from, to } = documentBlockRange(segment, index);
            for (let row = from; row < to; row++) {
              texts.push((documentValues(segment, block, row)[at] ?? null) as OracleText["text"]);
            }
          },
        });
      }
    });
    await this.clock.run(walk);
    return texts;
  }

  /** Tokens of all rows that statistics are of; kept until something changes. */
  async #countedTokens(): Promise<readonly (readonly string[])[]> {
    this.#counted ??= [
      ...(await this.#segmentTexts()),
      ...Array.from(this.#tail.values(), (row) => row?.text ?? null),
    ].map((text) => tokensOf(text, this.text));
    return this.#counted;
  }

  /** By the documents themselves. */
  #passes({ op, words, not }: AskedTokens, text: OracleText["text"]): boolean {
    const analyzer = analyzerFor(this.text);
    const tokens = queryTokens(analyzer, words, false);
    const asked = { attribute: "text", op, options: this.text, analysis: analyzer.name, tokens };
    return tokenTestOf({ kind: "tokens", ...asked })(text) !== not;
  }

  /** Asks one query; says what is wrong with ids and scores, if anything is. */
  async compare(
    query: string | readonly string[],
    { limit = 10, group, lastAsPrefix = false, tokens: filter }: Ranking = {},
  ): Promise<string | undefined> {
    const counted = await this.#countedTokens();
    const living = [...this.living.values()]
      .filter((row) => group === undefined || row.group === group)
      .filter(({ text }) => filter === undefined || this.#passes(filter, text))
      .map(({ id, text }) => ({ id, tokens: tokensOf(text, this.text) }));
    const { terms, prefix } = termsOf(analyzerFor(this.text), query, lastAsPrefix);
    const tokens = terms.map(({ term }) => term);
    const all = bm25(counted, living, tokens, this.text, prefix);
    const { rows } = await this.search({
      rank_by: ["text", "BM25", query, ...(lastAsPrefix ? [{ last_as_prefix: true }] : [])],
      limit,
      ...filtersOf(group, filter),
    });
    const more = { limit, group, lastAsPrefix, filter };
    const asked = `${JSON.stringify(query)} ${JSON.stringify(more)}`;
    const expected = all.slice(0, limit);
    if (rows.length !== expected.length) {
      return `${rows.length} rows instead of ${expected.length}: ${asked}`;
    }
    const scores = new Map(all.map(({ id, score }) => [id, score]));
    for (const [i, { id, distance = Number.NaN }] of rows.entries()) {
      const wanted = expected[i] as OracleScore;
      const own = scores.get(Number(id)) ?? Number.NaN;
      const isSame = Number(id) === wanted.id || !isNear(own, wanted.score, 0);
      // Another order of additions may tell equal scores apart, or not.
      const isRight = isNear(distance, wanted.score) && isNear(own, distance) && isSame;
      if (!isRight) {
        return `at ${i} id ${id} with ${distance} instead of ${wanted.id} with ${wanted.score}: ${asked}`;
      }
    }
    return undefined;
  }

  async expectRanking(query: string | readonly string[], more: Ranking = {}): Promise<void> {
    expect(await this.compare(query, more), more.name).toBeUndefined();
  }
}

function isNear(a: number, b: number, relative = 1e-6): boolean {
  return Math.abs(a - b) <= relative * Math.max(1, Math.abs(b));
}

export interface Ranking {
  readonly limit?: number;
  readonly group?: number;
  readonly lastAsPrefix?: boolean;
  readonly name?: string;
  readonly tokens?: AskedTokens;
}
