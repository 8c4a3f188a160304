/**
 * Brings a namespace to the state of a source tree, sending only what it lacks.
 *
 * 1. The tree is compared with that of the last run (stored-tree.ts).
 * 2. Files that differ are cut into chunks. The id of a chunk is the hash of its text, wherever
 *    it is: a renamed file, or a function that moved, is not uploaded; only its places change.
 * 3. Chunks that are new go with text and vector; those that have moved get their new places; those
 *    without a place are deleted.
 * 4. The documents of the folders that changed go with the last write.
 *
 * What fits into one write is one write, so it happens or does not. Otherwise the first one takes
 * the root's hash away, the last gives it the new one; a run that finds none rebuilds what is known
 * from the chunks. One indexer at a time.
 */
import { type Encoder, embeddingDimensions } from "../../embed.ts";
import { type Chunk, chunkFile } from "./chunks.ts";
import { allFiles, digest, type Folder, type SourceTree } from "./source-tree.ts";
import {
  compareChunks,
  compareTrees,
  type Difference,
  type Namespace,
  type Placed,
  placeOf,
  readByIds,
  readRoot,
  type StoredFolder,
  treeId,
} from "./stored-tree.ts";
import { asProse, splitIdentifiers, withoutImports } from "./words.ts";

const rowsOfWrite = 400;
const testPath = /(^|\/)(tests?|specs?|__tests__|fixtures)\/|[._-](test|spec)\.\w+:/;
type Row = { id: string } & Record<string, unknown>;
type PlacedChunk = { readonly chunk: Chunk; readonly path: string; readonly places: Set<string> };
type Chunked = ReadonlyMap<string, readonly Placed[]>;

/** Says how texts were read: another format is another tree, and other chunks. */
export function formatOf(encoder: Encoder | undefined): string {
  return `1 ${encoder === undefined ? "words" : "words and vectors"}`;
}

export interface IndexOutcome {
  readonly files_changed: number;
  readonly chunks_uploaded: number;
  readonly chunks_moved: number;
  readonly chunks_deleted: number;
  readonly writes: number;
}

export async function indexTree(
  namespace: Namespace,
  tree: SourceTree,
  encoder: Encoder | undefined,
  say: (line: string) => void,
): Promise<IndexOutcome> {
  const difference = await compare(namespace, tree);
  const { chunks, chunked } = await chunkAll(difference, formatOf(encoder));
  const ids = [...new Set([...chunks.keys(), ...difference.before.keys()])];
  const rows = await readByIds(namespace, ids, "places");
  const stored = new Map(rows.map(({ id, places }) => [id, new Set(places as string[])]));

  const uploads: Row[] = [];
  const moves: Row[] = [];
  const deletes: string[] = [];
  for (const id of ids) {
    const had = stored.get(id);
    const gone = difference.before.get(id) ?? new Set();
    const found = chunks.get(id);
    const others = Array.from(had ?? []).filter((place) => !gone.has(place));
    const places = [...new Set([...others, ...(found?.places ?? [])])].sort();
    if (had === undefined && found !== undefined) uploads.push(toRow(id, found, encoder));
    else if (had !== undefined && places.length === 0) deletes.push(id);
    else if (had !== undefined && places.join() !== Array.from(had).sort().join()) {
      moves.push({ id, ...placed(places) });
    }
  }
  const folders = difference.folders.map((each) => toFolderRow(each.folder, each.stored, chunked));
  const gone = [...deletes, ...difference.goneFolders];
  const writes = await send(namespace, { uploads, moves, folders, gone }, encoder, say);
  return {
    files_changed: difference.changed.length,
    chunks_uploaded: uploads.length,
    chunks_moved: moves.length,
    chunks_deleted: deletes.length,
    writes,
  };
}

export async function compare(namespace: Namespace, { root }: SourceTree): Promise<Difference> {
  const stored = await readRoot(namespace);
  if (stored?.hash === "") return compareChunks(namespace, allFiles(root), allFolders(root));
  return compareTrees(namespace, root, stored ?? emptyRoot);
}

const emptyRoot: StoredFolder = { path: "", hash: "", files: {}, folders: {} };

function allFolders(folder: Folder): readonly Folder[] {
  return [folder, ...Array.from(folder.folders.values()).flatMap(allFolders)];
}

