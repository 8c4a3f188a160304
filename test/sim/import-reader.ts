/** What an import reads in a simulated world: rows that are known beforehand, from any step on. */
import type { Schema } from "../../src/document/schema.ts";
import type { ImportStep } from "../../src/format/import-step.ts";
import type { ImportReader, ImportRow, ImportStretch, RejectedRow } from "../../src/import-run.ts";
import { endOfStretch, type ImportedRow, type ImportIntent } from "./import-history.ts";
import type { Process } from "./process.ts";
import type { SimRandom } from "./random.ts";
import { buildRows } from "./writes.ts";

export class SimImportReader implements ImportReader {
  readonly #process: Process;
  readonly #random: SimRandom;
  readonly #intent: ImportIntent;

  constructor(process: Process, random: SimRandom, intent: ImportIntent) {
    this.#process = process;
    this.#random = random;
    this.#intent = intent;
  }

  get stopsAtRejected(): boolean {
    return this.#intent.stopsAtRejected;
  }

  plan(): Uint8Array {
    return new Uint8Array();
  }

  async *stretches({ source, offset }: ImportStep): AsyncGenerator<ImportStretch, void> {
    const { rows, sourceEnds } = this.#intent;
    let at = source;
    let from = offset + (sourceEnds[source - 1] ?? 0);
    while (from < rows.length) {
      const slow = this.#random.chance(0.05) ? this.#random.spread(1_000, 30_000) : 0;
      await this.#process.pause(this.#random.spread(1, 50) + slow, "import reads");
      while (from >= (sourceEnds[at] ?? Infinity)) at += 1;
      const to = endOfStretch(this.#intent, from);
      const read = rows.slice(from, to);
      yield {
        rows: read.filter(({ unfit }) => unfit !== "read").map(asRow),
        rejected: read.filter(({ unfit }) => unfit === "read").map(asRejected),
        rowsRead: read.length,
        source: at,
        offset: to - (sourceEnds[at - 1] ?? 0),
        bytesRead: to,
      };
      from = to;
    }
  }

  check(rows: readonly ImportRow[]) {
    const all = rows.map(({ document }) => document as ImportedRow);
    return {
      good: all.filter(({ unfit }) => unfit === undefined).map(asRow),
      rejected: all.filter(({ unfit }) => unfit !== undefined).map(asRejected),
    };
  }

  build(rows: readonly ImportRow[], schema: Schema) {
    const all = rows.map(({ document }) => document as ImportedRow);
    const upserts = all.map(({ id }) => id);
    const vectors = all.map(({ vector }) => vector);
    const intent = { upserts, deletes: [], tag: all[0]?.tag, vectors };
    const built = buildRows(schema, { ...intent, hasSides: false }, []);
    // Each has a tag of its own.
    const tags = { name: "w", values: all.map(({ tag }) => tag) };
    const attributes = built.batch.attributes.map((each) => (each.name === "w" ? tags : each));
    return { ...built, batch: { ...built.batch, attributes } };
  }

  renderRejected({ number, reason }: RejectedRow): string {
    return JSON.stringify({ row: number, reason });
  }
}

function asRow(row: ImportedRow): ImportRow {
  return { number: row.number, document: row };
}

function asRejected(row: ImportedRow): RejectedRow {
  return { ...asRow(row), reason: `it was not to be ${row.unfit}` };
}
