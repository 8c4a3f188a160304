/**
 * A set of states that keeps 64-bit fingerprints instead of the states, with what a trace back to
 * the beginning needs: 18 to 30 bytes a state. Two of n states share a fingerprint with a
 * probability of about n² / 2⁶⁵: one in a million for five million states.
 *
 * A fingerprint covers numbers, texts, booleans, undefined, and arrays and objects of them. Objects
 * that stand in the same place must be made with the same keys in the same order; if they are not,
 * a state counts twice, which costs time and hides nothing.
 */

const growAt = 0.6;

export class StateSet {
  #high = new Uint32Array(1 << 12);
  #low = new Uint32Array(1 << 12);
  /** Number of the state plus one; 0: free. */
  #numbers = new Int32Array(1 << 12);
  #parents = new Int32Array(1 << 11);
  #steps = new Uint16Array(1 << 11);
  size = 0;

  /** Adds the state, reached from `parent` by its step of that number. False: it was known. */
  add(state: unknown, parent: number, step: number): boolean {
    fold(state);
    const high = finish(laneA);
    const low = finish(laneB);
    const mask = this.#numbers.length - 1;
    let at = low & mask;
    while (this.#numbers[at] !== 0) {
      if (this.#high[at] === high && this.#low[at] === low) return false;
      at = (at + 1) & mask;
    }
    this.#high[at] = high;
    this.#low[at] = low;
    this.#numbers[at] = this.size + 1;
    this.#note(parent, step);
    if (this.size > this.#numbers.length * growAt) this.#grow();
    return true;
  }

  /** Numbers of the steps that lead from the first state to this one. */
  pathTo(state: number): number[] {
    const path: number[] = [];
    for (let at = state; at > 0; at = this.#parents[at] as number) {
      path.push(this.#steps[at] as number);
    }
    return path.reverse();
  }

  #note(parent: number, step: number): void {
    if (this.size === this.#parents.length) {
      const parents = new Int32Array(this.size * 2);
      const steps = new Uint16Array(this.size * 2);
      parents.set(this.#parents);
      steps.set(this.#steps);
      this.#parents = parents;
      this.#steps = steps;
    }
    this.#parents[this.size] = parent;
    this.#steps[this.size] = step;
    this.size += 1;
  }

  #grow(): void {
    const [high, low, numbers] = [this.#high, this.#low, this.#numbers];
    const length = numbers.length * 2;
    const mask = length - 1;
    this.#high = new Uint32Array(length);
    this.#low = new Uint32Array(length);
    this.#numbers = new Int32Array(length);
    for (let from = 0; from < numbers.length; from++) {
      if (numbers[from] === 0) continue;
      let at = (low[from] as number) & mask;
      while (this.#numbers[at] !== 0) at = (at + 1) & mask;
      this.#high[at] = high[from] as number;
      this.#low[at] = low[from] as number;
      this.#numbers[at] = numbers[from] as number;
    }
  }
}

// Two lanes of 32 bits, mixed by different odd multipliers; variables of the module because a pair
// to return for every value folded would cost more than the mixing.
let laneA = 0;
let laneB = 0;

function fold(state: unknown): void {
  laneA = 0x9e3779b9;
  laneB = 0x85ebca6b;
  foldValue(state);
}

function foldValue(value: unknown): void {
  if (typeof value === "number") {
    mix(value | 0, 1);
    // Times are beyond 32 bits.
    if (value !== (value | 0)) mix(Math.floor(value / 0x1_0000_0000), 2);
  } else if (typeof value === "string") {
    mix(value.length, 3);
    for (let i = 0; i < value.length; i++) mix(value.charCodeAt(i), 4);
  } else if (typeof value === "boolean") {
    mix(value ? 1 : 0, 5);
  } else if (Array.isArray(value)) {
    mix(value.length, 6);
    for (let i = 0; i < value.length; i++) foldValue(value[i]);
  } else if (typeof value === "object" && value !== null) {
    mix(0, 7);
    for (const key in value) foldValue((value as Record<string, unknown>)[key]);
  } else if (value === undefined) {
    mix(0, 8);
  } else {
    throw new Error(`a state holds a ${typeof value}`);
  }
}

function mix(value: number, tag: number): void {
  laneA = Math.imul(laneA ^ (value + tag * 0x01000193), 0xcc9e2d51);
  laneA = (laneA << 13) | (laneA >>> 19);
  laneB = Math.imul(laneB ^ (value * 31 + tag), 0x1b873593);
  laneB = ((laneB << 15) | (laneB >>> 17)) + laneA;
}

function finish(lane: number): number {
  let x = lane;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}
