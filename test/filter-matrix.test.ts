/**
 * Filters on every type that filters know, in the tail and in segments, with and without a column:
 * which of a few documents match, written down by hand.
 */
import { describe, expect, test } from "vitest";
import { isEngineError } from "../src/errors.ts";
import { write } from "../src/write.ts";
import { encodeJson, type JsonEncodable, parseJson } from "../workers/api/json.ts";
import { buildWrite } from "../workers/api/write-batch.ts";
import { parseWriteRequest } from "../workers/api/write-request.ts";
import { SearchRig } from "./search-rig.ts";

const uuid = (digit: number): string => `${digit}0000000-0000-4000-8000-000000000000`;

/** Of each scalar type a lower and a higher value, and one that is of another type. */
const scalars: readonly (readonly [string, JsonEncodable, JsonEncodable, JsonEncodable])[] = [
  ["string", "a", "b", 1],
  ["int", -5, 2n ** 62n, "1"],
  ["uint", 1, 2n ** 64n - 1n, -1],
  ["float", 0.5, 1e300, "0.5"],
  ["bool", false, true, 0],
  ["uuid", uuid(1), uuid(2).toUpperCase(), "x"],
  ["datetime", "2024-03-02", "2024-03-02T00:00:00.001Z", 1_709_337_600_000],
];

type Case = readonly [op: string, value: JsonEncodable, ids: readonly number[]];

/** 1 has the lower value, 2 the higher, 3 none. */
function scalarCases(low: JsonEncodable, high: JsonEncodable): readonly Case[] {
  return [
    ["Eq", low, [1]],
    ["Eq", null, [3]],
    ["NotEq", low, [2, 3]],
    ["NotEq", null, [1, 2]],
    ["In", [low], [1]],
    ["In", [high, low], [1, 2]],
    ["In", [], []],
    ["NotIn", [low], [2, 3]],
    ["NotIn", [], [1, 2, 3]],
    ["Lt", high, [1, 3]],
    ["Lt", low, [3]],
    ["Lte", low, [1, 3]],
    ["Gt", low, [2]],
    ["Gte", low, [1, 2]],
    ["Lt", null, []],
    ["Lte", null, [3]],
    ["Gt", null, [1, 2]],
    ["Gte", null, [1, 2, 3]],
  ];
}

/** 1 has [low], 2 [low, high], 3 nothing, 4 an empty array. */
function arrayCases(low: JsonEncodable, high: JsonEncodable): readonly Case[] {
  return [
    ["Eq", [low], [1]],
    ["Eq", [low, high], [2]],
    ["Eq", [high, low], []],
    ["Eq", [], [4]],
    ["Eq", null, [3]],
    ["NotEq", [low], [2, 3, 4]],
    ["NotEq", null, [1, 2, 4]],
    ["In", [high], [2]],
    ["In", [high, low], [1, 2]],
    ["In", low, [1, 2]],
    ["In", [], []],
    ["NotIn", [high], [1, 3, 4]],
    ["NotIn", high, [1, 3, 4]],
    ["Contains", low, [1, 2]],
    ["Contains", high, [2]],
    ["NotContains", high, [1, 3, 4]],
    ["ContainsAny", [high, low], [1, 2]],
    ["ContainsAny", [high], [2]],
    ["ContainsAny", [], []],
    ["NotContainsAny", [high], [1, 3, 4]],
    ["NotContainsAny", [], [1, 2, 3, 4]],
    ["AnyLt", low, []],
    ["AnyLt", high, [1, 2]],
    ["AnyLte", low, [1, 2]],
    ["AnyGt", low, [2]],
    ["AnyGte", high, [2]],
    ["AnyGt", high, []],
  ];
}

/** As JSON brings it: integers are numbers where that is exact. */
function asJson(value: JsonEncodable): unknown {
  return parseJson(encodeJson(value));
}

class FilterRig extends SearchRig {
  async send(body: JsonEncodable): Promise<void> {
    const request = parseWriteRequest(asJson(body));
    await this.clock.run(
      write(this.ports(), this.writeTarget, (schema) => buildWrite(request, schema), {
        disableBackpressure: false,
      }),
    );
  }

  async matching(op: string, value: JsonEncodable, options?: object): Promise<readonly unknown[]> {
    const filters = ["a", op, asJson(value), ...(options === undefined ? [] : [options])];
    const body = { rank_by: ["id", "asc"], limit: 9, filters };
    return (await this.search(body)).rows.map(({ id }) => id);
  }

  async refusal(op: string, value: JsonEncodable, options?: object): Promise<string> {
    try {
      await this.matching(op, value, options);
    } catch (error) {
      return isEngineError(error) ? `${error.kind}: ${error.message}` : String(error);
    }
    return "not refused";
  }
}

