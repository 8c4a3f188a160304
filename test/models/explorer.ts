/**
 * Exhaustive exploration of a model, breadth first: every state that any order of steps can reach,
 * each checked. The first fault found is therefore one of those with the fewest steps, and is told
 * as the sentences of the steps that lead to it.
 *
 * A model is the protocol with everything left out that its promises do not depend on. Its states
 * are plain immutable data; its decisions are those of src/, called, wherever they are pure there.
 */
import { StateSet } from "./state-set.ts";

export interface Model<S> {
  initial(): S;
  /** Calls `take` for everything that may happen next. */
  steps(state: S, take: Take<S>): void;
  /** What is wrong with the state, in words. */
  fault(state: S): string | undefined;
  /** May nothing happen any more? A state without steps that may not rest is a deadlock. */
  mayRest(state: S): boolean;
  /** One for all states that differ in names alone. */
  canonical?(state: S): S;
}

/** `words` say what happens; each # in them is one of `who`. Different words are counted apart. */
export type Take<S> = (after: S, words: string, ...who: readonly (number | string)[]) => void;

export interface Counterexample {
  readonly fault: string;
  /** One sentence a step. */
  readonly trace: readonly string[];
}

export interface Exploration {
  readonly states: number;
  readonly transitions: number;
  /** Steps of the longest shortest path. */
  readonly depth: number;
  /** How often each kind of step was taken. */
  readonly steps: ReadonlyMap<string, number>;
  /** False when `statesMax` was reached. */
  readonly isComplete: boolean;
  readonly counterexample: Counterexample | undefined;
}

export interface ExploreOptions {
  readonly statesMax?: number;
  /** Called now and then with the number of states so far. */
  readonly onProgress?: (states: number, depth: number) => void;
}

const progressEvery = 1 << 17;

export function explore<S>(model: Model<S>, options: ExploreOptions = {}): Exploration {
  const { statesMax = Number.POSITIVE_INFINITY, onProgress = () => {} } = options;
  const canonical = (state: S): S => model.canonical?.(state) ?? state;
  const known = new StateSet();
  const steps = new Map<string, number>();
  let transitions = 0;
  let depth = 0;
  const first = canonical(model.initial());
  known.add(first, 0, 0);
  const end = (fault?: string, state = 0, last: readonly string[] = []): Exploration => ({
    states: known.size,
    transitions,
    depth,
    steps,
    isComplete: fault === undefined && known.size < statesMax,
    counterexample:
      fault === undefined
        ? undefined
        : { fault, trace: [...retrace(model, known, state), ...last] },
  });
  const wrong = model.fault(first);
  if (wrong !== undefined) return end(wrong);
  // Only the states of two depths exist at a time; of all others there is a fingerprint.
  let level: S[] = [first];
  for (let from = 0; ; depth += 1) {
    const next: S[] = [];
    for (const [i, state] of level.entries()) {
      const parent = from + i;
      let step = 0;
      let fault: string | undefined;
      model.steps(state, (after, words) => {
        transitions += 1;
        steps.set(words, (steps.get(words) ?? 0) + 1);
        const reached = canonical(after);
        if (fault === undefined && known.add(reached, parent, step)) {
          fault = model.fault(reached);
          next.push(reached);
          if (known.size % progressEvery === 0) onProgress(known.size, depth);
        }
        step += 1;
      });
      if (fault !== undefined) return end(fault, known.size - 1);
      if (step === 0 && !model.mayRest(state)) {
        return end("nothing can happen any more, and not all is done", parent);
      }
      if (known.size >= statesMax) return end();
    }
    if (next.length === 0) return end();
    from += level.length;
    level = next;
  }
}

/** The sentences of the steps to the state, by taking them again. */
function retrace<S>(model: Model<S>, known: StateSet, number: number): string[] {
  const canonical = (state: S): S => model.canonical?.(state) ?? state;
  let state = canonical(model.initial());
  return known.pathTo(number).map((wanted) => {
    let step = 0;
    let sentence = "";
    let after = state;
    model.steps(state, (reached, words, ...who) => {
      if (step === wanted) {
        let at = 0;
        sentence = words.replace(/#/g, () => String(who[at++]));
        after = canonical(reached);
      }
      step += 1;
    });
    state = after;
    return sentence;
  });
}
