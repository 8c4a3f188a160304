/**
 * Loads the rows of a data set into a namespace, over HTTP.
 *
 * 1. The first batch goes alone: it creates the namespace.
 * 2. The others go `concurrency` at a time, columnar, vectors as base64.
 * 3. What was acknowledged is noted in a file after every batch, and skipped by the next run with
 *    the same server, namespace, data set and batch size. The note names the namespace's
 *    generation, so it means nothing for a namespace that was deleted since. A batch whose
 *    acknowledgement was lost is sent again, which changes nothing: rows are upserts.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type ApiClient, ApiError, namespacePath } from "./api-client.ts";
import type { Dataset } from "./datasets.ts";
import { indexStatus } from "./index-status.ts";

export interface LoadRequest {
  readonly client: ApiClient;
  readonly dataset: Dataset;
  readonly namespace: string;
  /** The first rows of the data set. */
  readonly rows: number;
  readonly batchRows: number;
  readonly concurrency: number;
  readonly gzip?: boolean;
  /** Folder of the notes; without it every run starts at the first row. */
  readonly notes?: string;
  readonly onProgress?: (rowsDone: number) => void;
  readonly onRetry?: (reason: string, waitMs: number) => void;
}

export interface LoadOutcome {
  /** Rows sent by this run; the others were there. */
  readonly rowsSent: number;
  readonly rowsSkipped: number;
  /** JSON bytes of the bodies, before compression. */
  readonly bytes: number;
  readonly seconds: number;
  /** Deletes the note: the next run starts at the first row. */
  readonly forget: () => void;
}

export async function loadRows(request: LoadRequest): Promise<LoadOutcome> {
  const { client, namespace, rows, batchRows, onProgress } = request;
  const total = request.dataset.base.rows;
  const starts = Array.from({ length: Math.ceil(rows / batchRows) }, (_, i) => i * batchRows);
  const notes = request.notes === undefined ? undefined : openNotes(request, request.notes);
  const done = new Set(notes?.read(await generationOf(client, namespace)));
  const pending = starts.filter((start) => !done.has(start));
  const size = (start: number): number => Math.min(batchRows, rows - start);
  // A batch cut short by the number of rows asked for may be longer the next time.
  const isWhole = (start: number): boolean => start + batchRows <= rows || rows === total;
  const rowsSkipped = starts.filter((start) => done.has(start)).reduce((n, s) => n + size(s), 0);
  const startedMs = performance.now();
  const sentBefore = client.sentBytes;
  let rowsSent = 0;

  const sendNext = async (): Promise<boolean> => {
    const start = pending.shift();
    if (start === undefined) return false;
    await sendBatch(request, start, start + size(start));
    rowsSent += size(start);
    if (isWhole(start)) done.add(start);
    notes?.write([...done]);
    onProgress?.(rowsSkipped + rowsSent);
    return true;
  };
  onProgress?.(rowsSkipped);
  if (done.size === 0) {
    await sendNext();
    notes?.begin(await generationOf(client, namespace), [...done]);
  }
  const lanes = Array.from({ length: request.concurrency }, async () => {
    while (await sendNext());
  }).map((lane) =>
    lane.catch((error: unknown) => {
      // The other lanes finish what they are sending, so that it is noted, and stop.
      pending.length = 0;
      return { error };
    }),
  );
  for (const failure of await Promise.all(lanes)) if (failure) throw failure.error;
  return {
    rowsSent,
    rowsSkipped,
    bytes: client.sentBytes - sentBefore,
    seconds: (performance.now() - startedMs) / 1000,
    forget: () => notes?.forget(),
  };
}

async function sendBatch(request: LoadRequest, from: number, to: number): Promise<void> {
  const { client, dataset, namespace, gzip = false, onRetry } = request;
  const body = {
    distance_metric: dataset.metric,
    upsert_columns: {
      id: Array.from({ length: to - from }, (_, i) => from + i),
      vector: encodeVectors(dataset.base.slice(from, to), dataset.base.dimensions),
      ...dataset.columns(from, to),
    },
    schema: dataset.schema,
  };
  const options = { gzip, ...(onRetry && { onRetry }) };
  await client.post(namespacePath(namespace), body, options);
}

export function encodeVectors(values: Float32Array, dimensions: number): string[] {
  const stride = dimensions * 4;
  const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  return Array.from({ length: values.length / dimensions }, (_, row) =>
    bytes.toString("base64", row * stride, (row + 1) * stride),
  );
}

export function encodeVector(values: Float32Array): string {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString("base64");
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

interface Notes {
  /** First rows of the batches acknowledged in this generation; deletes notes about another. */
  read(generation: string | undefined): readonly number[];
  begin(generation: string | undefined, acknowledged: readonly number[]): void;
  write(acknowledged: readonly number[]): void;
  forget(): void;
}

function openNotes(request: LoadRequest, folder: string): Notes {
  const { client, dataset, namespace, batchRows } = request;
  const key = [client.connection.url, namespace, dataset.name, batchRows].join("\n");
  const name = createHash("sha256").update(key).digest("hex").slice(0, 16);
  const file = join(folder, `${name}.json`);
  let generation: string | undefined;
  const write = (acknowledged: readonly number[]): void => {
    if (generation === undefined) return;
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(`${file}.new`, JSON.stringify({ generation, acknowledged }));
    renameSync(`${file}.new`, file);
  };
  return {
    read: (current) => {
      generation = current;
      const noted = readNote(file);
      if (current !== undefined && noted?.generation === current) return noted.acknowledged;
      rmSync(file, { force: true });
      return [];
    },
    begin: (current, acknowledged) => {
      generation = current;
      write(acknowledged);
    },
    write,
    forget: () => rmSync(file, { force: true }),
  };
}

interface Note {
  readonly generation: string;
  readonly acknowledged: readonly number[];
}

function readNote(file: string): Note | undefined {
  try {
    const { generation, acknowledged } = JSON.parse(readFileSync(file, "utf8")) as Partial<Note>;
    if (typeof generation !== "string" || !Array.isArray(acknowledged)) return undefined;
    return { generation, acknowledged: acknowledged.filter(Number.isSafeInteger) };
  } catch {
    return undefined;
  }
}
