/** Runs every planted bug in a process of its own. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Mutant } from "./mutant.ts";
import { mutants } from "./mutants.ts";

export interface MutantResult {
  readonly mutant: string;
  /** The first seed that noticed, and what; none if it was missed. */
  readonly seed: number | undefined;
  readonly noticed: string;
}

export interface MutantSummary {
  readonly sim: "mutants";
  readonly mutants: number;
  readonly caught: number;
  readonly missed: readonly string[];
}

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const patienceMs = 180_000;

export async function runMutants(
  seeds: number,
  operations: number,
  onMutant: (result: MutantResult) => void,
): Promise<MutantSummary> {
  const missed: string[] = [];
  for (const mutant of mutants) {
    const result = await runMutant(mutant, seeds, operations);
    if (result.seed === undefined) missed.push(mutant.name);
    onMutant(result);
  }
  const caught = mutants.length - missed.length;
  return { sim: "mutants", mutants: mutants.length, caught, missed };
}

function runMutant({ name }: Mutant, seeds: number, operations: number): Promise<MutantResult> {
  const args = [
    "--import",
    here("mutation.ts"),
    here("mutant-run.ts"),
    `${seeds}`,
    `${operations}`,
  ];
  const env = { ...process.env, SHOAL_MUTANT: name };
  const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let errors = "";
  child.stdout.on("data", (data: Buffer) => {
    output += data.toString();
  });
  child.stderr.on("data", (data: Buffer) => {
    errors += data.toString();
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), patienceMs);
  return new Promise((resolve) => {
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      const line = output.trim().split("\n").at(-1) ?? "";
      if (code === 0 && line.startsWith("{")) {
        const { seed, kind, detail } = JSON.parse(line) as Record<string, string>;
        resolve({ mutant: name, seed: Number(seed), noticed: `${kind}: ${detail}` });
        return;
      }
      // A run that ends in an error has not been caught by an oracle.
      const noticed = signal === null ? errors.trim().slice(0, 300) : "ran out of time";
      resolve({ mutant: name, seed: undefined, noticed });
    });
  });
}
