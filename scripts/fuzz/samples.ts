/**
 * Valid bodies from the OpenAPI document: what a field may hold comes from its schema, and where
 * types do not say what makes sense (filters, rows) from the samples here. A new endpoint or field
 * is fuzzed as soon as it is in the document.
 */
import type { Dice } from "./dice.ts";

export interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly items?: JsonSchema;
  readonly minimum?: number;
}

/** The documents that every namespace under test begins with. */
export const documents = Array.from({ length: 8 }, (_, i) => ({
  id: i + 1,
  vector: [Math.cos(i), Math.sin(i)],
  title: `title ${i}`,
  stock: i,
  tags: ["a", `t${i}`],
  terms: { a: i, b: 1 },
}));
export const firstWrite = {
  upsert_rows: documents,
  distance_metric: "cosine_distance",
  schema: { terms: { type: "{}f16", sparse_knn: { distance_metric: "dot_product" } } },
};

const vector = [0.6, 0.8];
const base64 = Buffer.from(new Float32Array(vector).buffer).toString("base64");
const row = { id: 9, vector, title: "nine", stock: 9, tags: ["a"], terms: { a: 2 } };
const filters = [
  ["stock", "Gte", 2],
  ["id", "In", [1, 2, 3]],
  ["title", "NotEq", null],
  [
    "And",
    [
      ["stock", "Lt", 7],
      ["Not", ["tags", "In", ["t1"]]],
    ],
  ],
  ["Or", [["id", "Eq", 1]]],
  ["title", "Glob", "*1"],
  ["tags", "ContainsAny", ["a", "b"]],
];
const condition = ["stock", "Lt", { $ref_new: "stock" }];

/** By name of a field: values that make sense. `other` is a namespace that may be there. */
const samples: Readonly<Record<string, readonly unknown[]>> = {
  upsert_rows: [[row], [row, { ...row, id: 10, vector: base64 }], [{ ...row, price: 2 }], []],
  params: [
    { name: "query", arguments: { namespace: "fuzz", filters: ["stock", "Gte", 2], limit: 3 } },
    { name: "query", arguments: { namespace: "fuzz", vector } },
    { name: "fetch_documents", arguments: { namespace: "fuzz", ids: [1, 2] } },
    { name: "write_documents", arguments: { namespace: "fuzz", upsert_rows: [row] } },
    { name: "delete_documents", arguments: { namespace: "fuzz", ids: [9] } },
    { name: "describe_namespace", arguments: { namespace: "fuzz" } },
  ],
  upsert_columns: [
    { id: [11, 12], vector: [vector, vector], stock: [1, null] },
    { id: [11], vector: base64, title: ["x"] },
  ],
  patch_rows: [[{ id: 1, stock: 5 }], [{ id: 99, title: null }]],
  patch_columns: [{ id: [1, 2], stock: [5, 6] }],
  patch_by_filter: [{ filters: ["stock", "Gt", 3], patch: { title: "x" } }],
  delete_by_filter: [
    ["stock", "Gt", 100],
    ["id", "Eq", 8],
  ],
  source: ["absent.csv", "absent/"],
  rename: [{ a: "b" }, {}],
  columns: [["title"], []],
  deletes: [[1], [2, 3], [77]],
  upsert_condition: [condition],
  patch_condition: [condition],
  delete_condition: [["stock", "Lt", 3]],
  schema: [{ title: "string" }, { stock: { type: "int", filterable: true } }, { price: "float" }],
  distance_metric: ["cosine_distance"],
  encryption: [{ mode: "default" }],
  copy_from_namespace: ["other", { source_namespace: "other" }],
  branch_from_namespace: ["other", { source_namespace: "other" }],
  sharding: [{ num_shards: 2 }],
  rank_by: [
    ["vector", "ANN", vector],
    ["vector", "kNN", base64],
    ["id", "asc"],
    [["id", "desc"]],
    ["terms", "SparseKNN", { a: 1, b: 0.5 }],
    ["title", "BM25", "nine"],
  ],
  filters,
  filter: [{ title: "title 1" }, { stock: 2 }],
  top_k: [1, 3, 100],
  limit: [1, 10, { total: 3 }],
  offset: [0, 2],
  include_attributes: [true, false, ["title", "stock"]],
  exclude_attributes: [["vector"]],
  aggregate_by: [{ n: ["Count"] }],
  queries: [[{ rank_by: ["id", "asc"], limit: 1 }]],
  query_vector: [vector],
  vector: [vector],
  dataset: ["other"],
  as_of: [0, 1, "2026-01-01T00:00:00Z"],
  num: [1, 3],
  scopes: [["read"], ["read", "write"]],
  namespace_prefix: ["a-"],
  expires_at: ["2999-01-01T00:00:00Z"],
  tenant: [""],
  sequence: [0, 1],
  reason: ["fuzz"],
  pinning: [true, { replicas: 1 }, null],
  page_size: ["2"],
  prefix: ["f"],
  cursor: ["66"],
};

