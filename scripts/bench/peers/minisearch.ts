/** MiniSearch: an inverted index in memory, BM25+ with the parameters of BM25 and no addend. */
import { loadPackage, versionOf } from "./packages.ts";
import type { TextPeer } from "./text-peer.ts";

interface Package {
  readonly default: new (options: unknown) => Index;
}

interface Index {
  addAll(documents: readonly unknown[]): void;
  search(query: string, options?: unknown): readonly { readonly id: number }[];
}

export function openPeer(): TextPeer {
  const loaded = loadPackage("minisearch") as Package | Package["default"];
  const MiniSearch = "default" in loaded ? loaded.default : loaded;
  const index = new MiniSearch({
    fields: ["text"],
    searchOptions: { combineWith: "OR", bm25: { k: 1.2, b: 0.75, d: 0 } },
  });
  return {
    version: versionOf("minisearch"),
    add: (documents, from) => index.addAll(documents.map((text, i) => ({ id: from + i, text }))),
    finish: () => {},
    size: () => Buffer.byteLength(JSON.stringify(index)),
    search: (words, topK) => index.search(words.join(" ")).slice(0, topK),
  };
}
