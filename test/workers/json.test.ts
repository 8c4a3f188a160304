/** Request bodies: what JSON.parse gives, but no digit lost, no bound passed, no fault unnamed. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { limits } from "../../src/limits.ts";
import { type JsonValue, parseJson } from "../../workers/api/json.ts";
import { parseExactly } from "../../workers/api/json-exact.ts";

const encoder = new TextEncoder();

function parse(text: string): JsonValue {
  return parseJson(encoder.encode(text));
}

function messageOf(attempt: () => unknown): string {
  try {
    attempt();
  } catch (error) {
    expect(error).toMatchObject({ name: "EngineError", kind: "invalid" });
    const [, reason = ""] = (error as Error).message.split(
      "Failed to parse the request body as JSON: ",
    );
    return reason;
  }
  return "no error";
}

/** Numbers as texts, of every form and of lengths around those that need care. */
const digits = fc.string({
  unit: fc.constantFrom(...Array.from("0123456789")),
  minLength: 1,
  maxLength: 24,
});
const numberText = fc
  .tuple(
    fc.constantFrom("", "-"),
    fc.oneof(
      digits.map((text) => text.replace(/^0+(?=\d)/, "")),
      fc.nat().map(String),
    ),
    fc.option(digits, { nil: undefined }),
    fc.option(fc.tuple(fc.constantFrom("e", "E", "e+", "e-"), fc.nat(420)), { nil: undefined }),
  )
  .map(([sign, whole, fraction, exponent]) => {
    const power = exponent === undefined ? "" : exponent.join("");
    return sign + whole + (fraction === undefined ? "" : `.${fraction}`) + power;
  });

const stringText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }).map((text) => JSON.stringify(text)),
  fc.string({ maxLength: 60 }).map((text) => JSON.stringify(text)),
  fc.constantFrom('"__proto__"', '"\\u0041\\ud83d\\ude00\\""', '"\\\\"', '"\\ud7ff\\ue000"', '""'),
);

const space = fc.constantFrom("", "", "", " ", "\n", "\t\r  ");

const jsonText = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    numberText,
    stringText,
    fc.constantFrom("true", "false", "null"),
    fc
      .tuple(fc.array(tie("value"), { maxLength: 5 }), space)
      .map(([items, gap]) => `[${gap}${items.join(`${gap},${gap}`)}${gap}]`),
    fc
      .tuple(fc.array(fc.tuple(stringText, tie("value")), { maxLength: 5 }), space)
      .map(([members, gap]) => {
        const pairs = members.map(([key, value]) => `${key}${gap}:${gap}${value}`);
        return `{${pairs.join(`${gap},`)}${gap}}`;
      }),
  ),
})).value;

/** The expected value, by JSON.parse with access to the source of each number. */
function definition(text: string): unknown {
  const value: unknown = JSON.parse(text, ((
    _key: string,
    part: unknown,
    at: { source?: string },
  ) => {
    if (typeof part !== "number") {
      return part;
    }
    const source = at.source ?? "";
    if (!/^-?\d+$/.test(source) || Number.isSafeInteger(part)) {
      return part;
    }
    const exact = BigInt(source);
    return exact >= -(2n ** 63n) && exact < 2n ** 64n ? exact : part;
  }) as (key: string, value: unknown) => unknown);
  const numbers = text.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""').match(/-?\d[\d.eE+-]*/g) ?? [];
  if (numbers.some((token) => !Number.isFinite(Number(token)))) {
    throw new Error("number out of range");
  }
  const strings = Array.from(text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/g));
  if (strings.filter(([, colon]) => colon !== undefined).length > countKeys(value)) {
    throw new Error("duplicate key");
  }
  return value;
}

function countKeys(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const parts: unknown[] = Object.values(value);
  const own = Array.isArray(value) ? 0 : parts.length;
  return parts.reduce<number>((sum, part) => sum + countKeys(part), own);
}

const damages = Array.from('{}[]",:\\ue0-+.1 \u0001é');

