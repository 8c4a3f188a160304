/** The repository's own files as the tidy tests see them: what git tracks or would track. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";

export const root = dirname(dirname(import.meta.dirname));

/** Paths relative to the root, in the order git lists them. */
export const paths: readonly string[] = execFileSync(
  "git",
  ["ls-files", "-z", "--cached", "--others", "--exclude-standard"],
  { cwd: root, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 },
)
  .split("\0")
  .filter((path) => path !== "" && existsSync(join(root, path)));

export interface SourceFile {
  readonly path: string;
  readonly text: string;
  /** The text with its comments blanked, line numbers kept. */
  readonly code: string;
  readonly imports: readonly Import[];
}

export interface Import {
  /** As written. */
  readonly from: string;
  /** Path in the repository for a relative import, else the package's or runtime's name. */
  readonly target: string;
  readonly typeOnly: boolean;
}

/** Files under the given folders that hold TypeScript; AssemblyScript (*.as.ts) is not. */
export function sourceFiles(...folders: readonly string[]): SourceFile[] {
  return paths
    .filter((path) => folders.some((folder) => path.startsWith(`${folder}/`)))
    .filter((path) => path.endsWith(".ts") && !path.endsWith(".as.ts"))
    .map(readSource);
}

export function readText(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

export function readBytes(path: string): Uint8Array {
  return readFileSync(join(root, path));
}

export function readSource(path: string): SourceFile {
  const text = readText(path);
  const code = blankComments(text);
  return { path, text, code, imports: findImports(path, code) };
}

/** Comments that begin a line or follow a space; so `"**\/*"` and `https://` in strings stay. */
export function blankComments(text: string): string {
  return text
    .replace(/(?<=^|\s)\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, " "))
    .replace(/(?<=^|\s)\/\/.*$/gm, "");
}

const importPattern =
  /^(?:import|export)\s+(type\s)?(?:[^"';]*?\sfrom\s+)?"([^"]+)"|\bimport\("([^"]+)"\)/gm;

export function findImports(path: string, code: string): Import[] {
  return Array.from(code.matchAll(importPattern), (match) => {
    const from = match[2] ?? match[3] ?? "";
    const relative = from.startsWith(".");
    return {
      from,
      target: relative ? posix.join(posix.dirname(path), from) : packageName(from),
      typeOnly: match[1] !== undefined,
    };
  });
}

function packageName(from: string): string {
  if (from.includes(":")) return from;
  return from.split("/", from.startsWith("@") ? 2 : 1).join("/");
}

/** `path:line` of every match, for messages that can be clicked. */
export function locate(
  { path, code }: Pick<SourceFile, "path" | "code">,
  pattern: RegExp,
): string[] {
  return code.split("\n").flatMap((line, index) => {
    const match = pattern.exec(line);
    return match === null ? [] : [`${path}:${index + 1} ${match[0]}`];
  });
}
