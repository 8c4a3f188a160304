import { describe, expect, it } from "vitest";
import {
  type AttributeSchema,
  applyAddition,
  attributeNameFault,
  emptySchema,
  parseVectorType,
  primaryVector,
  reindexBelow,
  type Schema,
  scalarTypes,
} from "../../src/document/schema.ts";
import { mergeSchemaInput, parseSchemaInput } from "../../src/document/schema-input.ts";
import { metadataSchemaView, schemaView } from "../../src/document/schema-view.ts";
import { EngineError } from "../../src/errors.ts";

/** The schema after a user's map was merged into it. */
function merge(schema: Schema, input: unknown): Schema {
  return applyAddition(schema, mergeSchemaInput(schema, parseSchemaInput(input)));
}

function stored(attributes: Record<string, AttributeSchema>): Schema {
  return {
    version: 3,
    idKind: "uint",
    metric: "cosine_distance",
    attributes: new Map(Object.entries(attributes)),
  };
}

function refusal(action: () => unknown): EngineError {
  try {
    action();
  } catch (error) {
    if (error instanceof EngineError) {
      return error;
    }
    throw error;
  }
  throw new Error("was not refused");
}

describe("attribute names", () => {
  it("have 1 to 128 bytes, not characters", () => {
    expect(attributeNameFault("é".repeat(64))).toBeUndefined();
    expect(attributeNameFault("é".repeat(65))).toContain("longer than 128 bytes");
    expect(attributeNameFault("")).toContain("empty");
  });

  it("do not begin with $ and are not `id`", () => {
    expect(attributeNameFault("$dist")).toContain("cannot begin with");
    expect(attributeNameFault("a$")).toBeUndefined();
    expect(attributeNameFault("id")).toBeDefined();
  });

  it("may be the names of JavaScript's own properties, but for `__proto__`", () => {
    const schema = merge(emptySchema, { constructor: "int", prototype: "int" });
    expect([...schema.attributes.keys()]).toEqual(["constructor", "prototype"]);
    expect(Object.keys(schemaView(schema))).toEqual(["constructor", "prototype"]);
    expect(JSON.stringify(metadataSchemaView(schema))).toContain('"constructor":{"type":"int"');
    const input = JSON.parse('{"__proto__":"int"}') as unknown;
    expect(() => merge(emptySchema, input)).toThrow("`__proto__` cannot be the name");
  });
});

