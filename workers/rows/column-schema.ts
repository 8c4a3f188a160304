/**
 * What the columns of an import are, decided once from what is known: what the user says, what the
 * namespace has already, what the format states, and what the first rows look like, in this order.
 *
 *   text (CSV)   true and false: bool. Whole numbers: int. Numbers: float. Anything else, and
 *                numbers with leading zeros: string. A list in brackets: numbers
 *   JSON         numbers with fractions among them: float. Everything else the server infers
 */
import { type Row, SourceError } from "./row.ts";

export type ColumnTypes = ReadonlyMap<string, string>;

export interface KnownTypes {
  readonly given: Readonly<Record<string, string>>;
  /** What the namespace has, by the source's name of the column. */
  readonly existing: (column: string) => string | undefined;
  readonly stated: Readonly<Record<string, string>>;
}

const wholePattern = /^-?(0|[1-9]\d{0,18})$/;
const numberPattern = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

export function decideTypes(
  sample: readonly Row[],
  { given, existing, stated }: KnownTypes,
  isText: boolean,
): ColumnTypes {
  const names = new Set(sample.flatMap((row) => Object.keys(row)));
  const types = new Map<string, string>();
  for (const name of names) {
    const values = sample.map((row) => row[name]).filter((value) => !isAbsent(value));
    const guess = isText ? guessOfText(values.map(String)) : guessOfNumbers(values);
    const type = given[name] ?? existing(name) ?? stated[name] ?? guess;
    if (type !== undefined) types.set(name, type);
  }
  for (const [name, type] of Object.entries(given)) types.set(name, type);
  return types;
}

export function isAbsent(value: unknown): boolean {
  return value === null || value === undefined || value === "" || Number.isNaN(value);
}

function guessOfText(values: readonly string[]): string | undefined {
  if (values.length === 0) return undefined;
  if (values.every((value) => value === "true" || value === "false")) return "bool";
  if (values.every((value) => wholePattern.test(value))) return "int";
  if (values.every((value) => numberPattern.test(value))) return "float";
  if (values.every((value) => /^\[.*\]$/s.test(value))) return undefined;
  return "string";
}

function guessOfNumbers(values: readonly unknown[]): string | undefined {
  const numbers = values.filter((value) => typeof value === "number");
  const hasFraction = numbers.some((value) => !Number.isInteger(value));
  return hasFraction && numbers.length === values.length ? "float" : undefined;
}

/** A value of a text format as its column's type wants it; empty is absent. */
export function readText(text: string, type: string | undefined, name: string): unknown {
  if (text === "") return null;
  const known = type ?? "unknown";
  switch (known) {
    case "bool":
      if (text !== "true" && text !== "false") throw misfit(text, known, name);
      return text === "true";
    case "int":
    case "uint":
      if (!wholePattern.test(text)) throw misfit(text, known, name);
      return exactNumber(text);
    case "float":
      if (!numberPattern.test(text)) throw misfit(text, known, name);
      return Number(text);
    case "string":
    case "uuid":
    case "datetime":
    case "bytes":
      return text;
    default:
      return readList(text, name);
  }
}

export function exactNumber(text: string): number | bigint {
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : BigInt(text);
}

/** `[1, 2.5]`, or numbers apart by spaces, commas or semicolons; other text stays text. */
function readList(text: string, name: string): unknown {
  if (text.startsWith("[")) {
    try {
      return JSON.parse(text);
    } catch {
      throw new SourceError(`column ${name}: ${text.slice(0, 40)} is no list`);
    }
  }
  const parts = text.trim().split(/[\s,;]+/);
  return parts.length > 1 && parts.every((part) => numberPattern.test(part))
    ? parts.map(Number)
    : text;
}

function misfit(text: string, type: string, name: string): SourceError {
  return new SourceError(
    `column ${name}: ${JSON.stringify(text.slice(0, 40))} is no ${type} as the rows before; ` +
      `say its type (--type ${name}=string, or a schema)`,
  );
}
