/**
 * Kinds of tests, run in this order:
 * `memory`, alone in a process of its own, since it looks at all that is alive there;
 * `unit` in Node (pure code, milliseconds); `workerd` inside the Workers runtime with the bindings
 * of wrangler.toml (*.worker.test.ts); `e2e` against running servers over HTTP; and, where Chromium
 * is installed, `browser`, which drives the console.
 *
 * `unit` files share threads and `workerd` files share one runtime, because starting one for each
 * file costs more than most files take. Nothing here mocks modules, so nothing leaks between files;
 * the runtime's storage is emptied after each file.
 */
import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import { findChromium } from "./scripts/chromium.ts";

const memoryTest = "test/compact-memory.test.ts";

const browser = {
  test: {
    name: "browser",
    include: ["test/browser/**/*.test.ts"],
    globalSetup: ["test/e2e/server.ts"],
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    sequence: { groupOrder: 4 },
  },
};

export default defineConfig({
  test: {
    // What the server logs is of interest where a test fails.
    silent: "passed-only",
    projects: [
      {
        test: {
          name: "memory",
          include: [memoryTest],
          pool: "forks",
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/**/*.worker.test.ts", "test/e2e/**", "test/browser/**", memoryTest],
          pool: "threads",
          isolate: false,
          maxWorkers: "100%",
          testTimeout: 30_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        plugins: [
          cloudflareTest({
            wrangler: { configPath: "./wrangler.toml" },
            miniflare: { bindings: { SHOAL_API_KEYS: "workerd-key" } },
          }),
        ],
        test: {
          name: "workerd",
          include: ["test/**/*.worker.test.ts"],
          setupFiles: ["test/workerd/empty-storage.ts"],
          isolate: false,
          fileParallelism: false,
          testTimeout: 30_000,
          hookTimeout: 30_000,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          globalSetup: ["test/e2e/server.ts"],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 3 },
        },
      },
      ...(findChromium() === undefined ? [] : [browser]),
    ],
  },
});
