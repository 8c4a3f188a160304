/** `npm run test:browser`: the console in Chromium. Screenshots are left in .shoal/screenshots. */
import { startVitest } from "vitest/node";
import { findChromium, installLine } from "./chromium.ts";

if (findChromium() === undefined) {
  console.error(`There is no Chromium: ${installLine}, or name one in SHOAL_CHROMIUM.`);
  process.exit(2);
}
const vitest = await startVitest("test", process.argv.slice(2), {
  watch: false,
  project: "browser",
});
await vitest.close();
