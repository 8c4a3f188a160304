#!/usr/bin/env node
/** The program `shoal` of package.json, for `npx --no-install shoal` inside a clone. */
process.argv.splice(2, 0, "cli");
await import("./bootstrap.mjs");
