/** What can be done with the attributes of a schema. */
import type { AttributeView, SchemaView } from "./answers.ts";

export interface Column {
  readonly name: string;
  readonly type: string;
  readonly filterable: boolean;
  readonly text: boolean;
  /** Of a dense vector. */
  readonly dims: number | undefined;
  /** Values that are long and mean nothing to a reader. */
  readonly packed: boolean;
}

export function columnsOf(schema: SchemaView): readonly Column[] {
  return Object.entries(schema).map(([name, view]) => {
    const attribute: AttributeView = typeof view === "string" ? { type: view } : view;
    const { type, filterable, full_text_search: text } = attribute;
    const dims = /^\[(\d+)\]/.exec(type)?.[1];
    return {
      name,
      type,
      filterable: name === "id" || filterable === true,
      text: text !== undefined && text !== null,
      dims: dims === undefined ? undefined : Number(dims),
      packed: dims !== undefined || /^(\[\]\[\d+\]|\{\}|bytes$)/.test(type),
    };
  });
}

/** What holds a title, if anything looks like one. */
export function titleOf(columns: readonly Column[]): string | undefined {
  const names = columns.filter(({ type }) => type === "string").map(({ name }) => name);
  const usual = ["title", "name", "headline", "subject", "label", "path", "text"];
  return usual.find((name) => names.includes(name)) ?? names.find((name) => name !== "id");
}
