/** What the reference says of an endpoint: part of every route, so that none is left out. */
import type { answers } from "./answers.ts";
import type { FieldTable, JsonSchema } from "./field.ts";

export interface Operation {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  /** `:ns` and `:id` are parameters. */
  readonly path: string;
  /** One or two sentences of plain text; the first one is the title. */
  readonly about: string;
  /** Of the query string. */
  readonly params?: FieldTable;
  readonly headers?: FieldTable;
  readonly body?: RequestBody;
  readonly answer: Answer;
  /** With `Prefer: respond-async` it may be answered 202, and in full later. */
  readonly later?: true;
  /** May be refused with 409 because of what is there already. */
  readonly conflicts?: true;
  /** May be refused with 410: what its cursor was for is over. */
  readonly expires?: true;
}

export type RequestBody =
  | { readonly fields: FieldTable; readonly optional?: true }
  /** Any keys; `schema` says what each may hold. */
  | { readonly schema: JsonSchema; readonly about: string; readonly optional?: true };

export interface Answer {
  readonly status: 200 | 201 | 202;
  readonly is: keyof typeof answers;
  /** JSON unless said otherwise. */
  readonly media?: string;
}

/** `/v1/namespaces/:ns` -> the names of its parameters. */
export function pathParams(path: string): readonly string[] {
  return Array.from(path.matchAll(/:([a-z]+)/g), ([, name = ""]) => name);
}
