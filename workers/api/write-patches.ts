/**
 * Patches of a request -> canonical form. What a patch does not mention stays as it is, null
 * removes it. Dense vectors cannot be patched, unless their schema says `patchable`.
 */
import type { DocumentId } from "../../src/document/id.ts";
import type { DocumentPatch, Patch } from "../../src/document/patch.ts";
import {
  parseVectorType,
  primaryVector,
  type Schema,
  type VectorColumn,
  vectorColumns,
} from "../../src/document/schema.ts";
import type { AttributeValue } from "../../src/document/value.ts";
import { invalid } from "../../src/errors.ts";
import { packVector } from "../../src/format/packed-value.ts";
import { widenVectors } from "../../src/format/vector-element.ts";
import { valueParser } from "./attribute-columns.ts";
import type { RawColumns } from "./raw-columns.ts";
import { readVector } from "./vector-columns.ts";

/** Whether or not the namespace has vectors. */
export function checkPatchedVectors(name: string, { attributes }: Schema): void {
  const known = attributes.get(name);
  const isVector = known === undefined ? name === "vector" : parseVectorType(known.type);
  if (isVector && known?.patchable !== true) {
    throw invalid("💔 patching vectors is currently unsupported", name);
  }
}

/** `raw`: undefined where a patch does not mention the attribute. */
export function readPatches(
  ids: readonly DocumentId[],
  raw: RawColumns,
  schema: Schema,
): readonly DocumentPatch[] {
  const readers = readersOf(raw, schema);
  return ids.map((id, row) => ({ id, patch: patchOf(raw, readers, row) }));
}

/** Of one row. */
export function readPatch(raw: RawColumns, schema: Schema): Patch {
  return patchOf(raw, readersOf(raw, schema), 0);
}

type Reader =
  | { readonly kind: "value"; readonly read: (value: unknown) => AttributeValue }
  /** The primary vector. */
  | { readonly kind: "vector"; readonly column: VectorColumn };

function readersOf(raw: RawColumns, schema: Schema): ReadonlyMap<string, Reader> {
  const primary = primaryVector(schema)?.name;
  const readers = new Map<string, Reader>();
  for (const name of raw.keys()) {
    const attribute = schema.attributes.get(name);
    const column = vectorColumns(schema).find((each) => each.name === name);
    if (column === undefined) {
      // Without a type the column is null throughout, and nobody has the attribute.
      const read = attribute === undefined ? () => null : valueParser(name, attribute);
      readers.set(name, { kind: "value", read });
    } else if (name === primary) {
      readers.set(name, { kind: "vector", column });
    } else {
      const read = (value: unknown) => packVector(readVector(value, column, name));
      readers.set(name, { kind: "value", read });
    }
  }
  return readers;
}

function patchOf(raw: RawColumns, readers: ReadonlyMap<string, Reader>, row: number): Patch {
  const attributes = new Map<string, AttributeValue>();
  let vector: Float32Array | undefined;
  for (const [name, reader] of readers) {
    const value = raw.get(name)?.[row];
    if (value === undefined) {
      continue;
    }
    if (reader.kind === "value") {
      attributes.set(name, reader.read(value));
    } else {
      vector = widenVectors(readVector(value, reader.column, name));
    }
  }
  return { attributes, vector };
}
