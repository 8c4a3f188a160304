/** Meaning of a write against the schema of its namespace. Its shape: write-request.test.ts. */
import { describe, expect, it } from "vitest";
import type { AskedWrite } from "../../../src/change-attempt.ts";
import { applyAddition, emptySchema, type Schema } from "../../../src/document/schema.ts";
import { decodeBatch, encodeBatch } from "../../../src/format/batch.ts";
import {
  build,
  buildParsed,
  cosine,
  plain,
  refusal,
  refused,
  stored,
  withVector,
} from "./write-cases.ts";

const uuid = "123e4567-e89b-12d3-a456-426614174000";

/** Values of one attribute in the batch. */
function column(built: AskedWrite, name: string): unknown {
  return built.batch.attributes.find((attribute) => attribute.name === name)?.values;
}

describe("ids of a batch", () => {
  it("are uint when the first write has non-negative integers, exact up to 2^64-1", () => {
    const built = build('{"upsert_rows":[{"id":0},{"id":18446744073709551615}]}');
    expect(built.batch.idKind).toBe("uint");
    expect(built.batch.ids).toEqual([0, 2n ** 64n - 1n]);
    expect(built.addition?.idKind).toBe("uint");
  });

  it("are string when the first write has strings, UUID-looking ones included", () => {
    expect(build({ upsert_rows: [{ id: uuid }, { id: "" }] }).batch.idKind).toBe("string");
    expect(build({ deletes: ["a"] }).batch.idKind).toBe("string");
  });

  it('are uuid only when the schema says `"id":"uuid"`', () => {
    const built = build({ upsert_rows: [{ id: uuid.toUpperCase() }], schema: { id: "uuid" } });
    expect(built.batch).toMatchObject({ idKind: "uuid", ids: [uuid] });
    expect(built.addition?.idKind).toBe("uuid");
    expect(refusal({ upsert_rows: [{ id: "x" }], schema: { id: "uuid" } }).message).toBe(
      "💔 namespace ID type is uuid, but a written ID could not be parsed as uuid",
    );
  });

  it("of type int are refused: not a valid ID type", () => {
    const error = refusal({ upsert_rows: [{ id: 1 }], schema: { id: "int" } });
    expect(error.message).toBe("💔 int is not a valid ID type");
  });

  it("do not mix types, in one write or with the namespace", () => {
    const text =
      "💔 namespace ID type is uint, but you sent string; " +
      "you are not allowed to mix ID types in the same namespace";
    expect(refusal({ upsert_rows: [{ id: 1 }, { id: "a" }] }).message).toBe(text);
    expect(refusal({ upsert_rows: [{ id: 1 }], deletes: ["a"] }).message).toBe(text);
    expect(refusal({ deletes: ["a"] }, plain).message).toBe(text);
  });

  it("that are negative, fractional, beyond 2^64-1 or longer than 64 bytes are refused", () => {
    for (const id of ["-1", "1.5", "18446744073709551616", `"${"x".repeat(65)}"`]) {
      expect(refusal(`{"upsert_rows":[{"id":${id}}]}`).kind).toBe("invalid");
    }
  });

  it("that occur twice are refused with the API's text, listing them", () => {
    const text = "💔 This upsert contains duplicate document IDs and was not written. ";
    const twice = refusal({ upsert_rows: [{ id: 7 }, { id: 8 }, { id: 7 }, { id: 8 }, { id: 9 }] });
    expect(twice.message.startsWith(text)).toBe(true);
    expect(twice.message.endsWith("in this batch were the following: 7, 8")).toBe(true);
    expect(refusal({ upsert_rows: [{ id: 1 }], deletes: [1] }).message).toContain("following: 1");
    expect(refusal({ deletes: [2, 2] }).message).toContain("following: 2");
    const both = { upsert_rows: [{ id: 1 }], upsert_columns: { id: [1] } };
    expect(refusal(both).message).toContain("following: 1");
  });

  it("that occur twice are found after canonicalising", () => {
    const rows = [{ id: uuid }, { id: uuid.toUpperCase() }];
    const error = refusal({ upsert_rows: rows, schema: { id: "uuid" } });
    expect(error.message).toContain(`following: ${uuid}`);
  });
});

