/**
 * Counts the bytes a build holds in its large arrays: no runtime tells, and an isolate that exceeds
 * its memory dies. Everything that grows with rows or blocks is entered here; small objects are
 * not.
 */
import { assert } from "../../errors.ts";

export class MemoryLedger {
  #held = 0;
  #peak = 0;

  /** Enters bytes about to be allocated; call the result when they are let go. */
  hold(bytes: number): () => void {
    this.#held += bytes;
    this.#peak = Math.max(this.#peak, this.#held);
    let holding = true;
    return () => {
      assert(holding, "memory is released once");
      holding = false;
      this.#held -= bytes;
    };
  }

  get held(): number {
    return this.#held;
  }

  get peak(): number {
    return this.#peak;
  }
}
