/** The browser of the console's tests: one that is installed; none is downloaded. */
import { existsSync } from "node:fs";

const places = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

export const installLine = "apt-get install -y --no-install-recommends chromium";

/** `SHOAL_CHROMIUM` names another place. Undefined if there is none. */
export function findChromium(): string | undefined {
  const named = process.env["SHOAL_CHROMIUM"];
  return (named === undefined ? places : [named]).find((path) => existsSync(path));
}
