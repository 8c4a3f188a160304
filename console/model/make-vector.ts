/** What a query's vector is made from. */
import type { Row } from "./answers.ts";
import { type Api, namespacePath } from "./api.ts";
import { parseJson } from "./json.ts";
import { loadEncoder } from "./load-encoder.ts";
import { encodeVector, needsVector, parseNumbers, type QueryForm } from "./query-form.ts";

export async function makeVector(
  api: Api,
  namespace: string,
  form: QueryForm,
): Promise<string | readonly number[] | undefined> {
  if (!needsVector(form)) return undefined;
  switch (form.source) {
    case "numbers":
      return parseNumbers(form.numbers);
    case "meaning": {
      if (form.words.trim() === "") return undefined;
      const { embed } = await loadEncoder();
      return encodeVector(embed(form.words));
    }
    case "document":
      return form.document.trim() === "" ? undefined : await vectorOf(api, namespace, form);
  }
}

/** Ids that look like numbers may be texts: whichever there is. */
async function vectorOf(api: Api, namespace: string, { document, column }: QueryForm) {
  const text = document.trim();
  const ids = /^\d{1,20}$/.test(text) ? [parseJson(text), text] : [text];
  for (const id of ids) {
    const body = {
      filters: ["id", "Eq", id],
      rank_by: ["id", "asc"],
      limit: 1,
      include_attributes: [column],
      vector_encoding: "base64",
    };
    const { rows = [] } = await api
      .post<{ rows?: readonly Row[] }>(namespacePath(namespace, 2, "/query"), body)
      .catch(() => ({ rows: [] }));
    const vector = rows[0]?.[column];
    if (typeof vector === "string") return vector;
  }
  throw new Error(`there is no document ${text} with a vector`);
}
