/**
 * Objects of the bucket as an import reads them: rows of all sources, one after the other, mapped
 * to documents, which are checked and built as those of any write.
 *
 * The plan, decided from the first rows and stored with each step: types of columns, and what the
 * schema has to say of those that nobody has named.
 */
import { encodeBase64 } from "../../src/bytes/base64.ts";
import {
  applyAddition,
  parseVectorType,
  primaryVector,
  type Schema,
} from "../../src/document/schema.ts";
import { parseSchemaInput, type SchemaInput } from "../../src/document/schema-input.ts";
import { schemaView } from "../../src/document/schema-view.ts";
import { EngineError } from "../../src/errors.ts";
import type { ImportStep } from "../../src/format/import-step.ts";
import { importLimits } from "../../src/import-limits.ts";
import type { ImportReader, ImportRow, ImportStretch, RejectedRow } from "../../src/import-run.ts";
import type { ObjectStore } from "../../src/store/object-store.ts";
import { encodeJson, type JsonEncodable } from "../api/json.ts";
import { buildWrite } from "../api/write-batch.ts";
import { parseWriteRequest } from "../api/write-request.ts";
import { type ColumnTypes, decideTypes } from "../rows/column-schema.ts";
import { type Row, SourceError } from "../rows/row.ts";
import { type Mapping, mapRow, type Wire } from "../rows/row-mapping.ts";
import { compressionOf, delimiterOf, formatOf, type ImportRequest } from "./import-request.ts";
import type { ImportSource } from "./object-bytes.ts";
import { openParquetSource, parquetStretches } from "./parquet-source.ts";
import { csvStretches, jsonLineStretches, type SourceStretch } from "./text-source.ts";

const wire: Wire = { base64: encodeBase64, integer: (value) => value };

export class BucketReader implements ImportReader {
  readonly #store: ObjectStore;
  readonly #request: ImportRequest;
  readonly #sources: readonly ImportSource[];
  #plan: Plan | undefined;

  constructor(store: ObjectStore, request: ImportRequest, sources: readonly ImportSource[]) {
    this.#store = store;
    this.#request = request;
    this.#sources = sources;
  }

  get stopsAtRejected(): boolean {
    return this.#request.stopsAtRejected;
  }

  plan(): Uint8Array {
    return new TextEncoder().encode(JSON.stringify(this.#plan ?? noPlan));
  }

  async *stretches(from: ImportStep, schema: Schema): AsyncGenerator<ImportStretch, void> {
    if (from.number > 0) {
      this.#plan = JSON.parse(new TextDecoder().decode(from.plan)) as Plan;
    }
    let number = from.rowsRead;
    let before = sizeOf(this.#sources.slice(0, from.source));
    for (const [i, source] of this.#sources.entries()) {
      if (i < from.source) continue;
      const { isText, types, stretches } = await this.#open(
        source,
        i === from.source ? from.offset : 0,
      );
      for await (const { rows, offset, read } of stretches) {
        this.#plan ??= this.#decide(rows, schema, types, isText);
        const mapped = this.#map(rows, number, isText);
        number += rows.length;
        const place = { source: i, offset, bytesRead: before + read };
        yield { ...mapped, ...place, rowsRead: rows.length };
      }
      before += source.size;
    }
  }

  async #open(source: ImportSource, offset: number): Promise<OpenSource> {
    const { name } = source;
    const store = this.#store;
    const format = this.#request.format ?? formatOf(name);
    switch (format) {
      case "csv": {
        const delimiter = this.#request.delimiter ?? delimiterOf(name);
        const stretches = csvStretches(store, source, offset, compressionOf(name), delimiter);
        return { isText: true, types: {}, stretches };
      }
      case "parquet": {
        const file = await openParquetSource(store, source);
        return {
          isText: false,
          types: file.types,
          stretches: parquetStretches(file, source, offset),
        };
      }
      case "jsonl":
      case undefined: {
        const stretches = jsonLineStretches(store, source, offset, compressionOf(name));
        return { isText: false, types: {}, stretches };
      }
    }
  }

  #decide(
    rows: SourceStretch["rows"],
    schema: Schema,
    stated: Readonly<Record<string, string>>,
    isText: boolean,
  ): Plan {
    const { mapping, types: given } = this.#request;
    const known = schemaView(schema);
    const existing = (column: string): string | undefined =>
      known[column === mapping.id ? "id" : (mapping.renamed.get(column) ?? column)]?.type;
    const sample = rows.flatMap(({ row, fault }) => (fault === undefined ? [row as Row] : []));
    const types = decideTypes(sample, { given, existing, stated }, isText);
    const { schema: asked } = this.#request;
    const unnamed = [...types].flatMap(([column, type]) => {
      const target = targetOf(column, mapping);
      if (target === undefined || asked?.attributes.has(target) === true) return [];
      const isLong = sample.some((row) => isLongText(row[column]));
      return [[target, isLong ? { type, filterable: false } : { type }] as const];
    });
    return { types: [...types], schema: unnamed };
  }

