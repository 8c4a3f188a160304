/**
 * What a write is decided from: the documents of one strong snapshot, read by ordinary queries, so
 * that filters mean here what they mean there. Keeps the ids of all that was asked about, absent
 * ones included: they are what the decision depends on.
 *
 *   documents   of these ids, in order of id, a few MiB at a time
 *   matching    ids of documents that a filter matches, in order
 *
 * Cost: a query for each slice of documents; for matches see search-ids.ts.
 */
import type { Filter } from "./document/filter.ts";
import { compareIds, type DocumentId } from "./document/id.ts";
import type { Schema } from "./document/schema.ts";
import { limits } from "./limits.ts";
import { bindQuery } from "./query/bind.ts";
import type { AttributeChoice, Query } from "./query/query.ts";
import type { ResultRow } from "./query/result.ts";
import { runQuery } from "./search.ts";
import { searchIds } from "./search-ids.ts";
import type { SearchContext } from "./search-ports.ts";

export interface DecisionSource {
  readonly generation: string;
  readonly schema: Schema;
  /** Of all documents; what a query would be billed for. */
  readonly logicalBytes: number;
  /**
   * Those of the documents that exist. Ends early once `visit` returns false: later ids were not
   * asked about then. Unknown names of attributes are ignored.
   */
  documents(
    ids: readonly DocumentId[],
    attributes: AttributeChoice,
    visit: (row: ResultRow) => boolean,
  ): Promise<void>;
  /** At most `idsMax` of those that pass `isWanted`. They count as asked about. */
  matching(
    filter: Filter,
    idsMax: number,
    isWanted: (id: DocumentId) => boolean,
  ): Promise<readonly DocumentId[]>;
  /** Says that the decision depends on these. */
  dependsOn(ids: readonly DocumentId[]): void;
}

/** Documents read at a time, by their average size. */
const sliceBytes = 8 * 1024 * 1024;

/** Of a namespace that does not exist, without a context. */
export class SnapshotSource implements DecisionSource {
  readonly generation: string;
  readonly schema: Schema;
  readonly #context: SearchContext | undefined;
  readonly #asked: (readonly DocumentId[])[] = [];

  constructor(generation: string, schema: Schema, context: SearchContext | undefined) {
    this.generation = generation;
    this.schema = schema;
    this.#context = context;
  }

  /** All that was asked about, some perhaps more than once. */
  get asked(): readonly DocumentId[] {
    return this.#asked.flat();
  }

  get logicalBytes(): number {
    return this.#context === undefined ? 0 : storedBytes(this.#context);
  }

  dependsOn(ids: readonly DocumentId[]): void {
    this.#asked.push(ids);
  }

  async documents(
    ids: readonly DocumentId[],
    attributes: AttributeChoice,
    visit: (row: ResultRow) => boolean,
  ): Promise<void> {
    const context = this.#context;
    if (context === undefined || this.schema.idKind === undefined) {
      this.dependsOn(ids);
      return;
    }
    const sorted = ids.toSorted(compareIds);
    const step = sliceRows(context);
    for (let at = 0; at < sorted.length; at += step) {
      const some = sorted.slice(at, at + step);
      this.dependsOn(some);
      const bound = bindQuery(queryOf(some, this.#known(attributes)), this.schema);
      const { rows } = await runQuery(context, bound, context.ports.clock.now());
      if (!rows.every((row) => visit(row))) {
        return;
      }
    }
  }

  async matching(
    filter: Filter,
    idsMax: number,
    isWanted: (id: DocumentId) => boolean,
  ): Promise<readonly DocumentId[]> {
    const context = this.#context;
    const isEmpty = context === undefined || this.schema.idKind === undefined;
    const found = isEmpty ? [] : await searchIds(context, filter, idsMax, isWanted);
    this.dependsOn(found);
    return found;
  }

  #known(choice: AttributeChoice): AttributeChoice {
    return choice.kind === "all"
      ? choice
      : { ...choice, names: choice.names.filter((name) => this.schema.attributes.has(name)) };
  }
}

function storedBytes({ snapshot }: SearchContext): number {
  const { segments } = snapshot.manifest;
  return segments.reduce((sum, each) => sum + each.logicalBytes, snapshot.unindexedBytes);
}

function sliceRows(context: SearchContext): number {
  const { manifest, unindexedRows } = context.snapshot;
  const rows = manifest.segments.reduce((sum, segment) => sum + segment.rows, unindexedRows);
  const each = storedBytes(context) / Math.max(1, rows);
  const count = Math.floor(sliceBytes / Math.max(1, each));
  return Math.max(1, Math.min(limits.inListMax, count));
}

function queryOf(ids: readonly DocumentId[], attributes: AttributeChoice): Query {
  return {
    rank: { kind: "id", descending: false },
    limit: ids.length,
    offset: 0,
    filters: ["id", "In", ids],
    attributes,
    metric: undefined,
    consistency: "strong",
    disableCache: false,
  };
}
