/** Attribute types of a write beyond those that JSON has: what is taken, rounded and refused. */
import { describe, expect, it } from "vitest";
import { packSparse, packVector } from "../../../src/format/packed-value.ts";
import type { JsonEncodable } from "../../../workers/api/json.ts";
import { base64Of, build, buildParsed, refusal, refused, stored } from "./write-cases.ts";

const types = stored({
  blob: { type: "bytes", filterable: false },
  terms: { type: "{}f16", filterable: false },
  views: { type: "[][2]f32", filterable: true },
});

function written(name: string, value: JsonEncodable): unknown {
  const rows = build({ upsert_rows: [{ id: 1, [name]: value }] }, types);
  const columns = build({ upsert_columns: { id: [1], [name]: [value] } }, types);
  expect(columns).toEqual(rows);
  return rows.batch.attributes.find((column) => column.name === name)?.values[0];
}

function expectRefused(name: string, value: JsonEncodable, text: string): void {
  const error = refusal({ upsert_rows: [{ id: 1, [name]: value }] }, types);
  expect(error.message).toContain(text);
  expect(error.kind).toBe("invalid");
}

describe("bytes", () => {
  it("are base64", () => {
    expect(written("blob", "aGk=")).toEqual(Uint8Array.of(104, 105));
    expect(written("blob", "")).toEqual(new Uint8Array(0));
    expect(written("blob", null)).toBeUndefined();
  });

  it("in any other form are refused", () => {
    for (const value of [5, true, ["aGk="], {}, 1.5]) {
      expectRefused("blob", value, "attribute `blob`: type mismatch, expected bytes, but got");
    }
    for (const value of ["aGk", "a b=", "ü===", "aGl="]) {
      expectRefused("blob", value, "attribute `blob`: bytes are written as base64");
    }
  });

  it("may be longer than a filterable value", () => {
    expect(written("blob", "AAAA".repeat(2_000))).toHaveLength(6_000);
  });
});

describe("sparse vectors", () => {
  it("are maps of tokens to numbers", () => {
    const weights = new Map([["a", 0.5] as const, ["__proto__", -2] as const]);
    const text = '{"upsert_rows":[{"id":1,"terms":{"a":0.5,"__proto__":-2}}]}';
    const [column] = build(text, types).batch.attributes;
    expect(column?.values).toEqual([packSparse(weights)]);
    expect(written("terms", {})).toEqual(packSparse(new Map()));
    expect(written("terms", null)).toBeUndefined();
  });

  it("have at most 1,024 entries", () => {
    const entries = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`t${i}`, 1]));
    expect(written("terms", entries(1_024))).toBeInstanceOf(Uint8Array);
    expectRefused("terms", entries(1_025), "at most 1024 entries, got 1025");
  });

  it("with weights that are no finite 16-bit floats, or in another form, are refused", () => {
    for (const weight of ["1", null, true, [1]]) {
      expectRefused("terms", { a: weight }, "weights are numbers");
    }
    for (const weight of [65_520, -1e300]) {
      expectRefused("terms", { a: weight }, "is not a finite 16-bit float");
    }
    for (const value of [1, "a", [["a", 1]]]) {
      expectRefused("terms", value, "type mismatch, expected {}f16");
    }
    const lone = { upsert_rows: [{ id: 1, terms: { "\ud800": 1 } }] };
    expect(refused(() => buildParsed(lone, types)).message).toContain("not valid Unicode");
  });

  it("need a schema: nothing says so of an object", () => {
    const error = refusal({ upsert_rows: [{ id: 1, other: { a: 1 } }] });
    expect(error.message).toContain("declare sparse vectors in the schema");
    expect(error.detail.attribute).toBe("other");
  });
});

describe("vector arrays", () => {
  it("are lists of vectors, each as numbers or base64", () => {
    const packed = packVector(Float32Array.of(0.1, 2, 3, -4));
    expect(written("views", [[0.1, 2], base64Of(3, -4)])).toEqual(packed);
    expect(written("views", [])).toEqual(new Uint8Array(0));
    expect(written("views", null)).toBeUndefined();
  });

  it("are inferred from nested arrays of numbers and show as filterable", () => {
    const built = build({ upsert_rows: [{ id: 1, pages: [[1, 2, 3]] }] });
    expect(built.addition?.attributes.get("pages")).toEqual({
      type: "[][3]f32",
      filterable: true,
    });
    const empty = stored({ pages: { type: "[]unknown", filterable: true } });
    const typed = build(
      {
        upsert_rows: [
          { id: 1, pages: [] },
          { id: 2, pages: [[1]] },
        ],
      },
      empty,
    );
    expect(typed.addition?.attributes.get("pages")?.type).toBe("[][1]f32");
    expect(typed.batch.attributes[0]?.values[0]).toEqual(new Uint8Array(0));
  });

  it("of unequal or other dimensions are refused, with the API's text", () => {
    const text = "All nested vectors must have the same number of dimensions, got: 2 and 3";
    expectRefused(
      "views",
      [
        [1, 2],
        [1, 2, 3],
      ],
      text,
    );
    expectRefused("views", [[1, 2, 3]], "vectors have 2 dimensions, but got 3");
  });

  it("with anything else inside are refused", () => {
    for (const value of [[[]], [[1, null]], [[1, "2"]], [1, 2], [null], ["!!!!"], [[[1, 2]]]]) {
      const error = refusal({ upsert_rows: [{ id: 1, views: value }] }, types);
      expect(error.kind, JSON.stringify(value)).toBe("invalid");
    }
    expectRefused("views", "AAAA", "expected [][2]f32");
    expectRefused("views", [base64Of(1, Number.NaN)], "not a finite 32-bit float");
    expectRefused("views", [[1, 1e39]], "not a finite 32-bit float");
  });

  it("have at most 8 MiB", () => {
    const wide = stored({ views: { type: "[][3072]f32", filterable: true } });
    const vector = Array.from({ length: 3_072 }, () => 0);
    const value = Array.from({ length: 683 }, () => vector);
    const error = refused(() => buildParsed({ upsert_rows: [{ id: 1, views: value }] }, wide));
    expect(error.message).toContain("at most 8388608 bytes");
  });
});

describe("documents of the other types", () => {
  it("count the bytes of packed values", () => {
    const schema = { blob: "bytes" };
    const blob = "AAAA".repeat((8 * 1_024 * 1_024) / 3 + 1);
    const error = refused(() => buildParsed({ upsert_rows: [{ id: 1, blob }], schema }));
    expect(error.kind).toBe("tooLarge");
  });
});
