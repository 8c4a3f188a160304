/** One isolate for tests of reading: three equal objects behind a cache, a budget and a reader. */
import { expect } from "vitest";
import { crc32c } from "../../src/bytes/crc32c.ts";
import type { Block } from "../../src/store/block.ts";
import { BlockCache } from "../../src/store/block-cache.ts";
import { BlockReader, type BlockReaderOptions } from "../../src/store/block-reader.ts";
import { CountingStore } from "../../src/store/counting-store.ts";
import { MemoryBudget } from "../../src/store/memory-budget.ts";
import { MemoryStore } from "../../src/store/memory-store.ts";
import type { ObjectStore } from "../../src/store/object-store.ts";
import { FakeClock } from "../fake-clock.ts";
import { FaultyStore } from "../faulty-store.ts";
import type { MemoryEdge } from "../memory-edge.ts";
import { syncDigest } from "../sync-digest.ts";
import { PausedStore } from "./paused-store.ts";

export const blockBytes = 1_000;
export const objectBytes = 100 * blockBytes;
export const object = Uint8Array.from({ length: objectBytes }, (_, i) => (i * 7) ^ (i >> 8));
export const keys = ["a", "b", "c"];

export const bytesAt = (index: number) =>
  object.slice(index * blockBytes, (index + 1) * blockBytes);

export function blockAt(index: number, key = "a"): Block {
  const sum = crc32c(bytesAt(index));
  return {
    key,
    offset: index * blockBytes,
    length: blockBytes,
    verify: (bytes) => crc32c(bytes) === sum,
  };
}

export const range = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => from + i);

interface Setting {
  readonly edge?: MemoryEdge;
  readonly cacheBytes?: number;
  readonly budgetBytes?: number;
}

export function openIsolate(setting: Setting = {}) {
  return open(setting, (store) => store);
}

/** Gets wait until the test lets them go on. */
export async function openPausedIsolate() {
  const { wrapped, ...isolate } = await open({}, (store) => new PausedStore(store));
  return { ...isolate, paused: wrapped };
}

/** Requests fail as the test says. */
export async function openFaultyIsolate() {
  const { wrapped, ...isolate } = await open({}, (store) => new FaultyStore(store));
  return { ...isolate, faults: wrapped };
}

async function open<T extends ObjectStore>(setting: Setting, wrap: (store: ObjectStore) => T) {
  const clock = new FakeClock();
  const memory = new MemoryStore({ clock, digest: syncDigest });
  for (const key of keys) await memory.put(key, object, { kind: "create" });
  const wrapped = wrap(memory);
  const store = new CountingStore(wrapped);
  const cache = new BlockCache({
    ...(setting.edge === undefined ? {} : { edge: setting.edge }),
    ...(setting.cacheBytes === undefined ? {} : { bytesMax: setting.cacheBytes }),
  });
  const budget = new MemoryBudget(clock, { bytesMax: setting.budgetBytes ?? 10_000_000 });
  const deferred: Promise<void>[] = [];
  const defer = (work: Promise<void>) => {
    deferred.push(work);
  };
  const reader = (options?: BlockReaderOptions) =>
    new BlockReader({ store, clock, cache, budget, defer }, options);
  return { clock, wrapped, store, cache, budget, deferred, reader };
}

/** Reads blocks and checks what is delivered; returns their positions in order of arrival. */
export async function readAll(
  reader: BlockReader,
  blocks: readonly Block[],
  bounds: { readonly readsMax?: number; readonly gapBytes?: number } = {},
): Promise<number[]> {
  const arrived: number[] = [];
  await reader.readRound(blocks, {
    readsMax: 6,
    gapBytes: 0,
    ...bounds,
    onBlock: (index, bytes) => {
      const { offset, length } = blocks[index] as Block;
      expect(bytes).toEqual(object.slice(offset, offset + length));
      expect([bytes.byteOffset, bytes.buffer.byteLength]).toEqual([0, length]);
      arrived.push(index);
    },
  });
  expect(arrived.toSorted((a, b) => a - b)).toEqual(range(0, blocks.length));
  return arrived;
}