describe("schema input: types", () => {
  it.each([...scalarTypes, ...scalarTypes.map((type) => `[]${type}`)])(
    "%s is known in both forms",
    (type) => {
      expect(merge(emptySchema, { a: type })).toEqual(merge(emptySchema, { a: { type } }));
      expect(merge(emptySchema, { a: type }).attributes.get("a")).toEqual({
        type,
        filterable: true,
      });
    },
  );

  it("[N]f32 is known up to 10,752 dimensions", () => {
    const schema = merge(emptySchema, { v: { type: "[10752]f32", ann: true } });
    expect(primaryVector(schema)).toEqual({ name: "v", dims: 10_752, element: "f32" });
    expect(() => parseSchemaInput({ v: { type: "[10753]f32", ann: true } })).toThrow("10752");
    expect(() => parseSchemaInput({ v: { type: "[0]f32", ann: true } })).toThrow("dimensions");
    expect(parseVectorType("[2]f64")).toBeUndefined();
  });

  it("[N]f16 and [N]i8 are vectors like [N]f32", () => {
    for (const element of ["f16", "i8"] as const) {
      const schema = merge(emptySchema, { v: { type: `[10752]${element}`, ann: true } });
      expect(primaryVector(schema)).toEqual({ name: "v", dims: 10_752, element });
      expect(() => parseSchemaInput({ v: { type: `[10753]${element}`, ann: true } })).toThrow();
      expect(() => merge(emptySchema, { v: `[2]${element}` })).toThrow("`ann` set to `true`");
    }
  });

  it("bytes are not filterable, and `filterable: true` is refused", () => {
    expect(merge(emptySchema, { a: "bytes" }).attributes.get("a")).toEqual({
      type: "bytes",
      filterable: false,
    });
    expect(() => parseSchemaInput({ a: { type: "bytes", filterable: true } })).toThrow(
      "an attribute of type bytes cannot be filterable",
    );
  });

  it("{}f16 needs `sparse_knn` at first, and is not filterable", () => {
    const sparse = { type: "{}f16", sparse_knn: { distance_metric: "dot_product" } };
    const schema = merge(emptySchema, { a: sparse });
    expect(schema.attributes.get("a")).toEqual({ type: "{}f16", filterable: false });
    expect(merge(schema, { a: "{}f16" })).toBe(schema);
    for (const entry of ["{}f16", { type: "{}f16" }, { type: "{}f16", sparse_knn: null }]) {
      expect(() => merge(emptySchema, { a: entry })).toThrow(
        "💔 the `a` attribute must have `sparse_knn` set",
      );
    }
    expect(() => parseSchemaInput({ a: { ...sparse, filterable: true } })).toThrow("filterable");
    // Unlike a dense vector, one may come later.
    expect(merge(stored({}), { a: sparse }).version).toBe(4);
  });

  it("[][N]f32 is known up to 3,072 dimensions and says that it is filterable", () => {
    expect(merge(emptySchema, { a: "[][3072]f32" }).attributes.get("a")).toEqual({
      type: "[][3072]f32",
      filterable: true,
    });
    for (const type of ["[][3073]f32", "[][0]f32"]) {
      expect(() => parseSchemaInput({ a: type })).toThrow("1 to 3072 dimensions");
    }
    expect(() => parseSchemaInput({ a: "[][2]f16" })).toThrow("is not an attribute type");
  });

  it("anything else is refused by name", () => {
    for (const type of ["text", "[]text", "[][]int", "", "[x]f32", "[]bytes", "{}f32", "[2]i16"]) {
      expect(() => parseSchemaInput({ a: type })).toThrow("is not an attribute type");
    }
  });

  it("`vector` can only be a dense vector", () => {
    expect(() => parseSchemaInput({ vector: "string" })).toThrow("must be a dense vector");
  });

  it("id is uint, string or uuid; int is not a valid ID type", () => {
    for (const kind of ["uint", "string", "uuid"]) {
      expect(merge(emptySchema, { id: kind }).idKind).toBe(kind);
    }
    expect(() => parseSchemaInput({ id: "int" })).toThrow("💔 int is not a valid ID type");
    expect(merge(stored({}), { id: "uint" })).toEqual(stored({}));
    expect(() => merge(stored({}), { id: { type: "uuid" } })).toThrow("cannot become uuid");
  });
});

