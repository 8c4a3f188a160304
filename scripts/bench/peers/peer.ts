/** What an engine must offer to be compared: rows in, and ways of searching them. */
import type { Metric, VectorTable } from "../../datasets.ts";
import type { Phase } from "../http-queries.ts";
import type { Place } from "../lines.ts";
import type { TrafficSummary } from "../object-store/traffic.ts";

/** Given to the process of a peer as JSON. */
export interface PeerJob {
  readonly peer: string;
  /** Folder of the data set. */
  readonly data: string;
  readonly rows: number;
  /** Numbers of the queries in the order they are asked. */
  readonly queries: readonly number[];
  /** So many of them are asked cold. */
  readonly coldQueries: number;
  readonly topK: number;
  /** An S3-compatible object store, which waits so only while queries are measured. */
  readonly storeUrl: string;
  readonly latency: string;
  /** A temporary folder of the peer's own. */
  readonly folder: string;
  /** A run of many slow queries ends after this time. */
  readonly runSecondsMax: number;
}

/** Lines of JSON that the process of a peer prints. */
export type PeerMessage =
  | {
      readonly kind: "built";
      readonly version: string;
      readonly place: Place;
      readonly secondsLoad: number;
      readonly secondsIndexed: number;
      readonly cpuSeconds: number;
    }
  | {
      readonly kind: "measured";
      readonly setting: string;
      readonly phase: Phase;
      /** Row numbers, of the first queries in order. */
      readonly answers: readonly (readonly number[])[];
      readonly runs: readonly {
        readonly latenciesMs: readonly number[];
        readonly cpuMsPerRequest: number;
      }[];
      /** Of each query, or nothing for engines without object storage. */
      readonly traffic: readonly TrafficSummary[];
      readonly memoryPeakMb: number;
    }
  | { readonly kind: "unavailable"; readonly reason: string };

export interface PeerInput {
  readonly metric: Metric;
  readonly base: VectorTable;
  readonly rows: number;
  readonly topK: number;
  readonly storeUrl: string;
  readonly folder: string;
}

/** Row numbers, nearest first. */
export type Search = (query: Float32Array) => Promise<readonly number[]> | readonly number[];

export interface PeerSetting {
  readonly label: string;
  readonly warm: Search;
  /** With nothing remembered: opens what it needs anew. Only for engines on object storage. */
  readonly cold?: Search;
}

export interface BuiltPeer {
  readonly settings: readonly PeerSetting[];
  readonly secondsLoad: number;
  readonly secondsIndexed: number;
  close(): void;
}

export interface Peer {
  readonly version: string;
  readonly place: Place;
  build(input: PeerInput): Promise<BuiltPeer> | BuiltPeer;
}

/** Rows a batch while loading. */
export const batchRows = 5_000;
