/**
 * The documents of a namespace of another server that speaks this API, in the order of their ids:
 * a page is a query for what lies behind the last id. What was noted of a place is that id, so a
 * later run goes on behind it whatever was deleted meanwhile.
 */
import { type ApiClient, namespacePath } from "../api-client.ts";
import { parseExactly } from "./json-lines.ts";
import { rawJson } from "./json-wire.ts";
import { type Row, type RowSource, SourceError } from "./row-source.ts";

/** Of the answer, roughly, as text. */
const pageBytes = 8 * 1024 * 1024;
const pageRowsMax = 1_000;

export interface WireSource extends RowSource {
  /** As a write says it. */
  readonly schema: Readonly<Record<string, unknown>>;
  readonly count: () => Promise<number>;
}

interface Attribute {
  readonly type: string;
  readonly ann?: boolean | { readonly distance_metric?: string };
  readonly [option: string]: unknown;
}

interface Metadata {
  readonly created_at: string;
  readonly schema: Readonly<Record<string, Attribute>>;
}

export async function openWireSource(client: ApiClient, namespace: string): Promise<WireSource> {
  const path = namespacePath(namespace);
  const metadata = await client.get<Metadata>(`${path}/metadata`);
  const { schema, created_at: createdAt } = metadata;
  const attributes = Object.entries(schema);
  const count = async (): Promise<number> => {
    const body = { aggregate_by: { rows: ["Count"] } };
    const answer = await client.post<{ aggregations: { rows: number } }>(`${path}/query`, body);
    return answer.aggregations.rows;
  };
  const metric = attributes.flatMap(([, { ann }]) =>
    typeof ann === "object" && ann.distance_metric !== undefined ? [ann.distance_metric] : [],
  )[0];
  const reader = new PageReader(client, `${path}/query`, attributes);
  return {
    name: namespace,
    identity: [client.connection.url, namespace, createdAt].join("\n"),
    rows: await count(),
    types: Object.fromEntries(attributes.map(([name, { type }]) => [name, type])),
    isText: false,
    numbersRows: false,
    ...(metric !== undefined && { metric }),
    schema: Object.fromEntries(attributes.map(([name, of]) => [name, inputOf(name, of)])),
    count,
    placeOf: (row) => reader.placeOf(row),
    stretches: (from, place) => reader.pages(from, place),
  };
}

/** What metadata shows of an attribute, as a write asks for it. */
function inputOf(name: string, attribute: Attribute): unknown {
  if (name === "id") return attribute.type;
  const options = Object.entries(attribute).filter(([, value]) => value !== null);
  return { ...Object.fromEntries(options), ...(attribute.ann !== undefined && { ann: true }) };
}

class PageReader {
  readonly #client: ApiClient;
  readonly #path: string;
  readonly #rows: number;
  readonly #encoding: "base64" | "float";
  /** Where pages begin: the row, and the id before it as JSON. */
  readonly #marks: { readonly row: number; readonly after: string | undefined }[] = [];

  constructor(
    client: ApiClient,
    path: string,
    attributes: readonly (readonly [string, Attribute])[],
  ) {
    this.#client = client;
    this.#path = path;
    const vectors = attributes.flatMap(([, { type }]) => /^\[(\d+)\](\w+)$/.exec(type) ?? []);
    const dims = attributes.reduce(
      (sum, [, { type }]) => sum + Number(/^\[(\d+)\]/.exec(type)?.[1] ?? 0),
      0,
    );
    this.#rows = Math.min(pageRowsMax, Math.max(50, Math.floor(pageBytes / (1_000 + 6 * dims))));
    // Base64 comes in the width that is stored, and is sent as 32-bit floats.
    this.#encoding = vectors.some((part) => part === "f16" || part === "i8") ? "float" : "base64";
  }

  placeOf(row: number) {
    const mark = this.#marks.findLast((each) => each.row <= row);
    return { rows: mark?.row ?? 0, place: mark?.after };
  }

  async *pages(from: number, place: string | undefined): AsyncGenerator<readonly Row[]> {
    let row = place === undefined ? 0 : from;
    let after = place;
    for (;;) {
      this.#marks.push({ row, after });
      const rows = await this.#page(after);
      const last = rows.at(-1);
      if (last === undefined) return;
      yield rows;
      row += rows.length;
      const next = idText(last["id"]);
      if (next === after) throw new SourceError("the server answers the same page again");
      after = next;
    }
  }

  async #page(after: string | undefined): Promise<readonly Row[]> {
    const body = {
      rank_by: ["id", "asc"],
      top_k: this.#rows,
      include_attributes: true,
      vector_encoding: this.#encoding,
      ...(after !== undefined && { filters: ["id", "Gt", rawJson(after)] }),
    };
    const text = await this.#client.sendText("POST", this.#path, body);
    const { rows = [] } = parseExactly(text) as { readonly rows?: readonly Row[] };
    return rows.map((row) =>
      Object.fromEntries(Object.entries(row).filter(([name]) => name !== "$dist")),
    );
  }
}

function idText(id: unknown): string {
  return typeof id === "bigint" ? String(id) : JSON.stringify(id);
}
