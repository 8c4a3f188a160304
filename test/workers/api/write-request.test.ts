/**
 * Shape of a write: which fields, which JSON types. What it means is tested in write-batch.test.ts.
 */
import { describe, expect, it } from "vitest";
import { EngineError, type ErrorKind } from "../../../src/errors.ts";
import { parseJson } from "../../../workers/api/json.ts";
import {
  parseWriteRequest,
  readsDocuments,
  type WriteRequest,
} from "../../../workers/api/write-request.ts";

const prefix = "Failed to deserialize the JSON body into the target type: ";
const noVariant = "data did not match any variant of untagged enum ";

/** Through JSON text, as a request comes. */
function parse(body: unknown): WriteRequest {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return parseWriteRequest(parseJson(new TextEncoder().encode(text)));
}

function refusal(body: unknown): { kind: ErrorKind; message: string; field: string | undefined } {
  try {
    parse(body);
  } catch (error) {
    if (error instanceof EngineError) {
      return { kind: error.kind, message: error.message, field: error.detail.field };
    }
    throw error;
  }
  return expect.unreachable("was not refused");
}

describe("the body of a write", () => {
  it("may hold any of the supported operations, or none", () => {
    const request = parse({
      upsert_rows: [{ id: 1 }],
      upsert_columns: { id: [2], a: ["x"] },
      deletes: [3],
      schema: { a: "string" },
      distance_metric: "cosine_distance",
      disable_backpressure: true,
      return_affected_ids: true,
    });
    expect(request.upserts.rows).toEqual([{ id: 1 }]);
    expect(request.upserts.columns?.ids).toEqual([2]);
    expect(request.upserts.columns?.values.get("a")).toEqual(["x"]);
    expect(request.deletes).toEqual([3]);
    expect(request.schema?.attributes.get("a")?.type).toBe("string");
    expect(request.metric).toBe("cosine_distance");
    expect(request.disableBackpressure).toBe(true);
    expect(request.returnAffectedIds).toBe(true);
    expect(parse({})).toEqual({
      upserts: { field: "upsert", isGiven: false, rows: [], columns: undefined },
      patches: { field: "patch", isGiven: false, rows: [], columns: undefined },
      deletes: undefined,
      deleteByFilter: undefined,
      patchByFilter: undefined,
      upsertCondition: undefined,
      patchCondition: undefined,
      deleteCondition: undefined,
      schema: undefined,
      metric: undefined,
      disableBackpressure: false,
      returnAffectedIds: false,
    });
  });

  it("treats null as not given", () => {
    expect(parse({ upsert_rows: null, upsert_condition: null, schema: null })).toEqual(parse({}));
  });

  it("must be a map", () => {
    expect(refusal("[]").message).toBe(`${prefix}invalid type: sequence, expected a map`);
    expect(refusal("null").kind).toBe("malformed");
  });

  it("names a top-level field nobody knows", () => {
    for (const name of ["upserts", "__proto__", "constructor", "$x"]) {
      const body = `{"upsert_rows":[],"${name}":1}`;
      expect(refusal(body)).toMatchObject({ kind: "invalid", field: name });
      expect(refusal(body).message).toContain(`unknown field \`${name}\``);
    }
  });

  it.each([
    [{ num_shards: 0 }, "invalid"],
    [{ num_shards: 257 }, "invalid"],
    [{ num_shards: 1.5 }, "malformed"],
    [{ num_shards: "8" }, "malformed"],
    [{}, "malformed"],
    [8, "malformed"],
  ])("refuses sharding %j", (sharding, kind) => {
    expect(refusal({ deletes: [1], sharding })).toMatchObject({ kind });
  });

  it.each([
    ["patch_rows", [{ id: 1, a: 2 }]],
    ["patch_columns", { id: [1] }],
    ["patch_by_filter", { filters: ["a", "Eq", 1], patch: { a: 2 } }],
    ["delete_by_filter", ["a", "Eq", 1]],
    ["upsert_condition", ["a", "Eq", 1]],
    ["patch_condition", ["a", "Eq", 1]],
    ["delete_condition", ["a", "Eq", 1]],
  ])("with %s has to read before it writes, and waits if too much is unindexed", (name, value) => {
    expect(readsDocuments(parse({ deletes: [1], [name]: value }))).toBe(true);
    const refused = refusal({ deletes: [1], [name]: value, disable_backpressure: true });
    expect(refused).toMatchObject({ kind: "invalid", field: "disable_backpressure" });
    expect(refused.message).toContain(`not supported together with \`${name}\``);
  });

  it("of upserts and deletes alone reads nothing", () => {
    expect(readsDocuments(parse({ upsert_rows: [{ id: 1 }], deletes: [2] }))).toBe(false);
  });

  it.each(["patch", "delete"])("has %s_by_filter or %s_condition, not both", (kind) => {
    const filter = ["a", "Eq", 1];
    const byFilter = kind === "patch" ? { filters: filter, patch: { a: 2 } } : filter;
    const body = { [`${kind}_by_filter`]: byFilter, [`${kind}_condition`]: filter };
    expect(refusal(body)).toMatchObject({ kind: "invalid", field: `${kind}_condition` });
  });

  it.each([
    "patch_by_filter_allow_partial",
    "delete_by_filter_allow_partial",
    "disable_backpressure",
    "return_affected_ids",
  ])("accepts %s as a boolean only", (name) => {
    expect(parse({ [name]: true }).upserts.isGiven).toBe(false);
    expect(parse({ [name]: false }).upserts.isGiven).toBe(false);
    expect(refusal({ [name]: "yes" })).toMatchObject({
      kind: "malformed",
      message: `${prefix}${name}: invalid type: string "yes", expected a boolean`,
    });
  });
});

