/**
 * Rows on their way into a namespace while somebody watches: a bar, notes for the next run to go on
 * from, a file of rejected rows, and Ctrl-C.
 */
import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import {
  type ImportOutcome,
  type ImportRequest,
  importRows,
  type Rejection,
} from "../import/import-rows.ts";
import { say, type startBar } from "./output.ts";

const notesFolder = join(import.meta.dirname, "../..", ".wrangler", "import");

/** `rejected`: a file for rows that cannot be documents; without one the first ends the import. */
export async function importWatched(
  request: ImportRequest,
  bar: ReturnType<typeof startBar>,
  rejected: string | undefined,
): Promise<ImportOutcome> {
  const interruption = interruptible();
  const rejects = rejected === undefined ? undefined : openRejects(rejected);
  try {
    return await importRows({
      ...request,
      notes: notesFolder,
      ...(rejects && { onRejected: rejects.write }),
      onProgress: (done) => bar.update(done),
      onRetry: (reason, waitMs) => say(`\n${reason}; trying again in ${waitMs} ms`),
      signal: interruption.signal,
    });
  } finally {
    bar.stop();
    rejects?.close();
    interruption.end();
  }
}

/** Ctrl-C waits for what is under way; a second one does not. */
function interruptible(): { readonly signal: AbortSignal; readonly end: () => void } {
  const controller = new AbortController();
  const signals = ["SIGINT", "SIGTERM"] as const;
  const end = (): void => {
    for (const name of signals) process.off(name, stop);
  };
  const stop = (): void => {
    controller.abort();
    end();
  };
  for (const name of signals) process.on(name, stop);
  return { signal: controller.signal, end };
}

function openRejects(file: string) {
  const descriptor = openSync(file, "a");
  return {
    write: (rejection: Rejection) => {
      const text = JSON.stringify(rejection, (_key, value: unknown) =>
        typeof value === "bigint" ? String(value) : value,
      );
      writeSync(descriptor, `${text}\n`);
    },
    close: () => closeSync(descriptor),
  };
}
