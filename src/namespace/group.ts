/**
 * Who may share the next log entries, decided before any of them is written. Pure.
 *
 * Every member that waits moves the *outlook*: the namespace as it will be once all of them are
 * committed. The next member must fit that, not the present: a batch must be encoded under the
 * schema as it will be then, and nothing follows a tombstone. A question fits always, writes
 * nothing, and is answered with the truth when its turn comes.
 */
import { applyAddition, type Schema } from "../document/schema.ts";
import type { WalMember } from "../format/wal.ts";
import type { CommitRequest, NamespaceDescription } from "./protocol.ts";
import { exists, type NamespaceState } from "./state.ts";

export type Wish =
  | { readonly kind: "batch"; readonly request: CommitRequest }
  | { readonly kind: "tombstone"; readonly generation: string }
  | { readonly kind: "question" };

export interface Outlook {
  readonly generation: string;
  readonly ended: boolean;
  readonly schema: Schema;
}

export function fits(outlook: Outlook, wish: Wish): boolean {
  switch (wish.kind) {
    case "batch": {
      const { generation, schemaVersion } = wish.request;
      return (
        !outlook.ended &&
        generation === outlook.generation &&
        schemaVersion === outlook.schema.version
      );
    }
    case "tombstone":
      return !outlook.ended && wish.generation === outlook.generation;
    case "question":
      return true;
  }
}

/** The outlook once the wish, which fits, is committed too. */
export function lookPast(outlook: Outlook, wish: Wish): Outlook {
  const { generation, ended, schema } = outlook;
  switch (wish.kind) {
    case "batch":
      return { generation, ended, schema: applyAddition(schema, wish.request.addition) };
    case "tombstone":
      return { generation, ended: true, schema };
    case "question":
      return outlook;
  }
}

/** What the entry that carries out the wishes holds. `before`: the schema it begins under. */
export function walMembers(wishes: readonly Wish[], before: Schema): WalMember[] {
  let schema = before;
  return wishes.flatMap((wish): WalMember[] => {
    switch (wish.kind) {
      case "batch": {
        const { addition, upserts, deletes, chunks } = wish.request;
        schema = applyAddition(schema, addition);
        const schemaVersion = schema.version;
        return [{ kind: "batch", schemaVersion, addition, upserts, deletes, chunks }];
      }
      case "tombstone":
        return [{ kind: "tombstone" }];
      case "question":
        return [];
    }
  });
}

/** Memory a request takes while it waits. */
export function requestBytes(request: CommitRequest): number {
  return request.chunks.reduce(
    (sum, chunk) => sum + (chunk.kind === "inline" ? chunk.bytes.length : 0),
    256,
  );
}

export function describe(state: NamespaceState): NamespaceDescription {
  return { exists: exists(state), generation: state.generation, schema: state.schema };
}
