/** One server for all end-to-end files: started before the first, ended after the last. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { spawnShoal } from "../../scripts/miniflare.ts";

declare module "vitest" {
  interface ProvidedContext {
    readonly server: {
      readonly url: string;
      readonly directUrl: string;
      readonly apiKey: string;
      /** Its bucket lies there. */
      readonly stateDir: string;
    };
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const stateDir = mkdtempSync(join(tmpdir(), "shoal-"));
  const { url, directUrl, apiKey, stop } = await spawnShoal({ stateDir });
  project.provide("server", { url, directUrl, apiKey, stateDir });
  return async () => {
    await stop();
    rmSync(stateDir, { recursive: true, force: true });
  };
}
