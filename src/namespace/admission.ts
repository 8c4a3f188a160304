/**
 * What becomes of a wish that arrives, given all that wait before it. Pure but for what it notes of
 * them in the memories of the namespace's life.
 *
 *   fits the outlook        it joins (group.ts)
 *   known key               the write was committed or waits: it is answered what that is answered
 *   known key, other body   refused
 *   read what has changed   refused: touched by an entry, by the group in flight or by what waits
 *   read-only by then       refused, unless it ends that
 *   anything else           a question: its writer hears how things are
 *
 * Whatever does not join waits in its place all the same, and is answered once all before it is
 * durable: so nobody hears of anything that could still be lost.
 */
import { encodeHex } from "../bytes/hex.ts";
import { sameSettings } from "../document/settings.ts";
import { EngineError } from "../errors.ts";
import { equalBytes } from "../format/envelope.ts";
import type { OpenedWalEntry, WriteKey } from "../format/wal.ts";
import { keysOfEntry } from "../format/write-keys.ts";
import { isEmptyRequest, lookPast, type Outlook, type Wish } from "./group.ts";
import { type Conflict, IdMemory } from "./id-memory.ts";
import { KeyMemory } from "./key-memory.ts";
import type { CommitRequest } from "./protocol.ts";
import { readOnlyError } from "./refusals.ts";
import type { NamespaceState } from "./state.ts";

/** What a life of a name remembers of its writes. Lost with the instance. */
export interface CommitMemory {
  readonly keys: KeyMemory;
  readonly ids: IdMemory;
}

/** Of a life that begins. */
export function emptyMemory(): CommitMemory {
  return { keys: new KeyMemory(0), ids: new IdMemory(0) };
}

export class Admission {
  readonly #memory: CommitMemory;
  readonly #state: () => NamespaceState;
  #outlook: Outlook;
  /** A turn may change everything: what waits behind it arrives once it is over. */
  #isBehindTurn = false;
  /** Keys of writes that wait, by id in hex. */
  readonly #waiting = new Map<string, WriteKey>();

  /** Nobody waits yet. */
  constructor(memory: CommitMemory, state: () => NamespaceState) {
    this.#memory = memory;
    this.#state = state;
    this.#outlook = state();
  }

  /** The wish as it will wait. */
  admit(wish: Wish): Wish {
    if (this.#isBehindTurn) {
      return wish;
    }
    const outlook = this.#outlook;
    switch (wish.kind) {
      case "batch": {
        const isHere = !outlook.ended && wish.request.generation === outlook.generation;
        return isHere ? this.#admitBatch(wish.request) : { kind: "question" };
      }
      case "tombstone":
        if (outlook.ended || wish.generation !== outlook.generation) {
          return { kind: "question" };
        }
        if (wish.successor !== undefined) {
          if (outlook.settings.readOnly) return { kind: "refusal", error: readOnlyError() };
          // Somebody has set it otherwise since.
          if (!sameSettings(outlook.settings, wish.successor.settings)) return { kind: "question" };
        }
        this.#outlook = lookPast(outlook, wish);
        return wish;
      case "fence":
        return outlook.ended ? { kind: "question" } : wish;
      case "turn":
        this.#isBehindTurn = true;
        return wish;
      case "question":
      case "repeat":
        return wish;
      case "refusal":
        // It was refused because of what waited before it, and the log went on otherwise.
        return { kind: "question" };
    }
  }

  /** An entry of ours is durable, and these wait behind it. */
  stored(entry: OpenedWalEntry, behind: readonly Wish[]): void {
    for (const { id } of keysOfEntry(entry)) {
      this.#waiting.delete(encodeHex(id));
    }
    for (const wish of behind) {
      if (wish.kind === "batch") {
        this.#touch(wish.request);
      }
    }
  }

  /** A write under this key was committed or waits. */
  knows({ id }: WriteKey): boolean {
    return this.#waiting.has(encodeHex(id)) || this.#memory.keys.find(id) !== undefined;
  }

  #admitBatch(request: CommitRequest): Wish {
    const { key } = request;
    const known = key && (this.#waiting.get(encodeHex(key.id)) ?? this.#memory.keys.find(key.id));
    if (key !== undefined && known !== undefined) {
      return equalBytes(known.body, key.body)
        ? { kind: "repeat", key, isEmpty: false }
        : { kind: "refusal", error: otherBody() };
    }
    if (key !== undefined && isEmptyRequest(request)) {
      return { kind: "repeat", key, isEmpty: true };
    }
    if (request.schemaVersion !== this.#outlook.schema.version) {
      return { kind: "question" };
    }
    if (this.#changesShards(request)) {
      return { kind: "question" };
    }
    if (this.#outlook.settings.readOnly && request.settings?.readOnly !== false) {
      const isChange = request.upserts + request.deletes > 0 || request.addition !== undefined;
      if (isChange) return { kind: "refusal", error: readOnlyError() };
    }
    const conflict = this.#conflict(request);
    if (conflict !== undefined) {
      return { kind: "refusal", conflict };
    }
    const wish: Wish = { kind: "batch", request };
    this.#outlook = lookPast(this.#outlook, wish);
    this.#touch(request);
    if (key !== undefined) {
      this.#waiting.set(encodeHex(key.id), key);
    }
    return wish;
  }

  /** Another was first, and decided it. */
  #changesShards({ settings }: CommitRequest): boolean {
    const { shards } = this.#outlook.settings;
    const isFirst = this.#state().next === 0 && shards === 0;
    return settings?.shards !== undefined && settings.shards !== shards && !isFirst;
  }

  #conflict({ reads }: CommitRequest): Conflict | undefined {
    if (reads === undefined) {
      return undefined;
    }
    // Who looked into the log itself may have seen an entry that is news to its own owner.
    return reads.next > this.#state().next
      ? { ids: new Uint32Array(0) }
      : this.#memory.ids.conflict(reads.ids, reads.next);
  }

  #touch({ touches, upserts, deletes }: CommitRequest): void {
    if (upserts + deletes > 0) {
      this.#memory.ids.record(touches, this.#state().next);
    }
  }
}

function otherBody(): EngineError {
  const text = "this Idempotency-Key was used for a write with another body";
  return new EngineError("conflict", `💔 ${text}`, { field: "Idempotency-Key" });
}
