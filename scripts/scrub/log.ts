/**
 * The log of a namespace, from the oldest entry that is stored to the end:
 *
 *   entries      each decodes, and says that it is what its key says
 *   contiguity   none is missing, but what an operator went on without
 *   chain        each holds the hash of the one before, the manifest that of the one below its
 *                floor
 *   epochs       never fall
 *   rows         chunks decode and hold as many as the entry says, and each attachment is the one
 *                that the entry names by its hash
 *
 * Entries are read one at a time, and so are their attachments.
 */
import { isEngineError } from "../../src/errors.ts";
import { decodeBatch } from "../../src/format/batch.ts";
import { equalBytes } from "../../src/format/envelope.ts";
import { homeOfEntry } from "../../src/format/homes.ts";
import type { Manifest } from "../../src/format/manifest.ts";
import type { Skip } from "../../src/format/skip.ts";
import { type ChunkRef, type OpenedWalEntry, openWalEntry } from "../../src/format/wal.ts";
import {
  attachmentKey,
  generationRoot,
  sequenceOfWalKey,
  walKey,
  walPrefix,
} from "../../src/store/keys.ts";
import type { Ledger, Lesson } from "./ledger.ts";

const tail: Lesson = {
  meaning:
    "writes acknowledged with this entry cannot be read; at its next start the namespace is in " +
    "quarantine and answers nothing until this is decided",
  remedy:
    "put the object back from a copy, or go on without it: POST …/_debug/skip_entry with its " +
    "sequence and a reason",
};
const below: Lesson = {
  meaning: "nothing: what it held is in segments, and it waits to be collected",
  remedy: "nothing",
};
const chain: Lesson = {
  meaning: "entries were replaced or mixed up, so what was acknowledged may be another history",
  remedy: "find out who else writes to this bucket before anything else is done",
};

/** Attachments that the entries name. */
export type NamedParts = Set<string>;

export async function scrubLog(
  ledger: Ledger,
  tenant: string,
  manifest: Manifest,
  skips: ReadonlyMap<number, Skip>,
): Promise<NamedParts> {
  const own = generationRoot(tenant, manifest.generation);
  let last = -1;
  let oldest: number | undefined;
  for await (const { key } of ledger.list(walPrefix(own))) {
    const sequence = sequenceOfWalKey(key);
    if (sequence === undefined) continue;
    oldest ??= sequence;
    last = Math.max(last, sequence);
  }
  last = Math.max(last, ...skips.keys());
  const inherited = manifest.inherited[0]?.from ?? Number.POSITIVE_INFINITY;
  const from = Math.min(oldest ?? manifest.floor, inherited, manifest.floor);
  const end = Math.max(last + 1, manifest.floor, manifest.inherited.at(-1)?.to ?? 0);
  const named: NamedParts = new Set();
  let before: { hash: Uint8Array; epoch: number } | undefined;
  for (let sequence = from; sequence < end; sequence++) {
    ledger.progress(`log entry ${sequence} of ${end}`);
    const generation = homeOfEntry(manifest, sequence);
    const root = generationRoot(tenant, generation);
    const key = walKey(root, sequence);
    const lesson = sequence < manifest.floor ? below : tail;
    const skip = skips.get(sequence);
    const entry = await readEntry(
      ledger,
      key,
      generation,
      sequence,
      skip === undefined ? lesson : undefined,
    );
    if (skip !== undefined) {
      for (const part of partsOf(entry)) named.add(part.id);
      before = { hash: skip.hash, epoch: skip.epoch };
      continue;
    }
    if (entry === undefined) {
      before = undefined;
      continue;
    }
    if (before !== undefined) checkChain(ledger, key, before, entry);
    if (sequence + 1 === manifest.floor && !equalBytes(entry.hash, manifest.floorHash)) {
      ledger.fault(key, "is not the entry that the manifest's floor follows", chain);
    }
    if (sequence === manifest.floor && before === undefined && sequence === from) {
      checkChain(ledger, key, { hash: manifest.floorHash, epoch: 0 }, entry);
    }
    ledger.entries += 1;
    ledger.count("log entries");
    for (const part of partsOf(entry)) named.add(part.id);
    await checkRows(ledger, key, root, entry, lesson);
    before = entry;
  }
  return named;
}

async function readEntry(
  ledger: Ledger,
  key: string,
  generation: string,
  sequence: number,
  lesson: Lesson | undefined,
): Promise<OpenedWalEntry | undefined> {
  const open = (bytes: Uint8Array): Promise<OpenedWalEntry> =>
    openWalEntry(bytes, { generation, sequence }, ledger.digest);
  if (lesson === undefined) {
    const bytes = await ledger.readIfAny(key);
    return await (bytes && open(bytes))?.catch((error: unknown) => {
      if (!isEngineError(error, "corrupt")) throw error;
      return undefined;
    });
  }
  const bytes = await ledger.read(key, lesson);
  return bytes && (await ledger.open(key, lesson, () => open(bytes)));
}

function checkChain(
  ledger: Ledger,
  key: string,
  before: { readonly hash: Uint8Array; readonly epoch: number },
  entry: OpenedWalEntry,
): void {
  if (!equalBytes(entry.previous, before.hash)) {
    ledger.fault(key, "does not hold the hash of the entry before it", chain);
  } else {
    ledger.count("links of the log's hash chain");
  }
  if (entry.epoch < before.epoch) {
    ledger.fault(
      key,
      `its epoch ${entry.epoch} is below ${before.epoch}, that of the one before`,
      chain,
    );
  }
}

function partsOf(entry: OpenedWalEntry | undefined): Extract<ChunkRef, { kind: "part" }>[] {
  return (entry?.members ?? []).flatMap((member) =>
    member.kind === "batch" ? member.chunks.filter((chunk) => chunk.kind === "part") : [],
  );
}

async function checkRows(
  ledger: Ledger,
  key: string,
  root: string,
  entry: OpenedWalEntry,
  lesson: Lesson,
): Promise<void> {
  for (const member of entry.members) {
    if (member.kind === "tombstone") continue;
    let [upserts, deletes] = [0, 0];
    for (const chunk of member.chunks) {
      const at = chunk.kind === "inline" ? key : attachmentKey(root, chunk.id);
      const bytes = await chunkBytes(ledger, at, chunk, lesson);
      const batch = bytes && (await ledger.open(at, lesson, () => decodeBatch(bytes)));
      if (batch === undefined) return;
      upserts += batch.upserts;
      deletes += batch.deletes;
    }
    if (upserts !== member.upserts || deletes !== member.deletes) {
      const found = `${upserts} upserts and ${deletes} deletes`;
      ledger.fault(key, `says ${member.upserts} and ${member.deletes}, and holds ${found}`, lesson);
    }
    ledger.count("operations in the log", upserts + deletes);
  }
}

async function chunkBytes(
  ledger: Ledger,
  key: string,
  chunk: ChunkRef,
  lesson: Lesson,
): Promise<Uint8Array | undefined> {
  if (chunk.kind === "inline") return chunk.bytes;
  const bytes = await ledger.read(key, lesson);
  if (bytes === undefined) return undefined;
  if (bytes.length !== chunk.length || !equalBytes(await ledger.digest(bytes), chunk.sha256)) {
    ledger.fault(key, "is not the attachment that its entry names: SHA-256 does not match", lesson);
    return undefined;
  }
  ledger.count("attachments");
  return bytes;
}
