/** Loads the packages beside this file, which are installed only when a bench asks for peers. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(import.meta.url);

/** The caller says what the package looks like: its types are there only where it is installed. */
export function loadPackage(name: string): unknown {
  return require(name);
}

export function versionOf(name: string): string {
  const file = join(import.meta.dirname, "node_modules", name, "package.json");
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}