describe("upsert_rows", () => {
  it("must be an array: a map is 422 with the API's text", () => {
    expect(refusal({ upsert_rows: { id: 1 } })).toMatchObject({
      kind: "malformed",
      message: `${prefix}upsert_rows: invalid type: map, expected a sequence`,
    });
  });

  it("must hold maps", () => {
    expect(refusal({ upsert_rows: [{ id: 1 }, 5] }).message).toBe(
      `${prefix}upsert_rows[1]: invalid type: integer \`5\`, expected a map`,
    );
  });

  it("without id are 422: missing field `id`", () => {
    expect(refusal({ upsert_rows: [{ vector: [1] }] })).toMatchObject({
      kind: "malformed",
      message: `${prefix}upsert_rows[0]: missing field \`id\``,
    });
  });

  it("with an id of a wrong JSON type are 422: no variant of Id", () => {
    for (const id of [true, null, [1], { a: 1 }]) {
      expect(refusal({ upsert_rows: [{ id }] })).toMatchObject({
        kind: "malformed",
        message: `${prefix}upsert_rows[0].id: ${noVariant}Id`,
      });
    }
  });
});

describe("upsert_columns", () => {
  it("must be a map of arrays, or of one base64 text a column", () => {
    expect(refusal({ upsert_columns: [] }).message).toContain("upsert_columns: invalid type: seq");
    expect(refusal({ upsert_columns: { id: [1], a: 5 } }).message).toBe(
      `${prefix}upsert_columns.a: invalid type: integer \`5\`, expected a sequence`,
    );
    expect(
      parse({ upsert_columns: { id: [1], vector: "AAAA" } }).upserts.columns?.values.get("vector"),
    ).toBe("AAAA");
  });

  it("without id are 400", () => {
    const error = refusal({ upsert_columns: { vector: [[1]] } });
    expect(error).toMatchObject({ kind: "invalid", field: "upsert_columns" });
  });

  it("with ids of a wrong JSON type are 422: no variant of IdVec", () => {
    for (const id of ["1", [true], [null], 1]) {
      expect(refusal({ upsert_columns: { id } })).toMatchObject({
        kind: "malformed",
        message: `${prefix}upsert_columns.id: ${noVariant}IdVec`,
      });
    }
  });
});

describe("deletes", () => {
  it("must be an array of ids", () => {
    expect(refusal({ deletes: 1 }).message).toContain("deletes: invalid type: integer `1`");
    expect(refusal({ deletes: [1, null] }).message).toContain("deletes[1]: data did not match");
  });
});

describe("distance_metric", () => {
  it("of an unknown name is 422 with the API's text", () => {
    expect(refusal({ distance_metric: "bad" })).toMatchObject({
      kind: "malformed",
      message:
        `${prefix}distance_metric: unknown variant \`bad\`, expected one of ` +
        "`Unknown`, `euclidean_squared`, `cosine_distance`, `euclidean`, `Query`",
    });
    expect(refusal({ distance_metric: 1 }).kind).toBe("malformed");
  });

  it("of a name that is known but not offered is 400", () => {
    expect(refusal({ distance_metric: "euclidean" }).kind).toBe("invalid");
  });
});

describe("encryption", () => {
  it("is accepted in its default mode", () => {
    expect(parse({ encryption: { mode: "default" } })).toEqual(parse({}));
  });

  it("with a malformed key is 400 with the API's text", () => {
    const text = "Malformed Cloud KMS crypto key: mykey";
    for (const body of [{ mode: "customer-managed", key_name: "mykey" }, { key_name: "mykey" }]) {
      expect(refusal({ encryption: body })).toMatchObject({ kind: "invalid" });
      expect(refusal({ encryption: body }).message).toContain(text);
    }
  });

  it("with a key of the user's own is not supported", () => {
    const key_name = "projects/p/locations/l/keyRings/r/cryptoKeys/k";
    const error = refusal({ encryption: { mode: "customer-managed", key_name } });
    expect(error).toMatchObject({ kind: "invalid", field: "encryption" });
    expect(error.message).toContain("not supported");
  });

  it("of a wrong shape is 422", () => {
    for (const encryption of ["default", {}, { mode: 1 }, { mode: "none" }]) {
      expect(refusal({ encryption }).kind).toBe("malformed");
    }
  });
});

describe("patches", () => {
  it("have the shape of upserts, and errors name their own field", () => {
    const request = parse({ patch_rows: [{ id: 1, a: null }], patch_columns: { id: [2], a: [1] } });
    expect(request.patches.rows).toEqual([{ id: 1, a: null }]);
    expect(request.patches.columns?.values.get("a")).toEqual([1]);
    expect(refusal({ patch_rows: { id: 1 } }).message).toBe(
      `${prefix}patch_rows: invalid type: map, expected a sequence`,
    );
    expect(refusal({ patch_columns: { a: [1] } }).message).toBe(
      "💔 patch_columns: missing column `id`",
    );
  });

  it("by filter have a filter and a patch, which cannot change the id", () => {
    expect(refusal({ patch_by_filter: ["a", "Eq", 1] }).message).toBe(
      `${prefix}patch_by_filter: invalid type: sequence, expected a map`,
    );
    expect(refusal({ patch_by_filter: { patch: {} } }).message).toBe(
      `${prefix}patch_by_filter: missing field \`filters\``,
    );
    expect(refusal({ patch_by_filter: { filters: ["a", "Eq", 1] } }).message).toBe(
      `${prefix}patch_by_filter: missing field \`patch\``,
    );
    const body = { patch_by_filter: { filters: ["a", "Eq", 1], patch: { id: 2 } } };
    expect(refusal(body)).toMatchObject({ kind: "invalid", field: "patch_by_filter" });
  });
});
