/**
 * Compiles the AssemblyScript kernels to WebAssembly: src/kernels/simd.as.ts -> kernels.wasm.
 *
 * The output is not committed. It is built before every command and before every deployment, and
 * skipped when a hash of source, flags and compiler says that the file at hand came from them.
 * Costs 50 ms when there is nothing to do, 3 s when there is.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const source = join(root, "src/kernels/simd.as.ts");
const output = join(root, "src/kernels/kernels.wasm");
const stamp = join(root, "node_modules/.shoal-kernels");

/** Memory comes from the importer, which keeps hot blocks where the kernels can read them. */
const flags = ["--enable", "simd", "-O3", "--runtime", "stub", "--noAssert", "--importMemory"];

process.exitCode = build();

function build(): number {
  if (!existsSync(source)) return 0;
  const asc = createRequire(import.meta.url).resolve("assemblyscript/bin/asc.js");
  const version = readFileSync(join(asc, "../../package.json"));
  const wanted = digest(readFileSync(source), flags.join(" "), version);
  if (existsSync(output) && read(stamp) === `${wanted} ${digest(readFileSync(output))}`) return 0;

  const fresh = `${output}.${process.pid}`;
  const compiled = spawnSync(process.execPath, [asc, source, "-o", fresh, ...flags], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (compiled.status !== 0) {
    rmSync(fresh, { force: true });
    console.error("The kernels did not compile.");
    return 1;
  }
  // Renamed into place: two builds at once both leave a whole file.
  renameSync(fresh, output);
  writeFileSync(stamp, `${wanted} ${digest(readFileSync(output))}`);
  return 0;
}

function digest(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}

function read(file: string): string | undefined {
  return existsSync(file) ? readFileSync(file, "utf8") : undefined;
}
