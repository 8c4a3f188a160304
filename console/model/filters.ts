/** Rows of the filter form -> the filter of the API. */
import type { Column } from "./columns.ts";

export interface FilterRow {
  readonly attribute: string;
  readonly operator: string;
  readonly value: string;
}

const comparisons = ["Eq", "NotEq", "Lt", "Lte", "Gt", "Gte", "In", "NotIn"] as const;
const patterns = ["Glob", "IGlob", "Regex"] as const;
const arrays = ["Contains", "NotContains", "ContainsAny", "NotContainsAny"] as const;

/** Operators by what they are called in the form. */
export const operatorLabels: Readonly<Record<string, string>> = {
  Eq: "=",
  NotEq: "≠",
  Lt: "<",
  Lte: "≤",
  Gt: ">",
  Gte: "≥",
  In: "is one of",
  NotIn: "is none of",
  Glob: "matches (* and ?)",
  IGlob: "matches, any case",
  Regex: "matches expression",
  Contains: "contains",
  NotContains: "does not contain",
  ContainsAny: "contains one of",
  NotContainsAny: "contains none of",
};

export function operatorsOf(column: Column | undefined): readonly string[] {
  if (column === undefined) return comparisons;
  if (column.type.startsWith("[]")) return arrays;
  return column.type === "string" ? [...comparisons, ...patterns] : comparisons;
}

/** Undefined without any. Throws an Error whose message says which value cannot be one. */
export function buildFilters(rows: readonly FilterRow[], columns: readonly Column[]): unknown {
  const filters = rows
    .filter(({ attribute }) => attribute !== "")
    .map(({ attribute, operator, value }) => {
      const column = columns.find(({ name }) => name === attribute);
      const isList = /^(Not)?(In|ContainsAny)$/.test(operator);
      const type = column?.type.replace(/^\[\]/, "") ?? "string";
      const parse = (text: string): unknown => parseValue(text.trim(), type, attribute);
      const parsed = isList ? value.split(",").map(parse) : parse(value);
      return [attribute, operator, parsed];
    });
  return filters.length < 2 ? filters[0] : ["And", filters];
}

function parseValue(text: string, type: string, attribute: string): unknown {
  if (text === "null") return null;
  switch (type) {
    case "int":
    case "uint": {
      if (!/^-?\d+$/.test(text)) throw new Error(`${attribute}: “${text}” is no integer`);
      const number = Number(text);
      return Number.isSafeInteger(number) ? number : BigInt(text);
    }
    case "float": {
      const number = Number(text);
      if (text === "" || !Number.isFinite(number)) {
        throw new Error(`${attribute}: “${text}” is no number`);
      }
      return number;
    }
    case "bool":
      if (text !== "true" && text !== "false") {
        throw new Error(`${attribute}: “${text}” is neither true nor false`);
      }
      return text === "true";
    default:
      return text;
  }
}
