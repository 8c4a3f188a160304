/**
 * What crosses between Workers and the Namespace object. Plain data only: error classes do not
 * survive the call, so a reply says `ok: false` instead of throwing. Old and new code coexist for
 * minutes during a deploy: `protocol` is checked by the callee and fields are only ever added.
 *
 * Byte arrays are sent as exact copies: a view would ship its whole buffer.
 */
import type { Schema, SchemaAddition } from "../document/schema.ts";
import type { Settings, SettingsChange } from "../document/settings.ts";
import { EngineError, type ErrorKind } from "../errors.ts";
import type { DeadObject, FloorMove, Manifest, Origin } from "../format/manifest.ts";
import type { ChunkRef, WriteCounts, WriteKey } from "../format/wal.ts";
import type { BuildProgress, StepArguments } from "./build-progress.ts";
import type { WrittenBytes } from "./jobs.ts";
import type { GivenPin, PastPoint, Pin } from "./pins.ts";
import type { RecallArguments, RecallHistory } from "./recall-history.ts";
import { type Quarantine, quarantineError } from "./refusals.ts";
import type {
  DeltaArguments,
  FinishArguments,
  UsageArguments,
  UsageHistory,
} from "./usage-history.ts";

export const protocolVersion = 1;

export type Reply<T> =
  | { readonly ok: true; readonly value: T }
  | {
      readonly ok: false;
      readonly kind: ErrorKind;
      readonly message: string;
      readonly field?: string;
      readonly retryAfterMs?: number;
      readonly outcomeUnknown?: boolean;
      readonly object?: string;
    };

/** A log entry that an operator went on without. */
export interface SkippedEntry {
  readonly sequence: number;
  readonly timeMs: number;
  readonly reason: string;
  /** What was wrong with it. */
  readonly fault: string;
}

/** The object's answer when asked who it is; enough to encode a batch. */
export interface NamespaceDescription {
  /**
   * False: no write was ever committed, or it was deleted; `generation` is then the one a first
   * write will get.
   */
  readonly exists: boolean;
  readonly generation: string;
  readonly schema: Schema;
  /** Every write is refused but one that ends this. */
  readonly readOnly?: true;
  /** As its first write asked for; absent: none. */
  readonly shards?: number;
  /** Nothing can be written; the schema is only that of the entries before. */
  readonly quarantine?: Quarantine;
}

export interface CommitRequest {
  readonly protocol: number;
  readonly tenant: string;
  readonly name: string;
  readonly generation: string;
  /** Schema version the chunks were encoded under. */
  readonly schemaVersion: number;
  readonly addition: SchemaAddition | undefined;
  readonly settings?: SettingsChange;
  readonly upserts: number;
  readonly deletes: number;
  readonly chunks: readonly ChunkRef[];
  readonly disableBackpressure: boolean;
  /** Sent again under the same key, a write is answered again and not applied again. */
  readonly key?: WriteKey;
  /** Hashes of the ids of all rows (format/id-hash.ts). Absent: it may touch any. */
  readonly touches?: Uint32Array;
  /** What the rows were decided from. */
  readonly reads?: ReadSet;
  /** What its writer is told, now and if it repeats the write; absent: its rows. */
  readonly counts?: WriteCounts;
}

/** Documents that a write was decided from, those that were absent included. */
export interface ReadSet {
  /** They were read as of all entries below. */
  readonly next: number;
  /** Hashes of their ids. */
  readonly ids: Uint32Array;
  /** How often the same operation was refused before. */
  readonly refusals: number;
}

export type CommitReply =
  | Committed
  /** Encode again under this; nothing was written. */
  | { readonly kind: "stale"; readonly now: NamespaceDescription }
  /**
   * Something that was read has changed, or that is not known: nothing was written. Read again, as
   * of `next` or later, and decide again. `ids`: hashes of what changed; empty if not known.
   */
  | { readonly kind: "conflict"; readonly next: number; readonly ids: Uint32Array }
  /** There was nothing to write, and no write under the key was ever committed. */
  | { readonly kind: "nothing" };

export interface Committed extends WriteCounts {
  readonly kind: "committed";
  /** The entry that holds the write. */
  readonly sequence: number;
  readonly timeMs: number;
  /** It was committed under the same key before, and not again. */
  readonly repeated: boolean;
}

export interface HeadRequest {
  readonly protocol: number;
  readonly tenant: string;
  readonly name: string;
  /** What the caller holds already; omitted members mean nothing is held. */
  readonly generation?: string;
  readonly manifestVersion?: number;
  /** The caller holds WAL entries below this sequence (from its manifest's floor on). */
  readonly walBelow?: number;
  /** Segment ids whose roots the caller holds. */
  readonly roots?: readonly string[];
  /** Dead bitmaps the caller holds, as "<segment>/<name>". */
  readonly dead?: readonly string[];
  /** The caller wants no bytes along: no WAL entries, roots and bitmaps. */
  readonly brief?: boolean;
}

