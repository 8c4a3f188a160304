/**
 * Who may import whom. Imports go down: a file reaches its own folder and folders of lower rank,
 * never a sibling of the same rank.
 *
 *   6  flows and their parts: src/*.ts    3  store
 *   5  namespace | query | compaction     2  format
 *   4  index                              1  document | bytes | kernels
 *                                         0  errors, limits, import-limits
 *
 * Within index: builder, on filter | text, on segment | vector.
 *
 * src/ports.ts only describes: it imports nothing but types, and anyone may import its types.
 */
import { posix } from "node:path";
import type { Import, SourceFile } from "./tree.ts";

const ranks: Readonly<Record<string, number>> = {
  errors: 0,
  limits: 0,
  "import-limits": 0,
  bytes: 1,
  document: 1,
  kernels: 1,
  format: 2,
  store: 3,
  index: 4,
  namespace: 5,
  query: 5,
  compaction: 5,
};
const indexRanks: Readonly<Record<string, number>> = {
  segment: 0,
  vector: 0,
  filter: 1,
  text: 1,
  builder: 2,
};
const flowRank = 6;
const flows = /^src\/(write|search|compact|collect)\.ts$/;

/** Packages the engine may use: they too know no platform. */
const enginePackages = new Set(["cbor-x", "fflate", "porter2", "re2js", "roaring-wasm", "valibot"]);
/** Stemmers and stop words of single languages. */
const languagePackages = /^@orama\/(?:stemmers|stopwords)\//;

/** What is wrong with an import, or undefined. */
export function complainAboutImport(file: SourceFile, target: Import): string | undefined {
  const reason = file.path.startsWith("src/") ? inEngine(file, target) : inWorkers(file, target);
  return reason && `${file.path} imports ${target.from}: ${reason}`;
}

function inEngine({ path }: SourceFile, { from, target, typeOnly }: Import): string | undefined {
  if (!from.startsWith(".")) {
    return enginePackages.has(target) || languagePackages.test(from)
      ? undefined
      : "not a package of the engine";
  }
  if (!target.startsWith("src/")) return "the engine knows nothing outside src/";
  if (path === "src/ports.ts") return typeOnly ? undefined : "ports.ts imports types only";
  if (target === "src/ports.ts") return typeOnly ? undefined : "only types come from ports.ts";
  if (flows.test(path) && flows.test(target)) return "flows do not import one another";
  if (posix.dirname(path) === posix.dirname(target) && rank(path) > 0) return undefined;
  if (area(path) === area(target)) {
    const reachesIn = posix.dirname(target).startsWith(posix.dirname(path));
    const reachesOut = posix.dirname(path).startsWith(posix.dirname(target));
    const below = indexRank(target) < indexRank(path);
    return reachesIn || reachesOut || below ? undefined : "siblings do not import one another";
  }
  return rank(target) < rank(path) ? undefined : "imports go down only";
}

function inWorkers({ path }: SourceFile, { from, target }: Import): string | undefined {
  if (/^(scripts|test)\//.test(target)) return "not part of what is deployed";
  if (target === "hono" && !path.startsWith("workers/api/")) return "only workers/api knows hono";
  if (from.endsWith(".wasm") && !path.startsWith("workers/platform/")) {
    return "only workers/platform loads modules";
  }
  const mayKnowRuntime = /^(workers\/platform\/|durable-objects\/|workers\/main\.ts$)/.test(path);
  if (target.startsWith("cloudflare:") && !mayKnowRuntime) return "only the platform knows this";
  return undefined;
}

/** The folder of src/ a file is in, or its own name for the files of src/ itself. */
function area(path: string): string {
  return (path.split("/")[1] ?? "").replace(/\.ts$/, "");
}

function rank(path: string): number {
  return ranks[area(path)] ?? flowRank;
}

function indexRank(path: string): number {
  const [, area, folder] = path.split("/");
  return area === "index" ? (indexRanks[folder ?? ""] ?? 0) : 0;
}