describe("schema input: options", () => {
  it("`type` is required in object form", () => {
    const error = refusal(() => parseSchemaInput({ a: { filterable: true } }));
    expect(error.kind).toBe("malformed");
    expect(error.message).toContain("schema.a: missing field `type`");
  });

  it("`filterable` defaults to true, null says nothing", () => {
    const schema = merge(emptySchema, {
      a: { type: "string" },
      b: { type: "string", filterable: false },
      c: { type: "string", filterable: null },
    });
    const filterable = Array.from(schema.attributes.values(), (entry) => entry.filterable);
    expect(filterable).toEqual([true, false, true]);
  });

  it("`filterable` is refused on vectors", () => {
    const input = { v: { type: "[2]f32", ann: true, filterable: true } };
    expect(() => parseSchemaInput(input)).toThrow("cannot be filterable");
  });

  it("`patchable` is for dense vectors", () => {
    const entry = { type: "[2]f32", ann: true, patchable: true };
    const patchable = { type: "[2]f32", filterable: false, ann: true, patchable: true };
    expect(merge(emptySchema, { v: entry }).attributes.get("v")).toEqual(patchable);
    for (const type of ["string", "{}f16", "[][2]f32"]) {
      expect(() => parseSchemaInput({ a: { type, patchable: true } })).toThrow("`patchable`");
      expect(() => parseSchemaInput({ a: { type, patchable: false } })).not.toThrow();
    }
    expect(() => parseSchemaInput({ v: { ...entry, patchable: 1 } })).toThrow("expected a boolean");
  });

  it("`ann` must be true on a dense vector", () => {
    const text =
      "💔 the `vector` attribute must have `ann` set to `true`, " +
      'eg: `"vector": { "type": "[2]f32", "ann": true }`';
    for (const entry of ["[2]f32", { type: "[2]f32" }, { type: "[2]f32", ann: false }]) {
      expect(() => merge(emptySchema, { vector: entry })).toThrow(text);
    }
  });

  it("`ann` may be an object, whose metric is taken and unknown keys are ignored", () => {
    const ann = { distance_metric: "euclidean_squared", late_interaction: false, probes: 9 };
    const schema = merge(emptySchema, { v: { type: "[2]f32", ann } });
    expect(schema.metric).toBe("euclidean_squared");
    expect(schema.attributes.get("v")).toEqual({ type: "[2]f32", filterable: false, ann: true });
    expect(merge(emptySchema, { v: { type: "[2]f32", ann: {} } }).metric).toBeUndefined();
  });

  it("`ann.distance_metric` must equal the namespace's", () => {
    const schema = stored({ v: { type: "[2]f32", filterable: false, ann: true } });
    const entry = (metric: string) => ({ v: { type: "[2]f32", ann: { distance_metric: metric } } });
    expect(merge(schema, entry("cosine_distance"))).toBe(schema);
    expect(() => merge(schema, entry("euclidean_squared"))).toThrow(
      "💔 distance metric mismatch, expected cosine_distance, got euclidean_squared",
    );
    expect(refusal(() => parseSchemaInput(entry("bad"))).message).toContain(
      "unknown variant `bad`, expected one of `Unknown`, `euclidean_squared`",
    );
  });

  it("`ann` with `late_interaction` and `ann` on a plain attribute are refused", () => {
    const late = { v: { type: "[2]f32", ann: { late_interaction: true } } };
    expect(() => parseSchemaInput(late)).toThrow("late_interaction");
    expect(() => parseSchemaInput({ a: { type: "int", ann: true } })).toThrow("dense vector");
    expect(merge(emptySchema, { a: { type: "int", ann: false } }).attributes.size).toBe(1);
  });

  it("`ann` of a vector array needs late interaction, which is refused", () => {
    const entry = (ann: unknown) => ({ a: { type: "[][2]f32", ann } });
    expect(() => parseSchemaInput(entry(true))).toThrow("requires `late_interaction`");
    expect(() => parseSchemaInput(entry({ late_interaction: false }))).toThrow("requires");
    expect(() => parseSchemaInput(entry({ late_interaction: true }))).toThrow("not supported");
    expect(merge(emptySchema, entry(false)).version).toBe(1);
  });

  it("`sparse_knn` knows one metric and one type", () => {
    const entry = (sparse_knn: unknown, type = "{}f16") => ({ a: { type, sparse_knn } });
    for (const wrong of [true, 1, "dot_product", {}, { distance_metric: 1 }]) {
      expect(refusal(() => parseSchemaInput(entry(wrong))).kind).toBe("malformed");
    }
    const unknown = refusal(() => parseSchemaInput(entry({ distance_metric: "cosine_distance" })));
    expect(unknown.kind).toBe("malformed");
    expect(unknown.message).toContain("unknown variant `cosine_distance`, expected `dot_product`");
    const plain = refusal(() => parseSchemaInput(entry({ distance_metric: "dot_product" }, "int")));
    expect(plain.kind).toBe("invalid");
    expect(merge(emptySchema, entry(null, "int")).version).toBe(1);
  });

  it.each(["embed"])("`%s` is refused by name unless it is off", (option) => {
    for (const off of [false, null]) {
      expect(merge(emptySchema, { a: { type: "string", [option]: off } }).version).toBe(1);
    }
    for (const on of [true, {}]) {
      const error = refusal(() => parseSchemaInput({ a: { type: "string", [option]: on } }));
      expect(error.message).toContain(`attribute \`a\`: \`${option}\``);
      expect(error.kind).toBe("invalid");
    }
    const error = refusal(() => parseSchemaInput({ a: { type: "string", [option]: 1 } }));
    expect(error.kind).toBe("malformed");
  });

  it("`glob`, `regex` and `fuzzy` are for texts, and take the place of `filterable`", () => {
    const on = { glob: true, regex: true, fuzzy: true };
    const path = (schema: Schema) => schema.attributes.get("path");
    const first = merge(emptySchema, { path: { type: "string", ...on } });
    expect(path(first)).toEqual({ type: "string", filterable: false, ...on });
    const fewer = merge(first, { path: { type: "string", regex: false } });
    expect(path(fewer)).toEqual({ type: "string", filterable: false, glob: true, fuzzy: true });
    expect(path(merge(fewer, { path: "string" }))).toEqual({ type: "string", filterable: false });
    const added = merge(merge(emptySchema, { path: "string" }), {
      path: { type: "string", glob: true },
    });
    expect(path(added)).toEqual({ type: "string", filterable: true, glob: true });
    const turnedOn = merge(merge(fewer, { path: "string" }), { path: { type: "string", ...on } });
    expect(path(turnedOn)).toMatchObject({ indexedFrom: turnedOn.version });
    for (const type of ["int", "uuid", "bytes"]) {
      const error = refusal(() => parseSchemaInput({ path: { type, glob: true } }));
      expect(error.message).toContain("`glob` requires the type string or []string");
    }
  });

  it("`embed` with a model's name is refused for want of models", () => {
    const input = { a: { type: "string", embed: "openai/text-embedding-3-small" } };
    expect(() => parseSchemaInput(input)).toThrow("no embedding models");
  });

  it("unknown keys are ignored", () => {
    const schema = merge(emptySchema, { a: { type: "int", colour: "red", constructor: 1 } });
    expect(schema.attributes.get("a")).toEqual({ type: "int", filterable: true });
  });

  it("wrong JSON types are malformed", () => {
    for (const input of [[], "x", 1, null, { a: 1 }, { a: null }, { a: [] }, { a: { type: 1 } }]) {
      expect(refusal(() => parseSchemaInput(input)).kind).toBe("malformed");
    }
    const wrong = { a: { type: "int", filterable: "yes" } };
    expect(refusal(() => parseSchemaInput(wrong)).message).toBe(
      "Failed to deserialize the JSON body into the target type: " +
        'schema.a.filterable: invalid type: string "yes", expected a boolean',
    );
  });
});