/** Bytes of small objects that travel with other answers, to save their readers a round. */
export interface InlineObjects {
  /** Segment roots. */
  readonly roots: readonly { readonly segment: string; readonly bytes: Uint8Array }[];
  /** Dead bitmap objects, `name` as in DeadState. */
  readonly dead: readonly {
    readonly segment: string;
    readonly name: string;
    readonly bytes: Uint8Array;
  }[];
}

export interface HeadReply {
  readonly generation: string;
  readonly epoch: number;
  readonly manifestVersion: number;
  /** Present unless the caller named this version. */
  readonly manifest?: Manifest;
  /** Tail = WAL entries floor … next-1. */
  readonly floor: number;
  readonly next: number;
  /** Schema after the newest entry. */
  readonly schema: Schema;
  readonly settings: Settings;
  readonly createdMs: number;
  readonly lastWriteMs: number;
  readonly updatedMs: number;
  readonly unindexedRows: number;
  readonly unindexedBytes: number;
  /** Newest entries first while they fit; the caller reads the others from the store. */
  readonly wal: readonly { readonly sequence: number; readonly bytes: Uint8Array }[];
  /**
   * Roots and dead bitmaps the caller lacks, while they fit; the others are read from the store.
   */
  readonly inline: InlineObjects;
  /** Slots of the tail that count as entries without members. */
  readonly skipped?: readonly number[];
  /** Queries scan so many times the usual rows; absent: 1. */
  readonly probes?: number;
  /** Only in brief answers. */
  readonly recall?: RecallHistory;
  /** Only in brief answers, and so are all entries ever skipped; nothing else is answered then. */
  readonly quarantine?: Quarantine;
  readonly skips?: readonly SkippedEntry[];
}

export type JobKind = "flush" | "merge" | "collect" | "purge" | "warm";

/** A job handed to one consumer until `leaseUntilMs`. */
export interface Job {
  readonly id: string;
  readonly attempt: number;
  readonly kind: JobKind;
  readonly generation: string;
  readonly leaseUntilMs: number;
  /** The manifest the job was planned on. */
  readonly manifest: Manifest;
  /** Flush: entries [from, to) and the schema after entry to-1. */
  readonly wal?: FloorMove & {
    /** Slots that count as entries without members. */
    readonly skipped?: readonly number[];
  };
  /** Merge: ids of the inputs. */
  readonly inputs?: readonly string[];
  /** Merge: what earlier attempts have done. */
  readonly progress?: BuildProgress;
  /** Collect: what the manifest declared dead up to this time may go, unless it is pinned. */
  readonly deadBeforeMs?: number;
  readonly pins?: readonly Pin[];
  /** Purge: the deleted generation whose objects go. */
  readonly grave?: string;
  readonly schema: Schema;
}

/** Something of a namespace was pinned by the caller, to branch or copy it. */
export interface AdoptRequest {
  readonly protocol: number;
  readonly tenant: string;
  /** Of the branch. */
  readonly name: string;
  readonly parent: string;
  readonly pin: GivenPin;
  /** A copy lets go of its parent's objects by itself; a branch if it is not said. */
  readonly as?: Origin["kind"];
  /** Of a copy. */
  readonly shards?: number;
  /** The generation that the name has now and gives up for this; `conflict` if it has another. */
  readonly replaces?: string;
}

export type AdoptReply =
  | { readonly kind: "adopted"; readonly generation: string }
  /** Nothing was made: the pin is gone. */
  | { readonly kind: "unpinned" };

/** What a collection found in use elsewhere. */
export interface Kept {
  /** Objects that the manifest declared dead. */
  readonly dead: readonly DeadObject[];
  /** When to look again; undefined if nothing is held. */
  readonly againMs: number | undefined;
}

/** Permission to finish: the manifest cannot change until it expires or the delta is committed. */
export type TicketReply =
  | { readonly kind: "granted"; readonly manifest: Manifest; readonly untilMs: number }
  /** An earlier range must be resolved first, or another job holds the ticket. */
  | { readonly kind: "wait"; readonly ms: number }
  /** The lease is gone, or an input is; drop the work. */
  | { readonly kind: "void"; readonly reason: string };

export type DeltaReply =
  | { readonly kind: "committed"; readonly version: number }
  | { readonly kind: "refused"; readonly reason: string };

/** GET /v1/namespaces/:ns/index. */
export interface IndexStatus {
  readonly generation: string;
  readonly head: number;
  readonly floor: number;
  readonly unindexedRows: number;
  readonly unindexedBytes: number;
  readonly manifestVersion: number;
  readonly segments: readonly {
    readonly id: string;
    readonly shard?: number;
    readonly level: number;
    readonly rows: number;
    readonly deadRows: number;
    readonly bytes: number;
    readonly clusters: number;
  }[];
  readonly jobs: readonly {
    readonly id: string;
    readonly kind: JobKind;
    readonly attempt: number;
    /** Failing: has failed and waits until `notBeforeMs`, longer each time. */
    readonly state: "due" | "claimed" | "failing";
    readonly failures?: number;
    /** Why it failed last. */
    readonly reason?: string;
    readonly notBeforeMs?: number;
  }[];
  readonly indexed: boolean;
  /** When the caches of a pinned namespace were warmed last, as far as that is known; else 0. */
  readonly warmedMs: number;
  readonly recall?: RecallHistory;
  /** Bytes of segments that flushes and merges have made, as far as is known. */
  readonly written: WrittenBytes;
  /** What jobs and samples of recall have cost, as far as is known. */
  readonly usage: UsageHistory;
  readonly quarantine?: Quarantine;
  readonly skips: readonly SkippedEntry[];
  /** Bytes of writes that are not durable yet, of all objects in the isolate of this one. */
  readonly pendingBytes: number;
}