async function chunkAll(difference: Difference, format: string) {
  const chunks = new Map<string, PlacedChunk>();
  const chunked = new Map<string, readonly Placed[]>();
  for (const { path, text } of difference.changed) {
    const placed: Placed[] = [];
    for (const chunk of await chunkFile(path, text)) {
      const id = digest(`${format}\n${chunk.symbol}\n${chunk.text}`);
      const lines = `${chunk.from}-${chunk.to}`;
      placed.push({ id, lines });
      const known = chunks.get(id) ?? { chunk, path, places: new Set() };
      known.places.add(placeOf(path, lines));
      chunks.set(id, known);
    }
    chunked.set(path, placed);
  }
  return { chunks, chunked };
}

function toRow(id: string, { chunk, places }: PlacedChunk, encoder: Encoder | undefined): Row {
  const { symbol, text } = chunk;
  const said = `${symbol}\n${withoutImports(text)}`;
  const words = splitIdentifiers(said);
  const vector = encoder?.embed(asProse(said));
  const row = { id, kind: "chunk", ...placed([...places].sort()), symbol, text, words };
  return vector === undefined ? row : { ...row, vector: Array.from(vector) };
}

/** A chunk is of tests if it is nowhere else. */
function placed(places: readonly string[]) {
  return { places, test: places.every((place) => testPath.test(place)) };
}

function toFolderRow(folder: Folder, stored: StoredFolder | undefined, chunked: Chunked): Row {
  const files = Array.from(folder.files, ([name, { path, hash }]) => [
    name,
    { hash, chunks: chunked.get(path) ?? stored?.files[name]?.chunks ?? [] },
  ]);
  const folders = Array.from(folder.folders, ([name, { hash }]) => [name, hash]);
  return treeRow({
    path: folder.path,
    hash: folder.hash,
    files: Object.fromEntries(files) as StoredFolder["files"],
    folders: Object.fromEntries(folders) as StoredFolder["folders"],
  });
}

function treeRow(folder: StoredFolder): Row {
  return { id: treeId(folder.path), kind: "tree", entries: JSON.stringify(folder) };
}

interface Changes {
  readonly uploads: readonly Row[];
  readonly moves: readonly Row[];
  readonly folders: readonly Row[];
  readonly gone: readonly string[];
}

async function send(
  namespace: Namespace,
  { uploads, moves, folders, gone }: Changes,
  encoder: Encoder | undefined,
  say: (line: string) => void,
): Promise<number> {
  if (folders.length === 0) return 0;
  let writes = 0;
  // Every document of a namespace with vectors has one. Search asks for chunks only.
  const none =
    encoder === undefined ? {} : { vector: Array.from({ length: embeddingDimensions }, () => 0) };
  const treeRows = folders.map((row) => ({ ...row, ...none }));
  const write = async (
    upsert: readonly Row[],
    patch: readonly Row[],
    deletes: readonly string[],
  ) => {
    await namespace.write({
      upsert_rows: [...upsert],
      patch_rows: [...patch],
      deletes: [...deletes],
      schema: schemaFor(encoder),
      ...(encoder === undefined ? {} : { distance_metric: "cosine_distance" as const }),
    });
    writes += 1;
  };
  if (uploads.length + moves.length <= rowsOfWrite) {
    await write([...uploads, ...treeRows], moves, gone);
    return writes;
  }
  await write([{ ...treeRow(emptyRoot), ...none }], [], []);
  for (let from = 0; from < uploads.length; from += rowsOfWrite) {
    await write(uploads.slice(from, from + rowsOfWrite), [], []);
    say(`${Math.min(from + rowsOfWrite, uploads.length)} of ${uploads.length} chunks uploaded`);
  }
  for (let from = 0; from < moves.length; from += rowsOfWrite) {
    await write([], moves.slice(from, from + rowsOfWrite), []);
  }
  await write(treeRows, [], gone);
  return writes;
}

/** `places` are searched too: the path of a file says what it is about. */
function schemaFor(encoder: Encoder | undefined) {
  const prose = { language: "english", stemming: true, remove_stopwords: true, b: 0.5 } as const;
  return {
    kind: "string",
    test: "bool",
    places: { type: "[]string", filterable: false, full_text_search: prose },
    symbol: { type: "string", filterable: false },
    text: { type: "string", filterable: false },
    words: { type: "string", filterable: false, full_text_search: prose },
    entries: { type: "string", filterable: false },
    ...(encoder === undefined
      ? {}
      : { vector: { type: `[${embeddingDimensions}]f32`, ann: true } }),
  } as const;
}
