/** What a full-text engine must offer to be compared: documents in, and the best of them. */

/** Given to the process of a peer as JSON. */
export interface TextPeerJob {
  readonly peer: string;
  /** JSON: {documents, questions}, each a list of texts. */
  readonly corpus: string;
  /** A temporary folder of the peer's own. */
  readonly folder: string;
  readonly runSecondsMax: number;
  readonly buildSecondsMax: number;
}

/** Lines of JSON that the process of a peer prints. */
export type TextPeerMessage =
  | {
      readonly kind: "built";
      readonly version: string;
      /** Documents that were indexed in the time given, and their bytes. */
      readonly rows: number;
      readonly textBytes: number;
      readonly seconds: number;
      readonly cpuSeconds: number;
      /** On disk or serialised; 0 where an engine does not tell. */
      readonly indexBytes: number;
    }
  | {
      readonly kind: "measured";
      readonly topK: number;
      readonly queries: number;
      readonly run: {
        readonly latenciesMs: readonly number[];
        readonly cpuMsPerRequest: number;
      };
    }
  | { readonly kind: "unavailable"; readonly reason: string };

export interface TextPeer {
  readonly version: string;
  /** Batches come in order; a row's number is its place. */
  add(documents: readonly string[], from: number): void | Promise<void>;
  /** After the last batch. */
  finish(): void;
  /** Bytes of the index. */
  size(): number;
  /** Numbers of the best rows that have any of the words. */
  search(words: readonly string[], topK: number): unknown;
}

export type OpenTextPeer = (folder: string) => TextPeer | Promise<TextPeer>;
