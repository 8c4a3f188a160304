/** `sharding`: taken with a first write, remembered, and never changed. */
import { describe, expect, it } from "vitest";
import { Namespace, send } from "../../workerd/api.ts";

const metadata = async (name: string) =>
  (await send<{ sharding?: object }>("GET", `/v2/namespaces/${name}/metadata`)).json;

describe("sharding", () => {
  it("is accepted with the first write, up to 256, and shown in the metadata", async () => {
    for (const shards of [1, 8, 256]) {
      const namespace = new Namespace(`shards-${shards}`);
      const sharding = { num_shards: shards };
      await namespace.write({ upsert_rows: [{ id: 1, n: 1 }], sharding });
      expect((await metadata(namespace.name)).sharding).toEqual(sharding);
      await namespace.indexNow();
      expect((await metadata(namespace.name)).sharding).toEqual(sharding);
      expect(await namespace.rows()).toEqual([{ id: 1, n: 1 }]);
    }
    expect(await metadata("shards-1")).toMatchObject({ sharding: { num_shards: 1 } });
  });

  it("may be repeated by later writes, and is refused when it differs or comes late", async () => {
    const namespace = new Namespace("shards-later");
    await namespace.write({ upsert_rows: [{ id: 1 }], sharding: { num_shards: 4 } });
    await namespace.write({ upsert_rows: [{ id: 2 }], sharding: { num_shards: 4 } });
    await namespace.write({ deletes: [2] });
    const other = await namespace.tryWrite({ deletes: [1], sharding: { num_shards: 5 } });
    expect(other.status).toBe(400);
    const plain = new Namespace("shards-none");
    await plain.write({ upsert_rows: [{ id: 1 }] });
    const late = await plain.tryWrite({ deletes: [1], sharding: { num_shards: 2 } });
    expect(late.status).toBe(400);
    expect(await plain.rows()).toHaveLength(1);
  });

  it("is one of two first writers' choices, not both", async () => {
    const namespace = new Namespace("shards-race");
    const answers = await Promise.all(
      [2, 3].map((shards) =>
        namespace.tryWrite({ upsert_rows: [{ id: shards }], sharding: { num_shards: shards } }),
      ),
    );
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 400]);
    expect(await namespace.rows()).toHaveLength(1);
  });

  it("is decided by a conditional first write too", async () => {
    const namespace = new Namespace("shards-if");
    await namespace.write({
      upsert_rows: [{ id: 1, n: 1 }],
      upsert_condition: ["id", "Eq", null],
      sharding: { num_shards: 2 },
    });
    expect(await metadata("shards-if")).toMatchObject({ sharding: { num_shards: 2 } });
  });

  it("keeps a namespace from being branched; a copy has what it asks for, or as its source", async () => {
    const namespace = new Namespace("shards-source");
    await namespace.write({ upsert_rows: [{ id: 1 }], sharding: { num_shards: 2 } });
    const branch = await send<{ error: string }>("POST", "/v2/namespaces/shards-branch", {
      branch_from_namespace: "shards-source",
    });
    expect([branch.status, branch.json.error]).toEqual([
      400,
      "💔 a namespace with shards cannot be branched",
    ]);
    const copy = { copy_from_namespace: "shards-source", sharding: { num_shards: 8 } };
    expect((await send("POST", "/v2/namespaces/shards-copy", copy)).status).toBe(200);
    expect(await metadata("shards-copy")).toMatchObject({ sharding: { num_shards: 8 } });
    await send("POST", "/v2/namespaces/shards-plain", { copy_from_namespace: "shards-source" });
    expect(await metadata("shards-plain")).toMatchObject({ sharding: { num_shards: 2 } });
  });
});
