/** How a command ends when not well. */

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
