/**
 * The API key of the local server: made at the first start, kept in .dev.vars, which git ignores
 * and `wrangler dev` reads. Other lines of that file stay as they are.
 */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const name = "SHOAL_API_KEYS";
const file = join(import.meta.dirname, "..", ".dev.vars");

/** The first key of .dev.vars, or undefined. */
export function readLocalKey(path: string = file): string | undefined {
  if (!existsSync(path)) return undefined;
  const line = new RegExp(`^\\s*${name}\\s*=\\s*["']?([^\\s,"']+)`, "m");
  return line.exec(readFileSync(path, "utf8"))?.[1];
}

export function ensureLocalKey(path: string = file): string {
  const known = readLocalKey(path);
  if (known !== undefined) return known;
  const key = newApiKey();
  const before = existsSync(path) ? readFileSync(path, "utf8").replace(/\n?$/, "\n") : "";
  // Only the owner of the machine's account reads it.
  writeFileSync(path, `${before.trimStart()}${name}=${key}\n`, { mode: 0o600 });
  return key;
}

/** 192 random bits. */
export function newApiKey(): string {
  return `shoal_${randomBytes(24).toString("base64url")}`;
}
