/**
 * Values of src/ in the state of a model, as numbers: equal values have one number, so that states
 * stay small and what src/ says of a value is asked once.
 */
export class Interner<T> {
  readonly #keyOf: (value: T) => string;
  readonly #numbers = new Map<string, number>();
  readonly #values: T[] = [];

  /** `keyOf`: different for values that differ in anything that matters. */
  constructor(keyOf: (value: T) => string) {
    this.#keyOf = keyOf;
  }

  number(value: T): number {
    const key = this.#keyOf(value);
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    this.#values.push(value);
    this.#numbers.set(key, this.#values.length);
    return this.#values.length;
  }

  value(number: number): T {
    const value = this.#values[number - 1];
    if (value === undefined) throw new Error(`no value has the number ${number}`);
    return value;
  }
}
