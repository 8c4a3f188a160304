/**
 * Filters as people type them, into those of the wire:
 *
 *   kind = ferry      built >= 1960      kind in ferry,tug      kind != "dredger"
 *   kind not in a,b
 *
 * Values that are JSON are taken as JSON, others as text.
 */
import { cannotRun } from "../outcome.ts";

const operators: Readonly<Record<string, string>> = {
  "=": "Eq",
  "==": "Eq",
  "!=": "NotEq",
  "<": "Lt",
  "<=": "Lte",
  ">": "Gt",
  ">=": "Gte",
};

export type Filter = readonly unknown[];

export function parseWhere(text: string): Filter {
  const set = /^\s*(\S+)\s+(not\s+)?in\s+(.+)$/is.exec(text);
  if (set !== null) {
    const [, name, not, list = ""] = set;
    const values = list.trim().startsWith("[")
      ? parseJson(list, text)
      : list.split(",").map((value) => parseValue(value.trim()));
    return [name, not === undefined ? "In" : "NotIn", values];
  }
  const compared = /^\s*([^\s=!<>]+)\s*(==|=|!=|<=|>=|<|>)\s*(.*)$/s.exec(text);
  const [, name, operator = "", value = ""] = compared ?? [];
  if (name === undefined) {
    throw cannotRun(`"${text}" is no condition: write it as kind = ferry, or built >= 1960.`);
  }
  return [name, operators[operator], parseValue(value.trim())];
}

/** All of them must hold. */
export function joinFilters(filters: readonly Filter[]): Filter | undefined {
  return filters.length > 1 ? ["And", filters] : filters[0];
}

export function parseJson(text: string, of: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw cannotRun(`${of} is no JSON: ${(error as Error).message}`);
  }
}

function parseValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
