/** Vectors of a write and the metric that goes with them. */
import { describe, expect, it } from "vitest";
import { emptySchema } from "../../../src/document/schema.ts";
import { batchLogicalBytes } from "../../../src/document/size.ts";
import type { JsonEncodable } from "../../../workers/api/json.ts";
import { base64Of, build, cosine, plain, refusal, withVector } from "./write-cases.ts";

describe("vectors of a batch", () => {
  it("named `vector` are inferred as [N]f32 with ann, from numbers or base64", () => {
    for (const vector of [[0.5, -1], base64Of(0.5, -1)]) {
      const built = build({ upsert_rows: [{ id: 1, vector }], ...cosine });
      expect(built.batch.dims).toBe(2);
      expect(built.batch.vectors).toEqual(new Float32Array([0.5, -1]));
      expect(built.batch.attributes).toEqual([]);
      expect(built.addition?.metric).toBe("cosine_distance");
      const vectorSchema = { type: "[2]f32", filterable: false, ann: true };
      expect(built.addition?.attributes.get("vector")).toEqual(vectorSchema);
    }
  });

  it("are base64 of little-endian f32 as clients send it", () => {
    const rows = [{ id: 1, vector: "zczMPc3MTD6amZk+" }];
    expect(build({ upsert_rows: rows, ...cosine }).batch.vectors).toEqual(
      new Float32Array([0.1, 0.2, 0.3]),
    );
  });

  it("keep their length under cosine: originals are stored", () => {
    const built = build({ upsert_rows: [{ id: 1, vector: [3, 4] }] }, withVector);
    expect([...built.batch.vectors]).toEqual([3, 4]);
  });

  it("of another name need a schema, then behave the same", () => {
    const schema = { embedding: { type: "[2]f32", ann: true } };
    const built = build({ upsert_rows: [{ id: 1, embedding: [1, 2] }], schema, ...cosine });
    expect([...built.batch.vectors]).toEqual([1, 2]);
    const type = { embedding: "[]int" };
    const inferred = build({ upsert_rows: [{ id: 1, embedding: [1, 2] }] });
    expect(inferred.addition?.attributes.get("embedding")?.type).toBe(type.embedding);
  });

  it.each<[string, JsonEncodable]>([
    [
      "arrays",
      [
        [1, 2],
        [3, 4],
      ],
    ],
    ["base64 texts", [base64Of(1, 2), base64Of(3, 4)]],
    ["one flat array", [1, 2, 3, 4]],
    ["one base64 text", base64Of(1, 2, 3, 4)],
  ])("in columns may be %s", (_, vector) => {
    for (const schema of [emptySchema, withVector]) {
      const { batch } = build({ upsert_columns: { id: [1, 2], vector }, ...cosine }, schema);
      expect([...batch.vectors]).toEqual([1, 2, 3, 4]);
    }
  });

  it("in a flat column must divide evenly among the rows", () => {
    for (const vector of [[1, 2, 3], base64Of(1, 2, 3)]) {
      const error = refusal({ upsert_columns: { id: [1, 2], vector }, ...cosine });
      expect(error.message).toContain("3 values do not divide into 2 vectors");
    }
  });

  it("of different length in one request are refused with the API's text", () => {
    const text = "All nested vectors must have the same number of dimensions, got: 2 and 3";
    const rows = [
      { id: 1, vector: [1, 2] },
      { id: 2, vector: [1, 2, 3] },
    ];
    expect(refusal({ upsert_rows: rows, ...cosine }).message).toBe(text);
    expect(refusal({ upsert_rows: rows }, withVector).message).toBe(text);
  });

  it("of another dimension than the schema's are refused", () => {
    const error = refusal({ upsert_rows: [{ id: 1, vector: [1, 2, 3] }] }, withVector);
    expect(error.message).toBe("💔 attribute `vector` has 2 dimensions, but got vectors of 3");
    const schema = { vector: { type: "[3]f32", ann: true } };
    const rows = [{ id: 1, vector: [1, 2] }];
    expect(refusal({ upsert_rows: rows, schema, ...cosine }).message).toContain("3 dimensions");
  });

  it.each<[string, JsonEncodable]>([
    ["empty", []],
    ["empty base64", ""],
    ["null", null],
    ["no text of base64", "!!!!"],
    ["base64 without padding", "zczMPc3MTD4"],
    ["base64 of half a value", "AAAAAAA="],
    ["a boolean", true],
    ["a map", {}],
    ["of texts", ["1", "2"]],
    ["of nulls", [null, 1]],
    ["NaN in base64", base64Of(1, Number.NaN)],
    ["Infinity in base64", base64Of(1, Number.NEGATIVE_INFINITY)],
    ["too large for f32", [1, 1e39]],
  ])("are refused as 400 when %s", (_, vector) => {
    for (const schema of [emptySchema, withVector]) {
      expect(refusal({ upsert_rows: [{ id: 1, vector }], ...cosine }, schema).kind).toBe("invalid");
      const columns = { id: [1], vector: [vector] };
      expect(refusal({ upsert_columns: columns, ...cosine }, schema).kind).toBe("invalid");
    }
  });

  it("have at most 10,752 dimensions", () => {
    const rows = (dims: number) => [{ id: 1, vector: Array.from({ length: dims }, () => 1) }];
    expect(build({ upsert_rows: rows(10_752), ...cosine }).batch.dims).toBe(10_752);
    expect(refusal({ upsert_rows: rows(10_753), ...cosine }).message).toContain("10752");
  });

  it("are required in every upsert of a namespace that has them, not in deletes", () => {
    for (const rows of [[{ id: 1 }], [{ id: 1, vector: [1, 2] }, { id: 2 }]]) {
      const error = refusal({ upsert_rows: rows }, withVector);
      expect(error.message).toContain("missing required vector");
    }
    const first = [{ id: 1 }, { id: 2, vector: [1, 2] }];
    expect(refusal({ upsert_rows: first, ...cosine }).message).toContain(
      "upsert_rows[0].vector: missing required vector",
    );
    expect(build({ deletes: [1] }, withVector).batch).toMatchObject({ dims: 2, upserts: 0 });
  });

  it("cannot come later to a namespace created without: vector columns are not added", () => {
    const text = "💔 Vector provided for namespace without vector attribute";
    const rows = [{ id: 1, vector: [1, 2] }];
    expect(refusal({ upsert_rows: rows, ...cosine }, plain).message).toBe(text);
    const schema = { v: { type: "[2]f32", ann: true } };
    expect(refusal({ deletes: [1], schema, ...cosine }, plain).message).toBe(text);
  });

  it("of several columns are all required; those but the primary one are packed", () => {
    const schema = { a: { type: "[1]f16", ann: true }, b: { type: "[2]i8", ann: true } };
    const rows = [
      { id: 1, a: [0.1], b: [-128, 127], vector: [2] },
      { id: 2, a: [1], b: [0, 1], vector: [3] },
    ];
    const built = build({ upsert_rows: rows, schema, ...cosine });
    expect([...built.batch.vectors]).toEqual([2, 3]);
    expect(built.batch.attributes).toEqual([
      { name: "a", values: [Uint8Array.of(0x66, 0x2e), Uint8Array.of(0x00, 0x3c)] },
      { name: "b", values: [Uint8Array.of(0x80, 0x7f), Uint8Array.of(0, 1)] },
    ]);
    const columns = { id: [1, 2], a: [[0.1], [1]], b: [-128, 127, 0, 1], vector: [2, 3] };
    expect(build({ upsert_columns: columns, schema, ...cosine })).toEqual(built);
    const lacking = refusal({ upsert_rows: [{ id: 1, a: [1], vector: [2] }], schema, ...cosine });
    expect(lacking.message).toBe("💔 upsert_rows[0].b: missing required vector");
  });
});

