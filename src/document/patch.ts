/**
 * Patches: attributes to set in a document that exists; the others stay. A dense vector is replaced
 * as a whole, and only where its schema says so.
 */
import type { DocumentId } from "./id.ts";
import type { AttributeValue } from "./value.ts";

export interface Patch {
  /** null removes the attribute. */
  readonly attributes: ReadonlyMap<string, AttributeValue>;
  /** Of the primary column; undefined: it stays. */
  readonly vector: Float32Array | undefined;
}

export interface DocumentPatch {
  readonly id: DocumentId;
  readonly patch: Patch;
}
