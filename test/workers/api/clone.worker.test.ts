/** Copies and branches over HTTP: each row of what clients know of them. */
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { Namespace, send } from "../../workerd/api.ts";

interface CloneAnswer {
  readonly status: string;
  readonly message: string;
  readonly rows_affected: number;
  readonly billing: { readonly billable_logical_bytes_written: number };
  readonly performance: { readonly server_total_ms: number };
  readonly error: string;
}

interface Metadata {
  readonly created_at: string;
  readonly updated_at: string;
  readonly last_write_at: string;
  readonly branching?: { readonly parent: string };
  readonly read_only?: boolean;
  readonly pinning?: object;
}

const clone = (name: string, body: object) =>
  send<CloneAnswer>("POST", `/v2/namespaces/${name}?stainless_overload=copyFrom`, body);

async function metadata(name: string): Promise<Metadata> {
  return (await send<Metadata>("GET", `/v2/namespaces/${name}/metadata`)).json;
}

/** In a segment and in the log, if it is indexed. */
async function source(name: string, isIndexed = false): Promise<Namespace> {
  const namespace = new Namespace(name);
  const rows = [1, 2, 3, 4].map((id) => ({ id, vector: [id, 1], title: `row ${id}` }));
  await namespace.write({ upsert_rows: rows, distance_metric: "cosine_distance" });
  if (isIndexed) await namespace.indexNow();
  await namespace.write({ upsert_rows: [{ id: 5, vector: [5, 1] }], deletes: [1] });
  return namespace;
}

describe("copy_from_namespace", () => {
  it('answers "namespace cloned successfully" with the rows copied', async () => {
    const from = await source("copy-source", true);
    const { status, json } = await clone("copy-one", { copy_from_namespace: "copy-source" });
    expect(status).toBe(200);
    expect(json).toMatchObject({
      status: "OK",
      message: "namespace cloned successfully",
      rows_affected: 4,
    });
    expect(json.billing.billable_logical_bytes_written).toBeGreaterThan(0);
    const copy = new Namespace("copy-one");
    expect(await copy.rows()).toEqual(await from.rows());
    await from.delete();
    await copy.untilIndexed();
    expect((await copy.rows()).map(({ id }) => id)).toEqual([2, 3, 4, 5]);
    expect(await metadata("copy-one")).not.toHaveProperty("branching");
  });

  it("takes an object, and `encryption` and `dest_encryption` beside the source", async () => {
    await source("copy-object");
    const from = { source_namespace: "copy-object", dest_encryption: { mode: "default" } };
    const body = { copy_from_namespace: from, encryption: { mode: "default" } };
    expect((await clone("copy-object-2", body)).status).toBe(200);
    const key = { source_namespace: "copy-object", source_api_key: env.SHOAL_API_KEYS };
    expect((await clone("copy-object-3", { copy_from_namespace: key })).status).toBe(200);
  });

  it("404s when the source is missing, and makes nothing", async () => {
    const { status, json } = await clone("copy-none", { copy_from_namespace: "no-such" });
    expect(status).toBe(404);
    expect(json).toEqual({ status: "error", error: "🤷 namespace 'no-such' was not found" });
    expect((await send("GET", "/v2/namespaces/copy-none/metadata")).status).toBe(404);
  });

  it("409s when the destination exists, without being tried again", async () => {
    await source("copy-busy");
    await source("copy-taken");
    const { status, headers } = await clone("copy-taken", { copy_from_namespace: "copy-busy" });
    expect(status).toBe(409);
    expect(headers.get("x-should-retry")).toBe("false");
  });

  it.each([
    [{ copy_from_namespace: "s", upsert_rows: [{ id: 1 }] }, 400, "upsert_rows"],
    [{ copy_from_namespace: "s", distance_metric: "cosine_distance" }, 400, "distance_metric"],
    [{ copy_from_namespace: "s", branch_from_namespace: "s" }, 400, "branch_from_namespace"],
    [{ copy_from_namespace: 5 }, 422, "expected a string or a map"],
    [{ copy_from_namespace: {} }, 422, "missing field `source_namespace`"],
    [{ copy_from_namespace: { source_namespace: 1 } }, 422, "source_namespace"],
    [{ copy_from_namespace: "a/b" }, 400, "no name of a namespace"],
    [{ copy_from_namespace: { source_namespace: "s", x: 1 } }, 400, "unknown field `x`"],
    [
      { copy_from_namespace: { source_namespace: "s", source_region: "aws-us-east-1" } },
      400,
      "no regions",
    ],
    [{ copy_from_namespace: { source_namespace: "s", source_api_key: "bad" } }, 403, "api_key"],
    [
      { copy_from_namespace: "s", encryption: { mode: "customer-managed", key_name: "mykey" } },
      400,
      "Malformed Cloud KMS crypto key: mykey",
    ],
  ])("refuses %j", async (body, status, text) => {
    const answer = await clone("copy-refused", body);
    expect(answer.status).toBe(status);
    expect(answer.json.error).toContain(text);
  });
});