describe("the element of a vector column", () => {
  const halves = { vector: { type: "[2]f16", ann: true } };
  const bytes = { vector: { type: "[2]i8", ann: true } };

  it("f16 rounds numbers and base64 of f32 alike", () => {
    for (const vector of [[0.123456789, -2], base64Of(0.123456789, -2)]) {
      const { batch } = build({ upsert_rows: [{ id: 1, vector }], schema: halves, ...cosine });
      expect(batch.vectors).toEqual(Uint16Array.of(0x2fe7, 0xc000));
    }
  });

  it("f16 refuses what is too large for it", () => {
    for (const vector of [[0, 65_520], base64Of(0, -1e9)]) {
      const error = refusal({ upsert_rows: [{ id: 1, vector }], schema: halves, ...cosine });
      expect(error.kind).toBe("invalid");
      expect(error.message).toMatch(/vector\[1\]: -?\d+ is not a finite 16-bit float/);
    }
    const largest = { upsert_rows: [{ id: 1, vector: [65_504, 0] }], schema: halves, ...cosine };
    expect(build(largest).batch.vectors[0]).toBe(0x7bff);
  });

  it("i8 takes integers from -128 to 127, from base64 of f32 too", () => {
    for (const vector of [[-128, 127], base64Of(-128, 127)]) {
      const { batch } = build({ upsert_rows: [{ id: 1, vector }], schema: bytes, ...cosine });
      expect(batch.vectors).toEqual(Int8Array.of(-128, 127));
    }
    for (const vector of [[1.5, 0], [128, 0], [-129, 0], base64Of(0.5, 0)]) {
      const error = refusal({ upsert_rows: [{ id: 1, vector }], schema: bytes, ...cosine });
      expect(error.kind).toBe("invalid");
      expect(error.message).toContain("is not an integer from -128 to 127");
    }
    const wide = base64Of(1, Number.NaN);
    expect(refusal({ upsert_rows: [{ id: 1, vector: wide }], schema: bytes, ...cosine }).kind).toBe(
      "invalid",
    );
  });

  it("counts for the size that is billed and limited", () => {
    for (const [schema, size] of [
      [halves, 8 + 4],
      [bytes, 8 + 2],
    ] as const) {
      const { batch } = build({ upsert_rows: [{ id: 1, vector: [1, 1] }], schema, ...cosine });
      expect(batchLogicalBytes(batch)).toBe(size);
    }
  });
});

