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
import { onSnapshot } from "../src/search.ts";
import { openSegments } from "../src/search-segments.ts";
import { write } from "../src/write.ts";
import { buildWrite } from "../workers/api/write-batch.ts";
import { parseWriteRequest } from "../workers/api/write-request.ts";
import { bm25, type OracleText, tokensOf } from "./oracle/text.ts";
import { SearchRig } from "./search-rig.ts";

export interface TextRow extends OracleText {
  readonly group?: number;
}

export class TextRig extends SearchRig {
  readonly living = new Map<number, TextRow>();
  /** Written since the last flush. */
  readonly #tail = new Map<number, TextRow | undefined>();
  readonly text: TextOptions;
  readonly #schema: object;

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

  /** Asks one query and compares ids and scores. */
  async expectRanking(query: string | readonly string[], more: Ranking = {}): Promise<void> {
    const { limit = 10, group, prefix, name } = more;
    const counted = [
      ...(await this.#segmentTexts()),
      ...Array.from(this.#tail.values(), (row) => row?.text ?? null),
    ].map((text) => tokensOf(text, this.text));
    const living = [...this.living.values()]
      .filter((row) => group === undefined || row.group === group)
      .map(({ id, text }) => ({ id, tokens: tokensOf(text, this.text) }));
    const tokens = tokensOf(query, this.text);
    const words = prefix === undefined ? tokens : tokens.slice(0, -1);
    const expected = bm25(counted, living, words, this.text, prefix).slice(0, limit);
    const { rows } = await this.search({
      rank_by: ["text", "BM25", query, ...(prefix === undefined ? [] : [{ last_as_prefix: true }])],
      limit,
      ...(group === undefined ? {} : { filters: ["group", "Eq", group] }),
    });
    const shown = rows.map(({ id, distance }) => ({ id, score: distance ?? 0 }));
    const label = `${name ?? ""} ${JSON.stringify(query)}`;
    expect(
      shown.map(({ score }) => score.toPrecision(5)),
      label,
    ).toEqual(expected.map(({ score }) => score.toPrecision(5)));
    expect(
      shown.map(({ id }) => Number(id)),
      label,
    ).toEqual(expected.map(({ id }) => id));
  }
}

export interface Ranking {
  readonly limit?: number;
  readonly group?: number;
  readonly prefix?: string;
  readonly name?: string;
}