describe("branch_from_namespace", () => {
  it("is copy-on-write and independent afterwards, whatever becomes of the parent", async () => {
    const parent = await source("branch-parent", true);
    const body = { branch_from_namespace: { source_namespace: "branch-parent" } };
    const { status, json } = await clone("branch-child", body);
    expect(status).toBe(200);
    expect(json).toMatchObject({ status: "OK", rows_affected: 0 });
    const child = new Namespace("branch-child");
    const rows = await parent.rows();
    expect(await child.rows()).toEqual(rows);
    await child.write({ deletes: [2] });
    await parent.write({ deletes: [3] });
    expect((await child.rows()).map(({ id }) => id)).toEqual([3, 4, 5]);
    expect((await parent.rows()).map(({ id }) => id)).toEqual([2, 4, 5]);
    await parent.delete();
    await child.purgeCaches();
    expect((await child.rows()).map(({ id }) => id)).toEqual([3, 4, 5]);
  });

  it("shows its parent and carries last_write_at over; pinning is not inherited", async () => {
    await source("branch-meta", true);
    await send("PATCH", "/v1/namespaces/branch-meta/metadata", { pinning: true });
    const before = await metadata("branch-meta");
    expect((await clone("branch-meta-2", { branch_from_namespace: "branch-meta" })).status).toBe(
      200,
    );
    const after = await metadata("branch-meta-2");
    expect(after.branching).toEqual({ parent: "branch-meta" });
    expect(after.last_write_at).toBe(before.last_write_at);
    expect(after.created_at >= before.updated_at).toBe(true);
    expect(before).toHaveProperty("pinning");
    expect(after).not.toHaveProperty("pinning");
  });

  it("inherits read_only", async () => {
    await source("branch-ro", true);
    await send("PATCH", "/v1/namespaces/branch-ro/metadata", { read_only: true });
    await clone("branch-ro-2", { branch_from_namespace: "branch-ro" });
    expect(await metadata("branch-ro-2")).toMatchObject({ read_only: true });
    const refused = await new Namespace("branch-ro-2").tryWrite({ deletes: [2] });
    expect(refused.status).toBe(400);
  });

  it("409s when the destination exists", async () => {
    await source("branch-busy");
    await source("branch-taken");
    const answer = await clone("branch-taken", { branch_from_namespace: "branch-busy" });
    expect(answer.status).toBe(409);
    expect(answer.headers.get("x-should-retry")).toBe("false");
    expect(answer.json.error).toContain("exists");
  });

  it("404s when the source is missing", async () => {
    expect((await clone("branch-none", { branch_from_namespace: "no-such" })).status).toBe(404);
  });

  it.each([
    [{ branch_from_namespace: "s", encryption: { mode: "default" } }, 400, "encryption"],
    [{ branch_from_namespace: "s", deletes: [1] }, 400, "deletes"],
    [{ branch_from_namespace: { source_namespace: "s", source_region: "x" } }, 400, "unknown"],
    [{ branch_from_namespace: [] }, 422, "expected a string or a map"],
  ])("refuses %j", async (body, status, text) => {
    const answer = await clone("branch-refused", body);
    expect(answer.status).toBe(status);
    expect(answer.json.error).toContain(text);
  });
});
