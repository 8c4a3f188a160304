/**
 * Writes the rows of a source into a namespace, over HTTP.
 *
 * 1. What an earlier run of the same import has had acknowledged is skipped (import-notes.ts).
 * 2. Types are decided from the namespace and the first rows (column-schema.ts).
 * 3. The first batch goes alone where it creates the namespace. The others go `concurrency` at a
 *    time, by columns, vectors as base64.
 * 4. After each acknowledgement a note says below which row all is acknowledged. What lies above,
 *    and a batch whose acknowledgement was lost, is sent again by the next run. That changes
 *    nothing: rows are upserts under the same ids.
 */

import { type ColumnTypes, decideTypes } from "../../workers/rows/column-schema.ts";
import type { Document, Mapping } from "../../workers/rows/row-mapping.ts";
import { type ApiClient, ApiError, namespacePath } from "../api-client.ts";
import { indexStatus } from "../index-status.ts";
import { Acknowledged, cutBatches, type ImportBatch } from "./import-batches.ts";
import { type ImportNotes, noNotes, openNotes } from "./import-notes.ts";
import { documentSchema } from "./import-schema.ts";
import type { Row, RowSource } from "./row-source.ts";

export interface Rejection {
  readonly row: number;
  readonly reason: string;
  readonly document: unknown;
}

export interface ImportRequest {
  readonly client: ApiClient;
  readonly source: RowSource;
  readonly namespace: string;
  readonly batchRows: number;
  readonly concurrency: number;
  readonly mapping?: Partial<Mapping>;
  /** Types by column, as the source calls it. */
  readonly types?: Readonly<Record<string, string>>;
  /** All of it, in place of what the rows would tell. */
  readonly schema?: Readonly<Record<string, unknown>>;
  /** Columns that no filter names. */
  readonly unfilterable?: readonly string[];
  readonly metric?: string;
  /** Only the first rows. */
  readonly limit?: number;
  readonly gzip?: boolean;
  /** Folder of the notes; without it every run starts at the first row. */
  readonly notes?: string;
  /** Goes on without rows that cannot be documents; otherwise the first one ends the import. */
  readonly onRejected?: (rejection: Rejection) => void;
  readonly onProgress?: (rowsDone: number) => void;
  readonly onRetry?: (reason: string, waitMs: number) => void;
  /** No further batch is sent; those under way are waited for. */
  readonly signal?: AbortSignal;
}

export interface ImportOutcome {
  /** Acknowledged in this run. */
  readonly rowsSent: number;
  /** Acknowledged in earlier ones. */
  readonly rowsSkipped: number;
  readonly rowsRejected: number;
  /** JSON bytes of the bodies, before compression. */
  readonly bytes: number;
  readonly seconds: number;
  readonly interrupted: boolean;
  /** The next run starts at the first row. */
  readonly forget: () => void;
}

export async function importRows(request: ImportRequest): Promise<ImportOutcome> {
  const { client, namespace, source } = request;
  const startedMs = performance.now();
  const sentBefore = client.sentBytes;
  const mapping = mappingOf(request);
  const notes = notesOf(request, mapping);
  const generation = await generationOf(client, namespace);
  const { rows: rowsSkipped, place } = notes.read(generation);
  const stretches = source.stretches(rowsSkipped, place)[Symbol.asyncIterator]();
  const first = await stretches.next();
  const sample = first.done === true ? [] : first.value;
  const existing = generation === undefined ? {} : await schemaOf(client, namespace);
  const types = decideTypes(sample, knownTypes(request, mapping, existing), source.isText);
  const schema = request.schema ?? documentSchema({ request, mapping, types, sample, existing });
  const sender = new Sender(request, notes, schema, generation, rowsSkipped);
  const batches = cutBatches(source, chain(first, stretches), {
    mapping,
    types,
    batchRows: request.batchRows,
    from: rowsSkipped,
    limit: request.limit ?? Number.POSITIVE_INFINITY,
    onRejected: sender.rejecter(),
  });
  await sender.run(batches);
  return {
    rowsSent: sender.rowsSent,
    rowsSkipped,
    rowsRejected: sender.rowsRejected,
    bytes: client.sentBytes - sentBefore,
    seconds: (performance.now() - startedMs) / 1000,
    interrupted: request.signal?.aborted === true,
    forget: () => notes.forget(),
  };
}

class Sender {
  readonly #request: ImportRequest;
  readonly #notes: ImportNotes;
  readonly #schema: object;
  readonly #acknowledged: Acknowledged;
  readonly #skipped: number;
  readonly #metricDefault: string | undefined;
  #generation: string | undefined;
  #failure: { readonly error: unknown } | undefined;
  rowsSent = 0;
  rowsRejected = 0;

  constructor(
    request: ImportRequest,
    notes: ImportNotes,
    schema: object,
    generation: string | undefined,
    rowsSkipped: number,
  ) {
    this.#request = request;
    this.#notes = notes;
    this.#schema = schema;
    this.#generation = generation;
    this.#skipped = rowsSkipped;
    this.#acknowledged = new Acknowledged(rowsSkipped);
    this.#metricDefault = generation === undefined ? "cosine_distance" : undefined;
  }

  rejecter(): ((row: number, reason: string, document: Row) => void) | undefined {
    const { onRejected } = this.#request;
    if (onRejected === undefined) return undefined;
    return (row, reason, document) => {
      this.rowsRejected += 1;
      onRejected({ row, reason, document });
    };
  }

