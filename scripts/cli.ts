/**
 * The commands of `npm start` and `npm run bench`, `kill`, `sim`, `model`, `crash`, `fuzz`,
 * `oracle`, `conformance`, `scrub` and `inspect`. Each is a file in commands/. Those of
 * `npm run cli` are in shoal.ts.
 *
 * Results go to standard output, all else to standard error. Exit codes: 0 what was promised held,
 * 1 it did not, 2 the command could not run.
 */
import { Command } from "commander";
import { benchCommand } from "./commands/bench.ts";
import { conformanceCommand } from "./commands/conformance.ts";
import { crashCommand } from "./commands/crash.ts";
import { fuzzCommand } from "./commands/fuzz.ts";
import { inspectCommand } from "./commands/inspect.ts";
import { killCommand } from "./commands/kill.ts";
import { modelCommand } from "./commands/model.ts";
import { oracleCommand } from "./commands/oracle.ts";
import { scrubCommand } from "./commands/scrub.ts";
import { simCommand } from "./commands/sim.ts";
import { startCommand } from "./commands/start.ts";
import { exitCodeOf } from "./outcome.ts";

const program = new Command("shoal").exitOverride();
for (const command of [
  startCommand(),
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
