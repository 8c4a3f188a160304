/**
 * The cache of a data centre at its worst: it forgets, it fails, it flips bits, and it may answer
 * with anything ever stored under the key.
 */
import type { EdgeCache } from "../../src/store/block-cache.ts";
import type { Process } from "./process.ts";
import type { World } from "./world.ts";

export class SimEdge {
  readonly #world: World;
  readonly #entries = new Map<string, Uint8Array[]>();

  constructor(world: World) {
    this.#world = world;
  }

  view(process: Process): EdgeCache {
    return {
      match: (key) => process.hears(this.#match(key)),
      put: (key, bytes) => process.hears(this.#put(key, bytes.slice())),
    };
  }

  async #match(key: string): Promise<Uint8Array | undefined> {
    const { faults, random } = this.#world;
    await this.#travel();
    const values = this.#entries.get(key);
    const newest = values?.at(-1);
    if (values === undefined || newest === undefined) return undefined;
    if (faults.strikes("edge-evicted")) {
      this.#entries.delete(key);
      return undefined;
    }
    const bytes = (faults.strikes("edge-stale") ? random.pick(values) : newest).slice();
    if (bytes.length > 0 && faults.strikes("edge-corrupt")) {
      const at = random.below(bytes.length);
      bytes[at] = (bytes[at] as number) ^ (1 << random.below(8));
    }
    return bytes;
  }

  async #put(key: string, bytes: Uint8Array): Promise<void> {
    await this.#travel();
    this.#entries.set(key, [...(this.#entries.get(key) ?? []), bytes].slice(-8));
  }

  async #travel(): Promise<void> {
    const { faults, random } = this.#world;
    await this.#world.pause(random.spread(0.2, 4), "edge");
    if (faults.strikes("edge-fails")) throw new Error("cache: internal error");
  }
}
