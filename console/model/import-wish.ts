/** What is typed into the form for an import, and the body of the request that it becomes. */
import { parseJson } from "./json.ts";

/** All as typed. */
export interface ImportWish {
  readonly source: string;
  readonly format: string;
  readonly mode: string;
  readonly id: string;
  readonly vector: string;
  /** Separated by commas. */
  readonly columns: string;
  /** `column=attribute`, separated by commas. */
  readonly rename: string;
  /** JSON. */
  readonly schema: string;
}

export const noWish: ImportWish = {
  source: "",
  format: "",
  mode: "abort",
  id: "",
  vector: "",
  columns: "",
  rename: "",
  schema: "",
};

/** Throws an Error that says what cannot be understood. */
export function importBody(wish: ImportWish): Readonly<Record<string, unknown>> {
  const { source, mode, format, id, vector } = wish;
  const given = Object.entries({ format, id, vector }).filter(([, value]) => value !== "");
  const columns = listed(wish.columns);
  const renamed = listed(wish.rename).map(parseRename);
  return {
    source,
    error_mode: mode,
    ...Object.fromEntries(given),
    ...(columns.length === 0 ? {} : { columns }),
    ...(renamed.length === 0 ? {} : { rename: Object.fromEntries(renamed) }),
    ...(wish.schema.trim() === "" ? {} : { schema: parseSchema(wish.schema) }),
  };
}

function listed(text: string): readonly string[] {
  const parts = text.split(",").map((part) => part.trim());
  return parts.filter((part) => part !== "");
}

function parseRename(pair: string): readonly [column: string, attribute: string] {
  const at = pair.indexOf("=");
  const column = pair.slice(0, Math.max(0, at)).trim();
  const attribute = pair.slice(at + 1).trim();
  if (column === "" || attribute === "") {
    throw new Error(`Rename: "${pair}" is not column=attribute`);
  }
  return [column, attribute];
}

function parseSchema(text: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    throw new Error(`Schema: ${error instanceof Error ? error.message : "no JSON"}`, {
      cause: error,
    });
  }
}
