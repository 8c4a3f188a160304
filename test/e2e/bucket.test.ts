/** Commands look into the bucket of a local server, also while it runs. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openBucket } from "../../scripts/bucket.ts";
import { type Shoal, spawnShoal } from "../../scripts/miniflare.ts";
import { isEngineError } from "../../src/errors.ts";

const stateDir = mkdtempSync(join(tmpdir(), "shoal-bucket-test-"));
let server: Shoal | undefined;

beforeAll(async () => {
  server = await spawnShoal({ stateDir, apiKey: "bucket-key" });
});

afterAll(async () => {
  await server?.stop();
  rmSync(stateDir, { recursive: true, force: true });
});

async function write(id: number): Promise<number> {
  const response = await fetch(`${server?.directUrl}/v2/namespaces/seen`, {
    method: "POST",
    headers: { authorization: "Bearer bucket-key" },
    body: JSON.stringify({ upsert_rows: [{ id, text: "hello" }] }),
  });
  await response.arrayBuffer();
  return response.status;
}

it("what a running server stores is seen by another process at once", async () => {
  expect(await write(1)).toBe(200);
  const bucket = await openBucket({ state: stateDir, remote: false });
  try {
    const keys = async (): Promise<readonly string[]> =>
      (await bucket.store.list("t/default/n/")).objects.map(({ key }) => key);
    expect((await keys()).filter((key) => key.includes("/wal/"))).toHaveLength(1);
    for (let id = 2; id <= 8; id++) {
      // Both look at the same index in turn, and neither is in the other's way.
      const [status] = await Promise.all([write(id), keys()]);
      expect(status).toBe(200);
    }
    const entries = (await keys()).filter((key) => key.includes("/wal/"));
    expect(entries).toHaveLength(8);
    const last = await bucket.store.get(entries[7] as string, { offset: 0, length: 8 });
    expect(new TextDecoder().decode(last?.bytes)).toBe("SHOALWAL");
  } finally {
    await bucket.close();
  }
  expect(await write(9)).toBe(200);
});

it("a bucket opened for reading is not written to", async () => {
  const bucket = await openBucket({ state: stateDir, remote: false });
  try {
    const put = bucket.store.put("x", new Uint8Array(1), { kind: "create" });
    const refused = await put.catch((error: unknown) => error);
    expect(isEngineError(refused, "invalid")).toBe(true);
    expect(await bucket.store.head("x")).toBeUndefined();
  } finally {
    await bucket.close();
  }
});

it("a folder without a bucket is refused and not made", async () => {
  const state = join(stateDir, "nothing");
  await expect(openBucket({ state, remote: false })).rejects.toThrow("There is no bucket in");
  expect(existsSync(state)).toBe(false);
});
