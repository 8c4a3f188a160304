/** Random writes: overwrites, deletions and new attributes over a small set of ids. */
import type { Batch } from "../../src/document/batch.ts";
import type { AttributeSchema, Schema } from "../../src/document/schema.ts";
import type { BuiltWrite } from "../../src/submission.ts";
import type { World } from "./world.ts";

const dims = 4;

export interface WriteIntent {
  /** Unique to the write, in each of its documents; none if it only deletes. */
  readonly tag: number | undefined;
  readonly upserts: readonly number[];
  readonly deletes: readonly number[];
  readonly vectors: readonly (readonly number[])[];
  /** An attribute that other documents may lack; its type is its first writer's choice. */
  readonly extra: { readonly name: string; readonly type: "string" | "int" } | undefined;
}

export function planWrite({ random, sizes, newTag }: World): WriteIntent {
  const rows = 1 + random.below(sizes.rowsMax);
  const ids = [...new Set(Array.from({ length: rows }, () => random.below(sizes.ids)))];
  const deletes = random.chance(0.1) ? ids.length : random.below(ids.length);
  const upserts = ids.slice(deletes);
  const tag = upserts.length > 0 ? newTag() : undefined;
  const name = `x${random.below(sizes.attributes)}`;
  const type = random.pick(["string", "int"] as const);
  const extra = random.chance(0.1) ? { name, type } : undefined;
  const vectors = upserts.map(() => Array.from({ length: dims }, () => random.below(16) - 8));
  return { tag, upserts, deletes: ids.slice(0, deletes), vectors, extra };
}

/** The write under this schema: what it lacks is added. */
export function buildWrite(schema: Schema, intent: WriteIntent): BuiltWrite {
  const wanted: [string, AttributeSchema][] = [
    ["vector", { type: `[${dims}]f32`, filterable: false, ann: true }],
    ["w", { type: "int", filterable: true }],
    ["n", { type: "int", filterable: true }],
  ];
  if (intent.extra !== undefined) {
    wanted.push([intent.extra.name, { type: intent.extra.type, filterable: true }]);
  }
  const attributes = new Map(wanted.filter(([name]) => !schema.attributes.has(name)));
  const isFirst = schema.idKind === undefined;
  const base = isFirst ? { idKind: "uint" as const, metric: "euclidean_squared" as const } : {};
  const addition = attributes.size > 0 ? { ...base, attributes } : undefined;
  const { upserts, deletes, tag, extra } = intent;
  const columns: Batch["attributes"][number][] = [
    { name: "w", values: upserts.map(() => tag ?? 0) },
    { name: "n", values: upserts.map((id) => (id * 7 + (tag ?? 0)) % 10) },
  ];
  if (extra !== undefined) {
    const type = schema.attributes.get(extra.name)?.type ?? extra.type;
    const values = upserts.map((id) => (type === "int" ? id : `value ${id} ${tag}`));
    columns.push({ name: extra.name, values });
  }
  return {
    batch: {
      idKind: "uint",
      upserts: upserts.length,
      deletes: deletes.length,
      ids: [...upserts, ...deletes],
      dims,
      vectors: Float32Array.from(intent.vectors.flat()),
      attributes: columns,
    },
    addition,
  };
}
