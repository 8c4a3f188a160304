/** Preloaded into the process that runs a mutant: edits its sources as they are loaded. */
import { registerHooks } from "node:module";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { mutants } from "./mutants.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const name = process.env["SHOAL_MUTANT"];
const edits = mutants.find((mutant) => mutant.name === name)?.edits ?? [];

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    if (!url.startsWith("file:")) return loaded;
    const file = relative(root, fileURLToPath(url));
    const mine = edits.filter((edit) => edit.file === file);
    if (mine.length === 0) return loaded;
    const { source: original } = loaded;
    let source = typeof original === "string" ? original : new TextDecoder().decode(original);
    for (const { find, replace } of mine) {
      const [before, after, ...more] = source.split(find);
      if (before === undefined || after === undefined || more.length > 0) {
        throw new Error(`${file} does not hold exactly once: ${find}`);
      }
      source = before + replace + after;
    }
    return { ...loaded, source };
  },
});