describe("distance_metric of a batch", () => {
  const rows = [{ id: 1, vector: [1, 2] }];

  it("is required on the first write that brings vectors", () => {
    expect(refusal({ upsert_rows: rows }).message).toBe(
      "💔 distance_metric must be specified for write to namespace with a vector",
    );
  });

  it("may stand in the schema's ann instead", () => {
    const ann = { distance_metric: "euclidean_squared" };
    const built = build({ upsert_rows: rows, schema: { vector: { type: "[2]f32", ann } } });
    expect(built.addition?.metric).toBe("euclidean_squared");
  });

  it("is optional later and must match, with the API's text", () => {
    expect(build({ upsert_rows: rows }, withVector).addition).toBeUndefined();
    expect(build({ upsert_rows: rows, ...cosine }, withVector).addition).toBeUndefined();
    const error = refusal({ upsert_rows: rows, distance_metric: "euclidean_squared" }, withVector);
    expect(error.message).toBe(
      "💔 distance metric mismatch, expected cosine_distance, got euclidean_squared",
    );
  });

  it("without any vector is refused with the API's text", () => {
    const text =
      "the `distance_metric` field cannot be provided, " +
      "namespace configured without vector indexing";
    expect(refusal({ upsert_rows: [{ id: 1 }], ...cosine }).message).toBe(text);
    expect(refusal({ deletes: [1], ...cosine }, plain).message).toBe(text);
  });
});
