import { describe, expect, it } from "vitest";
import { MemoryStore } from "../../src/store/memory-store.ts";
import { testObjectStore } from "../conformance/object-store.ts";
import { FakeClock } from "../fake-clock.ts";
import { syncDigest } from "../sync-digest.ts";

const clock = new FakeClock();
const shared = new MemoryStore({ clock, digest: syncDigest });

testObjectStore("memory store", () => ({
  store: shared,
  digest: syncDigest,
  nowMs: () => clock.now(),
  sleep: (ms) => clock.advance(ms),
}));

describe("memory store", () => {
  it("takes the time of a put from its clock", async () => {
    const own = new FakeClock(5_000);
    const store = new MemoryStore({ clock: own, digest: syncDigest });
    await own.advance(250);
    await store.put("a", new Uint8Array(1), { kind: "create" });
    await own.advance(1_000);
    expect((await store.head("a"))?.uploadedMs).toBe(5_250);
    expect(store.size).toBe(1);
  });
});
