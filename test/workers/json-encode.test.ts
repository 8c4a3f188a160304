/** Answers as JSON: exact numbers, valid bytes, chunks made one at a time. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  encodeJson,
  encodeJsonChunks,
  F32,
  type JsonEncodable,
  parseJson,
} from "../../workers/api/json.ts";

function textOf(value: JsonEncodable): string {
  return new TextDecoder("utf-8", { fatal: true }).decode(encodeJson(value));
}

describe("encoded JSON", () => {
  test("is what JSON.stringify gives for plain values", () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: "binary" }), (value) => {
        const plain = JSON.parse(JSON.stringify(value)) as JsonEncodable;
        expect(textOf(plain)).toBe(JSON.stringify(plain));
      }),
    );
  });

  test("keeps the precision of every kind of number", () => {
    const value = {
      f64: 0.1,
      zero: -0,
      u64: 18446744073709551615n,
      i64: -9223372036854775808n,
      $dist: new F32(Math.fround(0.7)),
      vector: Float32Array.of(0.1, -0.5, 3, -0, 1e-7, 16777216),
      none: new Float32Array(0),
      i8: Int8Array.of(-128, 0, 127),
      empty: new Int8Array(0),
    };
    const text =
      '{"f64":0.1,"zero":-0,"u64":18446744073709551615,"i64":-9223372036854775808,"$dist":0.7,' +
      '"vector":[0.1,-0.5,3,-0,1e-7,16777216],"none":[],"i8":[-128,0,127],"empty":[]}';
    expect(textOf(value)).toBe(text);
    expect(parseJson(encodeJson(value))).toMatchObject({ u64: 2n ** 64n - 1n, zero: -0 });
  });

  test("reads back as the same vectors", () => {
    fc.assert(
      fc.property(fc.float32Array({ noNaN: true, noDefaultInfinity: true }), (vector) => {
        const back = parseJson(encodeJson(vector)) as (number | bigint)[];
        expect(Float32Array.from(back, Number)).toEqual(vector);
      }),
    );
  });

  test("leaves undefined members out, wherever they stand, and keeps the order of a Map", () => {
    expect(textOf({ a: undefined, b: 1, c: undefined, d: { e: undefined }, f: null })).toBe(
      '{"b":1,"d":{},"f":null}',
    );
    const map = new Map<string, JsonEncodable | undefined>([
      ["b", [true, false]],
      ["__proto__", undefined],
      ["1", { a: "é" }],
    ]);
    expect(textOf(map)).toBe('{"b":[true,false],"1":{"a":"é"}}');
  });

  test("escapes strings and keys, short and long", () => {
    for (const times of [1, 100]) {
      for (const part of [
        '"',
        "\\",
        "\n",
        "\u0000",
        "\u007f",
        "é漢😀",
        "\ud800",
        "<a/>",
        "\u2028",
      ]) {
        const text = part.repeat(times);
        expect(textOf({ [text]: text })).toBe(JSON.stringify({ [text]: text }));
      }
    }
  });

  test("refuses what JSON has not as our own mistake", () => {
    const hole = [undefined] as unknown as JsonEncodable;
    const bad: JsonEncodable[] = [Number.NaN, Infinity, -Infinity, hole];
    bad.push(new F32(Number.NaN), Float32Array.of(1, Infinity));
    for (const value of bad) {
      expect(() => encodeJson({ a: [value] })).toThrow("assertion failed");
    }
  });
});

describe("chunks of JSON", () => {
  const vector = Float32Array.from({ length: 100 }, (_, i) => i / 7);
  const value = {
    rows: Array.from({ length: 50 }, (_, i) => ({ id: i, vector, title: "ü".repeat(i) })),
  };

  test("join to the same text at every size", () => {
    const whole = textOf(value);
    for (const size of [1, 2, 7, 64, 1000, 5000, 1_000_000]) {
      const chunks = [...encodeJsonChunks(value, size)];
      expect(Buffer.concat(chunks).toString()).toBe(whole);
      expect(chunks.every((chunk) => chunk.length > 0)).toBe(true);
    }
  });

  test("are made when they are taken", () => {
    let visited = 0;
    const rows = Array.from({ length: 1000 }, (_, id) => ({
      get id() {
        visited += 1;
        return id;
      },
      vector,
    }));
    const chunks = encodeJsonChunks({ rows });
    chunks.next();
    expect(visited).toBeGreaterThan(0);
    expect(visited).toBeLessThan(200);
  });
});
