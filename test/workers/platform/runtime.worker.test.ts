/** Clock, random source, digest, log and the composed store, in the runtime they are made for. */
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { encodeHex } from "../../../src/bytes/hex.ts";
import { corrupt } from "../../../src/errors.ts";
import { systemClock } from "../../../workers/platform/clock.ts";
import { sha256 } from "../../../workers/platform/digest.ts";
import { createLog } from "../../../workers/platform/log.ts";
import { systemRandom } from "../../../workers/platform/random.ts";
import { openStore } from "../../../workers/platform/store.ts";
import { UsageMeter } from "../../../workers/platform/usage-meter.ts";

const { BUCKET } = env as { BUCKET: R2Bucket };

describe("platform ports", () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it("sleep about as long as asked", async () => {
    const before = systemClock.now();
    await systemClock.sleep(20);
    expect(systemClock.now() - before).toBeGreaterThanOrEqual(19);
  });

  it("give random bytes beyond the bound of one call", () => {
    const bytes = systemRandom.bytes(70_000);
    expect(bytes).toHaveLength(70_000);
    expect(new Set(bytes.subarray(69_000)).size).toBeGreaterThan(200);
    expect(systemRandom.bytes(16)).not.toEqual(systemRandom.bytes(16));
    expect(systemRandom.bytes(0)).toHaveLength(0);
  });

  it("digest with SHA-256", async () => {
    const digest = await sha256(new TextEncoder().encode("abc"));
    expect(encodeHex(digest)).toBe(
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    );
  });

  it("log one JSON object a line, with what JSON cannot hold made readable", () => {
    const lines: unknown[] = [];
    vi.spyOn(console, "warn").mockImplementation((line: string) => lines.push(JSON.parse(line)));
    createLog({ worker: "api" }).warn("odd", {
      count: 3n,
      nonce: new Uint8Array(16),
      error: corrupt("bad block"),
    });
    expect(lines).toMatchObject([
      {
        level: "warn",
        event: "odd",
        worker: "api",
        count: "3",
        nonce: "<16 bytes>",
        error: { kind: "corrupt", message: "bad block" },
      },
    ]);
  });

  it("open the bucket with or without added waiting", async () => {
    const meter = new UsageMeter();
    const plain = openStore(BUCKET, meter);
    await plain.put("a", new Uint8Array([1]), { kind: "create" });
    const slow = openStore(BUCKET, meter, "get=30/31");
    const before = Date.now();
    expect((await slow.get("a"))?.bytes).toEqual(new Uint8Array([1]));
    expect(Date.now() - before).toBeGreaterThanOrEqual(25);
    expect(() => openStore(BUCKET, meter, "get=fast")).toThrow(/latency/);
  });
});
