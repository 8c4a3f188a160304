/**
 * Entries of the log in wal-model.ts. A model's state names them by number; equal entries have one
 * number, and an entry knows the one before it, so a number stands for a whole log. What a log
 * means is asked of the code of src/, once for each.
 */
import { applyAddition, emptySchema, type SchemaAddition } from "../../src/document/schema.ts";
import type { OpenedWalEntry, WalMember } from "../../src/format/wal.ts";
import { keysOfEntry } from "../../src/format/write-keys.ts";
import { Admission } from "../../src/namespace/admission.ts";
import { type Wish, walMembers } from "../../src/namespace/group.ts";
import { IdMemory } from "../../src/namespace/id-memory.ts";
import { KeyMemory } from "../../src/namespace/key-memory.ts";
import { protocolVersion } from "../../src/namespace/protocol.ts";
import {
  applyEntry,
  firstManifest,
  type NamespaceState,
  stateAtFloor,
  zeroHash,
} from "../../src/namespace/state.ts";

/**
 * What batches are: one that adds an attribute, so that those encoded before it must be encoded
 * again; one sent under an idempotency key; one decided from a document that all of them write.
 */
export type BatchKind = "grows" | "keyed" | "conditional";

/** One attempt to write a batch: what it was encoded under, which entries it was decided from. */
export type Member = number;

export function memberOf(batch: number, attempt: number, version: number, reads: number): Member {
  return ((batch * 16 + reads) * 4 + attempt) * 4 + version;
}

export function batchOf(member: Member): number {
  return member >> 8;
}

export function attemptOf(member: Member): number {
  return (member >> 2) & 3;
}

function versionOf(member: Member): number {
  return member & 3;
}

function readsOf(member: Member): number {
  return (member >> 4) & 15;
}

export interface SealedEntry {
  readonly previous: number;
  readonly epoch: number;
  /** 16 times the instance, plus the number of its entry. */
  readonly nonce: number;
  readonly members: readonly Member[];
}

interface Entry extends SealedEntry {
  readonly sequence: number;
  readonly stored: readonly WalMember[];
}

const generation = "0".repeat(32);
const growth: SchemaAddition = {
  idKind: "uint",
  attributes: new Map([["a", { type: "int", filterable: true }]]),
};

/** Of the one document that all batches write. */
const document = Uint32Array.of(1, 1);