/** Said alone or not at all. */
const alone: readonly string[] = ["copy_from_namespace", "branch_from_namespace"];
/** Of these, one at most. */
const rivals: readonly (readonly string[])[] = [
  ["limit", "top_k"],
  ["include_attributes", "exclude_attributes"],
  ["upsert_rows", "upsert_columns", "deletes", "patch_rows", "patch_columns"],
];

/** An object with what is required and some of the rest. */
export function sampleBody(dice: Dice, schema: JsonSchema): unknown {
  const { properties = {}, required = [] } = schema;
  const names = Object.keys(properties);
  if (names.length === 0) return dice.pick(samples["schema"] ?? []);
  const single = dice.chance(0.1) ? alone.filter((name) => names.includes(name)) : [];
  const chosen = single.length > 0 ? [dice.pick(single)] : chooseNames(dice, names, required);
  return Object.fromEntries(
    chosen.map((name) => [name, sampleField(dice, name, properties[name] ?? {})]),
  );
}

function chooseNames(
  dice: Dice,
  names: readonly string[],
  required: readonly string[],
): readonly string[] {
  const share = dice.pick([0.08, 0.2, 0.5]);
  const isQuery = names.includes("rank_by");
  const out = new Set(alone);
  for (const group of rivals) {
    const here = group.filter((name) => names.includes(name));
    if (here.length === 0) continue;
    const kept = dice.chance(0.1) ? undefined : dice.pick(here);
    for (const name of here) if (kept !== undefined && name !== kept) out.add(name);
  }
  return names.filter((name) => {
    if (required.includes(name)) return true;
    if (out.has(name)) return false;
    // Without these nothing of the rest of a query is looked at.
    const isBase = isQuery && ["rank_by", "limit", "top_k"].includes(name);
    const isRows = name.startsWith("upsert_") || name === "deletes";
    return dice.chance(isBase ? 0.95 : isRows ? 0.8 : share);
  });
}

export function sampleField(dice: Dice, name: string, schema: JsonSchema): unknown {
  const known = samples[name];
  return known === undefined || dice.chance(0.05)
    ? sampleOf(dice, schema)
    : structuredClone(dice.pick(known));
}

function sampleOf(dice: Dice, schema: JsonSchema): unknown {
  if (schema.anyOf !== undefined) return sampleOf(dice, dice.pick(schema.anyOf));
  if (schema.enum !== undefined) return dice.pick(schema.enum);
  if (schema.const !== undefined) return schema.const;
  const types = typeof schema.type === "string" ? [schema.type] : (schema.type ?? ["null"]);
  switch (dice.pick(types)) {
    case "boolean":
      return dice.chance(0.5);
    case "integer":
      return Math.max(schema.minimum ?? 0, dice.below(4));
    case "number":
      return dice.below(1_000) / 100;
    case "string":
      return dice.pick(["x", "2026-01-01T00:00:00Z", "title"]);
    case "array":
      return schema.items === undefined ? [] : [sampleOf(dice, schema.items)];
    case "object":
      return Object.fromEntries(
        Object.entries(schema.properties ?? {}).map(([name, part]) => [
          name,
          sampleField(dice, name, part),
        ]),
      );
    default:
      return null;
  }
}
