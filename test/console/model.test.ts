/** What the console computes, without a browser. */
import { describe, expect, it } from "vitest";
import { type Column, columnsOf, titleOf } from "../../console/model/columns.ts";
import { buildFilters } from "../../console/model/filters.ts";
import { formatBytes, formatDollars } from "../../console/model/format.ts";
import { excerpt, fragmentsOf, piecesOf } from "../../console/model/highlight.ts";
import { importBody, noWish } from "../../console/model/import-wish.ts";
import { formatJson, parseJson } from "../../console/model/json.ts";
import { parseMetrics, quantileMs, sumOf } from "../../console/model/metrics.ts";
import {
  buildBody,
  encodeVector,
  firstForm,
  parseNumbers,
  type QueryForm,
} from "../../console/model/query-form.ts";
import { linkTo, parseRoute } from "../../console/model/route.ts";

const columns: readonly Column[] = columnsOf({
  id: "uint",
  vector: { type: "[2]f32", ann: true },
  title: { type: "string", filterable: true, full_text_search: { language: "english" } },
  body: { type: "string", full_text_search: {} },
  year: { type: "int", filterable: true },
  tags: { type: "[]string", filterable: true },
  rate: { type: "float", filterable: true },
});

describe("columns", () => {
  it("know what a vector, a text and a title is", () => {
    expect(columns.filter(({ packed }) => packed).map(({ name }) => name)).toEqual(["vector"]);
    expect(columns.find(({ name }) => name === "vector")?.dims).toBe(2);
    expect(columns.filter(({ text }) => text).map(({ name }) => name)).toEqual(["title", "body"]);
    expect(columns[0]?.filterable).toBe(true);
    expect(titleOf(columns)).toBe("title");
  });
});

describe("the form for an import", () => {
  it("asks for what was typed, and leaves the rest to the server", () => {
    expect(importBody({ ...noWish, source: "a/" })).toEqual({ source: "a/", error_mode: "abort" });
    const typed = { columns: "a, b ,", rename: "b = c,d=e", schema: '{"c": "float"}' };
    expect(importBody({ ...noWish, ...typed, source: "x.csv", id: "a" })).toEqual({
      source: "x.csv",
      error_mode: "abort",
      id: "a",
      columns: ["a", "b"],
      rename: { b: "c", d: "e" },
      schema: { c: "float" },
    });
    expect(() => importBody({ ...noWish, rename: "b" })).toThrow('"b" is not column=attribute');
    expect(() => importBody({ ...noWish, schema: "{" })).toThrow("Schema: ");
  });
});

describe("filters", () => {
  it("have values of the attribute's type, alone or all together", () => {
    const year = { attribute: "year", operator: "Gte", value: " 2020 " };
    expect(buildFilters([], columns)).toBeUndefined();
    expect(buildFilters([year], columns)).toEqual(["year", "Gte", 2020]);
    const tags = { attribute: "tags", operator: "ContainsAny", value: "a, b" };
    expect(buildFilters([year, tags], columns)).toEqual([
      "And",
      [
        ["year", "Gte", 2020],
        ["tags", "ContainsAny", ["a", "b"]],
      ],
    ]);
    const many = { attribute: "year", operator: "In", value: "1,18446744073709551615" };
    expect(buildFilters([many], columns)).toEqual(["year", "In", [1, 18446744073709551615n]]);
    const none = { attribute: "title", operator: "Eq", value: "null" };
    expect(buildFilters([none], columns)).toEqual(["title", "Eq", null]);
  });

  it("say which value cannot be one", () => {
    const wrong = (attribute: string, value: string) => () =>
      buildFilters([{ attribute, operator: "Eq", value }], columns);
    expect(wrong("year", "now")).toThrow("year: “now” is no integer");
    expect(wrong("rate", "")).toThrow("rate: “” is no number");
  });
});