describe("attribute names in rows", () => {
  it("have 1 to 128 bytes and do not begin with $", () => {
    for (const name of ["", "$dist", "é".repeat(65)]) {
      expect(refusal({ upsert_rows: [{ id: 1, [name]: 1 }] }).kind).toBe("invalid");
      expect(refusal({ upsert_columns: { id: [1], [name]: [1] } }).kind).toBe("invalid");
    }
    expect(build({ upsert_rows: [{ id: 1, ["é".repeat(64)]: 1 }] }).batch.attributes).toHaveLength(
      1,
    );
  });

  it("may be `constructor` and `prototype`, but not `__proto__`", () => {
    const built = build('{"upsert_rows":[{"id":1,"constructor":"c","prototype":null}]}');
    expect(refusal('{"upsert_rows":[{"id":1,"__proto__":"p"}]}').kind).toBe("invalid");
    expect(built.batch.attributes).toEqual([{ name: "constructor", values: ["c"] }]);
    expect(decodeBatch(encodeBatch(built.batch))).toStrictEqual(built.batch);
  });
});

describe("attributes of a batch", () => {
  it("are columns; what a row lacks or sets to null is absent", () => {
    const built = build({
      upsert_rows: [{ id: 1, a: "x" }, { id: 2, b: 5, a: null }, { id: 3 }],
      deletes: [4],
    });
    expect(built.batch).toMatchObject({ upserts: 3, deletes: 1, ids: [1, 2, 3, 4] });
    expect(column(built, "a")).toEqual(["x", null, null]);
    expect(column(built, "b")).toEqual([null, 5, null]);
  });

  it("are the same from rows and from columns, together in one batch too", () => {
    const rows = build({
      upsert_rows: [
        { id: 1, a: "x" },
        { id: 2, a: null },
      ],
    });
    const columns = build({ upsert_columns: { id: [1, 2], a: ["x", null] } });
    expect(columns).toEqual(rows);
    const both = build({
      upsert_rows: [{ id: 1, a: "x" }],
      upsert_columns: { id: [2, 3], b: [true, false] },
    });
    expect(column(both, "a")).toEqual(["x", null, null]);
    expect(column(both, "b")).toEqual([null, true, false]);
  });

  it("in columns of unequal length are refused", () => {
    const error = refusal({ upsert_columns: { id: [1, 2], a: ["x"] } });
    expect(error.message).toContain("`a` has 1 values and `id` has 2");
    const text = refusal({ upsert_columns: { id: [1], a: "x" } });
    expect(text.kind).toBe("malformed");
  });

  it("are inferred and added to the schema; null-only ones stay undetermined", () => {
    const built = build({
      upsert_rows: [{ id: 1, s: "x", i: 5, b: true, list: [1], none: [], nothing: null }],
    });
    const types = Array.from(built.addition?.attributes ?? [], ([name, { type }]) => [name, type]);
    expect(types).toEqual([
      ["s", "string"],
      ["i", "int"],
      ["b", "bool"],
      ["list", "[]int"],
      ["none", "[]unknown"],
    ]);
    expect(column(built, "none")).toEqual([[]]);
    expect(column(built, "nothing")).toBeUndefined();
  });

  it("that are `[]unknown` get their type from a first element, options kept", () => {
    const schema = stored({ tags: { type: "[]unknown", filterable: false } });
    expect(build({ upsert_rows: [{ id: 1, tags: [] }] }, schema).addition).toBeUndefined();
    const built = build(
      {
        upsert_rows: [
          { id: 1, tags: [] },
          { id: 2, tags: ["a"] },
        ],
      },
      schema,
    );
    expect(built.addition?.attributes.get("tags")).toEqual({ type: "[]string", filterable: false });
    expect(refusal({ upsert_rows: [{ id: 1, tags: "a" }] }, schema).detail.attribute).toBe("tags");
  });

  it("with 1.5 and no schema are refused; the text mentions a signed 64-bit integer", () => {
    const error = refusal({ upsert_rows: [{ id: 1, price: 1.5 }] });
    expect(error.message).toContain("signed 64-bit integer");
    expect(error.detail.attribute).toBe("price");
  });

  it("take the types of a schema sent along: uint, float, uuid, datetime only so", () => {
    const built = build({
      upsert_rows: [{ id: 1, u: 5, f: 1.5, g: uuid.toUpperCase(), d: "2024-03-02", fs: [1, 2.5] }],
      schema: { u: "uint", f: "float", g: "uuid", d: "datetime", fs: "[]float" },
    });
    const values = built.batch.attributes.map((attribute) => attribute.values[0]);
    expect(values).toEqual([5, 1.5, uuid, Date.UTC(2024, 2, 2), [1, 2.5]]);
  });

  it("of another type than the schema's are refused and named; types never change", () => {
    const error = refusal({ upsert_rows: [{ id: 1, title: 5 }] }, plain);
    expect(error.kind).toBe("invalid");
    expect(error.detail).toMatchObject({ field: "title", attribute: "title" });
    const declared = refusal({ deletes: [1], schema: { title: "int" } }, plain);
    expect(declared.detail.attribute).toBe("title");
    expect(
      refusal({
        upsert_rows: [
          { id: 1, a: 1 },
          { id: 2, a: "x" },
        ],
      }).detail.attribute,
    ).toBe("a");
  });

  it("may be new in any write", () => {
    const built = build({ upsert_rows: [{ id: 1, title: "x", more: 1 }] }, plain);
    expect([...(built.addition?.attributes.keys() ?? [])]).toEqual(["more"]);
    expect(applyAddition(plain, built.addition).version).toBe(2);
    expect(build({ upsert_rows: [{ id: 1, title: "x" }] }, plain).addition).toBeUndefined();
  });

  it("that are filterable have at most 4,096 bytes a value", () => {
    const text = "é".repeat(2_048);
    expect(build({ upsert_rows: [{ id: 1, a: text, b: [text] }] }).batch.upserts).toBe(1);
    for (const value of [`${text}x`, ["", `${text}x`]]) {
      const error = refusal({ upsert_rows: [{ id: 1, a: value }] });
      expect(error.kind).toBe("invalid");
      expect(error.message).toContain("at most 4096 bytes, but got 4097");
    }
    const schema = { a: { type: "string", filterable: false } };
    const built = build({ upsert_rows: [{ id: 1, a: `${text}x` }], schema });
    expect(column(built, "a")).toEqual([`${text}x`]);
  });
});

