/**
 * Pages of one query, all of one snapshot, however much is written meanwhile.
 *
 *   1. The first page pins the newest manifest and its tail: a collection spares what they name.
 *   2. A later page renews the pin and takes its snapshot again, in any isolate. In the order of
 *      ids it goes on behind the last id, without end; in any other order it leaves out the rows
 *      that were there before, as `offset` does, up to the limit of that.
 *   3. A page that is not full is the last, and releases the pin. One that is given up ends it
 *      by itself, a quarter of an hour later.
 *
 * Cost of a page: a call of the owner, the manifest and the tail (pinned.ts), the query.
 */
import type { DocumentId } from "./document/id.ts";
import { EngineError, invalid, isEngineError } from "./errors.ts";
import { limits } from "./limits.ts";
import { type NamespaceApi, replyValue } from "./namespace/protocol.ts";
import { pinnedSnapshot } from "./pinned.ts";
import type { Query } from "./query/query.ts";
import { type Parts, type PartsResult, searchParts } from "./search-parts.ts";
import type { SearchPorts } from "./search-ports.ts";
import type { SnapshotTarget } from "./snapshot.ts";

export interface PageTarget extends SnapshotTarget {
  readonly owner: NamespaceApi;
}

export type RowQuery = Omit<Query, "consistency" | "disableCache">;

/** Where the next page begins: behind an id, or behind so many rows. */
export type PagePlace =
  | { readonly kind: "after"; readonly id: DocumentId }
  | { readonly kind: "rows"; readonly count: number };

export interface PageCursor {
  /** Id of the pin. */
  readonly pin: string;
  readonly place: PagePlace;
}

export interface Page {
  readonly result: PartsResult;
  /** Undefined: this was the last page. */
  readonly next: PageCursor | undefined;
}

/** Throws what `search` throws, and `gone` once the pin of the cursor has ended. */
export async function searchPage(
  ports: SearchPorts,
  target: PageTarget,
  query: RowQuery,
  asked: Pick<Parts, "consistency" | "disableCache">,
  cursor?: PageCursor,
): Promise<Page> {
  const { tenant, name, owner } = target;
  const pinned = queryAt(query, cursor?.place);
  const pin = replyValue(
    cursor === undefined
      ? await owner.pin(tenant, name)
      : await owner.renewPin(tenant, name, cursor.pin),
  );
  if (pin === undefined) throw pinEnded();
  const parts: Parts = { ...asked, parts: [{ kind: "rows", query: pinned }], fusion: undefined };
  try {
    const snapshot = await pinnedSnapshot(ports, tenant, pin);
    const result = await searchParts(ports, { ...target, snapshot }, parts);
    const place = nextPlace(query, pinned, cursor?.place, result);
    if (place === undefined) await release(target, pin.id);
    return { result, next: place && { pin: pin.id, place } };
  } catch (error) {
    if (cursor === undefined) await release(target, pin.id);
    throw isEngineError(error, "notFound") ? pinEnded() : error;
  }
}

/** It ends by itself if this does not arrive. */
async function release({ tenant, name, owner }: PageTarget, pin: string): Promise<void> {
  await owner.releasePin(tenant, name, pin).catch(() => undefined);
}

/** The query of one page. */
function queryAt(query: RowQuery, place: PagePlace | undefined): RowQuery {
  const direction = directionOf(query);
  if (direction !== undefined) {
    const { filters } = query;
    const given = filters === undefined ? [] : [filters];
    const bound = place?.kind === "after" ? [["id", direction, place.id]] : [];
    // The first page has the form of all others, so what is too deep is so at once.
    return place === undefined && given.length === 0
      ? query
      : { ...query, filters: ["And", [...bound, ...given]], offset: place ? 0 : query.offset };
  }
  const offset = query.offset + (place?.kind === "rows" ? place.count : 0);
  if (offset >= limits.topKMax) {
    const text = `💔 only the first ${limits.topKMax} rows can be paged through, but for the order of \`id\``;
    throw invalid(text, "cursor");
  }
  return { ...query, offset, limit: Math.min(query.limit, limits.topKMax - offset) };
}

/** How ids follow one another, if the query is in their order. */
function directionOf({ rank, per }: RowQuery): "Gt" | "Lt" | undefined {
  if (per !== undefined) return undefined;
  if (rank.kind === "id") return rank.descending ? "Lt" : "Gt";
  const [first, ...others] = rank.kind === "order" ? rank.keys : [];
  const isById = first?.attribute === "id" && others.length === 0;
  return isById ? (first.descending ? "Lt" : "Gt") : undefined;
}

function nextPlace(
  query: RowQuery,
  pinned: RowQuery,
  place: PagePlace | undefined,
  { parts }: PartsResult,
): PagePlace | undefined {
  const [part] = parts;
  const rows = part?.kind === "rows" ? part.rows : [];
  const last = rows.at(-1);
  if (last === undefined || rows.length < pinned.limit) return undefined;
  if (directionOf(query) !== undefined) return { kind: "after", id: last.id };
  return { kind: "rows", count: (place?.kind === "rows" ? place.count : 0) + rows.length };
}

function pinEnded(): EngineError {
  const text = "the pages of this query were left alone for too long, or its namespace was deleted";
  return new EngineError("gone", `${text}; begin anew`);
}
