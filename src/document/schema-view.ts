/**
 * Schemas as the API shows them. The two forms differ on purpose: clients compare them literally.
 *
 *                    GET …/schema                                    inside metadata
 *   id               type, both nulls                                type
 *   attribute        type, filterable, full_text_search: null        type, filterable and
 *                    or its options                                  full_text_search if it is on
 *   vector           type, ann: true, filterable: null for the       type, ann: {distance_metric},
 *                    column called `vector`, else false              filterable: false but for it
 *                    and patchable if it is                          and patchable if it is
 *   text             glob, regex, fuzzy if they are on               likewise
 *   sparse vector    like an attribute                               type, filterable, sparse_knn
 *
 * The objects have no prototype: an attribute may be called `__proto__`. Their types are aliases,
 * not interfaces, so that they pass for JSON.
 */
import { givenPatterns, parseVectorType, type Schema } from "./schema.ts";
import { type TextView, textView } from "./text-options.ts";

export type AttributeView = {
  readonly type: string;
  readonly filterable: boolean | null;
  readonly full_text_search: TextView | null;
  readonly ann?: true;
  readonly patchable?: true;
  readonly glob?: true;
  readonly regex?: true;
  readonly fuzzy?: true;
};

export type AttributeMetadataView = {
  readonly type: string;
  readonly filterable?: boolean;
  readonly full_text_search?: TextView;
  readonly ann?: { readonly distance_metric: string };
  readonly patchable?: true;
  readonly glob?: true;
  readonly regex?: true;
  readonly fuzzy?: true;
  readonly sparse_knn?: { readonly distance_metric: "dot_product" };
};

export function schemaView(schema: Schema): Readonly<Record<string, AttributeView>> {
  const view = emptyRecord<AttributeView>();
  if (schema.idKind !== undefined) {
    view["id"] = { type: schema.idKind, filterable: null, full_text_search: null };
  }
  for (const [name, attribute] of schema.attributes) {
    const { type, filterable, ann, patchable, text } = attribute;
    view[name] = {
      type,
      ...(ann === true ? { ann } : {}),
      ...(patchable === true ? { patchable } : {}),
      ...givenPatterns(attribute),
      filterable: name === "vector" && parseVectorType(type) !== undefined ? null : filterable,
      full_text_search: text === undefined ? null : textView(text.options),
    };
  }
  return view;
}

export function metadataSchemaView(
  schema: Schema,
): Readonly<Record<string, AttributeMetadataView>> {
  const view = emptyRecord<AttributeMetadataView>();
  if (schema.idKind !== undefined) {
    view["id"] = { type: schema.idKind };
  }
  for (const [name, attribute] of schema.attributes) {
    const { type, filterable, ann, patchable, text } = attribute;
    view[name] = {
      type,
      ...(ann === true && schema.metric !== undefined
        ? { ann: { distance_metric: schema.metric } }
        : {}),
      ...(patchable === true ? { patchable } : {}),
      ...givenPatterns(attribute),
      ...(name === "vector" && parseVectorType(type) !== undefined ? {} : { filterable }),
      ...(text === undefined ? {} : { full_text_search: textView(text.options) }),
      ...(type === "{}f16" ? { sparse_knn: { distance_metric: "dot_product" as const } } : {}),
    };
  }
  return view;
}

function emptyRecord<T>(): Record<string, T> {
  return Object.create(null) as Record<string, T>;
}
