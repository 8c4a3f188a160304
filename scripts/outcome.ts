/** How a command ends when not well. */
import { CommanderError } from "commander";

export class Outcome extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** What the command promises did not hold. */
export function failed(message: string): Outcome {
  return new Outcome(1, message);
}

/** Something the command needs is missing or in the way. */
export function cannotRun(message: string): Outcome {
  return new Outcome(2, message);
}

/** Says why on standard error. */
export function exitCodeOf(error: unknown): number {
  // Commander has printed its own message; asking for help is not a failure.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof Outcome) {
    if (error.message !== "") console.error(error.message);
    return error.exitCode;
  }
  console.error(error instanceof Error ? error.message : String(error));
  return 1;
}
