/**
 * CPU of a warm search by itself: the engine's own `search`, called in this process over the bucket
 * that a server has left behind, without HTTP, JSON and the call of our object; as libraries are
 * measured that run in the process of whoever calls them. Kernels and memory are the Worker's.
 */
import { readFileSync } from "node:fs";
import { openManifest } from "../../src/format/manifest-codec.ts";
import { openRegistryEntry } from "../../src/format/registry.ts";
import { createWasmKernels } from "../../src/kernels/wasm.ts";
import { limits } from "../../src/limits.ts";
import { pinnedSnapshot } from "../../src/pinned.ts";
import type { Ports } from "../../src/ports.ts";
import { noAttributes, type Query } from "../../src/query/query.ts";
import { search } from "../../src/search.ts";
import { createSearchMemory, type SearchPorts } from "../../src/search-ports.ts";
import type { SnapshotTarget } from "../../src/snapshot.ts";
import { BlockCache } from "../../src/store/block-cache.ts";
import {
  generationRoot,
  manifestPrefix,
  registryKey,
  versionOfManifestKey,
} from "../../src/store/keys.ts";
import { MemoryBudget } from "../../src/store/memory-budget.ts";
import { systemClock } from "../../workers/platform/clock.ts";
import { sha256 } from "../../workers/platform/digest.ts";
import { systemRandom } from "../../workers/platform/random.ts";
import { openBucket } from "../bucket.ts";
import { median } from "../quantiles.ts";
import { namespace } from "./http-queries.ts";

export type SearchedQuery = Pick<Query, "rank" | "limit" | "filters">;

const tenant = "default";
const measuredRuns = 3;

/**
 * Milliseconds a query, for each side: its queries are asked twice, then in three runs of at least
 * `queriesMin`, of which the median counts. None of these goes on for longer than `secondsMax`.
 * `state`: folder of a server that has stopped, all of whose rows were indexed.
 */
export async function measureSearchCpu(
  state: string,
  sides: readonly (readonly SearchedQuery[])[],
  queriesMin: number,
  secondsMax: number,
): Promise<readonly number[]> {
  const bucket = await openBucket({ state, remote: false });
  try {
    const ports = openPorts(bucket.store);
    const target = await indexedTarget(ports);
    /** Asks so many; returns the CPU time of each. */
    const ask = async (side: readonly SearchedQuery[], count: number): Promise<number> => {
      const before = process.cpuUsage();
      const endMs = performance.now() + secondsMax * 1_000;
      let done = 0;
      for (; done < count && performance.now() < endMs; done++) {
        await search(ports, target, { ...(side[done % side.length] as SearchedQuery), ...asked });
      }
      const { user, system } = process.cpuUsage(before);
      return (user + system) / 1000 / done;
    };
    const figures: number[] = [];
    for (const side of sides) {
      for (let pass = 0; pass < 2; pass++) await ask(side, side.length);
      const runs: number[] = [];
      for (let run = 0; run < measuredRuns; run++) {
        runs.push(await ask(side, Math.max(queriesMin, side.length)));
      }
      figures.push(median(runs));
    }
    return figures;
  } finally {
    await bucket.close();
  }
}

const asked = {
  offset: 0,
  attributes: noAttributes,
  metric: undefined,
  consistency: "strong",
  disableCache: false,
} as const;

function openPorts(store: Ports["store"]): SearchPorts {
  const lentBytes = () => Math.min(limits.lentBytesMax, budget.freeBytes);
  const cache = new BlockCache({ lentBytes });
  const budget = new MemoryBudget(systemClock, { onChange: () => cache.fit() });
  const module = new WebAssembly.Module(
    readFileSync(new URL("../../src/kernels/kernels.wasm", import.meta.url)),
  );
  return {
    store,
    clock: systemClock,
    random: systemRandom,
    digest: sha256,
    log: { info: () => {}, warn: () => {}, error: () => {} },
    kernels: createWasmKernels(module),
    cache,
    budget,
    memory: createSearchMemory(),
    defer: () => {},
  };
}

/** The newest manifest's segments; nothing of the log, since all of it is in them. */
async function indexedTarget(ports: SearchPorts): Promise<SnapshotTarget> {
  const { store, digest } = ports;
  const bytesOf = async (key: string): Promise<Uint8Array> => {
    const object = await store.get(key);
    if (object === undefined) throw new Error(`${key} is missing`);
    return object.bytes;
  };
  const entry = await openRegistryEntry(await bytesOf(registryKey(tenant, namespace)), digest);
  const { generation } = entry;
  const root = generationRoot(tenant, generation);
  let newest = "";
  for (let more = true; more; ) {
    const page = await store.list(manifestPrefix(root), { after: newest });
    newest = page.objects.at(-1)?.key ?? newest;
    ({ more } = page);
  }
  const version = versionOfManifestKey(newest);
  if (version === undefined) throw new Error("nothing of the namespace was indexed");
  const manifest = await openManifest(await bytesOf(newest), { generation, version }, digest);
  const snapshot = await pinnedSnapshot(ports, tenant, {
    generation,
    version,
    next: manifest.floor,
  });
  const head = () => Promise.reject(new Error("the owner is not asked"));
  return { tenant, name: namespace, owner: { head }, snapshot };
}
