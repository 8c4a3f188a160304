import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { utf8Length, valueLogicalBytes } from "../../src/document/size.ts";
import {
  type AttributeValue,
  compareValues,
  parseValue,
  renderValue,
} from "../../src/document/value.ts";
import { EngineError } from "../../src/errors.ts";

const uuid = "123e4567-e89b-12d3-a456-426614174000";
const time = Date.UTC(2024, 2, 2);

describe("canonical values", () => {
  it("of `string` are any well-formed text", () => {
    expect(parseValue("\ufeffé\u{1f600}", "string", "a")).toBe("\ufeffé\u{1f600}");
    expect(() => parseValue("\udc00", "string", "a")).toThrow("not valid Unicode");
  });

  it("of `int` are i64: numbers while exact, bigints beyond", () => {
    expect(parseValue(-5, "int", "a")).toBe(-5);
    expect(parseValue(5n, "int", "a")).toBe(5);
    expect(Object.is(parseValue(-0, "int", "a"), 0)).toBe(true);
    expect(parseValue(-(2n ** 63n), "int", "a")).toBe(-(2n ** 63n));
    expect(parseValue(2n ** 63n - 1n, "int", "a")).toBe(2n ** 63n - 1n);
    for (const value of [2n ** 63n, -(2n ** 63n) - 1n, 1.5, 2 ** 60]) {
      expect(() => parseValue(value, "int", "a")).toThrow("is not a signed 64-bit integer");
    }
  });

  it("of `uint` are u64", () => {
    expect(parseValue(2n ** 64n - 1n, "uint", "a")).toBe(2n ** 64n - 1n);
    for (const value of [-1, -1n, 2n ** 64n, 0.5]) {
      expect(() => parseValue(value, "uint", "a")).toThrow("is not an unsigned 64-bit integer");
    }
  });

  it("of `float` are finite doubles, integers included", () => {
    expect(parseValue(1.5, "float", "a")).toBe(1.5);
    expect(parseValue(2n ** 64n, "float", "a")).toBe(2 ** 64);
    expect(Object.is(parseValue(-0, "float", "a"), 0)).toBe(true);
    expect(() => parseValue(Number.POSITIVE_INFINITY, "float", "a")).toThrow("too large");
  });

  it("of `bool` are booleans", () => {
    expect(parseValue(false, "bool", "a")).toBe(false);
    expect(() => parseValue(0, "bool", "a")).toThrow(
      "💔 attribute `a`: type mismatch, expected bool, but got integer `0`",
    );
  });

  it("of `uuid` are lower case with dashes", () => {
    expect(parseValue(uuid.toUpperCase().replaceAll("-", ""), "uuid", "a")).toBe(uuid);
    expect(() => parseValue("x", "uuid", "a")).toThrow('expected uuid, but got string "x"');
  });

  it("of `datetime` are milliseconds and come back as UTC with nine decimals", () => {
    expect(parseValue("2024-03-02", "datetime", "a")).toBe(time);
    expect(renderValue(time, "datetime")).toBe("2024-03-02T00:00:00.000000000Z");
    expect(renderValue([time], "[]datetime")).toEqual(["2024-03-02T00:00:00.000000000Z"]);
    expect(() => parseValue(time, "datetime", "a")).toThrow("expected datetime");
  });

  it.each([
    ["[]string", ["a", ""]],
    ["[]int", [1, -(2n ** 62n)]],
    ["[]uint", [1, 2n ** 63n]],
    ["[]float", [1.5]],
    ["[]uuid", [uuid]],
    ["[]datetime", ["2024-03-02"]],
    ["[]bool", [true, false]],
  ] as const)("of `%s` are arrays of the element's form", (type, values) => {
    const element = type === "[]datetime" ? [time] : values;
    expect(parseValue(values, type, "a")).toEqual(element);
    expect(parseValue([], type, "a")).toEqual([]);
    expect(() => parseValue([null], type, "a")).toThrow("arrays cannot contain null");
    expect(() => parseValue([[]], type, "a")).toThrow("but got sequence");
    expect(() => parseValue("a", type, "a")).toThrow(`expected ${type}, but got string "a"`);
  });

  it("of `[]unknown` are empty arrays", () => {
    expect(parseValue([], "[]unknown", "a")).toEqual([]);
    expect(() => parseValue([1], "[]unknown", "a")).toThrow("expected []unknown");
  });

  it("of every type may be absent", () => {
    expect(parseValue(null, "int", "a")).toBeNull();
    expect(parseValue(null, "[]string", "a")).toBeNull();
  });

  it("that are refused name the attribute", () => {
    const error: unknown = (() => {
      try {
        return parseValue({}, "string", "title");
      } catch (caught) {
        return caught;
      }
    })();
    expect(error).toBeInstanceOf(EngineError);
    expect(error).toMatchObject({ kind: "invalid", detail: { attribute: "title" } });
  });
});

describe("order of values", () => {
  it("puts absent first, then compares as the type does", () => {
    expect(compareValues(null, false)).toBeLessThan(0);
    expect(compareValues(false, true)).toBeLessThan(0);
    expect(compareValues(3, 2n ** 60n)).toBeLessThan(0);
    expect(compareValues(["a", "b"], ["a"])).toBeGreaterThan(0);
    expect(compareValues(["a"], ["b", "a"])).toBeLessThan(0);
    expect(compareValues(null, null)).toBe(0);
  });
});

describe("logical bytes", () => {
  it("count text in UTF-8, numbers as eight, elements together", () => {
    const sizes = new Map<AttributeValue, number>([
      ["é", 2],
      [true, 1],
      [1.5, 8],
      [2n ** 60n, 8],
      [null, 0],
    ]);
    for (const [value, size] of sizes) {
      expect(valueLogicalBytes(value)).toBe(size);
    }
    expect(valueLogicalBytes(["ab", "c"])).toBe(3);
  });

  it("of any text are what the platform encodes", () => {
    const encoder = new TextEncoder();
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 0x10ffff })), (points) => {
        const text = String.fromCodePoint(...points).toWellFormed();
        expect(utf8Length(text)).toBe(encoder.encode(text).length);
      }),
    );
  });
});