function outcome(attempt: () => unknown): unknown {
  try {
    return { value: attempt() };
  } catch {
    return "refused";
  }
}

describe("parsed JSON", () => {
  test("is what the definition says, on both ways through the parser", () => {
    fc.assert(
      fc.property(jsonText, (text) => {
        const expected = outcome(() => definition(text));
        expect(outcome(() => parse(text))).toStrictEqual(expected);
        expect(outcome(() => parseExactly(text))).toStrictEqual(expected);
      }),
      { numRuns: 1500 },
    );
  });

  test("is refused exactly where JSON.parse refuses", () => {
    const damage = fc.tuple(fc.nat(), fc.nat(3), fc.constantFrom(...damages));
    fc.assert(
      fc.property(jsonText, damage, (text, [place, cut, insert]) => {
        const at = place % (text.length + 1);
        const damaged = (text.slice(0, at) + insert + text.slice(at + cut)).toWellFormed();
        fc.pre(!/\\u[dD][89a-fA-F]/.test(damaged));
        const expected = outcome(() => definition(damaged));
        expect(outcome(() => parse(damaged))).toStrictEqual(expected);
        expect(outcome(() => parseExactly(damaged))).toStrictEqual(expected);
      }),
      { numRuns: 1500 },
    );
  });

  test("keeps every integer that 64 bits hold, at every place", () => {
    const integers = [
      "9007199254740991",
      "9007199254740992",
      "9007199254740993",
      "-9007199254740993",
      "9223372036854775807",
      "-9223372036854775808",
      "18446744073709551615",
    ];
    for (const integer of integers) {
      for (let shift = 0; shift < 9; shift++) {
        for (const [before, after] of [
          [" ", ""],
          ["1,", ",1"],
          ["0.5,", " "],
          ["-1234567890.123456789012345678,", ""],
        ] as const) {
          const list = parse(`[${before.repeat(shift)}${integer}${after}]`) as JsonValue[];
          const found = list[before === " " ? 0 : shift];
          expect(`${found as number | bigint}`).toBe(integer);
          const isSafe = Number.isSafeInteger(Number(integer));
          expect(typeof found).toBe(isSafe ? "number" : "bigint");
        }
      }
    }
    expect(parse("18446744073709551615")).toBe(2n ** 64n - 1n);
    expect(parse("  18446744073709551615  ")).toBe(2n ** 64n - 1n);
    expect(parse('{"id":18446744073709551615}')).toEqual({ id: 2n ** 64n - 1n });
  });

  test("has numbers, not bigints, where 64 bits do not suffice or the text is no integer", () => {
    expect(parse("[18446744073709551616,-9223372036854775809]")).toEqual([2 ** 64, -(2 ** 63)]);
    expect(parse("[9007199254740993.0,9007199254740993e0,1e20]")).toEqual([2 ** 53, 2 ** 53, 1e20]);
    expect(Object.is(parse("-0"), -0)).toBe(true);
    expect(parse(`1${"0".repeat(300)}`)).toBe(1e300);
    expect(parse(`[1e-400,0e999,1e+008]`)).toEqual([0, 0, 1e8]);
  });

  test("refuses numbers too large for a double", () => {
    for (const text of ["1e400", "-1e309", "1E+0400", `1${"0".repeat(309)}`, "23456789012e298"]) {
      expect(messageOf(() => parse(`{"a":[0.5, ${text}]}`))).toBe(
        "number out of range at line 1 column 12",
      );
    }
  });

  test("makes __proto__ and its kind plain keys", () => {
    for (const number of ["1", "18446744073709551615"]) {
      const text = `{"__proto__":{"polluted":${number}},"constructor":1,"a":2}`;
      const value = parse(text) as Record<string, unknown>;
      expect(Object.keys(value)).toEqual(["__proto__", "constructor", "a"]);
      expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
      expect(value["polluted"]).toBeUndefined();
      expect(value["a"]).toBe(2);
    }
  });
});

