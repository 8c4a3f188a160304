/**
 * What a write does, by definition: one operation after the other on all documents. Shares no code
 * with the engine. Conditions may hold `{"$ref_new": attribute}`.
 */
import type { DocumentId } from "../../src/document/id.ts";
import type { AttributeValue } from "../../src/document/value.ts";
import { type BruteForce, matches, type OracleDocument, type OracleFilter } from "./brute-force.ts";
import type { OracleFuzzy } from "./text-match.ts";

/** Vectors are those of the attribute `vector`. */
export type OracleRow = { readonly id: DocumentId } & OracleValues;
type OracleValues = Readonly<Record<string, AttributeValue | readonly number[]>>;

export type OracleCondition =
  | readonly ["And" | "Or", readonly OracleCondition[]]
  | readonly ["Not", OracleCondition]
  | readonly [string, string, AttributeValue | { readonly $ref_new: string }]
  | readonly [string, "Fuzzy", string, OracleFuzzy];

/** As the API takes it. Limits are the caller's business. */
export interface OracleWrite {
  readonly upsert_rows?: readonly OracleRow[];
  readonly patch_rows?: readonly OracleRow[];
  readonly deletes?: readonly DocumentId[];
  readonly delete_by_filter?: OracleFilter;
  readonly patch_by_filter?: {
    readonly filters: OracleFilter;
    readonly patch: OracleValues;
  };
  readonly upsert_condition?: OracleCondition;
  readonly patch_condition?: OracleCondition;
  readonly delete_condition?: OracleCondition;
}

export interface OracleOutcome {
  readonly upserted: readonly DocumentId[];
  readonly patched: readonly DocumentId[];
  readonly deleted: readonly DocumentId[];
}

/** Which documents the filters of a write are tried on; all, if not said. */
export interface OracleCandidates {
  readonly deletes: ReadonlySet<DocumentId>;
  readonly patches: ReadonlySet<DocumentId>;
}

/** Changes the documents. */
export function applyWrite(
  documents: BruteForce,
  write: OracleWrite,
  candidates?: OracleCandidates,
): OracleOutcome {
  const upserted: DocumentId[] = [];
  const patched: DocumentId[] = [];
  const deleted: DocumentId[] = [];
  const patch = (id: DocumentId, values: OracleValues): void => {
    const document = documents.documents.get(id) as OracleDocument;
    documents.upsert(documentOf(id, { ...document.attributes, ...values }, document.vector));
    patched.push(id);
  };
  const { delete_by_filter: deletes, patch_by_filter: patches } = write;
  for (const id of deletes === undefined ? [] : matchingIds(documents, deletes)) {
    if (candidates?.deletes.has(id) === false) continue;
    documents.delete(id);
    deleted.push(id);
  }
  for (const id of patches === undefined ? [] : matchingIds(documents, patches.filters)) {
    if (patches === undefined || candidates?.patches.has(id) === false) continue;
    patch(id, patches.patch);
  }
  for (const row of write.patch_rows ?? []) {
    if (holds(documents, row.id, row, write.patch_condition, false)) patch(row.id, row);
  }
  for (const row of write.upsert_rows ?? []) {
    if (!holds(documents, row.id, row, write.upsert_condition, true)) continue;
    documents.upsert(documentOf(row.id, row, undefined));
    upserted.push(row.id);
  }
  for (const id of write.deletes ?? []) {
    const isAsked = write.delete_condition === undefined;
    if (!isAsked && !holds(documents, id, {}, write.delete_condition, false)) continue;
    documents.delete(id);
    deleted.push(id);
  }
  return { upserted, patched, deleted };
}

function holds(
  { documents }: BruteForce,
  id: DocumentId,
  incoming: OracleValues,
  condition: OracleCondition | undefined,
  absent: boolean,
): boolean {
  const document = documents.get(id);
  if (document === undefined) return absent;
  return condition === undefined || matches(resolve(condition, incoming), document);
}

function resolve(condition: OracleCondition, incoming: OracleValues): OracleFilter {
  if (condition[0] === "And" || condition[0] === "Or") {
    const parts = condition[1] as readonly OracleCondition[];
    return [condition[0], parts.map((each) => resolve(each, incoming))];
  }
  if (condition[0] === "Not") return ["Not", resolve(condition[1] as OracleCondition, incoming)];
  if (condition[1] === "Fuzzy") return condition as OracleFilter;
  const [name, op, value] = condition as readonly [string, string, unknown];
  const isReference = typeof value === "object" && value !== null && "$ref_new" in value;
  const wanted = isReference ? (incoming[String(value.$ref_new)] ?? null) : value;
  const isList = (op === "In" || op === "NotIn") && !Array.isArray(wanted);
  const listed = isList ? (wanted === null ? [] : [wanted]) : wanted;
  return [name, op, listed as AttributeValue];
}

/** In order of id. */
export function matchingIds(documents: BruteForce, filter: OracleFilter): readonly DocumentId[] {
  return documents.byId(false, filter).map(({ id }) => id);
}

function documentOf(
  id: DocumentId,
  { vector, ...values }: OracleValues,
  before: Float32Array | undefined,
): OracleDocument {
  const kept = Object.entries(values).filter(([name, value]) => name !== "id" && value !== null);
  const attributes = Object.fromEntries(kept) as OracleDocument["attributes"];
  const now = vector === undefined ? before : Float32Array.from(vector as readonly number[]);
  return { id, attributes, ...(now === undefined ? {} : { vector: now }) };
}
