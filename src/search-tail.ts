/**
 * Reads the tail of a snapshot, newest chunk first.
 *
 *   1. Entries: decoded from an earlier query, else sent along with `head`, else read from the
 *      store.
 *   2. Attachments that entries refer to, read from the store.
 *   3. Chunks are handed on in order, newest first, whatever the order they arrived in.
 *
 * A small tail takes one pass of these steps, two rounds at most, and stays decoded for the next
 * query. A large one goes through in windows of bounded bytes, which are reserved, and nothing of
 * it is kept.
 */
import { EngineError, isEngineError } from "./errors.ts";
import { decodeBatch } from "./format/batch.ts";
import { homeOfEntry } from "./format/homes.ts";
import { openWalEntry } from "./format/wal.ts";
import { limits } from "./limits.ts";
import {
  sequenceOfChunk,
  type TailChunk,
  type TailPiece,
  tailChunk,
  tailPieces,
} from "./query/tail.ts";
import type { SearchContext, SearchMemory } from "./search-ports.ts";
import type { Snapshot } from "./snapshot.ts";
import type { ReadRound } from "./store/block-reader.ts";
import { attachmentKey, generationRoot, walKey } from "./store/keys.ts";

export interface TailVisit {
  /** Only these entries; all if undefined. */
  readonly sequences?: ReadonlySet<number>;
  /** Only the chunks with these keys. */
  readonly chunks?: ReadonlySet<string>;
  /** Called with each chunk, newest first. */
  readonly visit: (chunk: TailChunk) => void;
}

/** Whether the tail stays decoded between queries. */
export function isSmallTail({ unindexedBytes }: Snapshot): boolean {
  return unindexedBytes <= limits.tailHeldBytesMax;
}

/** The sequence below which `head` need not send entries: held here, or too many to be worth it. */
export function walHeldBelow(memory: SearchMemory, last: Snapshot): number {
  if (!isSmallTail(last)) {
    return last.next;
  }
  let held = last.floor;
  while (held < last.next && memory.tail.has(entryName(last, held))) {
    held++;
  }
  return held;
}

/** Reads that wait for no others belong to `round`, the rest to rounds of their own. */
export async function readTail(
  context: SearchContext,
  round: ReadRound,
  visit: TailVisit,
): Promise<void> {
  const { floor, next, unindexedBytes } = context.snapshot;
  const sequences: number[] = [];
  for (let sequence = next - 1; sequence >= floor; sequence--) {
    if (visit.sequences?.has(sequence) ?? true) {
      sequences.push(sequence);
    }
  }
  if (sequences.length === 0) {
    return;
  }
  if (isSmallTail(context.snapshot)) {
    await readWindow(context, round, sequences, visit);
    return;
  }
  const reservation = await context.ports.budget.reserve(limits.tailWindowBytes);
  try {
    const bytesEach = unindexedBytes / (next - floor);
    const step = Math.max(1, Math.floor(limits.tailWindowBytes / bytesEach));
    for (let i = 0; i < sequences.length; i += step) {
      const windowRound = i === 0 ? round : context.reader.round();
      await readWindow(context, windowRound, sequences.slice(i, i + step), visit);
    }
  } finally {
    reservation.release();
  }
}

/**
 * The chunks one after the other, newest first: of a small tail all at once; of a large one no more
 * is held than an entry with one of its attachments.
 */
export async function* tailChunks(context: SearchContext): AsyncGenerator<TailChunk, void> {
  const { floor, next } = context.snapshot;
  if (isSmallTail(context.snapshot)) {
    const chunks: TailChunk[] = [];
    await readTail(context, context.reader.round(), { visit: (chunk) => chunks.push(chunk) });
    yield* chunks;
    return;
  }
  for (let sequence = next - 1; sequence >= floor; sequence--) {
    const reservation = await context.ports.budget.reserve(limits.tailWindowBytes);
    try {
      const { entries } = await readEntries(context, context.reader.round(), [sequence]);
      for (const piece of entries.flat()) {
        yield* await readParts(context, context.reader.round(), [piece]);
      }
    } finally {
      reservation.release();
    }
  }
}

async function readWindow(
  context: SearchContext,
  round: ReadRound,
  sequences: readonly number[],
  visit: TailVisit,
): Promise<void> {
  const { entries, fromStore } = await readEntries(context, round, sequences);
  const wanted = entries.flat().filter((piece) => visit.chunks?.has(keyOf(piece)) ?? true);
  let partRound = fromStore ? context.reader.round() : round;
  for (const pieces of cutByBytes(wanted)) {
    const chunks = await readParts(context, partRound, pieces);
    for (const chunk of chunks) {
      visit.visit(chunk);
    }
    partRound = context.reader.round();
  }
}

function keyOf(piece: TailPiece): string {
  return piece.kind === "part" ? piece.key : piece.chunk.key;
}

/** Runs of pieces whose attachments together stay within the window, each of at least one piece. */
function cutByBytes(pieces: readonly TailPiece[]): readonly (readonly TailPiece[])[] {
  const runs: TailPiece[][] = [];
  let bytes = Infinity;
  for (const piece of pieces) {
    const more = piece.kind === "part" ? piece.ref.length : 0;
    if (bytes + more > limits.tailWindowBytes) {
      runs.push([]);
      bytes = 0;
    }
    runs.at(-1)?.push(piece);
    bytes += more;
  }
  return runs;
}

// ---- Entries
// ----------------------------------------------------------------------------------------

/** Larger than any sealed group: one that is still open may take one more batch. */
const entryBytesMax = limits.groupBytesMax + 2 * limits.inlineBatchBytesMax;

