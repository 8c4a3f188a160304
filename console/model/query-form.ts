/** The playground's form -> the body of a query. Pure. */
import { type Column, titleOf } from "./columns.ts";
import { buildFilters, type FilterRow } from "./filters.ts";
import { highlightName } from "./highlight.ts";

export type QueryMode = "vector" | "text" | "hybrid" | "order";
export type VectorSource = "meaning" | "document" | "numbers";

export interface QueryForm {
  readonly mode: QueryMode;
  readonly source: VectorSource;
  /** Words to search for, and what the vector is made from if that is the meaning of a text. */
  readonly words: string;
  readonly document: string;
  readonly numbers: string;
  readonly column: string;
  readonly texts: readonly string[];
  readonly order: string;
  readonly descending: boolean;
  readonly filters: readonly FilterRow[];
  readonly limit: number;
}

/** As base64, the short form of a vector. */
export type VectorText = string;

export function firstForm(columns: readonly Column[], encoderDims: number): QueryForm {
  const vector = columns.find(({ dims }) => dims !== undefined);
  const texts = columns.filter(({ text }) => text).map(({ name }) => name);
  const source = vector?.dims === encoderDims ? "meaning" : "document";
  const mode =
    vector === undefined
      ? texts.length > 0
        ? "text"
        : "order"
      : texts.length > 0 && source === "meaning"
        ? "hybrid"
        : "vector";
  return {
    mode,
    source,
    words: "",
    document: "",
    numbers: "",
    column: vector?.name ?? "",
    texts,
    order: "id",
    descending: false,
    filters: [],
    limit: 10,
  };
}

export function needsVector({ mode }: QueryForm): boolean {
  return mode === "vector" || mode === "hybrid";
}

/** Throws an Error whose message says what is missing. */
export function buildBody(
  form: QueryForm,
  columns: readonly Column[],
  vector: VectorText | readonly number[] | undefined,
): object {
  const filters = buildFilters(form.filters, columns);
  const packed = columns.filter(({ packed }) => packed).map(({ name }) => name);
  const common = {
    ...(filters === undefined ? {} : { filters }),
    limit: form.limit,
    ...(packed.length === 0 ? { include_attributes: true } : { exclude_attributes: packed }),
    ...highlightTexts(form, columns),
  };
  switch (form.mode) {
    case "vector":
      return { rank_by: rankByVector(form, vector), ...common };
    case "text":
      return { rank_by: rankByText(form), ...common };
    case "hybrid":
      return {
        queries: [rankByVector(form, vector), rankByText(form)].map((rank) => ({
          rank_by: rank,
          ...common,
        })),
        rerank_by: ["RRF"],
        limit: form.limit,
      };
    case "order":
      return { rank_by: [form.order, form.descending ? "desc" : "asc"], ...common };
  }
}

function rankByVector(form: QueryForm, vector: VectorText | readonly number[] | undefined) {
  if (form.column === "") throw new Error("this namespace has no vectors");
  if (vector === undefined) throw new Error(missing[form.source]);
  return [form.column, "ANN", vector];
}

const missing: Readonly<Record<VectorSource, string>> = {
  meaning: "say what to look for",
  document: "say which document the others should be near to",
  numbers: "paste a vector",
};

function rankByText({ texts, words }: QueryForm): readonly unknown[] {
  const [first] = texts;
  if (first === undefined) throw new Error("choose an attribute with full-text search");
  if (words.trim() === "") throw new Error("say what to look for");
  const each = texts.map((name) => [name, "BM25", words]);
  return texts.length === 1 ? [first, "BM25", words] : ["Sum", each];
}

/** Of all texts that are searched, also where the documents are found by their vectors. */
function highlightTexts(form: QueryForm, columns: readonly Column[]): object {
  const { mode, source, texts, words } = form;
  const hasWords =
    mode === "text" || mode === "hybrid" || (mode === "vector" && source === "meaning");
  const names = texts.filter(
    (name) => !columns.some((other) => other.name === highlightName(name)),
  );
  if (!hasWords || words.trim() === "" || names.length === 0) return {};
  const title = titleOf(columns);
  const highlights = names.map((name) => {
    const options = {
      fragment_by: name === title ? "none" : "sentence",
      include_offsets: "utf-16",
      rank_fragments_by: ["$fragment", "BM25", words],
    };
    return [highlightName(name), ["Highlight", name, options]] as const;
  });
  return { compute_attributes: Object.fromEntries(highlights) };
}

/** `[1, 2]`, `1 2` or base64. */
export function parseNumbers(text: string): VectorText | readonly number[] | undefined {
  const trimmed = text.trim();
  if (trimmed === "") return undefined;
  if (/^[A-Za-z0-9+/]{8,}={0,2}$/.test(trimmed)) return trimmed;
  const numbers = trimmed
    .replaceAll(/[[\]]/g, "")
    .split(/[\s,;]+/)
    .filter((part) => part !== "")
    .map(Number);
  if (numbers.some((number) => !Number.isFinite(number))) {
    throw new Error("a vector is numbers with commas between them, or base64");
  }
  return numbers;
}

export function encodeVector(vector: Float32Array): VectorText {
  const bytes = new Uint8Array(vector.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [i, value] of vector.entries()) view.setFloat32(i * 4, value, true);
  return btoa(String.fromCharCode(...bytes));
}