describe("a key that stands twice", () => {
  test.each([
    ['{"a":1,"b":2,"a":3}', 'duplicate key "a" at line 1 column 14'],
    ['[{"a":{"a":1}},{"a":1,"\\u0061":2}]', 'duplicate key "a" at line 1 column 23'],
    ['{"__proto__":1,"__proto__":2}', 'duplicate key "__proto__" at line 1 column 16'],
    ['{"":1,"":2}', 'duplicate key "" at line 1 column 7'],
    ['{"é":{},"x":[{"y":1}],"é":2}', 'duplicate key "é" at line 1 column 23'],
  ])("is refused: %s", (text, reason) => {
    expect(messageOf(() => parse(text))).toBe(reason);
  });

  test("is found among many, also behind objects with the same keys, and not where there is none", () => {
    for (const count of [2, 23, 24, 25, 26, 100, 3_000]) {
      const members = Array.from({ length: count }, (_, i) => `"k${i}":{"k0":[{"k1":${i}}]}`);
      const text = `{${members.join(",")}}`;
      expect(Object.keys(parse(text) as object)).toHaveLength(count);
      for (const twice of [0, count >> 1, count - 1]) {
        const more = `[${text},{${[...members, members[twice]].join(",")}}]`;
        expect(messageOf(() => parse(more))).toMatch(`duplicate key "k${twice}"`);
      }
    }
  });

  test("is not seen where two keys only have the same hash", () => {
    const hash = (key: string) =>
      Array.from(key).reduce((h, c) => Math.imul(h ^ c.charCodeAt(0), 0x01000193), 0);
    expect(hash("kles4g0")).toBe(hash("k1wr51fm"));
    expect(parse('{"kles4g0":1,"k1wr51fm":2}')).toEqual({ kles4g0: 1, k1wr51fm: 2 });
  });
});

describe("malformed JSON", () => {
  const place = (reason: string, line: number, column: number) =>
    `${reason} at line ${line} column ${column}`;

  test("is named with its place", () => {
    const texts: [string, string][] = [
      ["", place("EOF while parsing a value", 1, 0)],
      ["  \n", place("EOF while parsing a value", 2, 0)],
      ["{", place("EOF while parsing an object", 1, 1)],
      ['{"a"', place("EOF while parsing an object", 1, 4)],
      ['{"a" 1}', place("expected `:`", 1, 6)],
      ['{"a":', place("EOF while parsing a value", 1, 5)],
      ['{"a":1,}', place("trailing comma", 1, 8)],
      ['{"a":1 "b":2}', place("expected `,` or `}`", 1, 8)],
      ["{a:1}", place("key must be a string", 1, 2)],
      ["[1,]", place("trailing comma", 1, 4)],
      ["[1 2]", place("expected `,` or `]`", 1, 4)],
      ["[1,", place("EOF while parsing a value", 1, 3)],
      ["[1", place("EOF while parsing a list", 1, 2)],
      ["[,1]", place("expected value", 1, 2)],
      ["[1]\n x", place("trailing characters", 2, 2)],
      ["nul", place("expected value", 1, 1)],
      ["NaN", place("expected value", 1, 1)],
      ["01", place("trailing characters", 1, 2)],
      ["-", place("EOF while parsing a value", 1, 1)],
      ["[1.]", place("invalid number", 1, 4)],
      ["[1e+x]", place("invalid number", 1, 5)],
      ['"abc', place("EOF while parsing a string", 1, 4)],
      ['"a\\x"', place("invalid escape", 1, 4)],
      ['"a\\', place("EOF while parsing a string", 1, 3)],
      ['"\\u12g4"', place("invalid escape", 1, 3)],
      ['"a\nb"', place("control character (\\u0000-\\u001F) found while parsing a string", 1, 3)],
      ['{"é漢":1,\n "b":?}', place("expected value", 2, 6)],
      ["\ufeff{}", place("expected value", 1, 1)],
    ];
    for (const [text, reason] of texts) {
      expect(
        messageOf(() => parse(text)),
        text,
      ).toBe(reason);
    }
  });

  test("includes surrogates that stand alone", () => {
    for (const text of ["\\ud800", "\\udc00", "\\ud800\\ud800", "\\uDBFFx", "\\udfff\\ud800"]) {
      const reason = messageOf(() => parse(`{"a":"text that is long enough to skip ${text}"}`));
      expect(reason, text).toContain("lone surrogate in hex escape at line 1 column ");
    }
    expect(parse('"\\ud83d\\uDE00 \\ud7ff"')).toBe("😀 \ud7ff");
  });

  test("includes bytes that are not UTF-8, and says where", () => {
    const ok = encoder.encode('{"é":\n"漢');
    for (const bad of [[0xff], [0xc3, 0x28], [0xe6, 0xbc], [0xed, 0xa0, 0x80], [0xc0, 0x80]]) {
      const bytes = Uint8Array.from([...ok, ...bad, ...encoder.encode('"}')]);
      expect(messageOf(() => parseJson(bytes))).toBe("invalid UTF-8 at line 2 column 2");
    }
    expect(messageOf(() => parseJson(Uint8Array.of(0x22, 0xe6)))).toBe(
      "invalid UTF-8 at line 1 column 1",
    );
  });
});

