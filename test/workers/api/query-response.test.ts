import { describe, expect, test } from "vitest";
import type { AttributeSchema, AttributeType, Schema } from "../../../src/document/schema.ts";
import { packSparse, packVector } from "../../../src/format/packed-value.ts";
import { billSearch, type ResultRow, type SearchResult } from "../../../src/query/result.ts";
import { renderAggregates } from "../../../workers/api/aggregate-response.ts";
import { encodeJson, type JsonEncodable } from "../../../workers/api/json-encode.ts";
import { renderAttribute, renderVector } from "../../../workers/api/packed-output.ts";
import { renderPartsResponse, renderRow } from "../../../workers/api/query-response.ts";
import { asParts } from "../../search-rig.ts";

const schema: Schema = {
  version: 1,
  idKind: "uint",
  metric: "cosine_distance",
  attributes: new Map<string, AttributeSchema>([
    ["vector", { type: "[2]f32", filterable: false, ann: true }],
    ["big", { type: "int", filterable: true }],
    ["at", { type: "datetime", filterable: true }],
    ["times", { type: "[]datetime", filterable: true }],
    ["ratio", { type: "float", filterable: true }],
    ["tags", { type: "[]string", filterable: true }],
    ["on", { type: "bool", filterable: true }],
  ]),
};

const text = (value: JsonEncodable) => new TextDecoder().decode(encodeJson(value));

const plain: ResultRow = { id: 1, distance: undefined, attributes: [], vector: undefined };

describe("a packed value", () => {
  const show = (value: Uint8Array, type: AttributeType, encoding: "float" | "base64" = "float") =>
    text(renderAttribute(value, type, encoding));

  test("of bytes is base64", () => {
    expect(show(Uint8Array.of(104, 105), "bytes")).toBe('"aGk="');
  });

  test("of f16 is the f32 value of the half, in base64 two bytes a component", () => {
    const halves = packVector(Uint16Array.of(0x2fe7, 0xc000));
    expect(show(halves, "[2]f16")).toBe("[0.12347412,-2]");
    expect(show(halves, "[2]f16", "base64")).toBe('"5y8AwA=="');
    expect(text(renderVector(Float32Array.of(0.12347412109375, -2), "f16", "base64"))).toBe(
      '"5y8AwA=="',
    );
  });

  test("of i8 is integers, in base64 a byte a component", () => {
    const bytes = packVector(Int8Array.of(-128, 127));
    expect(show(bytes, "[2]i8")).toBe("[-128,127]");
    expect(show(bytes, "[2]i8", "base64")).toBe('"gH8="');
  });

  test("of a sparse vector is a map of weights", () => {
    const sparse = packSparse(new Map([["b", 0.654321] as const, ["__proto__", 2] as const]));
    expect(show(sparse, "{}f16")).toBe('{"__proto__":2,"b":0.6542969}');
    expect(show(packSparse(new Map()), "{}f16")).toBe("{}");
  });

  test("of a vector array is a list of vectors, also if it was written before it had a type", () => {
    const views = packVector(Float32Array.of(0.1, 0.2, 0.3, 4));
    expect(show(views, "[][2]f32")).toBe("[[0.1,0.2],[0.3,4]]");
    expect(show(views, "[][2]f32", "base64")).toBe('["zczMPc3MTD4=","mpmZPgAAgEA="]');
    expect(show(new Uint8Array(0), "[][2]f32")).toBe("[]");
    expect(text(renderAttribute([], "[][2]f32", "float"))).toBe("[]");
  });

  test("that its type cannot explain is corrupt, not shown", () => {
    for (const type of ["[2]f32", "[3]f16", "[][2]f32", "{}f16", "int"] as const) {
      expect(() => show(Uint8Array.of(9, 9, 9), type), type).toThrow();
    }
  });
});

