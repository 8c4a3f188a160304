/** `npm run model`: every order of events that small models of the protocol allow, each checked. */
import { Command, Option } from "commander";
import { type CataloguedModel, models, type Size } from "../../test/models/catalogue.ts";
import type { Counterexample, Exploration } from "../../test/models/explorer.ts";
import { cannotRun, failed } from "../outcome.ts";

interface Options {
  readonly model?: string;
  readonly bounds: Size;
  readonly json: boolean;
}

interface Totals {
  states: number;
  transitions: number;
  violations: number;
  mutants: number;
  caught: number;
  readonly missed: string[];
}

export function modelCommand(): Command {
  const names = models.map(({ name }) => name);
  return new Command("model")
    .description("explore models of the protocol exhaustively, and find every flaw planted in them")
    .addOption(new Option("--model <name>", "only this one").choices(names))
    .addOption(
      new Option("--bounds <size>", "how much may happen")
        .choices(["small", "large"])
        .default("large"),
    )
    .option("--json", "print lines of JSON, the summary last", false)
    .action(exploreAll);
}

function exploreAll({ model, bounds, json }: Options): void {
  const chosen = models.filter(({ name }) => model === undefined || name === model);
  if (chosen.length === 0) throw cannotRun(`There is no model ${model}.`);
  const totals: Totals = {
    states: 0,
    transitions: 0,
    violations: 0,
    mutants: 0,
    caught: 0,
    missed: [],
  };
  for (const each of chosen) {
    runModel(each, bounds, json, totals);
    plantFlaws(each, json, totals);
  }
  const { states, transitions, violations, mutants, caught, missed } = totals;
  const summary = {
    models: chosen.length,
    states,
    transitions,
    violations,
    mutants,
    caught,
    missed,
  };
  console.log(
    json
      ? JSON.stringify({ model: "summary", ...summary })
      : `${chosen.length} models, ${states} states, ${transitions} transitions, ` +
          `${violations} violations, ${caught} of ${mutants} planted flaws found.`,
  );
  if (violations > 0) throw failed(`${violations} violations.`);
  if (missed.length > 0) throw failed(`Missed: ${missed.join("; ")}.`);
}

function runModel(
  { name, promises, runs }: CataloguedModel,
  size: Size,
  json: boolean,
  totals: Totals,
) {
  console.error(`${name}: ${promises}`);
  for (const { bounds, explore } of runs[size]) {
    const startedMs = performance.now();
    const onProgress = (states: number, depth: number): void => {
      console.error(`  ${states} states, ${depth} steps deep`);
    };
    const { states, transitions, depth, counterexample } = explore({ onProgress });
    const seconds = (performance.now() - startedMs) / 1_000;
    const statesPerSecond = Math.round(states / seconds);
    totals.states += states;
    totals.transitions += transitions;
    totals.violations += counterexample === undefined ? 0 : 1;
    const violation = counterexample ?? null;
    if (json) {
      const figures = { states, transitions, depth, states_per_second: statesPerSecond };
      console.log(JSON.stringify({ model: "run", name, bounds, ...figures, violation }));
    } else {
      console.log(
        `${name} ${JSON.stringify(bounds)}: ${states} states, ${transitions} transitions, ` +
          `${depth} steps deep, ${seconds.toFixed(1)} s, ${statesPerSecond} states/s`,
      );
      if (counterexample !== undefined) tell(counterexample);
    }
  }
}

function plantFlaws({ name, flaws }: CataloguedModel, json: boolean, totals: Totals): void {
  for (const { flaw, explore } of flaws) {
    const { counterexample }: Exploration = explore();
    totals.mutants += 1;
    if (counterexample === undefined) totals.missed.push(`${name}: ${flaw}`);
    else totals.caught += 1;
    if (json) {
      const found = counterexample ?? { fault: null, trace: [] };
      console.log(JSON.stringify({ model: "mutant", name, mutant: flaw, ...found }));
    } else {
      console.log(`${counterexample === undefined ? "MISSED" : "found"}: ${flaw}`);
      if (counterexample !== undefined) tell(counterexample);
    }
  }
}

function tell({ fault, trace }: Counterexample): void {
  for (const [i, step] of trace.entries()) console.log(`  ${i + 1}. ${step}`);
  console.log(`  => ${fault}`);
}