describe("bounds of JSON", () => {
  test("nesting is bounded, and brackets in strings are not nesting", () => {
    const nested = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`;
    const deepest = limits.jsonDepthMax;
    expect(JSON.stringify(parse(nested(deepest)))).toBe(nested(deepest));
    for (const depth of [deepest + 1, 1_000_000]) {
      const reason = `recursion limit exceeded at line 1 column ${deepest + 3}`;
      expect(messageOf(() => parse(`"é"${nested(depth)}`.replace('"é"', "  ")))).toBe(reason);
      expect(messageOf(() => parseExactly(`  ${nested(depth)}`))).toBe(reason);
    }
    const unicode = `["é",${'{"a":'.repeat(deepest)}`;
    expect(messageOf(() => parse(unicode))).toBe(
      `recursion limit exceeded at line 1 column ${5 + 5 * (deepest - 1) + 1}`,
    );
    const brackets = `"${'[{\\"'.repeat(1000)}"`;
    expect(parse(`[${brackets},"é",${brackets}]`)).toHaveLength(3);
  });

  test("bodies that would fill the heap are refused before they are parsed", () => {
    for (const unit of ["[],", "{},", "[1],"]) {
      const text = `[${unit.repeat(2_000_000)}0]`;
      expect(() => parse(text)).toThrow(expect.objectContaining({ kind: "tooLarge" }));
    }
  });

  test("bodies of objects that are all different are refused, also with long keys", () => {
    for (const [count, keyOf] of [
      [450_000, (i: number) => `k${i}`],
      [300_000, (i: number) => `a key that is longer than any that are usual ${i} and its end`],
      [400_000, (i: number) => `k${i % 997}" : 1, "k${i % 991}`],
    ] as const) {
      const objects = Array.from({ length: count }, (_, i) => `{"${keyOf(i)}":1}`);
      expect(() => parse(`[${objects.join()}]`)).toThrow(
        expect.objectContaining({ kind: "tooLarge" }),
      );
    }
  });

  test("the largest ordinary bodies are accepted", () => {
    const row = '{"id":1234,"vector":[0.12345678,-0.5,1],"tags":["a","b"],"title":"short"},';
    const rows = Math.floor((limits.bodyBytesMax / 4 - 10) / row.length);
    expect(parse(`[${row.repeat(rows)}0]`)).toHaveLength(rows + 1);
  });

  test("hostile strings of a megabyte are answered", () => {
    for (const unit of ["\\", '\\"', '"', "\\u0041", '","', '"a b c d e f g h i j k l m n",\\']) {
      // In quadratic time each would outlast the timeout of the test by far.
      outcome(() => parse(`["${unit.repeat(1_000_000 / unit.length)}`));
    }
  });
});