describe("the query form", () => {
  const form: QueryForm = { ...firstForm(columns, 192), words: "fog" };
  const common = { limit: 10, exclude_attributes: ["vector"] };

  it("begins with what the namespace can do", () => {
    expect(firstForm(columns, 192)).toMatchObject({ mode: "vector", source: "document" });
    expect(firstForm(columns, 2)).toMatchObject({ mode: "hybrid", source: "meaning" });
    expect(firstForm(columnsOf({ id: "uint" }), 2)).toMatchObject({ mode: "order" });
  });

  it("becomes the query of its mode", () => {
    const vector = { rank_by: ["vector", "ANN", [1, 2]], ...common };
    const highlight = {
      include_offsets: "utf-16",
      rank_fragments_by: ["$fragment", "BM25", "fog"],
    };
    const text = {
      rank_by: [
        "Sum",
        [
          ["title", "BM25", "fog"],
          ["body", "BM25", "fog"],
        ],
      ],
      ...common,
      compute_attributes: {
        title_highlight: ["Highlight", "title", { ...highlight, fragment_by: "none" }],
        body_highlight: ["Highlight", "body", { ...highlight, fragment_by: "sentence" }],
      },
    };
    expect(buildBody({ ...form, mode: "vector" }, columns, [1, 2])).toEqual(vector);
    expect(buildBody({ ...form, mode: "text" }, columns, undefined)).toEqual(text);
    expect(buildBody({ ...form, mode: "hybrid" }, columns, [1, 2])).toEqual({
      queries: [{ ...vector, compute_attributes: text.compute_attributes }, text],
      rerank_by: ["RRF"],
      limit: 10,
    });
    const order = { ...form, mode: "order", order: "year", descending: true } as const;
    expect(buildBody(order, columns, undefined)).toEqual({ rank_by: ["year", "desc"], ...common });
  });

  it("highlights what it is about where documents are found by meaning", () => {
    const meaning = { ...form, mode: "vector", source: "meaning" } as const;
    expect(buildBody(meaning, columns, [1, 2])).toHaveProperty("compute_attributes");
    const clash = columnsOf({
      id: "uint",
      text: { type: "string", full_text_search: {} },
      text_highlight: "string",
    });
    const text = { ...firstForm(clash, 2), words: "fog" };
    expect(buildBody(text, clash, undefined)).not.toHaveProperty("compute_attributes");
  });

  it("says what is missing", () => {
    expect(() => buildBody(form, columns, undefined)).toThrow("which document");
    expect(() => buildBody({ ...form, mode: "text", words: " " }, columns, undefined)).toThrow(
      "what to look for",
    );
  });

  it("reads vectors as numbers or base64", () => {
    expect(parseNumbers("[1, -2.5e1]")).toEqual([1, -25]);
    expect(parseNumbers("1 2")).toEqual([1, 2]);
    expect(parseNumbers(encodeVector(Float32Array.of(1, 2)))).toBe("AACAPwAAAEA=");
    expect(() => parseNumbers("1, x")).toThrow("numbers");
  });
});

describe("JSON", () => {
  it("keeps integers that a double cannot hold", () => {
    expect(parseJson('{"id":18446744073709551615,"x":1.5}')).toEqual({
      id: 18446744073709551615n,
      x: 1.5,
    });
    expect(formatJson({ id: 18446744073709551615n })).toBe('{\n  "id": 18446744073709551615\n}');
    expect(formatJson({ a: [1, 2], b: undefined, c: {} })).toBe('{\n  "a": [1,2],\n  "c": {}\n}');
  });
});

describe("highlights", () => {
  it("of the server become pieces that lose nothing of the text", () => {
    const fragment = {
      text: "Eggs, 🐡 eggs.",
      fragment_range: [10, 24],
      match_ranges: [
        [10, 14],
        [19, 23],
      ],
    } as const;
    expect(piecesOf(fragment)).toEqual([
      { text: "Eggs", isMatch: true },
      { text: ", 🐡 ", isMatch: false },
      { text: "eggs", isMatch: true },
      { text: ".", isMatch: false },
    ]);
    expect(fragmentsOf({ id: 1, text_highlight: [fragment] }, "text")).toEqual([fragment]);
    expect(fragmentsOf({ id: 1, text: "Eggs" }, "text")).toEqual([]);
  });

  it("are the beginning of a text without one", () => {
    expect(excerpt("word ".repeat(200))).toMatch(/^(word )+…$/);
    expect(excerpt("short")).toBe("short");
  });
});

describe("metrics", () => {
  const lines = (fast: number, all: number) =>
    parseMetrics(
      [
        "# HELP shoal_x x",
        `shoal_request_seconds_bucket{route="a",le="0.01"} ${fast}`,
        `shoal_request_seconds_bucket{route="a",le="+Inf"} ${all}`,
        'shoal_x{by="flush",kind="a\\"b"} 3',
        "shoal_y 1e-7",
      ].join("\n"),
    );

  it("are read with their labels, and summed by them", () => {
    const figures = lines(1, 2);
    expect(sumOf(figures, "x", { kind: 'a"b' })).toBe(3);
    expect(sumOf(figures, "x", { by: "merge" })).toBe(0);
    expect(sumOf(figures, "y")).toBe(1e-7);
  });

  it("give the time within which a share of requests was answered", () => {
    expect(quantileMs(lines(1, 2), lines(101, 102), 0.95)).toBe(10);
    expect(quantileMs(lines(1, 2), lines(1, 102), 0.95)).toBe(Number.POSITIVE_INFINITY);
    expect(quantileMs(lines(1, 2), lines(1, 2), 0.95)).toBeUndefined();
  });
});

it("routes are links, and anything else is the first page", () => {
  const route = { page: "namespace", name: "a.b", tab: "schema" } as const;
  expect(parseRoute(linkTo(route))).toEqual(route);
  expect(parseRoute("#/ns/x/unknown")).toEqual({ page: "namespace", name: "x", tab: "query" });
  expect(parseRoute("#/keys")).toEqual({ page: "keys" });
  expect(parseRoute("")).toEqual({ page: "namespaces" });
});

it("sizes and prices are as people read them", () => {
  expect([0, 1_023, 1_536, 48 * 1_024 ** 2].map(formatBytes)).toEqual([
    "0 B",
    "1023 B",
    "1.5 KiB",
    "48 MiB",
  ]);
  expect([0, 0.000_009_8, 1.534].map(formatDollars)).toEqual(["$0", "$0.0000098", "$1.53"]);
});