/** Runs the cases in the tail, in a segment without a column, and in one with. */
async function expectCases(
  type: string,
  values: readonly JsonEncodable[],
  cases: readonly Case[],
): Promise<FilterRig> {
  const rig = new FilterRig();
  const rows = values.map((a, i) => ({ id: i + 1, a }));
  await rig.send({ upsert_rows: rows, schema: { a: { type, filterable: false } } });
  expect(await rig.refusal("Eq", null)).toContain("`a`: attribute is not filterable");
  for (const state of ["tail", "without a column", "indexed"]) {
    if (state === "without a column") {
      await rig.send({ schema: { a: { type, filterable: false } } });
      await rig.flush();
    }
    if (state !== "indexed") await rig.send({ schema: { a: { type, filterable: true } } });
    else await rig.flush();
    for (const [op, value, ids] of cases) {
      expect(await rig.matching(op, value), `${op} ${encodeText(value)} (${state})`).toEqual(ids);
    }
  }
  return rig;
}

function encodeText(value: JsonEncodable): string {
  return new TextDecoder().decode(encodeJson(value));
}

describe.each(scalars)("filters on %s", (type, low, high, other) => {
  test("match as scalars compare", async () => {
    const rig = await expectCases(type, [low, high, null], scalarCases(low, high));
    for (const op of ["Eq", "NotEq", "In", "NotIn", "Lt", "Lte", "Gt", "Gte"]) {
      const wrong = op === "In" || op === "NotIn" ? [other] : other;
      expect(await rig.refusal(op, wrong), op).toMatch(
        /^invalid: filter error in key `a`: type mismatch, .* expects /,
      );
    }
    for (const op of ["Lt", "Lte", "Gt", "Gte", "Eq"]) {
      expect(await rig.refusal(op, [low]), op).toMatch(/^invalid: filter error in key `a`/);
    }
    for (const list of [[null], [low, null], [[low]], null]) {
      expect(await rig.refusal("In", list), encodeText(list)).toMatch(/^malformed: /);
    }
  });

  test(`match as arrays do (of []${type})`, async () => {
    const values = [[low], [low, high], null, []];
    const rig = await expectCases(`[]${type}`, values, arrayCases(low, high));
    for (const op of ["Lt", "Lte", "Gt", "Gte"]) {
      expect(await rig.refusal(op, low), op).toBe(
        `invalid: filter error in key \`a\`: ${op} does not apply to []${type}`,
      );
    }
    expect(await rig.refusal("Eq", low)).toContain(`Eq expects []${type}, but got`);
    expect(await rig.refusal("In", [other])).toContain(`In expects ${type} or []${type}`);
  });
});

test("filters on types that are not compared are refused, and so are unknown operators", async () => {
  for (const [type, value, more] of [
    ["bytes", "aGk=", {}],
    ["[2]f16", [1, 2], { ann: true }],
    ["{}f16", { a: 1 }, { sparse_knn: { distance_metric: "dot_product" } }],
    ["[][2]f32", [[1, 2]], {}],
  ] as const) {
    const rig = new FilterRig();
    const metric = type === "[2]f16" ? { distance_metric: "cosine_distance" } : {};
    await rig.send({
      upsert_rows: [{ id: 1, a: value }],
      schema: { a: { type, ...more } },
      ...metric,
    });
    for (const op of ["Eq", "NotEq", "In", "Lt", "Gte"]) {
      expect(await rig.refusal(op, value), `${type} ${op}`).toBe(
        "invalid: filter error in key `a`: attribute is not filterable",
      );
    }
  }
  const rig = new FilterRig();
  await rig.send({ upsert_rows: [{ id: 1, a: ["x"] }] });
  expect(await rig.refusal("Includes", "x")).toContain("malformed: ");
});

const globCases: readonly Case[] = [
  ["Glob", "*", [1, 2, 3]],
  ["Glob", "src/*", [1, 2]],
  ["Glob", "src/**/*.ts", [1]],
  ["Glob", "**/Main.rs", [2]],
  ["Glob", "*.{ts,md}", [1, 3]],
  ["Glob", "[!s]*", [3]],
  ["Glob", "SRC/*", []],
  ["IGlob", "SRC/*.RS", [2]],
  ["NotGlob", "src/*", [3, 4, 5]],
  ["NotGlob", "*", [4, 5]],
  ["NotIGlob", "*.RS", [1, 3, 4, 5]],
];

test("globs match whole texts; what is absent, empty or has no elements matches none", async () => {
  await expectCases("string", ["src/a.ts", "src/Main.rs", "read.md", null, ""], globCases);
  const arrays = [["src/a.ts"], ["src/Main.rs"], ["read.md"], null, []];
  await expectCases("[]string", arrays, globCases);
});

