/**
 * Something that runs and may die at any await: an isolate, a consumer, an instance of the object.
 * What a dead process waits for never comes, and what it asks for never arrives.
 */
import type { Clock } from "../../src/ports.ts";
import type { World } from "./world.ts";

/** The call did not get through, or its answer did not. */
export class ResetError extends Error {}

/** No clock is further off than this: half of the grace is meant for slow work. */
const skewMsMax = 8 * 60_000;

export class Process {
  readonly world: World;
  readonly name: string;
  readonly sleepHoursMax: number;
  /** How far its clock is ahead. */
  skewMs = 0;
  readonly clock: Clock;
  readonly #parent: Process | undefined;
  #killed = false;

  /**
   * `sleepHoursMax`: how long the host may leave it without a turn. `parent`: what it ends with, as
   * a request does with its isolate.
   */
  constructor(world: World, name: string, sleepHoursMax = 0, parent?: Process) {
    this.#parent = parent;
    this.world = world;
    this.name = name;
    this.sleepHoursMax = sleepHoursMax;
    this.clock = {
      now: () => {
        const { faults, random, scheduler } = world;
        if (faults.strikes("clock-jump")) this.skewMs = random.between(-skewMsMax, skewMsMax);
        return Math.floor(scheduler.nowMs + this.skewMs);
      },
      sleep: (ms) => this.pause(ms),
    };
  }

  /** Something of it is under way whose outcome it will not learn: a good moment to end. */
  mayEnd(): void {}

  get alive(): boolean {
    return !this.#killed && (this.#parent?.alive ?? true);
  }

  kill(): void {
    this.#killed = true;
  }

  pause(ms: number, label = "sleep"): Promise<void> {
    return new Promise((resolve) => {
      this.world.scheduler.after(ms, label, () => {
        if (this.alive) resolve();
      });
    });
  }

  /** The promise as this process sees it: once it is dead, it learns nothing more. */
  hears<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      promise.then(
        (value) => {
          if (this.alive) resolve(value);
        },
        (error: unknown) => {
          if (this.alive) reject(error);
        },
      );
    });
  }
}
