import { describe, expect, it } from "vitest";
import { inferType } from "../../src/document/infer.ts";
import {
  type AttributeSchema,
  applyAddition,
  attributeNameFault,
  emptySchema,
  parseVectorType,
  primaryVector,
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

  it("may be the names of JavaScript's own properties", () => {
    const input = JSON.parse(
      '{"__proto__":"int","constructor":"int","prototype":"int"}',
    ) as unknown;
    const schema = merge(emptySchema, input);
    expect([...schema.attributes.keys()]).toEqual(["__proto__", "constructor", "prototype"]);
    expect(Object.keys(schemaView(schema))).toEqual(["__proto__", "constructor", "prototype"]);
    expect(JSON.stringify(metadataSchemaView(schema))).toContain('"__proto__":{"type":"int"');
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

  it.each(["bytes", "[3]f16", "[3]i8", "{}f16", "[][3]f32"])(
    "%s is refused: not supported",
    (type) => {
      const error = refusal(() => parseSchemaInput({ a: { type } }));
      expect(error.message).toBe(
        `💔 attribute \`a\`: type ${type} is not supported by this server`,
      );
      expect(error.kind).toBe("invalid");
    },
  );

  it("anything else is refused by name", () => {
    for (const type of ["text", "[]text", "[][]int", "", "[x]f32"]) {
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

  it.each(["full_text_search", "regex", "glob", "fuzzy", "sparse_knn", "embed"])(
    "`%s` is refused by name unless it is off",
    (option) => {
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
    },
  );

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
    expect(changed.attributes.get("title")).toEqual({ type: "string", filterable: true });
    expect([...changed.attributes.keys()]).toEqual(["title", "tags", "vector"]);
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
  });

  it("cannot add a vector column, neither a first nor a second", () => {
    const late = { v: { type: "[2]f32", ann: true } };
    expect(() => merge(stored({}), late)).toThrow(
      "💔 Vector provided for namespace without vector attribute",
    );
    expect(() => merge(schema, late)).toThrow("second vector column");
    const two = { v: late.v, w: late.v };
    expect(() => merge(emptySchema, two)).toThrow("second vector column (beside `v`)");
  });

  it("cannot exceed 1,024 attributes", () => {
    const names = Array.from({ length: 1_024 }, (_, i) => [`a${i}`, "int"]);
    const full = merge(emptySchema, Object.fromEntries(names));
    expect(full.attributes.size).toBe(1_024);
    expect(() => merge(full, { more: "int" })).toThrow("at most 1024 attributes");
  });
});

describe("schema views", () => {
  const schema = stored({
    title: { type: "string", filterable: false },
    private: { type: "bool", filterable: true },
    vector: { type: "[2]f32", filterable: false, ann: true },
  });

  it("of the schema endpoint show explicit nulls", () => {
    const { id, ...attributes } = schemaView(schema);
    expect(id).toEqual({ type: "uint", filterable: null, full_text_search: null });
    expect(attributes).toEqual({
      title: { type: "string", filterable: false, full_text_search: null },
      private: { type: "bool", filterable: true, full_text_search: null },
      vector: { type: "[2]f32", ann: true, filterable: null, full_text_search: null },
    });
  });

  it("inside metadata have no nulls and spell out `ann`", () => {
    expect(metadataSchemaView(schema)).toEqual({
      id: { type: "uint" },
      title: { type: "string", filterable: false },
      private: { type: "bool", filterable: true },
      vector: { type: "[2]f32", ann: { distance_metric: "cosine_distance" } },
    });
  });

  it("show `filterable: false` for a vector of another name", () => {
    const named = stored({ v2: { type: "[2]f32", filterable: false, ann: true } });
    expect(schemaView(named)["v2"]?.filterable).toBe(false);
    expect(metadataSchemaView(named)["v2"]?.filterable).toBe(false);
  });

  it("can be sent back as input and change nothing", () => {
    expect(merge(schema, JSON.parse(JSON.stringify(schemaView(schema))))).toBe(schema);
    expect(merge(schema, JSON.parse(JSON.stringify(metadataSchemaView(schema))))).toBe(schema);
  });
});

describe("inference", () => {
  it.each([
    ["string", "x", "string"],
    ["bool", true, "bool"],
    ["a non-negative integer", 5, "int"],
    ["a negative integer", -5, "int"],
    ["a large integer", 2n ** 62n, "int"],
    ["an array of strings", ["x"], "[]string"],
    ["an array of integers", [1, 2], "[]int"],
    ["an array of booleans", [true], "[]bool"],
    ["an empty array", [], "[]unknown"],
    ["null", null, undefined],
  ])("reads %s", (_, value, type) => {
    expect(inferType([value], "a")).toBe(type);
  });

  it("refuses 1.5, whose text speaks of a signed 64-bit integer", () => {
    expect(() => inferType([1.5], "a")).toThrow("signed 64-bit integer");
    expect(() => inferType([[1.5]], "a")).toThrow("signed 64-bit integer");
  });

  it("refuses nested arrays, arrays of null and objects", () => {
    expect(() => inferType([[[1, 2]]], "a")).toThrow("[][N]f32");
    expect(() => inferType([[null]], "a")).toThrow("null");
    expect(() => inferType([{ token: 1 }], "a")).toThrow("sparse");
  });

  it("looks past nulls and empty arrays for the first value with a type", () => {
    expect(inferType([null, [], ["x"]], "a")).toBe("[]string");
    expect(inferType([null, [], null], "a")).toBe("[]unknown");
  });
});
