/**
 * Manifest: the list of what a namespace is made of below its floor, at
 * n/<generation>/manifest/<version>. Created once, never overwritten; the newest version that
 * exists is the truth. Version 0 is implied: no segments, floor 0.
 *
 *   envelope  see envelope.ts; magic "SHOALMAN", format version 2
 *   body      CBOR map of the fields of `Manifest`, schema as in schema-codec.ts
 *
 * Invariants (checked by src/namespace/invariants.ts before every commit and after every read)
 *   - version is its predecessor's plus one; the floor never falls; epochs never fall
 *   - segment ids are unique; a segment's dead version only grows while it is listed
 *   - an id is live in at most one segment, and in none if its newest operation below the floor is
 *     a delete
 *   - a segment's shard is below the number of shards, and all of its ids belong to it
 *   - what lives in segments that go lives in those that come, unless a flush superseded it: rows
 *     and record digests add up
 */
import type { DocumentId } from "../document/id.ts";
import type { Schema } from "../document/schema.ts";
import type { Settings } from "../document/settings.ts";

/** An immutable stretch of one object of a segment. */
export interface SectionRange {
  /** Index into `SegmentInfo.parts`. */
  readonly part: number;
  readonly offset: number;
  readonly length: number;
}

export interface SegmentPart {
  readonly bytes: number;
  /** SHA-256 of the whole object. */
  readonly sha256: Uint8Array;
}

/** Which rows of a segment are superseded. Version 0 = none, and then there is no object. */
export interface DeadState {
  readonly version: number;
  readonly rows: number;
  /** Last part of the bitmap's key below the segment: unique per attempt. Empty for version 0. */
  readonly name: string;
  readonly bytes: number;
  /** Record digest of the dead rows; see `SegmentInfo.digest`. */
  readonly digest: bigint;
  /** Generation below which the bitmap lies: the namespace's own, or one it was branched from. */
  readonly home: string;
}

export interface SegmentInfo {
  /** Job and attempt that built it, and its shard; unique for ever. */
  readonly id: string;
  /** Generation below which its objects lie: the namespace's own, or one it was branched from. */
  readonly home: string;
  /** Whose rows it holds. Absent: of all shards, as where a namespace has only one. */
  readonly shard?: number;
  /** 0 for a flush, one more than the largest input for a merge. */
  readonly level: number;
  /** Rows including dead ones. */
  readonly rows: number;
  readonly bytes: number;
  /** Record digest of all rows, dead ones included: the sum of their record hashes modulo 2^64. */
  readonly digest: bigint;
  /** What the API calls logical bytes: ids, vectors and attribute values, before any index. */
  readonly logicalBytes: number;
  /** One part: the object segment/<id>. More: segment/<id>/<part>. */
  readonly parts: readonly SegmentPart[];
  readonly root: SectionRange;
  readonly dead: DeadState;
  readonly schemaVersion: number;
  /** 0 when the segment is flat: its scan plane is read whole. */
  readonly clusters: number;
  readonly minId: DocumentId;
  readonly maxId: DocumentId;
  readonly createdMs: number;
}

export const noneDead: DeadState = {
  version: 0,
  rows: 0,
  name: "",
  bytes: 0,
  digest: 0n,
  home: "",
};

/**
 * Something that may be deleted once the grace has passed. All of it lies below the manifest's own
 * generation, but for refs: what an ancestor wrote is the ancestor's to delete.
 */
export type DeadObject =
  | { readonly kind: "segment"; readonly id: string; readonly parts: number }
  | { readonly kind: "bitmap"; readonly segment: string; readonly name: string }
  /** Entries from … to-1 with the attachments they name. */
  | { readonly kind: "wal"; readonly from: number; readonly to: number }
  | { readonly kind: "keys"; readonly name: string }
  /** This generation's ref below an ancestor of which nothing is named any more. */
  | { readonly kind: "ref"; readonly generation: string };

