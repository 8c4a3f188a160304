import { describe, expect, it } from "vitest";
import { encodeHex } from "../../src/bytes/hex.ts";
import { emptySchema, type Schema, type SchemaAddition } from "../../src/document/schema.ts";
import { defaultText } from "../../src/document/text-options.ts";
import { isEngineError } from "../../src/errors.ts";
import { decodeCbor, encodeCbor } from "../../src/format/cbor.ts";
import {
  additionFromCbor,
  additionToCbor,
  schemaFromCbor,
  schemaToCbor,
} from "../../src/format/schema-codec.ts";

const schema: Schema = {
  version: 7,
  idKind: "uuid",
  metric: "euclidean_squared",
  attributes: new Map([
    ["vector", { type: "[768]f32", filterable: false, ann: true }],
    ["constructor", { type: "string", filterable: false }],
    ["tags", { type: "[]unknown", filterable: true }],
    ["later", { type: "int", filterable: true, indexedFrom: 5 }],
    ["half", { type: "[2]f16", filterable: false, ann: true }],
    ["small", { type: "[2]i8", filterable: false, ann: true, patchable: true }],
    ["views", { type: "[][3072]f32", filterable: true }],
    ["terms", { type: "{}f16", filterable: false }],
    ["blob", { type: "bytes", filterable: false }],
    ["body", { type: "string", filterable: false, text: { options: defaultText } }],
    ["path", { type: "string", filterable: false, glob: true }],
    ["log", { type: "[]string", filterable: true, regex: true, fuzzy: true, indexedFrom: 4 }],
    [
      "said",
      {
        type: "[]string",
        filterable: true,
        indexedFrom: 3,
        text: { options: { ...defaultText, k1: 2, language: "german" }, indexedFrom: 6 },
      },
    ],
  ]),
};

const words = (language: string) => ["word_v4", language, false, false, false, false, 39];

const throughCbor = (value: unknown): unknown => decodeCbor(encodeCbor(value));

describe("schemas in CBOR", () => {
  it("come back as they were, attributes in order", () => {
    expect(schemaFromCbor(throughCbor(schemaToCbor(schema)))).toStrictEqual(schema);
    expect(schemaFromCbor(throughCbor(schemaToCbor(emptySchema)))).toStrictEqual(emptySchema);
    const decoded = schemaFromCbor(schemaToCbor(schema));
    expect([...decoded.attributes.keys()]).toEqual([...schema.attributes.keys()]);
  });

  it("have the bytes they always had", () => {
    const bytes = encodeCbor(schemaToCbor({ ...schema, attributes: new Map() }));
    const metric = "71" + "6575636c696465616e5f73717561726564";
    expect(encodeHex(bytes)).toBe(`8407${"64" + "75756964"}${metric}80`);
    const [, , , attributes] = schemaToCbor(schema) as unknown[];
    expect(attributes).toEqual([
      ["vector", "[768]f32", false, true],
      ["constructor", "string", false, null],
      ["tags", "[]unknown", true, null],
      ["later", "int", true, null, 5],
      ["half", "[2]f16", false, true],
      ["small", "[2]i8", false, true, true],
      ["views", "[][3072]f32", true, null],
      ["terms", "{}f16", false, null],
      ["blob", "bytes", false, null],
      ["body", "string", false, null, null, [...words("english"), 1.2, 0.75, 8, null]],
      ["path", "string", false, null, null, null, 1],
      ["log", "[]string", true, null, 4, null, 6],
      ["said", "[]string", true, null, 3, [...words("german"), 2, 0.75, 8, 6]],
    ]);
  });

  it("have additions that leave out what they do not add", () => {
    const additions: SchemaAddition[] = [
      { idKind: "uint", metric: "cosine_distance", attributes: schema.attributes },
      { attributes: new Map([["a", { type: "[]datetime", filterable: true }]]) },
      { attributes: new Map() },
    ];
    for (const addition of additions) {
      expect(additionFromCbor(throughCbor(additionToCbor(addition)))).toStrictEqual(addition);
    }
  });

  it.each<[string, unknown]>([
    ["no array", {}],
    ["too few members", [1, null, null]],
    ["a version that is no count", [-1, null, null, []]],
    ["a version that is no number", ["1", null, null, []]],
    ["an unknown id kind", [1, "int", null, []]],
    ["an unknown metric", [1, null, "euclidean", []]],
    ["attributes that are no array", [1, null, null, {}]],
    ["patterns of a number", [1, null, null, [["a", "int", true, null, null, null, 1]]]],
    ["unknown patterns", [1, null, null, [["a", "string", true, null, null, null, 8]]]],
    ["no patterns", [1, null, null, [["a", "string", true, null, null, null, 0]]]],
    ["an attribute that is no array", [1, null, null, ["a"]]],
    ["a name that is no text", [1, null, null, [[1, "int", true, null]]]],
    ["a name no attribute may have", [1, null, null, [["$a", "int", true, null]]]],
    ["a name twice", [1, null, null, [1, 2].map(() => ["a", "int", true, null])]],
    ["an unknown type", [1, null, null, [["a", "text", true, null]]]],
    ["a type in two spellings", [1, null, null, [["a", "[02]f32", false, true]]]],
    ["a vector of no dimensions", [1, null, null, [["a", "[0]f32", false, true]]]],
    ["a vector without ann", [1, null, null, [["a", "[2]f32", false, null]]]],
    ["a scalar with ann", [1, null, null, [["a", "int", true, true]]]],
    ["a vector array of no dimensions", [1, null, null, [["a", "[][0]f32", true, null]]]],
    ["a vector array in two spellings", [1, null, null, [["a", "[][02]f32", true, null]]]],
    ["bytes that are filterable", [1, null, null, [["a", "bytes", true, null]]]],
    ["an index of what is not filterable", [1, null, null, [["a", "int", false, null, 3]]]],
    ["an index from no version", [1, null, null, [["a", "int", true, null, "3"]]]],
    ["a scalar that is patchable", [1, null, null, [["a", "int", true, null, true]]]],
    [
      "a vector that is not, in so many words",
      [1, null, null, [["a", "[2]f32", false, true, false]]],
    ],
    ["filterable that is no boolean", [1, null, null, [["a", "int", 1, null]]]],
  ])("are refused with %s", (_, value) => {
    try {
      schemaFromCbor(value);
    } catch (error) {
      expect(isEngineError(error, "corrupt"), String(error)).toBe(true);
      return;
    }
    expect.unreachable("was not refused");
  });
});
