/** A folder that does not outlive the command, even when it is interrupted. */
import { mkdtempSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export async function withTemporaryFolder<T>(
  name: string,
  use: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), `shoal-${name}-`));
  // A server that is about to end may write meanwhile.
  const remove = (): void => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  const interrupt = (signal: NodeJS.Signals): void => {
    remove();
    process.exit(128 + constants.signals[signal]);
  };
  for (const signal of signals) process.on(signal, interrupt);
  try {
    return await use(folder);
  } finally {
    for (const signal of signals) process.off(signal, interrupt);
    remove();
  }
}
