/**
 * A source tree as it may leave this machine, as a Merkle tree: the hash of a file is that of its
 * text without secrets, the hash of a folder that of its names and their hashes. Two trees differ
 * below exactly those folders whose hashes differ.
 *
 * Left out: what .gitignore and .searchignore say (the deepest one that says anything decides, also
 * those above PATH up to the folder of .git), links, files of secrets, binaries, lock files, and
 * what is over 1 MiB or has lines no person wrote.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import ignore, { type Ignore } from "ignore";
import { holdsSecrets, withoutSecrets } from "./secrets.ts";

const fileBytesMax = 1024 * 1024;
const lineCharactersMax = 5_000;
const notCode = /^(\.git|\.hg|\.svn|node_modules|(package-lock|npm-shrinkwrap)\.json|.*[.-]lock)$/;
const ignoreFiles = [".gitignore", ".searchignore"];

export interface SourceFile {
  /** From the root of the tree, with slashes. */
  readonly path: string;
  readonly text: string;
  readonly hash: string;
}

export interface Folder {
  readonly path: string;
  readonly hash: string;
  readonly files: ReadonlyMap<string, SourceFile>;
  readonly folders: ReadonlyMap<string, Folder>;
}

export interface SourceTree {
  readonly root: Folder;
  readonly files: number;
  readonly secretFiles: number;
  readonly secretsInTexts: number;
}

interface Rules {
  readonly folder: string;
  readonly rules: Ignore;
}

/** `format` is part of every hash of a folder: what is read differently is another tree. */
export function readTree(place: string, format: string): SourceTree {
  const top = resolve(place);
  const counts = { files: 0, secretFiles: 0, secretsInTexts: 0 };

  const readFile = (file: string): SourceFile | undefined => {
    const raw = statSync(file).size > fileBytesMax ? undefined : readFileSync(file);
    if (raw === undefined || raw.subarray(0, 8192).includes(0)) return undefined;
    const { text, secrets } = withoutSecrets(raw.toString("utf8"));
    if (text.trim() === "" || text.split("\n").some((line) => line.length > lineCharactersMax)) {
      return undefined;
    }
    counts.files += 1;
    counts.secretsInTexts += secrets;
    return { path: relative(top, file).split(sep).join("/"), text, hash: digest(text) };
  };

  const readFolder = (folder: string, above: readonly Rules[]): Folder => {
    const rules = [...readRules(folder), ...above];
    const files = new Map<string, SourceFile>();
    const folders = new Map<string, Folder>();
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const full = join(folder, entry.name);
      if (notCode.test(entry.name) || isIgnored(full, entry.isDirectory(), rules)) continue;
      if (entry.isDirectory()) {
        const below = readFolder(full, rules);
        if (below.files.size + below.folders.size > 0) folders.set(entry.name, below);
      } else if (entry.isFile() && holdsSecrets(entry.name)) {
        counts.secretFiles += 1;
      } else if (entry.isFile()) {
        const file = readFile(full);
        if (file !== undefined) files.set(entry.name, file);
      }
    }
    const path = relative(top, folder).split(sep).join("/");
    return { path, hash: hashFolder(format, files, folders), files, folders };
  };

  return { root: readFolder(top, rulesAbove(top)), ...counts };
}

/** Every file of the tree. */
export function allFiles(folder: Folder): readonly SourceFile[] {
  return [...folder.files.values(), ...Array.from(folder.folders.values()).flatMap(allFiles)];
}

/** 132 bits of SHA-256, for ids and hashes. */
export function digest(text: string): string {
  return createHash("sha256").update(text).digest("base64url").slice(0, 22);
}

function hashFolder(
  format: string,
  files: ReadonlyMap<string, SourceFile>,
  folders: ReadonlyMap<string, Folder>,
): string {
  const lines = [
    ...Array.from(files, ([name, { hash }]) => `file ${name}\0${hash}`),
    ...Array.from(folders, ([name, { hash }]) => `folder ${name}\0${hash}`),
  ];
  return digest([format, ...lines.sort()].join("\n"));
}

function readRules(folder: string): readonly Rules[] {
  const texts = ignoreFiles
    .map((name) => join(folder, name))
    .filter((file) => existsSync(file))
    .map((file) => readFileSync(file, "utf8"));
  return texts.length === 0 ? [] : [{ folder, rules: ignore().add(texts.join("\n")) }];
}

/** The rules of the folders above, up to the one that holds .git; none if none does. */
function rulesAbove(top: string): readonly Rules[] {
  const found: Rules[] = [];
  for (let folder = top; !existsSync(join(folder, ".git")); ) {
    const parent = dirname(folder);
    if (parent === folder) return [];
    folder = parent;
    found.push(...readRules(folder));
  }
  return found;
}

/** Deepest rules first. */
function isIgnored(path: string, isFolder: boolean, all: readonly Rules[]): boolean {
  for (const { folder, rules } of all) {
    const inside = relative(folder, path).split(sep).join("/") + (isFolder ? "/" : "");
    const { ignored, unignored } = rules.test(inside);
    if (ignored || unignored) return ignored;
  }
  return false;
}

/** What a namespace is called unless told. */
export function nameOf(place: string): string {
  return `code-${basename(resolve(place)).replace(/[^\w.-]/g, "-")}`;
}
