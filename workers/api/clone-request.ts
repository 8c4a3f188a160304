/**
 * JSON body of POST /v2/namespaces/:ns that begins the namespace as another one: a copy or a
 * branch. Undefined if the body asks for neither.
 *
 *   copy_from_namespace    name, or {source_namespace, source_api_key?, source_region?,
 *                          dest_encryption?}; beside it `encryption` and `sharding` only
 *   branch_from_namespace  name, or {source_namespace}; beside it nothing
 */
import { isJsonObject, malformedAt, wrongShape } from "../../src/document/shape.ts";
import { invalid } from "../../src/errors.ts";
import { checkEncryption } from "./encryption.ts";
import { isNamespaceName } from "./namespace-name.ts";

export interface CloneRequest {
  readonly kind: "copy" | "branch";
  readonly source: string;
  /** Of whom the source belongs to, if that is somebody else. */
  readonly sourceKey: string | undefined;
}

const copyField = "copy_from_namespace";
const branchField = "branch_from_namespace";

export function parseCloneRequest(body: unknown): CloneRequest | undefined {
  const given = isJsonObject(body)
    ? Object.entries(body).filter(([, value]) => value !== null)
    : [];
  const fields = new Map(given);
  const field = fields.has(copyField) ? copyField : branchField;
  const value = fields.get(field);
  if (value === undefined) {
    return undefined;
  }
  const kind = field === copyField ? "copy" : "branch";
  const beside = new Set<string>(kind === "copy" ? [copyField, "encryption"] : [branchField]);
  const other = [...fields.keys()].find((name) => !beside.has(name));
  if (other !== undefined) {
    throw invalid(`💔 \`${other}\` cannot be combined with \`${field}\``, other);
  }
  checkEncryption(fields.get("encryption"));
  return { kind, ...parseSource(value, field, kind) };
}

type Source = Pick<CloneRequest, "source" | "sourceKey">;

const sourceFields = {
  copy: ["source_namespace", "source_api_key", "source_region", "dest_encryption"],
  branch: ["source_namespace"],
} as const;

function parseSource(value: unknown, field: string, kind: CloneRequest["kind"]): Source {
  if (typeof value === "string") {
    return { source: checkSource(value, field), sourceKey: undefined };
  }
  if (!isJsonObject(value)) {
    throw wrongShape(field, value, "a string or a map");
  }
  const known: readonly string[] = sourceFields[kind];
  const given = new Map(Object.entries(value).filter(([, member]) => member !== null));
  const unknown = [...given.keys()].find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw invalid(`💔 unknown field \`${unknown}\` in \`${field}\``, `${field}.${unknown}`);
  }
  const name = textAt(given, field, "source_namespace");
  if (name === undefined) {
    throw malformedAt(field, "missing field `source_namespace`");
  }
  if (textAt(given, field, "source_region") !== undefined) {
    const text = "this server has no regions: `source_region` cannot be another one";
    throw invalid(`💔 ${text}`, `${field}.source_region`);
  }
  checkEncryption(given.get("dest_encryption"));
  return {
    source: checkSource(name, `${field}.source_namespace`),
    sourceKey: textAt(given, field, "source_api_key"),
  };
}

function textAt(
  given: ReadonlyMap<string, unknown>,
  field: string,
  name: string,
): string | undefined {
  const value = given.get(name);
  if (value !== undefined && typeof value !== "string") {
    throw wrongShape(`${field}.${name}`, value, "a string");
  }
  return value;
}

function checkSource(name: string, field: string): string {
  if (!isNamespaceName(name)) {
    throw invalid("💔 the source is no name of a namespace, [A-Za-z0-9-_.]{1,128}", field);
  }
  return name;
}