export interface DeadRecord {
  readonly object: DeadObject;
  /** The manifest version that no longer names it, and when that was committed. */
  readonly version: number;
  readonly sinceMs: number;
  /** What it takes on storage, parts of batches included. */
  readonly bytes: number;
}

/** Idempotency keys of flushed entries from … to-1, in one object; no others are remembered. */
export interface KeysRef {
  /** Last part of its key below `keys/`: unique per attempt. */
  readonly name: string;
  readonly from: number;
  readonly to: number;
  readonly keys: number;
  readonly bytes: number;
  /** When the last of its keys may be forgotten. */
  readonly untilMs: number;
}

/** Log entries from … to-1 that lie below a generation this one was branched from. */
export interface InheritedLog {
  readonly generation: string;
  readonly from: number;
  readonly to: number;
}

/** What a generation began as. */
export interface Origin {
  /** A copy shares its source's objects only until it has written its own. */
  readonly kind: "branch" | "copy" | "snapshot" | "restore";
  /** The name it began from. */
  readonly name: string;
}

export interface Manifest {
  readonly generation: string;
  /** Generation whose rotation the vectors are coded under: the first ancestor's. */
  readonly seed: string;
  readonly version: number;
  readonly epoch: number;
  /** 16 random bytes: no two manifests are ever byte-identical. */
  readonly nonce: Uint8Array;
  readonly committedMs: number;
  readonly createdMs: number;
  /** Time of the newest write of documents below the floor, and of documents or schema. */
  readonly lastWriteMs: number;
  readonly updatedMs: number;
  /** Time of the newest entry below the floor, whatever it holds. */
  readonly lastMs: number;
  /** WAL entries below are in segments; entries from here on are the tail. */
  readonly floor: number;
  /** Hash of entry floor-1; 32 zero bytes while the floor is 0. */
  readonly floorHash: Uint8Array;
  /** As of the floor. */
  readonly schema: Schema;
  readonly settings: Settings;
  /** Where the generation began as something else; undefined if it began empty. */
  readonly origin: Origin | undefined;
  readonly segments: readonly SegmentInfo[];
  /**
   * Where the tail's entries lie before the generation's own begin: contiguous, in order, none
   * below the floor.
   */
  readonly inherited: readonly InheritedLog[];
  /** Oldest first. */
  readonly keys: readonly KeysRef[];
  /** Ids of the newest applied deltas, oldest first. */
  readonly applied: readonly string[];
  readonly dead: readonly DeadRecord[];
}

/** What a job asks the owner to change. Applied to the manifest as it is then, or refused whole. */
export interface Delta {
  readonly id: string;
  readonly job: string;
  /** Inputs that vanish, each at the dead version the job has accounted for. */
  readonly remove: readonly { readonly segment: string; readonly deadVersion: number }[];
  readonly add: readonly SegmentInfo[];
  /** Segments that stay and lose rows. */
  readonly dead: readonly {
    readonly segment: string;
    readonly from: number;
    readonly to: DeadState;
  }[];
  /** Flushes only: the WAL range [from, to) that `add` replaces. */
  readonly floor?: FloorMove;
  /** Flushes only. */
  readonly keys?: KeysChange;
}

/** Objects of idempotency keys that go, and the one that takes their place or joins them. */
export interface KeysChange {
  /** Names. */
  readonly remove: readonly string[];
  readonly add: readonly KeysRef[];
}

export interface FloorMove {
  readonly from: number;
  readonly to: number;
  /** Hash of entry to-1. */
  readonly hash: Uint8Array;
  readonly schema: Schema;
  readonly settings: Settings;
  readonly lastWriteMs: number;
  readonly updatedMs: number;
  readonly lastMs: number;
  /** Slots of the range that were known to be skipped. */
  readonly skipped?: readonly number[];
}

/** Entries from … to-1. */
export interface WalRange {
  readonly from: number;
  readonly to: number;
}
