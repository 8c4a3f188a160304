/** `npm run crash`: scenarios in which every effect goes wrong, alone and in pairs. */
import { Command } from "commander";
import { pairs, samplePairs, singles } from "../../test/crash/batch.ts";
import type { Run } from "../../test/crash/run.ts";
import { type Scenario, scenarios } from "../../test/crash/scenarios.ts";
import { positiveInteger } from "../options.ts";
import { cannotRun, failed } from "../outcome.ts";

interface Options {
  readonly scenario?: string;
  readonly pairs: boolean;
  readonly seed: number;
  readonly sample?: number;
  readonly json: boolean;
}

export function crashCommand(): Command {
  return new Command("crash")
    .description("run scenarios with a failure at each of their effects, and check what is left")
    .option("--scenario <name>", "only those whose name contains this")
    .option("--pairs", "two failures in each run, in every combination", false)
    .option("--sample <n>", "only so many pairs of each scenario, by chance", positiveInteger)
    .option("--seed <n>", "of that chance", positiveInteger, 1)
    .option("--json", "print lines of JSON, the summary last", false)
    .action(crash);
}

async function crash(options: Options): Promise<void> {
  const { scenario: wanted, json } = options;
  const chosen = scenarios.filter(({ name }) => wanted === undefined || name.includes(wanted));
  if (chosen.length === 0) {
    const names = scenarios.map(({ name }) => name).join("; ");
    throw cannotRun(`No scenario's name contains "${wanted}". There are: ${names}.`);
  }
  const startedMs = performance.now();
  let runs = 0;
  let pairsRun = 0;
  let violations = 0;
  for (const scenario of chosen) {
    const began = { runs, violations, ms: performance.now() };
    for await (const { violation } of runsOf(scenario, options)) {
      runs += 1;
      if (violation !== undefined) {
        violations += 1;
        if (json) console.log(JSON.stringify({ crash: "violation", detail: violation }));
        else console.error(violation);
      }
    }
    const count = runs - began.runs;
    if (options.pairs) pairsRun += count;
    const seconds = (performance.now() - began.ms) / 1_000;
    if (json) {
      const figures = { runs: count, violations: violations - began.violations };
      console.log(JSON.stringify({ crash: "scenario", scenario: scenario.name, ...figures }));
    } else {
      console.log(`${scenario.name}: ${count} runs in ${seconds.toFixed(1)} s`);
    }
  }
  const perSecond = Math.round((1_000 * runs) / (performance.now() - startedMs));
  const totals = { scenarios: chosen.length, runs, pairs: pairsRun, violations };
  console.log(
    json
      ? JSON.stringify({ crash: "summary", ...totals, runs_per_second: perSecond })
      : `${chosen.length} scenarios, ${runs} runs, ${violations} violations, ${perSecond} runs/s.`,
  );
  if (violations > 0) throw failed(`${violations} violations.`);
}

function runsOf(scenario: Scenario, { pairs: inPairs, sample, seed }: Options): AsyncIterable<Run> {
  if (!inPairs) return singles(scenario);
  return sample === undefined ? pairs(scenario) : samplePairs(scenario, seed, sample);
}
