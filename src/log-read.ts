/**
 * Reading the log where an object may be bad: the only way a slot is read by whoever must decide
 * something from it.
 *
 *   entry        what lies there decodes
 *   skipped      an operator went on without it: the slot counts as an entry without members
 *   unreadable   missing, or still not what was written after several reads: a bad read is not a
 *                bad object. Nobody may go on as if it were not there
 *
 * Owners know all skip records from their start, and say with `head` and with jobs which slots of
 * the tail are skipped; such slots are not read at all. Before an owner answers anything, an entry
 * behind the skipped one says so too, for whoever reads the log without asking. Whoever does not
 * know looks for the record of a slot it cannot read, so ordinary reads cost nothing more.
 *
 * Cost: one get of a good entry; up to `doubtReadsMax` and one of the skip record for a bad one.
 */
import { corrupt, EngineError, isEngineError } from "./errors.ts";
import { openSkip, type Skip } from "./format/skip.ts";
import { type OpenedWalEntry, openWalEntry } from "./format/wal.ts";
import { limits } from "./limits.ts";
import type { Ports } from "./ports.ts";
import { backoffMs } from "./store/backoff.ts";
import { sequenceOfSkipKey, skipKey, skipsPrefix, walKey } from "./store/keys.ts";

export type Slot =
  | { readonly kind: "entry"; readonly entry: OpenedWalEntry; readonly bytes: Uint8Array }
  | { readonly kind: "skipped"; readonly skip: Skip }
  | Unreadable;

export interface Unreadable {
  readonly kind: "unreadable";
  readonly key: string;
  /** In words. */
  readonly reason: string;
  /** What was found last, if anything. */
  readonly bytes: Uint8Array | undefined;
}

type ReadPorts = Pick<Ports, "store" | "digest" | "clock" | "random">;

const doubtBackoff = { attemptsMax: limits.doubtReadsMax, baseMs: 50, capMs: 1_000 };

/**
 * What lies in a slot that an owner wrote to. Of one that is bad it can say nothing and throws
 * `fenced`: the next instance reads the log anew, and knows what to do about it.
 */
export async function openOccupant(
  bytes: Uint8Array,
  place: { readonly generation: string; readonly sequence: number },
  digest: Ports["digest"],
): Promise<OpenedWalEntry> {
  try {
    return await openWalEntry(bytes, place, digest);
  } catch (error) {
    throw isEngineError(error, "corrupt") ? new EngineError("fenced", error.message) : error;
  }
}

export async function readSlot(
  ports: ReadPorts,
  root: string,
  generation: string,
  sequence: number,
): Promise<Slot> {
  const place = { generation, sequence };
  const key = walKey(root, sequence);
  const read = await readDoubtfully(ports, key, (bytes) => {
    return openWalEntry(bytes, place, ports.digest);
  });
  if (read.kind === "good") {
    return { kind: "entry", entry: read.value, bytes: read.bytes };
  }
  const skip = await readSkip(ports, root, generation, sequence);
  return skip === undefined ? { ...read, kind: "unreadable", key } : { kind: "skipped", skip };
}

/** The entry; undefined if it is skipped. Throws `corrupt` if it cannot be read. */
export async function readEntry(
  ports: ReadPorts,
  root: string,
  generation: string,
  sequence: number,
): Promise<OpenedWalEntry | undefined> {
  const slot = await readSlot(ports, root, generation, sequence);
  if (slot.kind === "unreadable") {
    throw corrupt(`WAL entry ${sequence} of ${generation} ${slot.reason}`);
  }
  return slot.kind === "entry" ? slot.entry : undefined;
}

export type DoubtfulRead<T> =
  | { readonly kind: "good"; readonly value: T; readonly bytes: Uint8Array }
  | { readonly kind: "bad"; readonly reason: string; readonly bytes: Uint8Array | undefined };

/** Reads an object again while it is missing, unless it may be, or `open` says it is corrupt. */
export async function readDoubtfully<T>(
  ports: ReadPorts,
  key: string,
  open: (bytes: Uint8Array) => Promise<T>,
  { mayBeMissing = false } = {},
): Promise<DoubtfulRead<T>> {
  for (let attempt = 0; ; attempt += 1) {
    const bytes = (await ports.store.get(key))?.bytes;
    let reason = "is missing";
    try {
      if (bytes !== undefined) {
        return { kind: "good", value: await open(bytes), bytes };
      }
    } catch (error) {
      if (!isEngineError(error, "corrupt")) {
        throw error;
      }
      reason = `cannot be read: ${error.message}`;
    }
    const isAnswer = bytes === undefined && mayBeMissing;
    if (isAnswer || attempt + 1 >= limits.doubtReadsMax) {
      return { kind: "bad", reason, bytes };
    }
    await ports.clock.sleep(backoffMs(doubtBackoff, attempt, undefined, ports.random));
  }
}

/** The record of a slot that is skipped, if it is. One bad read of it means nothing either. */
export async function readSkip(
  ports: ReadPorts,
  root: string,
  generation: string,
  sequence: number,
): Promise<Skip | undefined> {
  const key = skipKey(root, sequence);
  const open = (bytes: Uint8Array): Promise<Skip> =>
    openSkip(bytes, { generation, sequence }, ports.digest);
  const read = await readDoubtfully(ports, key, open, { mayBeMissing: true });
  if (read.kind === "good") return read.value;
  if (read.bytes === undefined) return undefined;
  throw corrupt(`skip record ${sequence} of ${generation} ${read.reason}`);
}

/** Every skip record of the generation, oldest first. One list and, usually, nothing else. */
export async function readSkips(
  ports: ReadPorts,
  root: string,
  generation: string,
): Promise<readonly Skip[]> {
  const skips: Skip[] = [];
  for (let after = skipsPrefix(root); ; ) {
    const page = await ports.store.list(skipsPrefix(root), { after });
    for (const { key } of page.objects) {
      after = key;
      const sequence = sequenceOfSkipKey(key);
      if (sequence !== undefined) {
        const read = await readDoubtfully(ports, key, (bytes) => {
          return openSkip(bytes, { generation, sequence }, ports.digest);
        });
        if (read.kind === "bad") {
          throw corrupt(`skip record ${sequence} of ${generation} ${read.reason}`);
        }
        skips.push(read.value);
      }
    }
    if (!page.more) {
      return skips;
    }
  }
}

/** Ids of the attachments an entry names, or why that is not known. */
export async function attachmentsOf(
  ports: ReadPorts,
  root: string,
  generation: string,
  sequence: number,
): Promise<string[] | "absent" | "unreadable"> {
  const slot = await readSlot(ports, root, generation, sequence);
  if (slot.kind !== "entry") {
    return slot.kind === "skipped" ? [] : slot.bytes === undefined ? "absent" : "unreadable";
  }
  return slot.entry.members.flatMap((member) =>
    (member.kind === "batch" ? member.chunks : []).flatMap((chunk) =>
      chunk.kind === "part" ? [chunk.id] : [],
    ),
  );
}

/** A bad read is not a bad object. */
export async function readAgain<T>(read: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await read();
    } catch (error) {
      if (!isEngineError(error, "corrupt") || attempt >= limits.doubtReadsMax) {
        throw error;
      }
    }
  }
}
