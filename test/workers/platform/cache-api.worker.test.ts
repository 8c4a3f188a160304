import { describe, expect, it } from "vitest";
import { CacheApi } from "../../../workers/platform/cache-api.ts";

const cache = new CacheApi(caches);
const key = "t/acme/n/0123/segment/a-1/0000#16384+5";

describe("cache API as edge tier", () => {
  it("gives back what was put, under keys with any characters", async () => {
    await cache.put(key, new Uint8Array([1, 2, 3, 4, 5]));
    expect(await cache.match(key)).toEqual(new Uint8Array([1, 2, 3, 4, 5]));
    expect(await cache.match(`${key}0`)).toBeUndefined();
    expect(await cache.match(key.replace("#", "?"))).toBeUndefined();
  });

  it("stores the view, not the buffer behind it", async () => {
    await cache.put("view", new Uint8Array([1, 2, 3, 4, 5]).subarray(1, 3));
    expect(await cache.match("view")).toEqual(new Uint8Array([2, 3]));
  });

  it("replaces an entry by a later put", async () => {
    await cache.put("twice", new Uint8Array([1]));
    await cache.put("twice", new Uint8Array([2]));
    expect(await cache.match("twice")).toEqual(new Uint8Array([2]));
  });

  it("keeps apart from what others cache under the same address", async () => {
    await cache.put("own", new Uint8Array([1]));
    expect(await caches.default.match("https://blocks.shoal.invalid/own")).toBeUndefined();
  });
});