test("regular expressions are found anywhere, fuzzy searches within their edits", async () => {
  const rig = new FilterRig();
  const texts = ["the quick brown fox", "Quick, quiet", null, ""];
  const patterns = { type: "string", regex: true, fuzzy: true };
  await rig.send({
    upsert_rows: texts.map((a, i) => ({ id: i + 1, a })),
    schema: { a: patterns },
  });
  const edits = { max_edit_distance: [{ min_query_chars: 6, distance: 1 }] };
  for (const state of ["tail", "indexed"]) {
    if (state === "indexed") await rig.flush();
    expect(await rig.matching("Regex", "quick"), state).toEqual([1]);
    expect(await rig.matching("Regex", "^(?i)quick"), state).toEqual([2]);
    expect(await rig.matching("Regex", "qui[a-z]+$"), state).toEqual([2]);
    expect(await rig.matching("Regex", ""), state).toEqual([1, 2, 4]);
    expect(await rig.matching("Fuzzy", "quikc b", edits), state).toEqual([]);
    expect(await rig.matching("Fuzzy", "quck brown", edits), state).toEqual([1]);
    expect(await rig.matching("Fuzzy", "quick", edits), state).toEqual([]);
    const folded = { ...edits, case_sensitive: false };
    expect(await rig.matching("Fuzzy", "QUICK, QUIT", folded), state).toEqual([2]);
    expect(await rig.refusal("Eq", "x"), state).toContain("attribute is not filterable");
    expect(await rig.refusal("Glob", "x"), state).toContain("attribute is not filterable");
  }
});

test("fuzzy searches and other filters of texts rank: 1 for each that a document passes", async () => {
  const rig = new FilterRig();
  const patterns = { type: "string", glob: true, regex: true, fuzzy: true };
  await rig.send({
    upsert_rows: [
      { id: 1, a: "turbopuffer" },
      { id: 2, a: "turbopufer inc" },
      { id: 3, a: null },
    ],
    schema: { a: patterns },
  });
  const fuzzyBy = (...distances: readonly (readonly [number, number])[]) => ({
    max_edit_distance: distances.map(([least, distance]) => ({
      min_query_chars: least,
      distance,
    })),
    case_sensitive: false,
  });
  const fuzzy = ["a", "Fuzzy", "TURBOPUFER", fuzzyBy([6, 1])];
  const ask = async (rank: unknown, more: object = {}) => {
    const { rows } = await rig.search({ rank_by: rank, limit: 9, ...more });
    return rows.map(({ id, distance }) => [id, distance]);
  };
  const both = [
    [1, 1],
    [2, 1],
  ];
  for (const state of ["tail", "indexed"]) {
    if (state === "indexed") await rig.flush();
    expect(await ask(fuzzy), state).toEqual(both);
    expect(await ask(["Sum", [["a", "Glob", "*pufer*"], fuzzy]]), state).toEqual([
      [2, 2],
      [1, 1],
    ]);
    expect(await ask(["Product", 3, fuzzy]), state).toEqual(both.map(([id]) => [id, 3]));
    expect(await ask(["a", "Regex", "^turbo"]), state).toEqual(both);
    expect(await ask(["a", "Fuzzy", "turbo", fuzzyBy([6, 1])]), state).toEqual([]);
    expect(await ask(["a", "Fuzzy", "turbopufr", fuzzyBy([6, 1], [9, 2])]), state).toEqual(both);
    const computed = await rig.search({
      rank_by: ["id", "asc"],
      limit: 9,
      compute_attributes: { near: fuzzy },
    });
    const near = computed.rows.map((row) => row.computed?.map(({ value }) => value));
    expect(near, state).toEqual([[1], [1], [0]]);
    for (const [options, kind] of [
      [fuzzyBy([5, 1]), "invalid"],
      [fuzzyBy(), "invalid"],
      [{}, "malformed"],
      [1, "malformed"],
    ] as const) {
      await expect(ask(["a", "Fuzzy", "turbo", options]), state).rejects.toMatchObject({ kind });
    }
    await expect(ask(["id", "Fuzzy", "turbo", fuzzyBy([6, 1])])).rejects.toThrow("Fuzzy");
  }
});

test("patterns that would take too long are refused, whatever they meet", {
  timeout: 60_000,
}, async () => {
  const rig = new FilterRig();
  const rows = Array.from({ length: 200 }, (_, id) => ({ id, a: `${id}`.padEnd(60_000, "ab") }));
  const schema = { a: { type: "string", regex: true, glob: true, fuzzy: true } };
  for (const part of [rows.slice(0, 100), rows.slice(100)]) {
    await rig.send({ upsert_rows: part, schema });
  }
  const edits = { max_edit_distance: [{ min_query_chars: 300, distance: 99 }] };
  for (const state of ["tail", "indexed"]) {
    if (state === "indexed") await rig.flush();
    expect(await rig.refusal("Regex", "(a|b){300}c"), state).toContain("take more than 1000000000");
    expect(await rig.refusal("Glob", "*a*b".repeat(100)), state).toContain("take more than");
    expect(await rig.refusal("Fuzzy", "ab".repeat(500), edits), state).toContain("take more than");
    expect(await rig.matching("Regex", "^19ab"), state).toEqual([19]);
  }
});