interface Entries {
  /** The pieces of each entry, in the order of the sequences. */
  readonly entries: readonly (readonly TailPiece[])[];
  readonly fromStore: boolean;
}

async function readEntries(
  context: SearchContext,
  round: ReadRound,
  sequences: readonly number[],
): Promise<Entries> {
  const { snapshot } = context;
  const found = new Map<number, readonly TailPiece[]>();
  const bytes = new Map<number, Uint8Array>();
  const missing: number[] = [];
  for (const sequence of sequences) {
    const held = recall(context, entryName(snapshot, sequence));
    const inline = snapshot.inline.wal.get(sequence);
    if (snapshot.skipped.has(sequence)) found.set(sequence, []);
    else if (held !== undefined) found.set(sequence, held);
    else if (inline !== undefined) bytes.set(sequence, inline);
    else missing.push(sequence);
  }
  // An entry's digest takes a promise to check: openEntry does, before anything is believed.
  const bytesMax = Math.min(entryBytesMax, snapshot.unindexedBytes);
  await round.readObjects(
    missing.map((sequence) => ({
      key: entryKey(snapshot, sequence),
      bytesMax,
      isReserved: !isSmallTail(snapshot),
      verify: () => true,
    })),
    (index, stored) => {
      const sequence = missing[index] as number;
      if (stored === undefined) throw gone(entryKey(snapshot, sequence));
      bytes.set(sequence, stored);
    },
  );
  for (const [sequence, entryBytes] of bytes) {
    found.set(sequence, await openEntry(context, sequence, entryBytes));
  }
  return {
    entries: sequences.map((sequence) => found.get(sequence) ?? []),
    fromStore: missing.length > 0,
  };
}

async function openEntry(
  context: SearchContext,
  sequence: number,
  bytes: Uint8Array,
): Promise<readonly TailPiece[]> {
  const { ports, snapshot } = context;
  const generation = homeOfEntry(snapshot.manifest, sequence);
  const pieces = await forgettingCorrupt(context, entryKey(snapshot, sequence), async () =>
    tailPieces(await openWalEntry(bytes, { generation, sequence }, ports.digest)),
  );
  keep(context, entryName(snapshot, sequence), pieces, bytes.length);
  return pieces;
}

/** Entries and their attachments lie below the generation that wrote them. */
function entryKey({ tenant, manifest }: Snapshot, sequence: number): string {
  return walKey(generationRoot(tenant, homeOfEntry(manifest, sequence)), sequence);
}

// ---- Attachments
// ------------------------------------------------------------------------------------

type TailPart = Extract<TailPiece, { kind: "part" }>;

function partKey({ snapshot }: SearchContext, { key, ref }: TailPart): string {
  const generation = homeOfEntry(snapshot.manifest, sequenceOfChunk(key));
  return attachmentKey(generationRoot(snapshot.tenant, generation), ref.id);
}

/** Every piece as a decoded chunk, in order. */
async function readParts(
  context: SearchContext,
  round: ReadRound,
  pieces: readonly TailPiece[],
): Promise<readonly TailChunk[]> {
  const chunks = new Map<string, TailChunk>();
  const missing: TailPart[] = [];
  for (const piece of pieces) {
    if (piece.kind === "chunk") {
      chunks.set(piece.chunk.key, piece.chunk);
      continue;
    }
    const [held] = recall(context, partKey(context, piece)) ?? [];
    if (held?.kind === "chunk") chunks.set(piece.key, held.chunk);
    else missing.push(piece);
  }
  const objects = missing.map((piece) => ({
    key: partKey(context, piece),
    bytesMax: piece.ref.length,
    isReserved: !isSmallTail(context.snapshot),
    verify: (bytes: Uint8Array) => bytes.length === piece.ref.length,
  }));
  const arrived = new Map<number, Uint8Array>();
  await round.readObjects(objects, (index, bytes) => {
    if (bytes === undefined) throw gone(objects[index]?.key ?? "");
    arrived.set(index, bytes);
  });
  for (const [index, bytes] of arrived) {
    const piece = missing[index] as TailPart;
    const { key } = piece;
    const name = partKey(context, piece);
    const batch = await forgettingCorrupt(context, name, async () => decodeBatch(bytes));
    const chunk = tailChunk(key, batch, bytes.length);
    keep(context, name, [{ kind: "chunk", chunk }], 0);
    chunks.set(key, chunk);
  }
  return pieces.flatMap((piece) => chunks.get(keyOf(piece)) ?? []);
}

// ---- Memory
// -----------------------------------------------------------------------------------------

function entryName({ manifest }: Snapshot, sequence: number): string {
  return `${homeOfEntry(manifest, sequence)}/${sequence}`;
}

function recall(context: SearchContext, name: string): readonly TailPiece[] | undefined {
  return context.disableCache ? undefined : context.ports.memory.tail.get(name);
}

function keep(
  context: SearchContext,
  name: string,
  pieces: readonly TailPiece[],
  bytes: number,
): void {
  if (context.disableCache || !isSmallTail(context.snapshot)) {
    return;
  }
  const weight = pieces.reduce(
    (sum, piece) => sum + (piece.kind === "chunk" ? piece.chunk.bytes : 256),
    bytes + 256,
  );
  context.ports.memory.tail.put(name, pieces, weight);
}

/** What does not decode must not stay in memory: the next query shall ask the store again. */
async function forgettingCorrupt<T>(
  context: SearchContext,
  key: string,
  decode: () => Promise<T>,
): Promise<T> {
  try {
    return await decode();
  } catch (error) {
    if (isEngineError(error, "corrupt")) context.ports.cache.memory.delete(key);
    throw error;
  }
}

function gone(key: string): EngineError {
  return new EngineError("notFound", `${key} is gone; it was collected after the snapshot`);
}
