import { describe, expect, it } from "vitest";
import {
  canonicalUint,
  compareIds,
  compareText,
  type DocumentId,
  type IdKind,
  inferIdKind,
  parseId,
} from "../../src/document/id.ts";

const parse = (value: unknown, kind: IdKind): DocumentId => parseId(value, kind, "id");
const uuid = "123e4567-e89b-12d3-a456-426614174000";

describe("uint ids", () => {
  it("are u64: numbers while exact, bigints above", () => {
    expect(parse(0, "uint")).toBe(0);
    expect(parse(-0, "uint")).toBe(0);
    expect(parse(2 ** 53 - 1, "uint")).toBe(2 ** 53 - 1);
    expect(parse(2n ** 53n, "uint")).toBe(2n ** 53n);
    expect(parse(2n ** 64n - 1n, "uint")).toBe(2n ** 64n - 1n);
  });

  it("have one form each, so that they work as keys", () => {
    expect(parse(7n, "uint")).toBe(7);
    expect(canonicalUint(2n ** 53n - 1n)).toBe(2 ** 53 - 1);
  });

  it("refuse fractions, negatives, 2^64 and numbers that lost digits", () => {
    for (const value of [1.5, -1, -1n, 2n ** 64n, 2 ** 60]) {
      expect(() => parse(value, "uint")).toThrow(/^💔 id: /);
    }
  });
});

describe("string ids", () => {
  it("are any text up to 64 bytes, the empty one included", () => {
    expect(parse("", "string")).toBe("");
    expect(parse("é".repeat(32), "string")).toBe("é".repeat(32));
    expect(() => parse(`${"é".repeat(32)}x`, "string")).toThrow("longer than 64 bytes");
    expect(() => parse("x".repeat(65), "string")).toThrow("longer than 64 bytes");
  });

  it("stay strings when they look like a UUID", () => {
    expect(inferIdKind(uuid)).toBe("string");
    expect(parse(uuid.toUpperCase(), "string")).toBe(uuid.toUpperCase());
  });

  it("refuse text that has no UTF-8 form", () => {
    expect(() => parse("a\ud800", "string")).toThrow("not valid Unicode");
  });
});

describe("uuid ids", () => {
  it.each([uuid, uuid.toUpperCase(), uuid.replaceAll("-", ""), `{${uuid}}`, `urn:uuid:${uuid}`])(
    "accept the spelling %s and return lower case with dashes",
    (spelling) => {
      expect(parse(spelling, "uuid")).toBe(uuid);
    },
  );

  it("refuse what cannot be parsed, with the API's text", () => {
    expect(() => parse("123", "uuid")).toThrow(
      "💔 namespace ID type is uuid, but a written ID could not be parsed as uuid",
    );
  });
});

describe("kinds of ids", () => {
  it("follow the JSON type of the first", () => {
    expect(inferIdKind(1)).toBe("uint");
    expect(inferIdKind(2n ** 63n)).toBe("uint");
    expect(inferIdKind("1")).toBe("string");
    expect(inferIdKind(true)).toBeUndefined();
  });

  it("do not mix, with the API's text", () => {
    const text = "you are not allowed to mix ID types in the same namespace";
    expect(() => parse("a", "uint")).toThrow(
      `💔 namespace ID type is uint, but you sent string; ${text}`,
    );
    expect(() => parse(1, "string")).toThrow(
      `💔 namespace ID type is string, but you sent uint; ${text}`,
    );
    expect(() => parse(1, "uuid")).toThrow(
      `💔 namespace ID type is uuid, but you sent uint; ${text}`,
    );
  });
});

describe("order of ids", () => {
  it("is numeric for uint, across numbers and bigints", () => {
    const ids: DocumentId[] = [2n ** 63n, 10, 2, 2n ** 53n, 0];
    expect(ids.sort(compareIds)).toEqual([0, 2, 10, 2n ** 53n, 2n ** 63n]);
  });

  it("is by UTF-8 bytes for text, where UTF-16 order differs", () => {
    const texts = ["\u{1f600}", "\uffff", "b", "a", "", "ab"];
    expect(texts.sort(compareText)).toEqual(["", "a", "ab", "b", "\uffff", "\u{1f600}"]);
  });
});
