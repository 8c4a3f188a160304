/** USearch: HNSW over 32-bit floats in memory, the reference for search without any storage. */
import { join } from "node:path";
import { loadPackage, versionOf } from "./packages.ts";
import { type BuiltPeer, batchRows, type Peer, type PeerInput, type PeerSetting } from "./peer.ts";

interface Usearch {
  readonly Index: new (config: IndexConfig) => UsearchIndex;
}

interface IndexConfig {
  readonly dimensions: number;
  readonly metric: "l2sq" | "cos";
  readonly quantization: "f32";
  readonly connectivity: number;
  readonly expansion_add: number;
  readonly expansion_search: number;
  readonly multi: boolean;
}

interface UsearchIndex {
  add(keys: BigUint64Array, vectors: Float32Array, threads: number): void;
  search(vector: Float32Array, k: number, threads: number): { readonly keys: BigUint64Array };
  save(path: string): void;
  load(path: string): void;
}

const connectivity = 16;
const expansionAdd = 128;
/** Candidates kept during a search: more find more, for more time. */
const expansions = [16, 32, 64, 128, 256];

export function openPeer(): Peer {
  const { Index } = loadPackage("usearch") as Usearch;
  return {
    version: versionOf("usearch"),
    place: "memory",
    build: (input) => build(Index, input),
  };
}

function build(Index: Usearch["Index"], input: PeerInput): BuiltPeer {
  const { base, rows, topK, folder, metric } = input;
  const configure = (expansionSearch: number): IndexConfig => ({
    dimensions: base.dimensions,
    metric: metric === "euclidean_squared" ? "l2sq" : "cos",
    quantization: "f32",
    connectivity,
    expansion_add: expansionAdd,
    expansion_search: expansionSearch,
    multi: false,
  });
  const startedMs = performance.now();
  const built = new Index(configure(expansionAdd));
  for (let from = 0; from < rows; from += batchRows) {
    const to = Math.min(rows, from + batchRows);
    const keys = BigUint64Array.from({ length: to - from }, (_, i) => BigInt(from + i));
    built.add(keys, base.slice(from, to), 0);
  }
  const secondsIndexed = (performance.now() - startedMs) / 1000;
  const file = join(folder, "index.usearch");
  built.save(file);
  const settings = expansions.map((expansion): PeerSetting => {
    let index: UsearchIndex | undefined;
    return {
      label: `HNSW M=${connectivity} ef=${expansion}`,
      warm: (query) => {
        // The width of the search can only be set when an index is opened.
        if (index === undefined) {
          index = new Index(configure(expansion));
          index.load(file);
        }
        return Array.from(index.search(query, topK, 1).keys, Number);
      },
    };
  });
  return { settings, secondsLoad: 0, secondsIndexed, close: () => {} };
}
