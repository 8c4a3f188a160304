/** An edge cache in memory that counts, and that fails, forgets or lies when told to. */
import type { EdgeCache } from "../src/store/block-cache.ts";

export class MemoryEdge implements EdgeCache {
  readonly entries = new Map<string, Uint8Array>();
  matches = 0;
  puts = 0;
  /** `fails`: every call rejects. `forgets`: puts have no effect, as on hosts without a cache. */
  mode: "works" | "fails" | "forgets" = "works";

  async match(key: string): Promise<Uint8Array | undefined> {
    this.matches += 1;
    if (this.mode === "fails") throw new Error("cache: internal error");
    return this.entries.get(key)?.slice();
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    this.puts += 1;
    if (this.mode === "fails") throw new Error("cache: internal error");
    if (this.mode === "works") this.entries.set(key, bytes.slice());
  }
}
