/**
 * The commands of `npm start` and `npm run load`, `bench`, `kill`, `sim`, `model`, `crash`,
 * `fuzz`, `oracle`, `conformance`, `scrub` and `inspect`. Each is a file in commands/.
 *
 * Results go to standard output, all else to standard error. Exit codes: 0 what was promised held,
 * 1 it did not, 2 the command could not run.
 */
import { Command, CommanderError } from "commander";
import { benchCommand } from "./commands/bench.ts";
import { conformanceCommand } from "./commands/conformance.ts";
import { crashCommand } from "./commands/crash.ts";
import { fuzzCommand } from "./commands/fuzz.ts";
import { inspectCommand } from "./commands/inspect.ts";
import { killCommand } from "./commands/kill.ts";
import { loadCommand } from "./commands/load.ts";
import { modelCommand } from "./commands/model.ts";
import { oracleCommand } from "./commands/oracle.ts";
import { scrubCommand } from "./commands/scrub.ts";
import { simCommand } from "./commands/sim.ts";
import { startCommand } from "./commands/start.ts";
import { Outcome } from "./outcome.ts";

const program = new Command("shoal").exitOverride();
for (const command of [
  startCommand(),
  loadCommand(),
  benchCommand(),
  killCommand(),
  simCommand(),
  modelCommand(),
  crashCommand(),
  fuzzCommand(),
  oracleCommand(),
  conformanceCommand(),
  scrubCommand(),
  inspectCommand(),
]) {
  program.addCommand(command.copyInheritedSettings(program));
}

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
}

function exitCodeOf(error: unknown): number {
  // Commander has printed its own message; asking for help is not a failure.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof Outcome) {
    if (error.message !== "") console.error(error.message);
    return error.exitCode;
  }
  console.error(error instanceof Error ? error.message : String(error));
  return 1;
}
