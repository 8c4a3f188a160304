/**
 * What a write does, by definition: one operation after the other on all documents. Shares no code
 * with the engine. Conditions may hold `{"$ref_new": attribute}`.
 */
import type { DocumentId } from "../../src/document/id.ts";
import type { AttributeValue } from "../../src/document/value.ts";
import { BruteForce, matches, type OracleDocument, type OracleFilter } from "./brute-force.ts";

export type OracleRow = { readonly id: DocumentId } & Readonly<Record<string, AttributeValue>>;

export type OracleCondition =
  | readonly ["And" | "Or", readonly OracleCondition[]]
  | readonly ["Not", OracleCondition]
  | readonly [string, string, AttributeValue | { readonly $ref_new: string }];

/** As the API takes it. Limits are the caller's business. */
export interface OracleWrite {
  readonly upsert_rows?: readonly OracleRow[];
  readonly patch_rows?: readonly OracleRow[];
  readonly deletes?: readonly DocumentId[];
  readonly delete_by_filter?: OracleFilter;
  readonly patch_by_filter?: {
    readonly filters: OracleFilter;
    readonly patch: Readonly<Record<string, AttributeValue>>;
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

/** Changes the documents. */
export function applyWrite(documents: BruteForce, write: OracleWrite): OracleOutcome {
  const upserted: DocumentId[] = [];
  const patched: DocumentId[] = [];
  const deleted: DocumentId[] = [];
  const patch = (id: DocumentId, values: Readonly<Record<string, AttributeValue>>): void => {
    const document = documents.documents.get(id) as OracleDocument;
    const { id: _, ...others } = values;
    const attributes = without({ ...document.attributes, ...others });
    documents.upsert({ ...document, attributes });
    patched.push(id);
  };
  const inOrder = (filter: OracleFilter): readonly DocumentId[] => {
    const all = new BruteForce();
    for (const each of documents.matching(filter)) all.upsert(each);
    return all.byId(false).map(({ id }) => id);
  };
  for (const id of write.delete_by_filter === undefined ? [] : inOrder(write.delete_by_filter)) {
    documents.delete(id);
    deleted.push(id);
  }
  if (write.patch_by_filter !== undefined) {
    const { filters, patch: values } = write.patch_by_filter;
    for (const id of inOrder(filters)) patch(id, values);
  }
  for (const row of write.patch_rows ?? []) {
    if (holds(documents, row.id, row, write.patch_condition, false)) patch(row.id, row);
  }
  for (const row of write.upsert_rows ?? []) {
    if (!holds(documents, row.id, row, write.upsert_condition, true)) continue;
    const { id, ...attributes } = row;
    documents.upsert({ id, attributes: without(attributes) });
    upserted.push(id);
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
  incoming: Readonly<Record<string, AttributeValue>>,
  condition: OracleCondition | undefined,
  absent: boolean,
): boolean {
  const document = documents.get(id);
  if (document === undefined) return absent;
  return condition === undefined || matches(resolve(condition, incoming), document);
}

function resolve(
  condition: OracleCondition,
  incoming: Readonly<Record<string, AttributeValue>>,
): OracleFilter {
  if (condition[0] === "And" || condition[0] === "Or") {
    const parts = condition[1] as readonly OracleCondition[];
    return [condition[0], parts.map((each) => resolve(each, incoming))];
  }
  if (condition[0] === "Not") return ["Not", resolve(condition[1] as OracleCondition, incoming)];
  const [name, op, value] = condition as readonly [string, string, unknown];
  const isReference = typeof value === "object" && value !== null && "$ref_new" in value;
  const wanted = isReference ? (incoming[String(value.$ref_new)] ?? null) : value;
  const isList = (op === "In" || op === "NotIn") && !Array.isArray(wanted);
  const listed = isList ? (wanted === null ? [] : [wanted]) : wanted;
  return [name, op, listed as AttributeValue];
}

function without(
  attributes: Readonly<Record<string, AttributeValue>>,
): Readonly<Record<string, AttributeValue>> {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== null));
}
