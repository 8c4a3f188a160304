/** PATCH …/metadata: what it takes, what it changes, and what it leaves as it is. */
import { runDurableObjectAlarm } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { Namespace, send } from "../../workerd/api.ts";

interface Metadata {
  readonly updated_at: string;
  readonly last_write_at: string;
  readonly read_only?: boolean;
  readonly pinning?: {
    readonly replicas: number;
    readonly status?: { readonly updated_at: string };
  };
  readonly encryption: object;
  readonly error: string;
}

const patch = (name: string, body: unknown) =>
  send<Metadata>("PATCH", `/v1/namespaces/${name}/metadata`, body);

const metadata = async (name: string) =>
  (await send<Metadata>("GET", `/v2/namespaces/${name}/metadata`)).json;

async function made(name: string): Promise<Namespace> {
  const namespace = new Namespace(name);
  await namespace.write({ upsert_rows: [{ id: 1, n: 1 }] });
  return namespace;
}

describe("read_only", () => {
  it("refuses writes, and schema updates, with 400 and the text that clients know", async () => {
    const namespace = await made("ro");
    expect((await patch("ro", { read_only: true })).json).toMatchObject({ read_only: true });
    const text = "💔 Writes not permitted. This namespace is read-only.";
    for (const body of [
      { upsert_rows: [{ id: 2, n: 2 }] },
      { deletes: [1] },
      { patch_rows: [{ id: 1, n: 2 }] },
      { delete_by_filter: ["n", "Eq", 1] },
      // Even where there is nothing to change.
      { delete_by_filter: ["n", "Eq", 99] },
      { patch_rows: [{ id: 99, n: 2 }] },
      { upsert_rows: [] },
    ]) {
      const { status, json } = await namespace.tryWrite(body);
      expect([status, json]).toEqual([400, { status: "error", error: text }]);
    }
    for (const attributes of [{ m: "string" }, { n: "int" }, {}]) {
      const schema = await send("POST", "/v1/namespaces/ro/schema", attributes);
      expect([schema.status, schema.json]).toEqual([400, { status: "error", error: text }]);
    }
    expect(await namespace.rows()).toEqual([{ id: 1, n: 1 }]);
  });

  it("false removes the key and lets writes in again", async () => {
    const namespace = await made("ro-off");
    await patch("ro-off", { read_only: true });
    expect((await patch("ro-off", { read_only: false })).json).not.toHaveProperty("read_only");
    await namespace.write({ upsert_rows: [{ id: 2, n: 2 }] });
  });

  it("changes neither time stamp", async () => {
    await made("ro-times");
    const before = await metadata("ro-times");
    await patch("ro-times", { read_only: true });
    const after = await metadata("ro-times");
    expect([after.updated_at, after.last_write_at]).toEqual([
      before.updated_at,
      before.last_write_at,
    ]);
  });

  it("of another type is 422", async () => {
    await made("ro-type");
    const { status, json } = await patch("ro-type", { read_only: "yes" });
    expect(status).toBe(422);
    expect(json.error).toContain("read_only");
  });
});

describe("pinning", () => {
  it.each([
    [true, { replicas: 1 }],
    [{ replicas: 3 }, { replicas: 3 }],
    [{}, { replicas: 1 }],
    [false, undefined],
    [null, undefined],
  ])("%j shows as %j", async (pinning, shown) => {
    await made("pin");
    await patch("pin", { pinning: { replicas: 2 } });
    expect((await patch("pin", { pinning })).json.pinning?.replicas).toBe(shown?.replicas);
  });

  it.each([
    ["yes", 422],
    [{ replicas: "2" }, 422],
    [{ replicas: 1.5 }, 422],
    [{ replicas: 0 }, 400],
    [{ replicas: 257 }, 400],
  ])("%j is refused", async (pinning, status) => {
    await made("pin-bad");
    expect((await patch("pin-bad", { pinning })).status).toBe(status);
  });
});

describe("a pinned namespace", () => {
  it("is warmed by its object's alarm, and shows when that was", async () => {
    const namespace = await made("pinned");
    const before = (await patch("pinned", { pinning: true })).json;
    expect(before.pinning).toEqual({ replicas: 1 });
    const startedMs = Date.now();
    await runDurableObjectAlarm(namespace.stub());
    const endMs = startedMs + 10_000;
    let { pinning } = await metadata("pinned");
    while (pinning?.status === undefined && Date.now() < endMs) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      pinning = (await metadata("pinned")).pinning;
    }
    expect(pinning).toMatchObject({ replicas: 1, status: { ready_replicas: 1, utilization: 0 } });
    const warmedMs = Date.parse(pinning?.status?.updated_at ?? "");
    expect(warmedMs).toBeGreaterThanOrEqual(startedMs - 1_000);
  });
});

describe("the request", () => {
  it("leaves as it is what it does not name, and returns the metadata of v1", async () => {
    await made("patch-none");
    await patch("patch-none", { read_only: true, pinning: true });
    const { status, json } = await patch("patch-none", {});
    expect(status).toBe(200);
    expect(json).toMatchObject({ read_only: true, pinning: { replicas: 1 } });
    expect(json.encryption).toEqual({ sse: true });
  });

  it("404s for a namespace that does not exist, and refuses what it does not know", async () => {
    expect((await patch("patch-missing", { read_only: true })).status).toBe(404);
    await made("patch-other");
    expect((await patch("patch-other", { colour: 1 })).status).toBe(400);
    expect((await patch("patch-other", [])).status).toBe(422);
  });

  it("of a schema alone moves updated_at and not last_write_at", async () => {
    await made("times");
    const before = await metadata("times");
    await new Promise((resolve) => setTimeout(resolve, 5));
    await send("POST", "/v1/namespaces/times/schema", { m: "string" });
    const after = await metadata("times");
    expect(after.updated_at > before.updated_at).toBe(true);
    expect(after.last_write_at).toBe(before.last_write_at);
  });
});
