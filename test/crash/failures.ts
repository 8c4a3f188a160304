/**
 * What can go wrong with an effect: a request to the store or to an object's storage.
 *
 *   lost, unanswered   the request fails, without or with its effect
 *   late               the put fails, and takes effect three seconds later
 *   dies before/after  nothing of its process happens from then on; a new instance or attempt
 *                      begins
 *   replaced           a new instance begins beside the old one, which does not know
 */
import { EngineError } from "../../src/errors.ts";

export const modes = [
  "lost",
  "unanswered",
  "late",
  "dies before",
  "dies after",
  "replaced",
  "dies before, storage wiped",
  "dies after, storage wiped",
  "replaced, storage wiped",
] as const;
export type Mode = (typeof modes)[number];

/** What goes wrong: the effect of this number, counted from 1, in this way. */
export interface Fault {
  readonly effect: number;
  readonly mode: Mode;
}

/** A Worker or consumer: what it does ends when it dies. */
export class Process {
  readonly died: Promise<never>;
  #reject: (error: Error) => void = () => {};

  constructor() {
    this.died = new Promise((_, reject) => {
      this.#reject = reject;
    });
    this.died.catch(() => undefined);
  }

  kill(reason: string): void {
    this.#reject(new EngineError("unavailable", reason));
  }
}

/**
 * Whether this effect can go wrong in this way, and not just as another does. To die before a
 * request that changes nothing leaves what dying before the next one that does leaves.
 */
export function applies(mode: Mode, what: string): boolean {
  const isPut = what.includes(" put ");
  const isOwners = what.startsWith("owner");
  const changes = isPut || /delete|storage\.(write|set)/.test(what);
  switch (mode) {
    case "lost":
      return true;
    case "late":
      return isPut;
    case "unanswered":
    case "dies before":
    case "dies after":
      return changes;
    case "replaced":
    case "replaced, storage wiped":
    case "dies before, storage wiped":
    case "dies after, storage wiped":
      return isOwners && changes;
  }
}

export function failure(what: string): EngineError {
  const unknown = what.includes(" put ") ? { outcomeUnknown: true } : {};
  return new EngineError("unavailable", `${what} failed`, unknown);
}
