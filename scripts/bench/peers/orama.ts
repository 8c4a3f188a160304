/** Orama: a radix tree and scores in memory; whole words only, any of which may match. */
import { loadPackage, versionOf } from "./packages.ts";
import type { TextPeer } from "./text-peer.ts";

interface Package {
  readonly create: (options: unknown) => unknown;
  readonly insertMultiple: (
    index: unknown,
    documents: readonly unknown[],
    batch?: number,
  ) => unknown;
  readonly search: (index: unknown, query: unknown) => unknown;
}

export function openPeer(): TextPeer {
  const { create, insertMultiple, search } = loadPackage("@orama/orama") as Package;
  const index = create({ schema: { text: "string" } });
  return {
    version: versionOf("@orama/orama"),
    add: async (documents, from) => {
      const rows = documents.map((text, i) => ({ id: String(from + i), text }));
      await insertMultiple(index, rows, rows.length);
    },
    finish: () => {},
    size: () => 0,
    search: (words, topK) =>
      search(index, {
        term: words.join(" "),
        properties: ["text"],
        limit: topK,
        threshold: 1,
        exact: true,
        relevance: { k: 1.2, b: 0.75, d: 0 },
      }),
  };
}
