/**
 * JSON body of POST /v2/namespaces/:ns that begins the namespace as another one: a copy or a
 * branch. Undefined if the body asks for neither.
 *
 *   copy_from_namespace    name, or {source_namespace, source_api_key?, source_region?,
 *                          dest_encryption?}; beside it `encryption` and `sharding` only
 *   branch_from_namespace  name, or {source_namespace}; beside it nothing
 */
import { isJsonObject } from "../../src/document/shape.ts";
import { invalid } from "../../src/errors.ts";
import { checkEncryption } from "./encryption.ts";
import { isNamespaceName } from "./namespace-name.ts";
import { type Given, readFields } from "./reference/field.ts";
import { writeFields } from "./reference/write-fields.ts";
import { parseShards } from "./write-request.ts";

export interface CloneRequest {
  readonly kind: "copy" | "branch";
  readonly source: string;
  /** Of whom the source belongs to, if that is somebody else. */
  readonly sourceKey: string | undefined;
  /** Of a copy. */
  readonly shards?: number;
}

const copyField = "copy_from_namespace";
const branchField = "branch_from_namespace";
const besideCopy = [copyField, "encryption", "sharding"];

export function parseCloneRequest(body: unknown): CloneRequest | undefined {
  if (!isJsonObject(body) || (body[copyField] ?? body[branchField] ?? null) === null) {
    return undefined;
  }
  const given = readFields(body, writeFields);
  const field = given[copyField] === undefined ? branchField : copyField;
  const beside = new Set<string>(field === copyField ? besideCopy : [branchField]);
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined && !beside.has(name)) {
      throw invalid(`💔 \`${name}\` cannot be combined with \`${field}\``, name);
    }
  }
  checkEncryption(given.encryption);
  const { copy_from_namespace: copied, branch_from_namespace: branched } = given;
  if (copied === undefined) {
    return { kind: "branch", source: sourceName(branched, field), sourceKey: undefined };
  }
  const shards = parseShards(given.sharding);
  return {
    kind: "copy",
    source: sourceName(copied, field),
    sourceKey: sourceKey(copied),
    ...(shards === undefined ? {} : { shards }),
  };
}

type Copied = NonNullable<Given<typeof writeFields>[typeof copyField]>;

/** Of somebody else, if given. */
function sourceKey(copied: Copied): string | undefined {
  if (typeof copied === "string") return undefined;
  if (copied.source_region !== undefined) {
    const text = "this server has no regions: `source_region` cannot be another one";
    throw invalid(`💔 ${text}`, `${copyField}.source_region`);
  }
  checkEncryption(copied.dest_encryption);
  return copied.source_api_key;
}

function sourceName(
  source: string | { readonly source_namespace: string } | undefined,
  field: string,
): string {
  return typeof source === "object"
    ? checkSource(source.source_namespace, `${field}.source_namespace`)
    : checkSource(source ?? "", field);
}

function checkSource(name: string, field: string): string {
  if (!isNamespaceName(name)) {
    throw invalid("💔 the source is no name of a namespace, [A-Za-z0-9-_.]{1,128}", field);
  }
  return name;
}