describe("schema changes", () => {
  const schema = stored({
    title: { type: "string", filterable: false },
    tags: { type: "[]unknown", filterable: true },
    vector: { type: "[2]f32", filterable: false, ann: true },
  });

  it("keep what the object form does not mention and what the shorthand cannot say", () => {
    expect(merge(schema, { title: { type: "string" } })).toBe(schema);
    expect(merge(schema, { title: "string" })).toBe(schema);
    expect(merge(schema, { vector: "[2]f32" })).toBe(schema);
  });

  it("of `filterable` are applied and make the version one larger", () => {
    const changed = merge(schema, { title: { type: "string", filterable: true } });
    expect(changed.version).toBe(4);
    expect(changed.attributes.get("title")).toEqual({
      type: "string",
      filterable: true,
      indexedFrom: 4,
    });
    expect([...changed.attributes.keys()]).toEqual(["title", "tags", "vector"]);
  });

  it("of `patchable` are applied both ways, and kept by what does not mention it", () => {
    const entry = { type: "[2]f32", ann: true };
    const on = merge(schema, { vector: { ...entry, patchable: true } });
    expect(on.version).toBe(4);
    expect(on.attributes.get("vector")?.patchable).toBe(true);
    expect(merge(on, { vector: entry })).toBe(on);
    const off = merge(on, { vector: { ...entry, patchable: false } });
    expect(off.version).toBe(5);
    expect(off.attributes.get("vector")).toEqual(schema.attributes.get("vector"));
  });

  it("of `filterable` to true say from which version on segments have an index", () => {
    const on = { type: "string", filterable: true };
    const off = { type: "string", filterable: false };
    expect(reindexBelow(schema)).toBe(0);
    expect(reindexBelow(merge(schema, { fresh: on }))).toBe(0);
    const turnedOn = merge(schema, { title: on });
    expect(reindexBelow(turnedOn)).toBe(4);
    const typed = merge(turnedOn, { tags: "[]string" });
    expect(reindexBelow(typed)).toBe(4);
    const turnedOff = merge(typed, { title: off });
    expect(reindexBelow(turnedOff)).toBe(0);
    expect(turnedOff.attributes.get("title")).toEqual({ type: "string", filterable: false });
    expect(reindexBelow(merge(turnedOff, { title: on }))).toBe(7);
  });

  it("of a type are refused and name the attribute", () => {
    const error = refusal(() => merge(schema, { title: "int" }));
    expect(error.message).toBe("💔 attribute `title`: the type is string and cannot become int");
    expect(error.detail.attribute).toBe("title");
    expect(() => merge(schema, { vector: { type: "[3]f32", ann: true } })).toThrow("cannot become");
  });

  it("give an `[]unknown` its type, once", () => {
    const typed = merge(schema, { tags: "[]string" });
    expect(typed.attributes.get("tags")?.type).toBe("[]string");
    expect(merge(typed, { tags: "[]unknown" })).toBe(typed);
    expect(() => merge(typed, { tags: "[]int" })).toThrow("cannot become []int");
    expect(() => merge(schema, { tags: "string" })).toThrow("cannot become string");
    expect(merge(schema, { tags: "[][2]f32" }).attributes.get("tags")?.type).toBe("[][2]f32");
  });

  it("of any type into any other are refused", () => {
    const types = ["string", "int", "[]int", "bytes", "[][2]f32", "[2]f32", "[2]f16", "[2]i8"];
    for (const type of types) {
      const ann = type.startsWith("[2") ? { ann: true } : {};
      const from = stored({ a: { type, filterable: false, ...ann } as AttributeSchema });
      expect(merge(from, { a: type })).toBe(from);
      for (const other of [...types, "{}f16", "[][3]f32", "[3]f32"].filter((t) => t !== type)) {
        expect(() => merge(from, { a: other }), `${type} -> ${other}`).toThrow("cannot become");
      }
    }
  });

  it("cannot add a vector column, neither a first nor a second", () => {
    const late = { v: { type: "[2]f32", ann: true } };
    expect(() => merge(stored({}), late)).toThrow(
      "💔 Vector provided for namespace without vector attribute",
    );
    expect(() => merge(schema, late)).toThrow("fixed by the first write");
  });

  it("may begin with up to 8 vector columns; `vector` or else the first is the primary one", () => {
    const columns = (names: string[]) =>
      Object.fromEntries(names.map((name) => [name, { type: "[2]f16", ann: true }]));
    const eight = ["a", "b", "c", "d", "e", "f", "g", "vector"];
    expect(primaryVector(merge(emptySchema, columns(eight)))?.name).toBe("vector");
    expect(primaryVector(merge(emptySchema, columns(["b", "a"])))?.name).toBe("b");
    expect(() => merge(emptySchema, columns([...eight, "i"]))).toThrow("at most 8 vector columns");
  });

  it("cannot exceed 1,024 attributes", () => {
    const names = Array.from({ length: 1_024 }, (_, i) => [`a${i}`, "int"]);
    const full = merge(emptySchema, Object.fromEntries(names));
    expect(full.attributes.size).toBe(1_024);
    expect(() => merge(full, { more: "int" })).toThrow("at most 1024 attributes");
  });
});