describe("a row", () => {
  test("is flat and keeps what JSON numbers of others would lose", () => {
    const row: ResultRow = {
      id: 2n ** 64n - 1n,
      distance: Math.fround(0.1),
      vector: { name: "vector", element: "f32", values: Float32Array.of(0.7, -1) },
      attributes: [
        { name: "big", value: 9007199254740993n },
        { name: "at", value: 1709337600000 },
        { name: "times", value: [0] },
        { name: "ratio", value: 0.1 },
        { name: "tags", value: ['a"b', "é"] },
        { name: "on", value: false },
      ],
    };
    expect(text(renderRow(row, schema, "float"))).toBe(
      '{"id":18446744073709551615,"$dist":0.1,"vector":[0.7,-1],"big":9007199254740993,' +
        '"at":"2024-03-02T00:00:00.000000000Z","times":["1970-01-01T00:00:00.000000000Z"],' +
        '"ratio":0.1,"tags":["a\\"b","é"],"on":false}',
    );
  });

  test("without distance and attributes is its id", () => {
    expect(text(renderRow({ ...plain, id: "x\n" }, schema, "float"))).toBe('{"id":"x\\n"}');
  });

  test("shows vectors as shortest numbers or as base64 of little-endian floats", () => {
    const vector = Float32Array.of(0.1, 0.2, 0.3);
    expect(text(renderVector(vector, "f32", "float"))).toBe("[0.1,0.2,0.3]");
    expect(text(renderVector(vector, "f32", "base64"))).toBe('"zczMPc3MTD6amZk+"');
    expect(text(renderVector(new Float32Array(0), "f32", "float"))).toBe("[]");
    expect(text(renderVector(Float32Array.of(-3.4028235e38), "f32", "float"))).toBe(
      "[-3.4028235e+38]",
    );
  });
});

test("sums are exact, those of floats have a fraction, absent keys are null", () => {
  const value = (of: bigint | number | string | null, type: AttributeType) =>
    ({ kind: "value", value: of, type }) as const;
  const answer = renderAggregates({
    kind: "aggregates",
    by: [{ label: "day", attribute: "at", type: "datetime", each: false }],
    aggregates: [
      { label: "n", kind: "Sum", attribute: "big", type: "int" },
      { label: "f", kind: "Sum", attribute: "ratio", type: "float" },
      { label: "h", kind: "Histogram", attribute: "at", type: "datetime", interval: 1, origin: 0 },
      { label: "p", kind: "Percentiles", attribute: "big", type: "int", percentiles: [50, 99.9] },
    ],
    groups: [
      {
        key: [null],
        values: [
          value(9_007_199_254_740_993n, "int"),
          value(0, "float"),
          { kind: "buckets", buckets: [{ from: 0, count: 2 }], type: "datetime" },
          {
            kind: "percentiles",
            values: [
              [50, 1],
              [99.9, null],
            ],
            type: "int",
          },
        ],
      },
    ],
    estimated: ["n"],
  });
  expect(text(answer)).toBe(
    '{"aggregation_groups":[{"day":null,"n":9007199254740993,"f":0.0,' +
      '"h":[{"from":"1970-01-01T00:00:00.000000000Z","count":2}],"p":{"50":1,"99.9":null}}],' +
      '"approximate_aggregations":["n"]}',
  );
});

test("an answer is JSON with rows, billing and performance", () => {
  const result: SearchResult = {
    rows: [plain],
    schema,
    billing: { queriedBytes: 256_000_000, returnedBytes: 8 },
    performance: {
      cacheHitRatio: 1,
      temperature: "hot",
      executionMs: 0,
      unindexedRows: 3,
      approximateRows: 3,
      lastWriteMs: 0,
      rounds: 0,
      roundBytes: [],
      storeRequests: 0,
      storeBytes: 0,
      bytes: 0,
      candidates: 0,
      refined: 0,
      exact: 0,
      masked: 0,
      clustersProbed: 0,
      indexedRows: 4,
      readers: 0,
    },
  };
  expect(JSON.parse(text(renderPartsResponse(asParts(result), false, "float", 2.5)))).toMatchObject(
    {
      rows: [{ id: 1 }],
      billing: { billable_logical_bytes_queried: 256_000_000, billable_logical_bytes_returned: 8 },
      performance: {
        cache_temperature: "hot",
        server_total_ms: 3,
        query_execution_ms: 1,
        exhaustive_search_count: 3,
        approx_namespace_size: 3,
        rows_total: 7,
      },
    },
  );
});

test("rows are billed by id, distance, vector and attribute bytes", () => {
  const two = [1, 2].map((id) => ({ ...plain, id, distance: 0.5 }));
  expect(billSearch(two, "uint", 0)).toEqual({ queriedBytes: 256_000_000, returnedBytes: 24 });
  const vector = { name: "vector", element: "f32", values: new Float32Array(2) } as const;
  const five = [1, 2, 3, 4, 5].map((id) => ({ ...plain, id, distance: 0.5, vector }));
  const world = { ...five[0], attributes: [{ name: "hello", value: "world" }] } as ResultRow;
  expect(billSearch([world, ...five.slice(1)], "uint", 3e8)).toEqual({
    queriedBytes: 3e8,
    returnedBytes: 105,
  });
});