describe("a write without rows", () => {
  it("may change the schema of an existing namespace", () => {
    const built = build({ schema: { title: { type: "string", filterable: false } } }, plain);
    expect(built.batch).toMatchObject({ upserts: 0, deletes: 0, idKind: "uint" });
    expect(built.addition?.attributes.get("title")?.filterable).toBe(false);
  });

  it("or with nothing at all changes nothing", () => {
    expect(build({}, plain).addition).toBeUndefined();
    expect(build({ upsert_rows: [], deletes: [] }, withVector).batch.ids).toEqual([]);
  });

  it("does not create a namespace", () => {
    for (const body of [{}, { upsert_rows: [] }, { schema: { a: "int" } }]) {
      expect(refusal(body).kind).toBe("invalid");
    }
  });
});

describe("limits of a batch", () => {
  const tooMuch = (body: unknown, schema?: Schema) => refused(() => buildParsed(body, schema));
  const ids = (length: number): number[] => Array.from({ length }, (_, i) => i);

  it("are 50,000 rows", () => {
    expect(buildParsed({ deletes: ids(50_000) }).batch.deletes).toBe(50_000);
    expect(tooMuch({ deletes: ids(50_001) }).kind).toBe("tooLarge");
    const both = { upsert_columns: { id: ids(50_000) }, deletes: [50_000] };
    expect(tooMuch(both).kind).toBe("tooLarge");
  });

  it("are 1,024 attributes", () => {
    const row = (length: number) => ({
      id: 1,
      ...Object.fromEntries(ids(length).map((i) => [`a${i}`, i])),
    });
    const full = buildParsed({ upsert_rows: [row(1_024)] });
    expect(full.batch.attributes).toHaveLength(1_024);
    expect(tooMuch({ upsert_rows: [row(1_025)] }).kind).toBe("invalid");
    const schema = applyAddition(emptySchema, full.addition);
    expect(tooMuch({ upsert_rows: [{ id: 1, more: 1 }] }, schema).message).toContain("1024");
  });

  it("are 8 MiB a document", () => {
    const schema = { a: { type: "string", filterable: false } };
    const text = "x".repeat(8 * 1_024 * 1_024);
    expect(buildParsed({ upsert_rows: [{ id: 1, a: text.slice(8) }], schema }).batch.upserts).toBe(
      1,
    );
    const error = tooMuch({ upsert_rows: [{ id: 1, a: text }], schema });
    expect(error.kind).toBe("tooLarge");
    expect(error.message).toContain("document 1 has 8388616 bytes");
  });

  it("keep one wide vector or many names from reserving memory for rows without them", () => {
    const rows: object[] = ids(50_000).map((id) => ({ id }));
    const vector = Array.from({ length: 10_752 }, () => 1);
    const wide = tooMuch({ upsert_rows: [{ id: 50_000, vector }, ...rows.slice(1)], ...cosine });
    expect(wide.message).toContain("missing required vector");
    const names = Object.fromEntries(ids(1_000).map((i) => [`a${i}`, i]));
    const many = tooMuch({ upsert_rows: [{ id: 50_000, ...names }, ...rows.slice(1)] });
    expect(many.kind).toBe("tooLarge");
  });

  it("are 24 MiB of vectors, refused before room is made for them", () => {
    const vector = ids(5_000);
    const rows: object[] = ids(1_300).map((id) => ({ id, vector }));
    expect(tooMuch({ upsert_rows: rows, ...cosine }).kind).toBe("tooLarge");
  });
});
