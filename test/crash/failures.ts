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
import { RigInstance } from "../owner-platform.ts";
import type { OwnerRig } from "../owner-rig.ts";

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

const lateMs = 3_000;

/** Makes the chosen effects of a rig's owner, and of whoever works beside it, go wrong. */
export class Failures {
  /** What happened while armed, in order. */
  readonly effects: string[] = [];
  isArmed = true;
  readonly #rig: OwnerRig;
  readonly #faults: readonly Fault[];

  constructor(rig: OwnerRig, faults: readonly Fault[]) {
    this.#rig = rig;
    this.#faults = faults;
  }

  /** What went wrong. */
  get hits(): string {
    return this.#faults.map(({ effect }) => `${effect} ${this.effects[effect - 1]}`).join(", ");
  }

  async effect<T>(
    what: string,
    apply: () => Promise<T>,
    whose: RigInstance | Process | undefined,
  ): Promise<T> {
    if (!this.isArmed) return await apply();
    const number = this.effects.push(what);
    const fault = this.#faults.find(({ effect }) => effect === number);
    const instance = whose instanceof RigInstance ? whose : undefined;
    switch (fault?.mode) {
      case undefined:
        return await apply();
      case "lost":
        throw failure(what);
      case "unanswered":
        await apply();
        throw failure(what);
      case "late": {
        if (!what.includes(" put ")) return await apply();
        const late = this.#rig.clock.sleep(lateMs).then(apply);
        late.catch(() => undefined);
        throw failure(what);
      }
      case "replaced":
      case "replaced, storage wiped":
        if (instance?.isNewest === true) {
          this.#mayWipe(fault.mode);
          this.#rig.restart();
        }
        return await apply();
      case "dies before":
      case "dies before, storage wiped":
        return await this.#die(fault.mode, whose);
      case "dies after":
      case "dies after, storage wiped":
        await apply();
        return await this.#die(fault.mode, whose);
    }
  }

  #die(mode: Mode, whose: RigInstance | Process | undefined): Promise<never> {
    if (whose instanceof RigInstance && whose.isNewest) this.#mayWipe(mode);
    whose?.kill("it died");
    return new Promise(() => {});
  }

  #mayWipe(mode: Mode): void {
    if (mode.endsWith("wiped")) this.#rig.storage.wipe();
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
