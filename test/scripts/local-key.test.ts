import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, it } from "vitest";
import { ensureLocalKey, readLocalKey } from "../../scripts/local-key.ts";

const folder = mkdtempSync(join(tmpdir(), "shoal-key-"));
const file = join(folder, ".dev.vars");

beforeEach(() => rmSync(file, { force: true }));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("makes a key once, and for the owner's eyes only", () => {
  const key = ensureLocalKey(file);
  expect(key).toMatch(/^shoal_[\w-]{32}$/);
  expect(ensureLocalKey(file)).toBe(key);
  expect(readFileSync(file, "utf8")).toBe(`SHOAL_API_KEYS=${key}\n`);
  expect(statSync(file).mode & 0o077).toBe(0);
});

it("leaves the other settings alone", () => {
  writeFileSync(file, "OTHER=1");
  const key = ensureLocalKey(file);
  expect(readFileSync(file, "utf8")).toBe(`OTHER=1\nSHOAL_API_KEYS=${key}\n`);
});

it("takes the first of several keys", () => {
  writeFileSync(file, 'OTHER=1\nSHOAL_API_KEYS="first,second"\n');
  expect(ensureLocalKey(file)).toBe("first");
});

it("finds none where there is none", () => {
  expect(readLocalKey(file)).toBeUndefined();
});
