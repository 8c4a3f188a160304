/** Answers of the API, as far as the console shows them. */

export type Id = number | bigint | string;

export interface Row {
  readonly id: Id;
  readonly $dist?: number;
  readonly [attribute: string]: unknown;
}

export interface TextOptions {
  readonly language?: string;
}

export interface AttributeView {
  readonly type: string;
  readonly filterable?: boolean | null;
  readonly full_text_search?: TextOptions | null;
  readonly ann?: unknown;
}

export type SchemaView = Readonly<Record<string, AttributeView | string>>;

export interface Metadata {
  readonly schema: SchemaView;
  readonly approx_logical_bytes: number;
  readonly approx_row_count: number;
  readonly created_at: string;
  readonly updated_at: string;
  readonly index: { readonly status: string; readonly unindexed_bytes?: number };
  readonly branching?: { readonly parent: string };
  readonly read_only?: boolean;
  readonly recall?: {
    readonly recent: number | null;
    readonly probe_factor: number;
    readonly hours: readonly RecallHour[];
  };
  readonly quarantine?: unknown;
}

export interface RecallHour {
  readonly from: string;
  readonly samples: number;
  readonly recall: number;
}

export interface Performance {
  readonly cache_temperature: "hot" | "warm" | "cold";
  readonly cache_hit_ratio: number;
  readonly server_total_ms: number;
  readonly query_execution_ms: number;
  readonly rounds: number;
  readonly store_requests: number;
  readonly store_bytes: number;
  readonly bytes: number;
  readonly candidates: number;
  readonly refined: number;
  readonly exact: number;
  readonly clusters_probed: number;
  readonly unindexed_rows: number;
  readonly rows_total: number;
  readonly approx_namespace_size: number;
}

export interface Cost {
  readonly store_reads: number;
  readonly store_writes: number;
  readonly store_bytes_read: number;
  readonly object_calls: number;
  readonly dollars: number;
}

export interface QueryAnswer {
  readonly rows?: readonly Row[];
  readonly results?: readonly { readonly rows?: readonly Row[] }[];
  readonly aggregations?: Readonly<Record<string, unknown>>;
  readonly aggregation_groups?: readonly Readonly<Record<string, unknown>>[];
  readonly next_cursor?: string | null;
  readonly performance: Performance;
  readonly cost?: Cost;
}

export interface IndexAnswer {
  readonly indexed: boolean;
  readonly generation: string;
  /** Log entries so far, and those of them that are in segments. */
  readonly head: number;
  readonly floor: number;
  readonly unindexed_rows: number;
  readonly unindexed_bytes: number;
  readonly manifest_version: number;
  readonly segments: readonly Segment[];
  readonly jobs: readonly Job[];
  readonly written_bytes: { readonly flush: number; readonly merge: number };
}

export interface Segment {
  readonly id: string;
  readonly shard?: number;
  readonly level: number;
  readonly rows: number;
  readonly dead_rows: number;
  readonly bytes: number;
  readonly clusters: number;
}

export interface Job {
  readonly id: string;
  readonly kind: string;
  readonly attempt: number;
  readonly state: string;
  readonly reason?: string;
}

export interface ApiKey {
  readonly id: string;
  readonly tenant: string;
  readonly scopes: readonly string[];
  readonly namespace_prefix: string;
  readonly note: string;
  readonly created_at: string;
  readonly expires_at: string | null;
}

export interface Change {
  readonly sequence: number;
  readonly at: string;
  readonly upsert?: Row;
  readonly delete?: Id;
}

export interface IndexMap {
  readonly clusters: readonly MappedCluster[];
  readonly clusters_total: number;
  readonly variance_shown: number;
  readonly query?: { readonly x: number; readonly y: number };
}

export interface MappedCluster {
  readonly segment: string;
  readonly rows: number;
  readonly x: number;
  readonly y: number;
  readonly probed?: boolean;
}

/** An import that the server does itself. */
export interface ImportState {
  readonly id: string;
  readonly source: string;
  readonly status: "pending" | "running" | "cancelling" | "finished" | "cancelled" | "failed";
  readonly error?: string;
  readonly created_at: string;
  readonly rows_written: number;
  readonly rows_rejected: number;
  readonly bytes_read: number;
  readonly bytes_total: number;
}

export interface RejectedRow {
  readonly row: number;
  readonly reason: string;
  readonly document: unknown;
}
