/**
 * Who may share the next log entries, decided before any of them is written. Pure.
 *
 * Every member that waits moves the *outlook*: the namespace as it will be once all of them are
 * committed. The next member must fit that, not the present: a batch must be encoded under the
 * schema as it will be then, and nothing follows a tombstone. All other wishes write nothing, fit
 * always, and are answered with the truth when their turn comes.
 */
import { applyAddition, type Schema } from "../document/schema.ts";
import { applySettings, type Settings } from "../document/settings.ts";
import type { EngineError } from "../errors.ts";
import { equalBytes } from "../format/envelope.ts";
import type { OpenedWalEntry, WalMember, WriteKey } from "../format/wal.ts";
import { countsOf, type KeyRecord, keysOfEntry } from "../format/write-keys.ts";
import { limits } from "../limits.ts";
import type { Conflict } from "./id-memory.ts";
import type { CommitReply, CommitRequest, Committed, NamespaceDescription } from "./protocol.ts";
import { exists, type NamespaceState } from "./state.ts";

/** The life that the log ends with, prepared for a name that is set like this. */
export interface Successor {
  readonly generation: string;
  readonly settings: Settings;
}

export type Wish =
  | { readonly kind: "batch"; readonly request: CommitRequest }
  | { readonly kind: "tombstone"; readonly generation: string; readonly successor?: Successor }
  /** An entry without members, unless others come along. */
  | { readonly kind: "fence" }
  /** How are things? */
  | { readonly kind: "question" }
  /** Work that runs alone, between entries; what it returns runs behind its answer. */
  | { readonly kind: "turn"; readonly run: TurnWork }
  /** What became of the write under this key? If it is empty, there may be none. */
  | { readonly kind: "repeat"; readonly key: WriteKey; readonly isEmpty: boolean }
  | ({ readonly kind: "refusal" } & (
      | { readonly conflict: Conflict }
      | { readonly error: EngineError }
    ));

/** What it returns is to be done before others are served, but behind the answer. */
export type TurnWork = () => Promise<(() => Promise<void>) | undefined>;

export interface Outlook {
  readonly generation: string;
  readonly ended: boolean;
  readonly schema: Schema;
  readonly settings: Settings;
}

export function writes({ kind }: Wish): boolean {
  return kind === "batch" || kind === "tombstone" || kind === "fence";
}

/** The writer may have been heard: who repeats is not the first to send this. */
export function mayBeDurable(wish: Wish): boolean {
  return writes(wish) || wish.kind === "repeat" || wish.kind === "turn";
}

/** The outlook once the wish, which fits, is committed too. */
export function lookPast(outlook: Outlook, wish: Wish): Outlook {
  switch (wish.kind) {
    case "batch": {
      const { addition, settings } = wish.request;
      return {
        ...outlook,
        schema: applyAddition(outlook.schema, addition),
        settings: applySettings(outlook.settings, settings),
      };
    }
    case "tombstone":
      return { ...outlook, ended: true };
    case "turn":
    case "fence":
    case "question":
    case "repeat":
    case "refusal":
      return outlook;
  }
}

/** How many of the members that wait go together: a turn alone, nothing with what ends a life. */
export function groupLength(
  members: readonly { readonly wish: Wish; readonly bytes: number }[],
): number {
  let bytes = 0;
  for (const [count, { wish, bytes: more }] of members.entries()) {
    const isTurn = wish.kind === "turn";
    bytes += more;
    if (count > 0 && (isTurn || bytes > limits.groupBytesMax)) {
      return count;
    }
    if (isTurn || wish.kind === "tombstone") {
      return count + 1;
    }
  }
  return members.length;
}

/** What the entry that carries out the wishes holds. `before`: the schema it begins under. */
export function walMembers(wishes: readonly Wish[], before: Schema): WalMember[] {
  let schema = before;
  return wishes.flatMap((wish): WalMember[] => {
    switch (wish.kind) {
      case "batch": {
        const { addition, upserts, deletes, chunks, key, settings, counts } = wish.request;
        schema = applyAddition(schema, addition);
        const schemaVersion = schema.version;
        const member = { schemaVersion, addition, upserts, deletes, chunks };
        const named = key === undefined ? {} : { key };
        const told = counts === undefined ? {} : { counts };
        return [{ kind: "batch", ...member, ...named, ...told, ...(settings ? { settings } : {}) }];
      }
      case "tombstone":
        return wish.successor === undefined
          ? [{ kind: "tombstone" }]
          : [{ kind: "tombstone", successor: wish.successor.generation }];
      case "fence":
      case "question":
      case "turn":
      case "repeat":
      case "refusal":
        return [];
    }
  });
}

/**
 * What a member is answered, or what it is refused with. `entry`: what made its group durable;
 * `find`: the write committed under a key.
 */
export function answerWish(
  wish: Wish,
  entry: OpenedWalEntry | undefined,
  state: NamespaceState,
  find: (id: Uint8Array) => KeyRecord | undefined,
): CommitReply | EngineError {
  const stale: CommitReply = { kind: "stale", now: describe(state) };
  switch (wish.kind) {
    case "batch":
      return entry === undefined
        ? stale
        : committed({ ...entry, ...countsOf(wish.request) }, false);
    case "tombstone":
    case "fence":
      return entry === undefined
        ? stale
        : committed({ ...entry, ...countsOf({ upserts: 0, deletes: 0 }) }, false);
    case "question":
    case "turn":
      return stale;
    case "repeat": {
      // What ends a life makes its memory go, but not what shares the entry.
      const here = entry && keysOfEntry(entry).find(({ id }) => equalBytes(id, wish.key.id));
      const record = here ?? find(wish.key.id);
      const otherwise = wish.isEmpty ? ({ kind: "nothing" } as const) : stale;
      return record === undefined ? otherwise : committed(record, true);
    }
    case "refusal":
      return "error" in wish
        ? wish.error
        : { kind: "conflict", next: state.next, ids: wish.conflict.ids };
  }
}

function committed(
  { sequence, timeMs, upserts, patches, deletes, remain }: Omit<KeyRecord, keyof WriteKey>,
  repeated: boolean,
): Committed {
  const counts = { upserts, patches, deletes, remain };
  return { kind: "committed", sequence, timeMs, ...counts, repeated };
}

/** Asks for nothing but what its key stands for. */
export function isEmptyRequest(request: CommitRequest): boolean {
  const { upserts, deletes, addition, settings } = request;
  return upserts + deletes === 0 && addition === undefined && settings === undefined;
}

/** Memory a request takes while it waits. */
export function requestBytes({ chunks, touches, reads }: CommitRequest): number {
  return chunks.reduce(
    (sum, chunk) => sum + (chunk.kind === "inline" ? chunk.bytes.length : 0),
    256 + (touches?.byteLength ?? 0) + (reads?.ids.byteLength ?? 0),
  );
}

export function describe(state: NamespaceState): NamespaceDescription {
  const { generation, schema, settings } = state;
  return {
    exists: exists(state),
    generation,
    schema,
    ...(settings.readOnly ? { readOnly: true } : {}),
    ...(settings.shards > 0 ? { shards: settings.shards } : {}),
  };
}
