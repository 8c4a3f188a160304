/**
 * Generated writes, right, nearly right and quite wrong: stored exactly, or refused in an orderly
 * way.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import { applyAddition, emptySchema } from "../../../src/document/schema.ts";
import { isEngineError } from "../../../src/errors.ts";
import { decodeBatch, encodeBatch, splitBatch } from "../../../src/format/batch.ts";
import { buildWrite } from "../../../workers/api/write-batch.ts";
import { parseWriteRequest } from "../../../workers/api/write-request.ts";
import { base64Of, cosine, plain, stored, withVector } from "./write-cases.ts";

/** JSON values of any kind, with a liking for those that matter to a write. */
const anything = fc.oneof(
  fc.constantFrom(
    null,
    true,
    {},
    { a: 1 },
    { id: 1 },
    [],
    [[]],
    [null],
    [1, 2],
    [[1, 2]],
    [1.5, 65_520],
    "[2]f32",
    "[2]f16",
    "[2]i8",
    "[][2]f32",
    "[][0]f32",
    "{}f16",
    "bytes",
    "[]bytes",
    "uuid",
  ),
  fc.constantFrom("", "x", "$x", "2024-03-02", "\ud800", "AAAA", base64Of(1, Number.NaN)),
  fc.double(),
  fc.bigInt({ min: -(2n ** 65n), max: 2n ** 65n }),
);

const attributes = fc.record(
  {
    title: fc.string(),
    tags: fc.array(fc.string(), { maxLength: 2 }),
    count: fc.oneof(fc.maxSafeInteger(), fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n })),
    constructor: fc.option(fc.boolean()),
  },
  { requiredKeys: [], noNullPrototype: true },
);
const vectors = fc.constantFrom([1, 2], [5, -1], base64Of(3, 4));

/** A namespace with attributes of the types that need a schema. */
const typed = stored(
  {
    vector: { type: "[2]i8", filterable: false, ann: true },
    side: { type: "[2]f16", filterable: false, ann: true },
    blob: { type: "bytes", filterable: false },
    terms: { type: "{}f16", filterable: false },
    views: { type: "[][2]f32", filterable: true },
    at: { type: "datetime", filterable: true },
    keys: { type: "[]uuid", filterable: true },
  },
  { metric: "cosine_distance" },
);
const typedAttributes = fc.record(
  {
    side: fc.constantFrom([0.1, 2], base64Of(0.1, 2)),
    blob: fc.option(fc.constantFrom("", "aGk=")),
    terms: fc.option(fc.dictionary(fc.string(), fc.integer({ min: -9, max: 9 }), { maxKeys: 3 })),
    views: fc.option(fc.array(vectors, { maxLength: 2 })),
    at: fc.constantFrom("2024-03-02", "1969-12-31T23:59:59Z"),
    keys: fc.constantFrom([], ["123e4567-e89b-12d3-a456-426614174000"]),
  },
  { requiredKeys: ["side"], noNullPrototype: true },
);
const kinds = [
  { schema: plain, more: attributes, hasVector: false },
  { schema: withVector, more: attributes, hasVector: true },
  { schema: typed, more: typedAttributes, hasVector: true },
] as const;
const ids = fc.uniqueArray(fc.nat(99), { minLength: 1, maxLength: 5 });

/** Writes that are right for a namespace without vectors, with some, and with every type. */
const writes = fc.constantFrom(...kinds).chain(({ schema, more, hasVector }) =>
  fc
    .tuple(ids, fc.nat(5), fc.infiniteStream(fc.tuple(more as fc.Arbitrary<object>, vectors)))
    .map(([all, some, documents]) => {
      const deleted = some % all.length;
      const rows = all.slice(deleted).map((id) => {
        const [row, vector] = documents.next().value as [object, unknown];
        return hasVector ? { ...row, id, vector } : { ...row, id };
      });
      const sparse = { type: "{}f16", sparse_knn: { distance_metric: "dot_product" } };
      const declared = { note: "string", words: sparse, photo: { type: "bytes" } };
      return {
        schema,
        body: { upsert_rows: rows, deletes: all.slice(0, deleted), schema: declared },
      };
    }),
);

/** One place of a value, chosen by `steps`, replaced. */
function replace(value: unknown, steps: readonly number[], by: unknown): unknown {
  const [step, ...rest] = steps;
  if (step === undefined || typeof value !== "object" || value === null) {
    return by;
  }
  const entries = Object.entries(value);
  const at = entries.length === 0 ? undefined : entries[step % entries.length];
  if (at === undefined) {
    return by;
  }
  const changed: Record<string, unknown> = { ...value };
  changed[at[0]] = replace(at[1], rest, by);
  return Array.isArray(value) ? Object.values(changed) : changed;
}

function outcome(body: unknown, schema: typeof plain): "built" | "refused" {
  try {
    const { batch, addition } = buildWrite(parseWriteRequest(body), schema);
    applyAddition(schema, addition);
    for (const chunk of splitBatch(batch)) {
      expect(decodeBatch(encodeBatch(chunk))).toStrictEqual(batch);
    }
    return "built";
  } catch (error) {
    const orderly = ["invalid", "malformed", "tooLarge"] as const;
    if (orderly.some((kind) => isEngineError(error, kind))) {
      return "refused";
    }
    throw error;
  }
}

it("a right write is built, and its bytes hold what it says", () => {
  fc.assert(
    fc.property(writes, ({ body, schema }) => {
      expect(outcome(body, schema)).toBe("built");
      if (schema !== typed) {
        const first = { ...body, ...(schema === plain ? {} : cosine) };
        expect(outcome(first, emptySchema)).toBe("built");
      }
    }),
  );
});

it("a write wrong in one place is built or refused, never anything else", () => {
  const seen = new Set<string>();
  const steps = fc.array(fc.nat(9), { maxLength: 4 });
  fc.assert(
    fc.property(writes, steps, anything, ({ body, schema }, path, by) => {
      seen.add(outcome(replace(body, path, by), schema));
    }),
    { numRuns: 1_000 },
  );
  expect(seen).toEqual(new Set(["built", "refused"]));
});