/** The object as Workers and tests see it. Each method answers within one event of the object. */
export interface NamespaceApi {
  describe(tenant: string, name: string): Promise<Reply<NamespaceDescription>>;
  commit(request: CommitRequest): Promise<Reply<CommitReply>>;
  head(request: HeadRequest): Promise<Reply<HeadReply>>;
  /** Ends this generation: tombstone, grave, registry. Answers when the name is free again. */
  remove(tenant: string, name: string): Promise<Reply<true>>;
  status(tenant: string, name: string): Promise<Reply<IndexStatus>>;
  /**
   * Goes on without a log entry that cannot be read, for ever. Throws `conflict` if it can be read,
   * or is not the one that is in the way.
   */
  skipEntry(
    tenant: string,
    name: string,
    sequence: number,
    reason: string,
  ): Promise<Reply<SkippedEntry>>;
  /** Makes every unindexed row due now. */
  requestFlush(tenant: string, name: string): Promise<Reply<IndexStatus>>;
  claim(tenant: string, name: string): Promise<Reply<Job | undefined>>;
  /** Extends the lease; false when it is gone. */
  renew(tenant: string, name: string, job: string, attempt: number): Promise<Reply<boolean>>;
  /**
   * Notes a step of a merge, for whoever has the job next; `pauses` gives it back. False when the
   * lease is gone.
   */
  progress(tenant: string, name: string, ...of: StepArguments): Promise<Reply<boolean>>;
  ticket(tenant: string, name: string, job: string, attempt: number): Promise<Reply<TicketReply>>;
  /**
   * `inline`: what the delta adds, so that `head` can pass it on without a read. `usage`, here and
   * of finish: what the job has cost, this call included.
   */
  commitDelta(tenant: string, name: string, ...of: DeltaArguments): Promise<Reply<DeltaReply>>;
  /**
   * Collect, purge and warm jobs are done. `version`: the manifest that `current` was seen to name.
   */
  finish(tenant: string, name: string, ...of: FinishArguments): Promise<Reply<true>>;
  /** Gives the job back; it is retried with backoff. */
  fail(
    tenant: string,
    name: string,
    job: string,
    attempt: number,
    reason: string,
  ): Promise<Reply<true>>;
  /**
   * Keeps the newest manifest and its tail, or an earlier point, for limits.pinMs, and as long as
   * that is renewed. `gone` if the earlier point is.
   */
  pin(tenant: string, name: string, at?: PastPoint): Promise<Reply<GivenPin>>;
  /** Undefined: the pin is gone, and what it named may be too. */
  renewPin(tenant: string, name: string, id: string): Promise<Reply<Pin | undefined>>;
  releasePin(tenant: string, name: string, id: string): Promise<Reply<true>>;
  /** A query was compared with the truth. False: of another life. */
  noteRecall(tenant: string, name: string, ...of: RecallArguments): Promise<Reply<boolean>>;
  /** Work behind the namespace has cost so much. */
  noteUsage(tenant: string, name: string, ...of: UsageArguments): Promise<Reply<true>>;
  /** Makes the name a branch of what is pinned; `conflict` if it lives. */
  adopt(request: AdoptRequest): Promise<Reply<AdoptReply>>;
}

export function checkProtocol(version: number): void {
  if (version !== protocolVersion) {
    throw new EngineError("unavailable", `protocol ${version} is not spoken here`, {
      retryAfterMs: 1_000,
    });
  }
}

export function replyError(error: EngineError): Reply<never> {
  const { field, retryAfterMs, outcomeUnknown, object } = error.detail;
  return {
    ok: false,
    kind: error.kind,
    message: error.message,
    ...(field === undefined ? {} : { field }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(outcomeUnknown === undefined ? {} : { outcomeUnknown }),
    ...(object === undefined ? {} : { object }),
  };
}

/** The value of a reply, or its error thrown. */
export function replyValue<T>(reply: Reply<T>): T {
  if (reply.ok) {
    return reply.value;
  }
  const { ok: _, kind, message, ...detail } = reply;
  throw new EngineError(kind, message, detail);
}

/** The same, of a namespace that may be in quarantine: then it throws that. */
export function wholeValue<T extends { readonly quarantine?: Quarantine }>(reply: Reply<T>): T {
  const value = replyValue(reply);
  if (value.quarantine !== undefined) {
    throw quarantineError(value.quarantine);
  }
  return value;
}
