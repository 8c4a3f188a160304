/**
 * What a namespace holds, compared with what its writers were told: strong queries in the order of
 * ids read every document, some are also looked up by vector, and the ledger compares.
 */
import type { Prng } from "../../src/index/vector/prng.ts";
import { type ApiClient, namespacePath } from "../api-client.ts";
import { indexStatus } from "../index-status.ts";
import type { Ledger, Operation } from "./ledger.ts";
import { checksumOf, type Document, makeDocument } from "./writer.ts";

export interface Inspection {
  /** Operations acknowledged so far. */
  readonly acknowledged: number;
  /** Batches without an answer, and those of them that turned out to be applied. */
  readonly in_doubt: number;
  readonly in_doubt_applied: number;
  readonly documents: number;
  /** Log entries that are in no segment yet. */
  readonly unflushed: number;
  readonly segments: number;
  readonly manifest_version: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly torn: number;
  readonly complaints: readonly string[];
}

export type StoredRow = Pick<Document, "id" | "client" | "version" | "checksum">;

export interface PageRequest {
  readonly afterId: number;
  readonly limit: number;
  readonly patienceMs: number;
}

const pageRows = 1_000;
const lookups = 20;
/** A read that is told to come back later may do so for this long. */
const readMsMax = 10_000;
const complaintsShown = 10;

export async function inspect(
  api: ApiClient,
  namespace: string,
  ledger: Ledger,
  prng: Prng,
): Promise<Inspection> {
  // Before anything is read, so that it says what recovery found.
  const { segments, manifest_version, head, floor } = await indexStatus(api, namespace);
  const stored: StoredRow[] = [];
  for (;;) {
    const afterId = stored.at(-1)?.id ?? -1;
    const request = { afterId, limit: pageRows, patienceMs: readMsMax };
    const page = await readPage(api, namespace, request);
    stored.push(...page);
    if (page.length < pageRows) break;
  }
  const damaged = stored
    .filter((row) => !isIntact(row))
    .map(({ id }) => `document ${id} is damaged`);
  const inDoubt = ledger.batchesInDoubt;
  const found = stored.map(({ id, version }): Operation => ({ id, version }));
  const { lost, duplicated, torn, applied, complaints } = ledger.settle(found);
  const missed = await lookUp(api, namespace, stored, prng);
  return {
    acknowledged: ledger.acknowledgedOperations,
    in_doubt: inDoubt,
    in_doubt_applied: applied,
    documents: stored.length,
    unflushed: head - floor,
    segments: segments.length,
    manifest_version,
    lost: lost + missed.length,
    duplicated: duplicated + damaged.length,
    torn,
    complaints: [...complaints, ...damaged, ...missed].slice(0, complaintsShown),
  };
}

export async function readPage(
  api: ApiClient,
  namespace: string,
  { afterId, limit, patienceMs }: PageRequest,
): Promise<StoredRow[]> {
  const { rows } = await api.post<{ rows: StoredRow[] }>(
    `${namespacePath(namespace)}/query`,
    {
      rank_by: ["id", "asc"],
      limit,
      include_attributes: ["client", "version", "checksum"],
      ...(afterId >= 0 && { filters: ["id", "Gt", afterId] }),
    },
    { patienceMs },
  );
  return rows;
}

function isIntact({ id, client, version, checksum }: StoredRow): boolean {
  return checksum === checksumOf(client, id, version);
}

/** The nearest document to a document's vector is that document, once. */
async function lookUp(
  api: ApiClient,
  namespace: string,
  stored: readonly StoredRow[],
  prng: Prng,
): Promise<string[]> {
  const missed: string[] = [];
  for (let i = 0; i < Math.min(lookups, stored.length); i++) {
    const { id, client, version } = stored[prng.below(stored.length)] as StoredRow;
    const { vector } = makeDocument(client, id, version);
    const { rows } = await api.post<{ rows: readonly { readonly id: number }[] }>(
      `${namespacePath(namespace)}/query`,
      { rank_by: ["vector", "ANN", vector], top_k: 10 },
      { patienceMs: readMsMax },
    );
    const ids = rows.map((row) => row.id);
    if (ids[0] !== id || new Set(ids).size !== ids.length) {
      missed.push(`a search for the vector of document ${id} found ${ids.join(", ")}`);
    }
  }
  return missed;
}
