/**
 * How far an import has come, in a file, so that a later run goes on there. It names the
 * namespace's generation, so it means nothing for a namespace that was deleted since.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { NotedPlace } from "./row-source.ts";

const nowhere: NotedPlace = { rows: 0, place: undefined };

export interface ImportNotes {
  /** All rows below it were acknowledged in this generation. 0 if nothing is known. */
  read(generation: string | undefined): NotedPlace;
  write(generation: string | undefined, place: NotedPlace): void;
  forget(): void;
}

/** `key`: what makes it the same import. */
export function openNotes(folder: string, key: readonly string[]): ImportNotes {
  const name = createHash("sha256").update(key.join("\n")).digest("hex").slice(0, 16);
  const file = join(folder, `${name}.json`);
  return {
    read: (generation) => {
      const noted = readNote(file);
      if (generation !== undefined && noted?.generation === generation) return noted;
      rmSync(file, { force: true });
      return nowhere;
    },
    write: (generation, { rows, place }) => {
      if (generation === undefined) return;
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(`${file}.new`, JSON.stringify({ generation, rows, place }));
      renameSync(`${file}.new`, file);
    },
    forget: () => rmSync(file, { force: true }),
  };
}

export const noNotes: ImportNotes = { read: () => nowhere, write: () => {}, forget: () => {} };

function readNote(file: string): (NotedPlace & { readonly generation: string }) | undefined {
  try {
    const note = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
    const { generation, rows, place } = note;
    if (typeof generation !== "string" || !Number.isSafeInteger(rows)) return undefined;
    return { generation, rows: Number(rows), place: typeof place === "string" ? place : undefined };
  } catch {
    return undefined;
  }
}
