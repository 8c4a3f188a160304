/** One server for all end-to-end files: started before the first, ended after the last. */
import type { TestProject } from "vitest/node";
import { spawnShoal } from "../../scripts/miniflare.ts";

declare module "vitest" {
  interface ProvidedContext {
    readonly server: {
      readonly url: string;
      readonly directUrl: string;
      readonly apiKey: string;
    };
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { url, directUrl, apiKey, stop } = await spawnShoal();
  project.provide("server", { url, directUrl, apiKey });
  return stop;
}
