/** Parsers of command line options. */
import { InvalidArgumentError } from "commander";

export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new InvalidArgumentError("It must be a whole number from 1 on.");
  }
  return value;
}

/** From 0 on. */
export function milliseconds(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value < 0) {
    throw new InvalidArgumentError("It must be a number of milliseconds.");
  }
  return value;
}

export function port(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 65_535) {
    throw new InvalidArgumentError("It must be a number from 1 to 65535.");
  }
  return value;
}

/** `10000,100000` -> numbers. */
export function positiveIntegers(text: string): readonly number[] {
  return text.split(",").map(positiveInteger);
}

/** A list of some of the names, separated by commas. */
export function listOf<T extends string>(names: readonly T[]): (text: string) => readonly T[] {
  return (text) =>
    text.split(",").map((word) => {
      const name = names.find((each) => each === word.trim());
      if (name === undefined) throw new InvalidArgumentError(`It must be of ${names.join(", ")}.`);
      return name;
    });
}

/** `a,b` -> names. */
export function names(text: string): readonly string[] {
  return text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

/** `a=b,c=d` -> a map; given several times, all of them. */
export function pairs(
  text: string,
  before: ReadonlyMap<string, string> = new Map(),
): ReadonlyMap<string, string> {
  const added = names(text).map((pair): [string, string] => {
    const at = pair.indexOf("=");
    if (at < 1) throw new InvalidArgumentError(`"${pair}" is not as name=value.`);
    return [pair.slice(0, at), pair.slice(at + 1)];
  });
  return new Map([...before, ...added]);
}
