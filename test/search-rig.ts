/**
 * A namespace with an owner, an isolate that searches it, and the oracle that knows the answers.
 * Documents have a vector and the attributes n (int), name (string), tags ([]string) and note
 * (string, not filterable).
 */
import { expect } from "vitest";
import { compact } from "../src/compact.ts";
import type { Batch } from "../src/document/batch.ts";
import type { DocumentId, IdKind } from "../src/document/id.ts";
import type {
  AttributeSchema,
  DistanceMetric,
  SchemaAddition,
  VectorElement,
} from "../src/document/schema.ts";
import { allocateVectors, narrowVector } from "../src/format/vector-element.ts";
import type { Kernels } from "../src/kernels/kernels.ts";
import { scalarKernels } from "../src/kernels/scalar.ts";
import type {
  HeadReply,
  Job,
  NamespaceApi,
  NamespaceDescription,
  Reply,
} from "../src/namespace/protocol.ts";
import type { ResultRow, SearchResult } from "../src/query/result.ts";
import { search } from "../src/search.ts";
import { type PartsResult, searchParts } from "../src/search-parts.ts";
import { createSearchMemory, type SearchPorts } from "../src/search-ports.ts";
import type { SnapshotTarget } from "../src/snapshot.ts";
import { BlockCache, type BlockCacheOptions } from "../src/store/block-cache.ts";
import { CountingStore } from "../src/store/counting-store.ts";
import { MemoryBudget, type MemoryBudgetOptions } from "../src/store/memory-budget.ts";
import type { WriteTarget } from "../src/submission.ts";
import { write } from "../src/write.ts";
import { parseParts } from "../workers/api/query-parts.ts";
import { parseQueryRequest } from "../workers/api/query-request.ts";
import { BruteForce, type OracleDocument, type OracleFilter } from "./oracle/brute-force.ts";
import { OwnerRig } from "./owner-rig.ts";

const attributeSchemas: readonly (readonly [string, AttributeSchema])[] = [
  ["n", { type: "int", filterable: true }],
  ["name", { type: "string", filterable: true }],
  ["tags", { type: "[]string", filterable: true }],
  ["note", { type: "string", filterable: false }],
];

export interface SearchRigOptions {
  readonly dims: number;
  readonly metric: DistanceMetric;
  /** Vectors are given as values of it. */
  readonly element: VectorElement;
  readonly idKind: IdKind;
  readonly kernels: Kernels;
  /** That the first write asks for; 0: none. */
  readonly shards: number;
  /** Attributes beside those that all have. */
  readonly more: readonly (readonly [string, AttributeSchema])[];
}

export interface IsolateOptions extends BlockCacheOptions {
  readonly budget?: MemoryBudgetOptions;
}

export class SearchRig extends OwnerRig {
  readonly options: SearchRigOptions;
  readonly oracle = new BruteForce();
  /** What queries read from the store: not the owner, not the jobs. */
  reads: CountingStore;
  /** Calls of `head`. */
  heads = 0;
  /** What the last of them said. */
  lastReply: Reply<HeadReply> | undefined;
  isolate: SearchPorts;
  readonly #descriptions = new Map<string, NamespaceDescription>();

  constructor(options: Partial<SearchRigOptions> = {}) {
    super();
    this.options = {
      dims: 4,
      metric: "euclidean_squared",
      element: "f32",
      idKind: "uint",
      kernels: scalarKernels,
      shards: 0,
      more: [],
      ...options,
    };
    this.reads = new CountingStore(this.faulty);
    this.isolate = this.newIsolate();
  }

  /** An isolate that knows nothing; the old one is forgotten. */
  newIsolate({ budget, ...cache }: IsolateOptions = {}): SearchPorts {
    this.reads = new CountingStore(this.faulty);
    this.isolate = {
      ...this.ports(),
      store: this.reads,
      kernels: this.options.kernels,
      cache: new BlockCache(cache),
      budget: new MemoryBudget(this.clock, budget),
      memory: createSearchMemory(),
      defer: () => {},
    };
    return this.isolate;
  }

  /** The owner as queries see it. */
  get target(): SnapshotTarget {
    const { tenant, name } = this;
    const head: NamespaceApi["head"] = async (request) => {
      this.heads += 1;
      this.lastReply = await this.owner.head(request);
      return this.lastReply;
    };
    return { tenant, name, owner: { head } };
  }

  /** The owner as writes see it. */
  get writeTarget(): WriteTarget {
    const { owner, tenant, name } = this;
    const memory = {
      recall: (key: string) => this.#descriptions.get(key),
      remember: (key: string, value: NamespaceDescription) => this.#descriptions.set(key, value),
    };
    return { tenant, name, owner, memory };
  }

  /** Three segments, one of what replaces some of it, and a tail that does so too. */
  async fill(count: number, documentAt: (id: number) => OracleDocument): Promise<void> {
    const put = (length: number, step: number, first: number, deletes: readonly number[] = []) =>
      this.put(
        Array.from({ length }, (_, i) => documentAt(i * step + first)),
        deletes,
      );
    for (const offset of [0, 1, 2]) {
      await put(count / 3, 3, offset);
      await this.flush();
    }
    await put(60, 31, 0, [600, 601, 602]);
    await this.flush();
    await put(40, 67, 5, [12, 13, 14, count - 1]);
  }

