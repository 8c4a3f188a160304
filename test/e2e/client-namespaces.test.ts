/** The official client against this server: namespaces as a whole. */
import { BadRequestError, ConflictError, NotFoundError } from "@turbopuffer/turbopuffer";
import { describe, expect, it } from "vitest";
import { freshName, indexNow, openClient } from "./harness.ts";
import { openShop } from "./shop.ts";

const client = openClient();
const everything = {
  rank_by: ["id", "asc"],
  limit: 100,
  include_attributes: true,
} as const;

async function rowsOf(name: string): Promise<readonly object[]> {
  const { rows } = await client.namespace(name).query({ ...everything, rank_by: ["id", "asc"] });
  return rows ?? [];
}

describe("copyFrom and branchFrom", () => {
  it("begin as the source is, and go their own ways", async () => {
    const { namespace, name } = await openShop();
    const before = await rowsOf(name);
    const [branch, copy] = [freshName("branch"), freshName("copy")];
    expect(await client.namespace(branch).branchFrom({ source_namespace: name })).toMatchObject({
      status: "OK",
      rows_affected: 0,
    });
    const answer = await client.namespace(copy).copyFrom({ source_namespace: name });
    expect(answer).toMatchObject({
      message: "namespace cloned successfully",
      rows_affected: before.length,
    });
    await client.namespace(branch).write({ deletes: [1] });
    await namespace.deleteAll();
    expect(await rowsOf(copy)).toEqual(before);
    expect(await rowsOf(branch)).toHaveLength(before.length - 1);
    await indexNow(copy);
    expect(await rowsOf(copy)).toEqual(before);
    expect(await client.namespace(branch).metadata()).toMatchObject({
      branching: { parent: name },
    });
  });

  it("throw NotFoundError without a source, ConflictError where the name is taken", async () => {
    const { name } = await openShop();
    const other = await openShop();
    const none = client.namespace(freshName()).copyFrom({ source_namespace: freshName("none") });
    await expect(none).rejects.toBeInstanceOf(NotFoundError);
    const taken = other.namespace.branchFrom({ source_namespace: name });
    await expect(taken).rejects.toBeInstanceOf(ConflictError);
  });
});

describe("updateMetadata", () => {
  it("pins, and answers the metadata", async () => {
    const { namespace } = await openShop();
    expect(await namespace.updateMetadata({ pinning: { replicas: 2 } })).toMatchObject({
      pinning: { replicas: 2 },
      approx_row_count: 0,
    });
    expect(await namespace.updateMetadata({ pinning: null })).not.toHaveProperty("pinning");
  });
});

describe("explainQuery", () => {
  it("has a plan once there is an index", async () => {
    const { namespace, name } = await openShop();
    const early = namespace.explainQuery({ rank_by: ["id", "asc"], limit: 1 });
    await expect(early).rejects.toBeInstanceOf(BadRequestError);
    await indexNow(name);
    const { plan_text: plan } = await namespace.explainQuery({ rank_by: ["id", "asc"], limit: 1 });
    expect(plan).toContain("rank       by id, ascending");
  });
});
