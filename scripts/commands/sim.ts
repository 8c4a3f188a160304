/** `npm run sim`: simulated worlds in which everything goes wrong, and nothing may be lost. */
import { Command, Option } from "commander";
import { type BatchSummary, runBatch } from "../../test/sim/batch.ts";
import { type MutantResult, runMutants } from "../../test/sim/mutation-batch.ts";
import type { SeedResult } from "../../test/sim/world.ts";
import { positiveInteger } from "../options.ts";
import { failed } from "../outcome.ts";

interface Options {
  readonly seeds: number;
  readonly seed: number;
  readonly operations: number;
  readonly mode: SeedMode;
  readonly json: boolean;
  readonly mutants: boolean;
}

type SeedMode = "safety" | "liveness" | "both";

/** Fewer seeds than this need not have met everything. */
const completeFrom = 100;
/** A planted bug must be noticed within so many worlds of so many operations. */
const mutantBounds = { seeds: 50, operations: 800 };

export function simCommand(): Command {
  return new Command("sim")
    .description("run the engine in simulated worlds full of faults and check every answer")
    .option("--seeds <n>", "how many worlds", positiveInteger, 100)
    .option("--seed <n>", "the first", positiveInteger, 1)
    .option("--operations <n>", "of clients in each world", positiveInteger, 500)
    .addOption(
      new Option("--mode <mode>", "faults all the time, or that all comes to rest once they stop")
        .choices(["safety", "liveness", "both"])
        .default("both"),
    )
    .option("--mutants", "plant known bugs instead, and check that each is noticed", false)
    .option("--json", "print lines of JSON, the summary last", false)
    .action(sim);
}

async function sim(options: Options): Promise<void> {
  await (options.mutants ? plant(options) : simulate(options));
}

async function simulate({ seeds, seed, operations, mode, json }: Options): Promise<void> {
  const onSeed = (result: SeedResult): void => report(result, json);
  const summary = await runBatch({ seeds, seed, operations, mode, onSeed });
  console.log(json ? JSON.stringify(summary) : describeSummary(summary));
  if (summary.violations > 0) throw failed(`${summary.violations} violations.`);
  if (seeds >= completeFrom && summary.unfired.length > 0) {
    throw failed(`Never happened: ${summary.unfired.join(", ")}.`);
  }
}

async function plant({ json }: Options): Promise<void> {
  const onMutant = ({ mutant, seed, noticed }: MutantResult): void => {
    if (json) console.log(JSON.stringify({ sim: "mutant", mutant, seed, noticed }));
    else console.error(`${seed === undefined ? "MISSED" : `seed ${seed}`}: ${mutant} (${noticed})`);
  };
  const { seeds, operations } = mutantBounds;
  const summary = await runMutants(seeds, operations, onMutant);
  const { mutants, caught, missed } = summary;
  console.log(
    json ? JSON.stringify(summary) : `${caught} of ${mutants} planted bugs were noticed.`,
  );
  if (missed.length > 0) throw failed(`Missed: ${missed.join("; ")}.`);
}

function report({ seed, violations, traceHash }: SeedResult, json: boolean): void {
  for (const { kind, detail, atMs } of violations) {
    if (json) console.log(JSON.stringify({ sim: "violation", seed, kind, detail, at_ms: atMs }));
    else console.error(`seed ${seed} (trace ${traceHash}) after ${atMs} ms: ${kind}: ${detail}`);
  }
}

function describeSummary(summary: BatchSummary): string {
  const { seeds, operations, acknowledged, violations, unfired } = summary;
  const faults = Object.values(summary.faults).reduce((sum, count) => sum + count, 0);
  return [
    `${seeds} worlds, ${operations} operations, ${acknowledged} writes acknowledged,`,
    `${faults} faults of ${Object.keys(summary.faults).length} kinds,`,
    `${summary.simulated_hours} simulated hours, ${violations} violations,`,
    `${summary.operations_per_second} operations a second.`,
    unfired.length === 0 ? "" : `Never happened: ${unfired.join(", ")}.`,
  ]
    .join(" ")
    .trim();
}
