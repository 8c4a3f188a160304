/**
 * The Merkle tree of the last run, kept in the namespace itself, so that any machine can go on.
 * One document a folder, next to those of the chunks:
 *
 *   id      "tree:" and the hash of the folder's path
 *   kind    "tree"
 *   path    the folder's
 *   entries JSON of a StoredFolder
 *
 * Reading it costs one request a level, and only below what has changed.
 */
import { NotFoundError, type Turbopuffer } from "@turbopuffer/turbopuffer";
import { digest, type Folder, type SourceFile } from "./source-tree.ts";

export type Namespace = ReturnType<Turbopuffer["namespace"]>;
const page = 1_000;

/** A chunk in a file. */
export interface Placed {
  readonly id: string;
  /** `10-42`: its lines. */
  readonly lines: string;
}

export interface StoredFile {
  readonly hash: string;
  readonly chunks: readonly Placed[];
}

export interface StoredFolder {
  readonly path: string;
  /** Empty while a run that takes several writes is under way. */
  readonly hash: string;
  readonly files: Readonly<Record<string, StoredFile>>;
  /** Their hashes. */
  readonly folders: Readonly<Record<string, string>>;
}

export interface Difference {
  /** Files that are new or have another text. */
  readonly changed: readonly SourceFile[];
  /** The places that the last run gave to what has changed or is gone: `src/a.ts:10-42`, by id. */
  readonly before: ReadonlyMap<string, ReadonlySet<string>>;
  /** Folders whose document must be written, with what is known of their files. */
  readonly folders: readonly { readonly folder: Folder; readonly stored?: StoredFolder }[];
  /** Ids of documents of folders that are no more. */
  readonly goneFolders: readonly string[];
}

export const treeId = (path: string) => `tree:${digest(path)}`;
export const placeOf = (path: string, lines: string) => `${path}:${lines}`;

/** Undefined if nothing was indexed yet. */
export async function readRoot(namespace: Namespace): Promise<StoredFolder | undefined> {
  return (await readFolders(namespace, [""])).get("");
}

/** Descends where hashes differ. */
export async function compareTrees(
  namespace: Namespace,
  root: Folder,
  storedRoot: StoredFolder,
): Promise<Difference> {
  const found = emptyDifference();
  let level =
    root.hash === storedRoot.hash ? [] : [{ path: "", folder: root as Folder | undefined }];
  let stored: ReadonlyMap<string, StoredFolder> = new Map([["", storedRoot]]);
  while (level.length > 0) {
    const below: typeof level = [];
    for (const { path, folder } of level) {
      const known = stored.get(path);
      compareFiles(found, folder, known);
      if (folder === undefined) found.goneFolders.push(treeId(path));
      else found.folders.push(known === undefined ? { folder } : { folder, stored: known });
      const names = new Set([
        ...(folder?.folders.keys() ?? []),
        ...Object.keys(known?.folders ?? {}),
      ]);
      for (const name of names) {
        const child = folder?.folders.get(name);
        if (child?.hash === known?.folders[name]) continue;
        below.push({ path: path === "" ? name : `${path}/${name}`, folder: child });
      }
    }
    const paths = below.map(({ path }) => path);
    stored = await readFolders(namespace, paths);
    level = below;
  }
  return found;
}

/** After an interrupted run: what the chunks themselves say, against the whole tree. */
export async function compareChunks(
  namespace: Namespace,
  files: readonly SourceFile[],
  folders: readonly Folder[],
): Promise<Difference> {
  const found = emptyDifference();
  found.changed.push(...files);
  found.folders.push(...folders.map((folder) => ({ folder })));
  const kept = new Set(folders.map(({ path }) => treeId(path)));
  for (let last = ""; ; ) {
    const { rows = [] } = await namespace.query({
      rank_by: ["id", "asc"],
      filters: ["id", "Gt", last],
      include_attributes: ["kind", "places"],
      limit: page,
    });
    for (const { id, kind, places } of rows) {
      if (kind === "chunk") found.before.set(String(id), new Set(places as string[]));
      else if (!kept.has(String(id))) found.goneFolders.push(String(id));
      last = String(id);
    }
    if (rows.length < page) return found;
  }
}

function emptyDifference() {
  return {
    changed: [] as SourceFile[],
    before: new Map<string, Set<string>>(),
    folders: [] as { folder: Folder; stored?: StoredFolder }[],
    goneFolders: [] as string[],
  };
}

function compareFiles(
  found: ReturnType<typeof emptyDifference>,
  folder: Folder | undefined,
  stored: StoredFolder | undefined,
): void {
  for (const [name, file] of folder?.files ?? []) {
    if (stored?.files[name]?.hash !== file.hash) found.changed.push(file);
  }
  for (const [name, { hash, chunks }] of Object.entries(stored?.files ?? {})) {
    if (folder?.files.get(name)?.hash === hash) continue;
    const path = stored?.path === "" ? name : `${stored?.path}/${name}`;
    for (const { id, lines } of chunks) {
      const places = found.before.get(id) ?? new Set();
      found.before.set(id, places.add(placeOf(path, lines)));
    }
  }
}

async function readFolders(
  namespace: Namespace,
  paths: readonly string[],
): Promise<ReadonlyMap<string, StoredFolder>> {
  const rows = await readByIds(namespace, paths.map(treeId), "entries");
  const folders = rows.map(({ entries }) => JSON.parse(String(entries)) as StoredFolder);
  return new Map(folders.map((folder) => [folder.path, folder]));
}

/** Those that exist, with one attribute. */
export async function readByIds(
  namespace: Namespace,
  ids: readonly string[],
  attribute: string,
): Promise<readonly Record<string, unknown>[]> {
  const found: Record<string, unknown>[] = [];
  for (let from = 0; from < ids.length; from += page) {
    try {
      const { rows = [] } = await namespace.query({
        rank_by: ["id", "asc"],
        filters: ["id", "In", ids.slice(from, from + page)],
        include_attributes: [attribute],
        limit: page,
      });
      found.push(...rows);
    } catch (error) {
      if (error instanceof NotFoundError) return [];
      throw error;
    }
  }
  return found;
}