  async put(documents: readonly OracleDocument[], deletes: readonly DocumentId[] = []) {
    await this.clock.run(
      write(
        this.ports(),
        this.writeTarget,
        (schema) => ({
          batch: this.#toBatch(documents, deletes),
          addition: schema.version > 0 ? undefined : this.#addition(),
        }),
        {
          disableBackpressure: false,
          ...(this.options.shards > 0 ? { shards: this.options.shards } : {}),
        },
      ),
    );
    for (const document of documents) this.oracle.upsert(document);
    for (const id of deletes) this.oracle.delete(id);
  }

  /** Runs every job that is due until none is. */
  async flush(): Promise<void> {
    const { tenant, name } = this;
    await this.ask(this.owner.requestFlush(tenant, name));
    for (;;) {
      const job = await this.ask(this.owner.claim(tenant, name));
      if (job === undefined) return;
      await this.work(job);
    }
  }

  async work(job: Job): Promise<void> {
    const { tenant, name } = this;
    const ports = { ...this.ports(), kernels: this.options.kernels };
    await this.clock.run(compact({ ports, api: this.owner, identity: { tenant, name }, job }));
  }

  /** As JSON would bring it. */
  search(body: object): Promise<SearchResult> {
    return this.searchThrough(this.target.owner, body);
  }

  /** Several queries, or aggregates. */
  searchParts(body: object): Promise<PartsResult> {
    const { tenant, name, isolate } = this;
    const target = { tenant, name, owner: this.target.owner };
    return this.clock.run(searchParts(isolate, target, parseParts(body).asked));
  }

  searchThrough(owner: SnapshotTarget["owner"], body: object): Promise<SearchResult> {
    const target = { tenant: this.tenant, name: this.name, owner };
    return this.clock.run(search(this.isolate, target, parseQueryRequest(body).query));
  }

  /** Leaves time to whoever asks: for queries side by side. */
  searchUntimed(body: object): Promise<SearchResult> {
    return search(this.isolate, this.target, parseQueryRequest(body).query);
  }

  /** Compares an exact query with the oracle, ids, distances and contents. */
  async expectExact(
    query: Float32Array,
    limit: number,
    filter: OracleFilter,
  ): Promise<SearchResult> {
    const result = await this.search({
      rank_by: ["vector", "kNN", [...query]],
      limit,
      filters: filter,
      include_attributes: true,
    });
    const expected = this.oracle.nearest(this.options.metric, query, filter).slice(0, limit);
    expect(result.rows.map(shown)).toEqual(
      expected.map(({ document, distance }) => ({ ...shownDocument(document), distance })),
    );
    return result;
  }

  async expectOrder(descending: boolean, limit: number, filter?: OracleFilter) {
    const result = await this.search({
      rank_by: ["id", descending ? "desc" : "asc"],
      limit,
      ...(filter === undefined ? {} : { filters: filter }),
      include_attributes: true,
    });
    const expected = this.oracle.byId(descending, filter).slice(0, limit);
    expect(result.rows.map(shown)).toEqual(
      expected.map(({ document }) => ({ ...shownDocument(document), distance: undefined })),
    );
    return result;
  }

  /** Share of the true neighbours that an approximate query finds; its distances must be exact. */
  async recall(query: Float32Array, limit: number, filter?: OracleFilter): Promise<number> {
    const { rows } = await this.search({
      rank_by: ["vector", "ANN", [...query]],
      limit,
      ...(filter === undefined ? {} : { filters: filter }),
    });
    const all = this.oracle.nearest(this.options.metric, query, filter);
    const distances = new Map(all.map(({ id, distance }) => [id, distance]));
    for (const row of rows) {
      expect(row.distance).toBe(distances.get(row.id));
    }
    const expected = all.slice(0, limit);
    expect(rows.length).toBe(expected.length);
    const found = new Set(rows.map(({ id }) => id));
    const hits = expected.filter(({ id }) => found.has(id)).length;
    return expected.length === 0 ? 1 : hits / expected.length;
  }

  #addition(): SchemaAddition {
    const { idKind, metric, dims, element } = this.options;
    const vector: AttributeSchema = { type: `[${dims}]${element}`, filterable: false, ann: true };
    return {
      idKind,
      metric,
      attributes: new Map([["vector", vector], ...attributeSchemas, ...this.options.more]),
    };
  }

  #toBatch(documents: readonly OracleDocument[], deletes: readonly DocumentId[]): Batch {
    const { dims, element, idKind } = this.options;
    const vectors = allocateVectors(element, documents.length * dims);
    documents.forEach(({ vector }, row) => {
      expect(narrowVector(vector ?? new Float32Array(dims), vectors, row * dims)).toBe(-1);
    });
    return {
      idKind,
      upserts: documents.length,
      deletes: deletes.length,
      ids: [...documents.map(({ id }) => id), ...deletes],
      dims,
      vectors,
      attributes: [...attributeSchemas, ...this.options.more].map(([name]) => ({
        name,
        values: documents.map(({ attributes }) => attributes[name] ?? null),
      })),
    };
  }
}

/** An answer of rows as that of a request. */
export function asParts(result: SearchResult): PartsResult {
  return { ...result, parts: [{ kind: "rows", rows: result.rows }] };
}

export function shown({ id, distance, vector, attributes }: ResultRow) {
  const values = Object.fromEntries(attributes.map(({ name, value }) => [name, value]));
  return { id, distance, vector: [...(vector?.values ?? [])], attributes: values };
}

function shownDocument({ id, vector, attributes }: OracleDocument) {
  const present = Object.entries(attributes).filter(([, value]) => value !== null);
  return { id, vector: [...(vector ?? [])], attributes: Object.fromEntries(present) };
}
