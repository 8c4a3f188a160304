/**
 * What matching patterns against texts may cost: one step is one place of a pattern against one
 * character of a text, at the worst. The patterns of one filter share a budget, so that no filter
 * takes the processor for longer than some seconds, whatever it says and whatever it meets.
 */
import { invalid } from "../errors.ts";
import { limits } from "../limits.ts";

export class TextSteps {
  readonly #max: number;
  /** How many were taken. */
  taken = 0;

  constructor(max: number = limits.filterStepsMax) {
    this.#max = max;
  }

  /** Before they are taken. */
  take(steps: number): void {
    this.taken += steps;
    if (this.taken > this.#max) {
      throw invalid(
        `💔 the patterns of the filter take more than ${this.#max} steps on the texts here; ` +
          "use shorter patterns, or ones that begin with what the texts begin with",
        "filters",
      );
    }
  }
}

export type TextTest = (text: string) => boolean;
