/** Random writes: overwrites, deletions and new attributes over a small set of ids. */

import type { AttributeSchema, Schema } from "../../src/document/schema.ts";
import { defaultText } from "../../src/document/text-options.ts";
import type { AttributeColumn } from "../../src/document/value.ts";
import { packVector, unpackVector } from "../../src/format/packed-value.ts";
import { allocateVectors, narrowVector } from "../../src/format/vector-element.ts";
import type { BuiltWrite } from "../../src/submission.ts";
import type { OracleDocument } from "../oracle/brute-force.ts";
import { longWords, secondWords } from "./text-questions.ts";
import type { World } from "./world.ts";

const dims = 4;

/** Documents that others decide from (rewrites.ts). */
export const counters: readonly number[] = [1_000, 1_001, 1_002];
export const claims: readonly number[] = [1_010, 1_011];

export interface WriteIntent {
  /** Unique to the write, in each of its documents; none if it only deletes. */
  readonly tag: number | undefined;
  readonly upserts: readonly number[];
  readonly deletes: readonly number[];
  /** Both of them, one behind the other, in worlds in which documents have two. */
  readonly vectors: readonly (readonly number[])[];
  readonly hasSides: boolean;
  /** An attribute that other documents may lack; its type is its first writer's choice. */
  readonly extra: { readonly name: string; readonly type: "string" | "int" } | undefined;
}

export function planWrite(world: World): WriteIntent {
  const { random, sizes, newTag } = world;
  const rows = 1 + random.below(sizes.rowsMax);
  const ids = [...new Set(Array.from({ length: rows }, () => random.below(sizes.ids)))];
  // They must notice.
  if (random.chance(sizes.disturbShare)) ids.unshift(random.pick([...counters, ...claims]));
  const deletes = random.chance(0.1) ? ids.length : random.below(ids.length);
  const upserts = ids.slice(deletes);
  const tag = upserts.length > 0 ? newTag() : undefined;
  const name = `x${random.below(sizes.attributes)}`;
  const type = random.pick(["string", "int"] as const);
  const extra = random.chance(0.1) ? { name, type } : undefined;
  return {
    tag,
    upserts,
    deletes: ids.slice(0, deletes),
    vectors: vectorsFor(world, upserts),
    hasSides: sizes.hasSides,
    extra,
  };
}

export function vectorsFor({ random, sizes }: World, upserts: readonly number[]): number[][] {
  const length = sizes.hasSides ? 2 * dims : dims;
  return upserts.map(() => {
    const vector = Array.from({ length }, () => random.below(16) - 8);
    // Now and then a number that half precision does not have.
    return vector[0] === 7 ? [2_049, ...vector.slice(1)] : vector;
  });
}

/** The write under this schema: what it lacks is added. */
export function buildWrite(schema: Schema, intent: WriteIntent): BuiltWrite {
  const { upserts, tag, extra } = intent;
  const columns: Column[] = [];
  if (extra !== undefined) {
    const type = (schema.attributes.get(extra.name)?.type ?? extra.type) as "string" | "int";
    const values = upserts.map((id) => (type === "int" ? id : `value ${id} ${tag}`));
    columns.push({ name: extra.name, type, values });
  }
  return buildRows(schema, intent, columns);
}

const labelOptions = { fuzzy: true, text: { options: defaultText } } as const;

/** A text for filters: an id has another with each write. One or two words. */
function labelOf(id: number, tag: number): string {
  const word = `${"abc"[tag % 3]}${(id * 7 + tag) % 10}`;
  const second = [...secondWords, ...longWords];
  return tag % 5 < 2 ? `${word} ${second[(id + tag) % second.length]}` : word;
}

/** Up to three elements; some documents have none, some have no array. */
export function tagsOf(id: number, tag: number): readonly string[] | null {
  const mixed = id * 5 + tag;
  return mixed % 7 === 0 ? null : [0, 1, 3].slice(mixed % 4).map((i) => `t${(mixed + i) % 6}`);
}

/** A number for filters, groups and orders; some documents have none. */
function numberOf(id: number, tag: number): number | null {
  return (id + tag) % 9 === 0 ? null : (id * 7 + tag) % 10;
}

export type Column = AttributeColumn & { readonly type: "string" | "int" | "[]string" };

function packSide(vector: readonly number[]): Uint8Array {
  const side = allocateVectors("f16", dims);
  narrowVector(Float32Array.from(vector.slice(dims)), side, 0);
  return packVector(side);
}

export function sideOf({ attributes }: OracleDocument): Float32Array {
  return unpackVector(attributes["side"] as Uint8Array, dims, "f16");
}

/** Rows with these attributes besides those that all have. */
export function buildRows(
  schema: Schema,
  { upserts, deletes, tag, vectors, hasSides }: Omit<WriteIntent, "extra">,
  others: readonly Column[],
): BuiltWrite {
  const columns: readonly Column[] = [
    { name: "w", type: "int", values: upserts.map(() => tag ?? 0) },
    { name: "n", type: "int", values: upserts.map((id) => numberOf(id, tag ?? 0)) },
    { name: "label", type: "string", values: upserts.map((id) => labelOf(id, tag ?? 0)) },
    { name: "tags", type: "[]string", values: upserts.map((id) => tagsOf(id, tag ?? 0)) },
    ...others,
  ];
  const wanted: [string, AttributeSchema][] = [
    ["vector", { type: `[${dims}]f32`, filterable: false, ann: true }],
    ...columns.map(({ name, type }): [string, AttributeSchema] => [
      name,
      { type, filterable: true, ...(name === "label" ? labelOptions : {}) },
    ]),
  ];
  if (hasSides) wanted.push(["side", { type: `[${dims}]f16`, filterable: false, ann: true }]);
  const attributes = new Map(wanted.filter(([name]) => !schema.attributes.has(name)));
  const isFirst = schema.idKind === undefined;
  const base = isFirst ? { idKind: "uint" as const, metric: "euclidean_squared" as const } : {};
  return {
    batch: {
      idKind: "uint",
      upserts: upserts.length,
      deletes: deletes.length,
      ids: [...upserts, ...deletes],
      dims,
      vectors: Float32Array.from(vectors.flatMap((vector) => vector.slice(0, dims))),
      attributes: [
        ...columns.map(({ name, values }) => ({ name, values })),
        ...(hasSides ? [{ name: "side", values: vectors.map(packSide) }] : []),
      ],
    },
    addition: attributes.size > 0 ? { ...base, attributes } : undefined,
  };
}
