/**
 * JSON without losing a digit: integers that a double cannot hold become bigints, as far as the
 * browser shows what stood in the text; ids are shown and sent back exactly.
 */

type Context = { readonly source?: string } | undefined;
type Reviver = (this: unknown, key: string, value: unknown, context?: Context) => unknown;

/** Not in the types of the language yet. */
const { rawJSON } = JSON as typeof JSON & { readonly rawJSON?: (text: string) => unknown };

export function parseJson(text: string): unknown {
  const revive: Reviver = (_key, value, context) => {
    if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
    const { source } = context ?? {};
    return source !== undefined && /^-?\d+$/.test(source) ? BigInt(source) : value;
  };
  return JSON.parse(text, revive as (key: string, value: unknown) => unknown);
}

export function printJson(value: unknown, indent = 0): string {
  const replace = (_key: string, part: unknown): unknown => {
    if (typeof part !== "bigint") return part;
    return rawJSON === undefined ? part.toString() : rawJSON(part.toString());
  };
  return JSON.stringify(value, replace, indent);
}

/** Pretty, with lists of plain values on one line each. */
export function formatJson(value: unknown, depth = 0): string {
  const pad = "  ".repeat(depth + 1);
  const end = "  ".repeat(depth);
  if (Array.isArray(value)) {
    const line = printJson(value);
    if (value.length === 0 || line.length <= 72) return line;
    const parts = value.map((part) => pad + formatJson(part, depth + 1));
    return `[\n${parts.join(",\n")}\n${end}]`;
  }
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).filter(([, part]) => part !== undefined);
    if (entries.length === 0) return "{}";
    const parts = entries.map(
      ([name, part]) => `${pad}${JSON.stringify(name)}: ${formatJson(part, depth + 1)}`,
    );
    return `{\n${parts.join(",\n")}\n${end}}`;
  }
  return printJson(value);
}