  async run(batches: AsyncGenerator<ImportBatch, void>): Promise<void> {
    const { client, namespace, concurrency, onProgress } = this.#request;
    onProgress?.(this.#skipped);
    if (this.#generation === undefined) {
      await this.#sendNext(batches);
      if (this.#failure !== undefined) throw this.#failure.error;
      this.#generation = await generationOf(client, namespace);
      this.#note();
    }
    // The lanes finish what they are sending, so that it is noted, and stop together.
    const lanes = Array.from({ length: concurrency }, async () => {
      while (await this.#sendNext(batches));
    });
    await Promise.all(lanes);
    await batches.return();
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #sendNext(batches: AsyncGenerator<ImportBatch, void>): Promise<boolean> {
    const { signal, onProgress } = this.#request;
    if (this.#failure !== undefined || signal?.aborted === true) return false;
    try {
      const next = await batches.next();
      if (next.done === true) return false;
      const batch = next.value;
      this.#acknowledged.begin(batch);
      await this.#send(batch.documents);
      this.#acknowledged.end(batch);
      this.#note();
      onProgress?.(this.#skipped + this.rowsSent);
      return true;
    } catch (error) {
      this.#failure ??= { error };
      return false;
    }
  }

  #note(): void {
    const { done } = this.#acknowledged;
    const { placeOf } = this.#request.source;
    this.#notes.write(this.#generation, placeOf?.(done) ?? { rows: done, place: undefined });
  }

  /** Halves what is too large, and, where rows may be rejected, what one bad row spoils. */
  async #send(documents: ImportBatch["documents"]): Promise<void> {
    if (documents.length === 0) return;
    const { onRejected } = this.#request;
    try {
      await this.#post(documents);
      this.rowsSent += documents.length;
    } catch (error) {
      if (!(error instanceof ApiError) || ![400, 413, 422].includes(error.status)) throw error;
      const isDivided = error.status === 413 || onRejected !== undefined;
      if (documents.length > 1 && isDivided) {
        const half = documents.length >> 1;
        await this.#send(documents.slice(0, half));
        await this.#send(documents.slice(half));
        return;
      }
      const [one, last] = [documents[0], documents.at(-1)];
      const rows = documents.length === 1 ? `row ${one?.row}` : `rows ${one?.row} to ${last?.row}`;
      if (onRejected === undefined) throw new ApiError(error.status, `${rows}: ${error.message}`);
      this.rowsRejected += 1;
      onRejected({ row: one?.row ?? 0, reason: error.message, document: one?.document });
    }
  }

  async #post(documents: ImportBatch["documents"]): Promise<void> {
    const { client, namespace, gzip = false, source, onRetry } = this.#request;
    // What a namespace has already need not be said, and must not be said wrongly.
    const metric = this.#request.metric ?? source.metric ?? this.#metricDefault;
    const columns = columnsOf(documents.map(({ document }) => document));
    const isVector = "vector" in columns;
    const body = {
      ...(isVector && metric !== undefined && { distance_metric: metric }),
      upsert_columns: columns,
      schema: this.#schema,
    };
    await client.post(namespacePath(namespace), body, { gzip, ...(onRetry && { onRetry }) });
  }
}

/** Null where a document has no such attribute. */
function columnsOf(documents: readonly Document[]): Record<string, unknown[]> {
  const columns: Record<string, unknown[]> = {};
  for (const [row, document] of documents.entries()) {
    for (const [name, value] of Object.entries(document)) {
      columns[name] ??= Array.from<unknown>({ length: documents.length }).fill(null);
      columns[name][row] = value;
    }
  }
  return columns;
}

function mappingOf({ mapping, source }: ImportRequest): Mapping {
  const numbersRows = mapping?.numbersRows ?? (source.numbersRows && mapping?.id === undefined);
  const blank = { id: "id", vector: "vector", columns: [], renamed: new Map<string, string>() };
  return { ...blank, ...mapping, numbersRows };
}

function notesOf(request: ImportRequest, mapping: Mapping): ImportNotes {
  const { client, namespace, source, notes, types = {} } = request;
  if (notes === undefined || source.identity === undefined) return noNotes;
  const settings = JSON.stringify([mapping, [...mapping.renamed], types]);
  return openNotes(notes, [client.connection.url, namespace, source.identity, settings]);
}

function knownTypes(request: ImportRequest, mapping: Mapping, existing: SchemaTypes) {
  const { types = {}, source } = request;
  return {
    given: types,
    stated: source.types,
    existing: (column: string) =>
      existing[column === mapping.id ? "id" : (mapping.renamed.get(column) ?? column)],
  };
}

export type SchemaTypes = Readonly<Record<string, string>>;

async function schemaOf(client: ApiClient, namespace: string): Promise<SchemaTypes> {
  const path = `${namespacePath(namespace, "v1")}/schema`;
  const schema = await client.get<Record<string, { readonly type: string }>>(path);
  return Object.fromEntries(Object.entries(schema).map(([name, { type }]) => [name, type]));
}

/** Undefined if there is no such namespace. */
async function generationOf(client: ApiClient, namespace: string): Promise<string | undefined> {
  try {
    return (await indexStatus(client, namespace)).generation;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  }
}

async function* chain(
  first: IteratorResult<readonly Row[]>,
  rest: AsyncIterator<readonly Row[]>,
): AsyncGenerator<readonly Row[]> {
  for (let next = first; next.done !== true; next = await rest.next()) yield next.value;
}

export type { ColumnTypes };
