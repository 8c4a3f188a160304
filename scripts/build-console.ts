/**
 * console/ -> .shoal/console, the static assets that the Worker serves at `/`.
 *
 *   index.html   names of the two files below put in
 *   assets/      main-<hash>.js and .css, which browsers may keep for ever, as their names change
 *   encoder/     the demo encoder, loaded when somebody first searches by meaning
 *   _headers     what the platform answers with: a policy that lets nothing come from elsewhere
 *
 * Built only if something changed. Two builds at once both leave a whole folder: each is made aside
 * and renamed into place.
 */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { build } from "esbuild";
import { digestSources } from "./source-digest.ts";

const root = dirname(import.meta.dirname);
const source = join(root, "console");
const encoder = join(root, "assets", "static-embed");
const encoderFiles = ["vocab.txt", "tokens-192.i8", "scales-192.f32"];
/** What the output comes from. */
const inputs = [
  "console",
  ...encoderFiles.map((file) => `assets/static-embed/${file}`),
  "package-lock.json",
  "scripts/build-console.ts",
];
const output = join(root, ".shoal", "console");

await buildConsole();

async function buildConsole(): Promise<void> {
  const wanted = digestSources(root, inputs);
  const stamp = join(output, ".built");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  const fresh = `${output}.${process.pid}`;
  mkdirSync(join(fresh, "encoder"), { recursive: true });
  const { metafile } = await build({
    entryPoints: [join(source, "main.tsx"), join(source, "main.css")],
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2023",
    jsx: "automatic",
    jsxImportSource: "preact",
    entryNames: "assets/[name]-[hash]",
    outdir: fresh,
    metafile: true,
    legalComments: "linked",
    logLevel: "warning",
  });
  const built = Object.keys(metafile.outputs).map((path) => path.split("/").at(-1) ?? "");
  const html = readFileSync(join(source, "index.html"), "utf8").replaceAll(
    /"main\.(js|css)"/g,
    (_match, type: string) =>
      `"/assets/${built.find((name) => name.startsWith("main-") && name.endsWith(`.${type}`))}"`,
  );
  writeFileSync(join(fresh, "index.html"), html);
  copyFileSync(join(source, "icon.svg"), join(fresh, "icon.svg"));
  copyFileSync(join(source, "headers"), join(fresh, "_headers"));
  for (const file of encoderFiles) {
    copyFileSync(join(encoder, file), join(fresh, "encoder", file));
  }
  writeFileSync(join(fresh, ".built"), wanted);
  writeFileSync(join(fresh, ".assetsignore"), ".built\n.assetsignore\n");
  swap(fresh);
}

/** A server that runs may read the old folder until the moment of the change. */
function swap(fresh: string): void {
  const old = `${output}.old.${process.pid}`;
  if (existsSync(output)) renameSync(output, old);
  try {
    renameSync(fresh, output);
  } catch (error) {
    // Another build was faster, and made the same.
    rmSync(fresh, { recursive: true, force: true });
    if (!existsSync(join(output, ".built"))) throw error;
  }
  rmSync(old, { recursive: true, force: true });
}
