/**
 * The command line of the database: `npm run cli -- COMMAND`, or `npx --no-install shoal COMMAND`
 * inside the clone. Each command is a file in shoal/, loaded when it is called.
 *
 * Exit codes: 0 done, 1 the server or a check says no, 2 it could not run.
 */
import { Command } from "commander";
import { exitCodeOf } from "./outcome.ts";
import { costsCommand } from "./shoal/costs.ts";
import { doctorCommand } from "./shoal/doctor.ts";
import { exportCommand } from "./shoal/export.ts";
import {
  branchCommand,
  copyCommand,
  restoreCommand,
  snapshotCommand,
  snapshotsCommand,
} from "./shoal/history.ts";
import { importCommand } from "./shoal/import.ts";
import { keysCommand } from "./shoal/keys.ts";
import { loginCommand, logoutCommand, whoamiCommand } from "./shoal/login.ts";
import { moveCommand } from "./shoal/move.ts";
import { deleteCommand, describeCommand, namespacesCommand } from "./shoal/namespaces.ts";
import { queryCommand } from "./shoal/query.ts";
import { importsCommand } from "./shoal/server-import.ts";
import { watchCommand } from "./shoal/watch.ts";

const program = new Command("shoal")
  .description("search database whose only durable state is object storage")
  .exitOverride();

const commands: readonly Command[] = [
  loginCommand(),
  logoutCommand(),
  whoamiCommand(),
  namespacesCommand(),
  describeCommand(),
  queryCommand(),
  importCommand(),
  importsCommand(),
  moveCommand(),
  exportCommand(),
  copyCommand(),
  branchCommand(),
  snapshotCommand(),
  snapshotsCommand(),
  restoreCommand(),
  watchCommand(),
  deleteCommand(),
  keysCommand(),
  doctorCommand(),
  costsCommand(),
  await deployCommand(),
];
for (const command of commands) {
  for (const each of [command, ...command.commands]) each.copyInheritedSettings(program);
  program.addCommand(command);
}

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
}

/** Brings wrangler along, which takes a second to load. */
async function deployCommand(): Promise<Command> {
  if (process.argv[2] !== "deploy") {
    return new Command("deploy").description("set up a deployment in your account");
  }
  return (await import("./shoal/deploy.ts")).deployCommand();
}