  #map(rows: SourceStretch["rows"], from: number, isText: boolean) {
    const documents: ImportRow[] = [];
    const rejected: RejectedRow[] = [];
    const types: ColumnTypes = new Map((this.#plan ?? noPlan).types);
    for (const [i, { row, fault }] of rows.entries()) {
      const number = from + i;
      if (fault !== undefined) {
        rejected.push({ number, document: row, reason: fault });
        continue;
      }
      try {
        const document = mapRow(row as Row, number, this.#request.mapping, types, isText, wire);
        documents.push({ number, document });
      } catch (error) {
        if (!(error instanceof SourceError)) throw error;
        rejected.push({ number, document: row, reason: error.message });
      }
    }
    return { rows: documents, rejected };
  }

  /** Of rows with the same id the last good one counts. */
  check(rows: readonly ImportRow[], schema: Schema) {
    const rejected: RejectedRow[] = [];
    const good = new Map<string, ImportRow>();
    let known = schema;
    let remaining = rows;
    while (remaining.length > 0) {
      const latest = new Map(remaining.map((row) => [idOf(row), row]));
      const found = this.#sift([...latest.values()], known);
      known = found.schema;
      rejected.push(...found.rejected);
      for (const row of found.good) good.set(idOf(row), row);
      remaining = remaining.filter((row) => !good.has(idOf(row)) && latest.get(idOf(row)) !== row);
    }
    const inOrder = [...good.values()].toSorted((a, b) => a.number - b.number);
    return { good: inOrder, rejected };
  }

  /** Halves what is refused until it is known which rows are to blame. */
  #sift(rows: readonly ImportRow[], schema: Schema): Sifted {
    const [first] = rows;
    if (first === undefined) return { good: [], rejected: [], schema };
    try {
      const { addition } = this.build(rows, schema);
      return { good: rows, rejected: [], schema: applyAddition(schema, addition) };
    } catch (error) {
      if (!isRefusal(error)) throw error;
      if (rows.length === 1) {
        const reason = error.message.replaceAll(/upsert_rows\[0\]\.?/g, "");
        return { good: [], rejected: [{ ...first, reason }], schema };
      }
    }
    const half = rows.length >>> 1;
    const left = this.#sift(rows.slice(0, half), schema);
    const right = this.#sift(rows.slice(half), left.schema);
    return {
      good: [...left.good, ...right.good],
      rejected: [...left.rejected, ...right.rejected],
      schema: right.schema,
    };
  }

  build(rows: readonly ImportRow[], schema: Schema) {
    const asked = parseWriteRequest({ upsert_rows: rows.map(({ document }) => document) });
    const input = this.#schemaInput(schema);
    return buildWrite(
      { ...asked, schema: input, metric: this.#metric(rows, schema, input) },
      schema,
    );
  }

  /** What was asked for, and what was decided of attributes that are not there yet. */
  #schemaInput({ attributes }: Schema): SchemaInput | undefined {
    const { schema: asked } = this.#request;
    const missing = (this.#plan ?? noPlan).schema.filter(([name]) => !attributes.has(name));
    const decided = parseSchemaInput(Object.fromEntries(missing)).attributes;
    if (asked === undefined && decided.size === 0) return undefined;
    return {
      idKind: asked?.idKind,
      attributes: new Map([...decided, ...(asked?.attributes ?? [])]),
    };
  }

  #metric(rows: readonly ImportRow[], schema: Schema, input: SchemaInput | undefined) {
    const hasVector =
      primaryVector(schema) !== undefined ||
      [...(input?.attributes.values() ?? [])].some(({ type }) => parseVectorType(type)) ||
      rows.some(({ document }) => Object.hasOwn(document as Row, "vector"));
    return hasVector ? (this.#request.metric ?? schema.metric ?? "cosine_distance") : undefined;
  }

  renderRejected({ number, reason, document }: RejectedRow): string {
    const whole = decoder.decode(encodeJson(document as JsonEncodable));
    const isLong = whole.length > importLimits.rejectedBytes;
    const shown = isLong ? whole.slice(0, importLimits.rejectedBytes) : document;
    const line = { row: number, reason, document: shown as JsonEncodable };
    return decoder.decode(encodeJson(line));
  }
}

interface OpenSource {
  readonly isText: boolean;
  readonly types: Readonly<Record<string, string>>;
  readonly stretches: AsyncGenerator<SourceStretch, void>;
}

interface Plan {
  readonly types: readonly (readonly [column: string, type: string])[];
  readonly schema: readonly (readonly [name: string, input: object])[];
}

interface Sifted {
  readonly good: readonly ImportRow[];
  readonly rejected: readonly RejectedRow[];
  readonly schema: Schema;
}

const noPlan: Plan = { types: [], schema: [] };
const decoder = new TextDecoder();

/** As in a batch: 1 and "1" are one id. */
function idOf({ document }: ImportRow): string {
  return String((document as Row)["id"]);
}

function isRefusal(error: unknown): error is EngineError {
  return error instanceof EngineError && ["invalid", "malformed", "tooLarge"].includes(error.kind);
}

/** Nobody filters by as much. */
function isLongText(value: unknown): boolean {
  return typeof value === "string" && value.length > 800;
}

/** Undefined for the id, the vector, and what is not taken. */
function targetOf(column: string, { id, vector, columns, renamed }: Mapping): string | undefined {
  if (column === id || column === vector) return undefined;
  return columns.length > 0 && !columns.includes(column)
    ? undefined
    : (renamed.get(column) ?? column);
}

function sizeOf(sources: readonly ImportSource[]): number {
  return sources.reduce((sum, { size }) => sum + size, 0);
}