export class WalLog {
  readonly #kinds: readonly BatchKind[];
  readonly #numbers = new Map<string, number>();
  readonly #entries: Entry[] = [
    { previous: 0, epoch: 0, nonce: -1, members: [], sequence: -1, stored: [] },
  ];
  readonly #states: NamespaceState[] = [stateAtFloor(firstManifest(generation), true)];
  readonly #members: (readonly Member[])[] = [[]];
  readonly #faults = new Map<number, string | undefined>();
  readonly #admitted = new Map<string, Wish["kind"]>();
  readonly #wishes = new Map<Member, Wish>();

  constructor(kinds: readonly BatchKind[]) {
    this.#kinds = kinds;
  }

  /** The number of the entry. Its predecessor's log is sound. */
  seal(sealed: SealedEntry): number {
    const { previous, epoch, nonce, members } = sealed;
    const key = `${previous} ${epoch} ${nonce} ${members.join()}`;
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const number = this.#entries.length;
    const before = this.#states[previous] as NamespaceState;
    const wishes = members.map((member) => this.#wish(member));
    const stored = walMembers(wishes, before.schema);
    this.#entries.push({ ...sealed, sequence: this.sequence(previous) + 1, stored });
    this.#members.push([...this.members(previous), ...members]);
    this.#states.push(applyEntry(before, this.#opened(number), 1));
    this.#numbers.set(key, number);
    return number;
  }

  sequence(entry: number): number {
    return (this.#entries[entry] as Entry).sequence;
  }

  next(tip: number): number {
    return (this.#states[tip] as NamespaceState).next;
  }

  previous(entry: number): number {
    return (this.#entries[entry] as Entry).previous;
  }

  epoch(entry: number): number {
    return (this.#entries[entry] as Entry).epoch;
  }

  schemaVersion(tip: number): number {
    return (this.#states[tip] as NamespaceState).schema.version;
  }

  /** Of the whole log that ends with this entry. */
  members(tip: number): readonly Member[] {
    return this.#members[tip] as readonly Member[];
  }

  /** No two entries are equal, so the number will do. */
  bytes(entry: number): Uint8Array {
    if (entry === 0) return zeroHash;
    return Uint8Array.of(entry >>> 24, entry >>> 16, entry >>> 8, entry);
  }

  /**
   * What becomes of a member that arrives behind the log and those ahead of it: "batch" if it may
   * join. The instance has read the keys of entries from `keys` on, seen what entries from
   * `touched` on touched, and says that it knows of all from `ids` on.
   */
  admit(
    tip: number,
    memories: { readonly keys: number; readonly touched: number; readonly ids: number },
    ahead: readonly Member[],
    member: Member,
  ): Wish["kind"] {
    const { keys, touched, ids } = memories;
    const key = `${tip} ${keys} ${touched} ${ids} ${ahead.join()} ${member}`;
    const known = this.#admitted.get(key);
    if (known !== undefined) return known;
    const memory = { keys: new KeyMemory(0), ids: new IdMemory(ids) };
    for (const entry of this.#entriesTo(tip)) {
      const { sequence, stored } = this.#entries[entry] as Entry;
      if (sequence >= keys) memory.keys.remember(keysOfEntry(this.#opened(entry)));
      if (sequence >= touched && stored.length > 0) memory.ids.record(document, sequence);
    }
    const admission = new Admission(memory, () => this.#states[tip] as NamespaceState);
    for (const one of ahead) admission.admit(this.#wish(one));
    const { kind } = admission.admit(this.#wish(member));
    this.#admitted.set(key, kind);
    return kind;
  }

  /** Why the entry cannot come next, or undefined. */
  continues(tip: number, entry: number): string | undefined {
    const key = tip * 0x10_0000 + entry;
    if (!this.#faults.has(key)) this.#faults.set(key, this.#fault(tip, entry));
    return this.#faults.get(key);
  }

  /** The log that a recovery finds: from the floor to the first free slot. */
  read(
    floorTip: number,
    wal: readonly number[],
  ): { readonly tip: number; readonly fault: string | undefined } {
    let tip = floorTip;
    let fault: string | undefined;
    let slot = this.next(floorTip);
    for (; (wal[slot] ?? 0) !== 0; slot++) {
      fault ??= this.continues(tip, wal[slot] as number);
      tip = wal[slot] as number;
    }
    for (let beyond = slot; beyond < wal.length; beyond++) {
      if (wal[beyond] !== 0) fault ??= `entry ${slot} is missing below entry ${beyond}`;
    }
    return { tip, fault };
  }

  /** Where an epoch is smaller than the one before. */
  epochFall(tip: number): number | undefined {
    for (let at = tip; at !== 0; at = this.previous(at)) {
      if (this.epoch(at) < this.epoch(this.previous(at))) return this.sequence(at);
    }
    return undefined;
  }

  /** An instance older than this one that has an entry at the slot or later. */
  lateEntry(tip: number, slot: number, instance: number): number | undefined {
    for (let at = tip; at !== 0 && this.sequence(at) >= slot; at = this.previous(at)) {
      const writer = (this.#entries[at] as Entry).nonce >> 4;
      if (writer < instance) return writer;
    }
    return undefined;
  }

  #entriesTo(tip: number): number[] {
    const entries: number[] = [];
    for (let at = tip; at !== 0; at = this.previous(at)) entries.push(at);
    return entries.reverse();
  }

  #fault(tip: number, entry: number): string | undefined {
    const state = this.#states[tip] as NamespaceState;
    const { members, sequence } = this.#entries[entry] as Entry;
    let { schema } = state;
    for (const [i, member] of members.entries()) {
      const wish = this.#wish(member);
      if (wish.kind !== "batch") continue;
      if (wish.request.schemaVersion !== schema.version) {
        return `entry ${sequence} holds a batch encoded under a schema that was no longer so`;
      }
      const isLate = i > 0 || this.#lastWrite(tip) >= readsOf(member);
      if (this.#kinds[batchOf(member)] === "conditional" && isLate) {
        return `entry ${sequence} holds a write decided from what had changed since`;
      }
      schema = applyAddition(schema, wish.request.addition);
    }
    try {
      applyEntry(state, this.#opened(entry), 1);
      return undefined;
    } catch (error) {
      return String(error);
    }
  }

  /** The last entry with members; -1: none. */
  #lastWrite(tip: number): number {
    let at = tip;
    while (at !== 0 && (this.#entries[at] as Entry).members.length === 0) at = this.previous(at);
    return this.sequence(at);
  }

  #opened(number: number): OpenedWalEntry {
    const { previous, sequence, epoch, nonce, stored } = this.#entries[number] as Entry;
    return {
      generation,
      sequence,
      epoch,
      nonce: Uint8Array.of(nonce),
      previous: this.bytes(previous),
      timeMs: 0,
      members: stored,
      hash: this.bytes(number),
    };
  }

  #wish(member: Member): Wish {
    const known = this.#wishes.get(member);
    if (known !== undefined) return known;
    const kind = this.#kinds[batchOf(member)];
    const schemaVersion = versionOf(member);
    // Nobody had added the attribute when it was encoded.
    const adds = kind === "grows" && schemaVersion === emptySchema.version;
    const id = new Uint8Array(16).fill(batchOf(member));
    const reads = { next: readsOf(member), ids: document, refusals: 0 };
    const wish: Wish = {
      kind: "batch",
      request: {
        protocol: protocolVersion,
        tenant: "t",
        name: "n",
        generation,
        schemaVersion,
        addition: adds ? growth : undefined,
        upserts: 1,
        deletes: 0,
        chunks: [],
        disableBackpressure: false,
        touches: document,
        ...(kind === "keyed" ? { key: { id, body: id, keepMs: 1 } } : {}),
        ...(kind === "conditional" ? { reads } : {}),
      },
    };
    this.#wishes.set(member, wish);
    return wish;
  }
}
