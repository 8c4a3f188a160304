/**
 * How far an import has come, in a file, so that a later run goes on there. It names the
 * namespace's generation, so it means nothing for a namespace that was deleted since.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

export interface ImportNotes {
  /** All rows below this were acknowledged in this generation. 0 if nothing is known. */
  read(generation: string | undefined): number;
  write(generation: string | undefined, rows: number): void;
  forget(): void;
}

/** `key`: what makes it the same import. */
export function openNotes(folder: string, key: readonly string[]): ImportNotes {
  const name = createHash("sha256").update(key.join("\n")).digest("hex").slice(0, 16);
  const file = join(folder, `${name}.json`);
  return {
    read: (generation) => {
      const noted = readNote(file);
      if (generation !== undefined && noted?.generation === generation) return noted.rows;
      rmSync(file, { force: true });
      return 0;
    },
    write: (generation, rows) => {
      if (generation === undefined) return;
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(`${file}.new`, JSON.stringify({ generation, rows }));
      renameSync(`${file}.new`, file);
    },
    forget: () => rmSync(file, { force: true }),
  };
}

export const noNotes: ImportNotes = { read: () => 0, write: () => {}, forget: () => {} };

function readNote(file: string): { generation: string; rows: number } | undefined {
  try {
    const note = JSON.parse(readFileSync(file, "utf8")) as { generation?: unknown; rows?: unknown };
    const { generation, rows } = note;
    if (typeof generation !== "string" || !Number.isSafeInteger(rows)) return undefined;
    return { generation, rows: Number(rows) };
  } catch {
    return undefined;
  }
}
