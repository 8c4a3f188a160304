/**
 * One client of the kill test: writes batch after batch of upserts, overwrites and deletes of its
 * own documents until it is told to stop or the server is gone. A batch is repeated unchanged, and
 * under one idempotency key, until it is answered, so what a refusal or a silence leaves open stays
 * one question.
 *
 * A document: id, client, version, checksum over all of that, and a vector made from it.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { crc32c } from "../../src/bytes/crc32c.ts";
import type { Prng } from "../../src/index/vector/prng.ts";
import { type ApiClient, ApiError, namespacePath } from "../api-client.ts";
import type { Ledger, Operation } from "./ledger.ts";

export const dimensions = 16;
const documentsPerClient = 400;
const batchMax = 40;
const deleteShare = 0.2;
/** Documents of different clients never share an id. */
const idStride = 1_000_000;

export interface Document {
  readonly id: number;
  readonly client: number;
  readonly version: number;
  readonly checksum: number;
  readonly vector: readonly number[];
}

export interface Writer {
  readonly client: number;
  /** For a tail that is made long on purpose. */
  readonly disableBackpressure: boolean;
  readonly prng: Prng;
  /** Of the last batch. */
  version: number;
}

export function makeDocument(client: number, id: number, version: number): Document {
  const checksum = checksumOf(client, id, version);
  // Spread enough that no two documents share a vector.
  const vector = Array.from({ length: dimensions }, (_, d) => {
    return (crc32c(new TextEncoder().encode(`${checksum} ${id} ${d}`)) % 20_001) / 10_000 - 1;
  });
  return { id, client, version, checksum, vector };
}

export function checksumOf(client: number, id: number, version: number): number {
  return crc32c(new TextEncoder().encode(`${client} ${id} ${version}`));
}

/** Resolves when `stopped` says so; what is then in doubt stays so in the ledger. */
export async function writeUntil(
  stopped: () => boolean,
  api: ApiClient,
  namespace: string,
  writer: Writer,
  ledger: Ledger,
): Promise<void> {
  while (!stopped()) {
    const batch = nextBatch(writer, batchMax);
    ledger.begin(writer.client, batch);
    await sendUntilAnswered(stopped, api, namespace, writer, batch, ledger);
  }
}

/** Writes one document at a time, each acknowledged before the next is sent: an entry each. */
export async function writeSingly(
  api: ApiClient,
  namespace: string,
  writer: Writer,
  ledger: Ledger,
  count: number,
): Promise<void> {
  for (let i = 0; i < count; i++) {
    const batch = nextBatch(writer, 1);
    ledger.begin(writer.client, batch);
    await sendUntilAnswered(() => false, api, namespace, writer, batch, ledger);
  }
}

async function sendUntilAnswered(
  stopped: () => boolean,
  api: ApiClient,
  namespace: string,
  { client, disableBackpressure, version }: Writer,
  batch: readonly Operation[],
  ledger: Ledger,
): Promise<void> {
  const body = {
    distance_metric: "euclidean_squared",
    upsert_rows: batch
      .filter(({ version }) => version > 0)
      .map(({ id, version }) => makeDocument(client, id, version)),
    deletes: batch.filter(({ version }) => version === 0).map(({ id }) => id),
    disable_backpressure: disableBackpressure,
  };
  while (!stopped()) {
    try {
      const idempotencyKey = `${client}-${version}`;
      await api.post(namespacePath(namespace), body, { patienceMs: 0, idempotencyKey });
      ledger.acknowledge(client);
      return;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const isFinal = error.status >= 400 && error.status < 500 && error.status !== 429;
      if (isFinal) throw error;
      await sleep(error.retryAfterMs ?? 20);
    }
  }
}

/**
 * Distinct documents, most of them upserted: some for the first time, most over an older version.
 */
function nextBatch(writer: Writer, sizeMax: number): readonly Operation[] {
  const { client, prng } = writer;
  writer.version += 1;
  const ids = new Set<number>();
  const size = 1 + prng.below(sizeMax);
  while (ids.size < size) ids.add(client * idStride + prng.below(documentsPerClient));
  return [...ids].map((id) => ({
    id,
    version: prng.below(1_000) < deleteShare * 1_000 ? 0 : writer.version,
  }));
}
