import { describe, expect, it } from "vitest";
import { inferType } from "../../src/document/infer.ts";
import { type AttributeSchema, applyAddition, type Schema } from "../../src/document/schema.ts";
import { mergeSchemaInput, parseSchemaInput } from "../../src/document/schema-input.ts";
import { metadataSchemaView, schemaView } from "../../src/document/schema-view.ts";

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

  it("show patterns only where they are on", () => {
    const path: AttributeSchema = { type: "string", filterable: false, glob: true, regex: true };
    const shown = { type: "string", filterable: false, glob: true, regex: true };
    expect(schemaView(stored({ path }))["path"]).toEqual({ ...shown, full_text_search: null });
    expect(metadataSchemaView(stored({ path }))["path"]).toEqual(shown);
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

  it("say of vectors that they are patchable, if they are", () => {
    const v = { type: "[2]f32", filterable: false, ann: true, patchable: true } as const;
    expect(schemaView(stored({ v }))["v"]).toMatchObject({ patchable: true });
    expect(metadataSchemaView(stored({ v }))["v"]).toMatchObject({ patchable: true });
  });

  it("show the other types as clients know them", () => {
    const other = stored({
      half: { type: "[2]f16", filterable: false, ann: true },
      terms: { type: "{}f16", filterable: false },
      views: { type: "[][2]f32", filterable: true },
      blob: { type: "bytes", filterable: false },
    });
    const { id, ...attributes } = schemaView(other);
    expect(id?.type).toBe("uint");
    expect(attributes).toEqual({
      half: { type: "[2]f16", ann: true, filterable: false, full_text_search: null },
      terms: { type: "{}f16", filterable: false, full_text_search: null },
      views: { type: "[][2]f32", filterable: true, full_text_search: null },
      blob: { type: "bytes", filterable: false, full_text_search: null },
    });
    expect(metadataSchemaView(other)).toEqual({
      id: { type: "uint" },
      half: { type: "[2]f16", filterable: false, ann: { distance_metric: "cosine_distance" } },
      terms: {
        type: "{}f16",
        filterable: false,
        sparse_knn: { distance_metric: "dot_product" },
      },
      views: { type: "[][2]f32", filterable: true },
      blob: { type: "bytes", filterable: false },
    });
    for (const view of [schemaView(other), metadataSchemaView(other)]) {
      expect(merge(other, JSON.parse(JSON.stringify(view)))).toBe(other);
    }
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
    ["an array of arrays of numbers", [[1, 2.5]], "[][2]f32"],
    ["null", null, undefined],
  ])("reads %s", (_, value, type) => {
    expect(inferType([value], "a")).toBe(type);
  });

  it("refuses 1.5, whose text speaks of a signed 64-bit integer", () => {
    expect(() => inferType([1.5], "a")).toThrow("signed 64-bit integer");
    expect(() => inferType([[1.5]], "a")).toThrow("signed 64-bit integer");
  });

  it("refuses arrays of null, of empty or too long vectors, and objects", () => {
    expect(() => inferType([[[]]], "a")).toThrow("1 to 3072 dimensions");
    expect(() => inferType([[Array(3_073).fill(0)]], "a")).toThrow("1 to 3072 dimensions");
    expect(() => inferType([[null]], "a")).toThrow("null");
    expect(() => inferType([{ token: 1 }], "a")).toThrow("sparse");
  });

  it("looks past nulls and empty arrays for the first value with a type", () => {
    expect(inferType([null, [], ["x"]], "a")).toBe("[]string");
    expect(inferType([null, [], null], "a")).toBe("[]unknown");
  });
});
