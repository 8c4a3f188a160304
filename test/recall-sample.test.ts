import { expect, test } from "vitest";
import { limits } from "../src/limits.ts";
import { RecallSampler } from "../src/recall-sample.ts";
import { FakeClock } from "./fake-clock.ts";
import { SearchRig } from "./search-rig.ts";
import { SeededRandom } from "./seeded-random.ts";

test("about one query in a hundred is compared", () => {
  const ports = { clock: new FakeClock(), random: new SeededRandom(1) };
  const sampler = new RecallSampler();
  let count = 0;
  for (let i = 0; i < 20_000; i++) count += sampler.wants(ports, `n${i}`, 1_000) ? 1 : 0;
  expect(count).toBeGreaterThan(140);
  expect(count).toBeLessThan(260);
});

test("no more than so many bytes a second are read for it, and what takes minutes never", async () => {
  const ports = { clock: new FakeClock(), random: { bytes: (n: number) => new Uint8Array(n) } };
  const sampler = new RecallSampler();
  const bytes = 10 * limits.recallBytesPerSecond;
  expect(sampler.wants(ports, "a", bytes)).toBe(true);
  expect(sampler.wants(ports, "a", bytes)).toBe(false);
  expect(sampler.wants(ports, "b", bytes)).toBe(true);
  await ports.clock.advance(9_999);
  expect(sampler.wants(ports, "a", bytes)).toBe(false);
  await ports.clock.advance(1);
  expect(sampler.wants(ports, "a", bytes)).toBe(true);
  expect(sampler.wants(ports, "c", 2 * limits.requestScanBytesMax)).toBe(true);
  expect(sampler.wants(ports, "d", 2 * 1024 ** 3 + 1)).toBe(false);
});

test("samples below the bound make the queries of every isolate look at more rows", async () => {
  const rig = new SearchRig({ dims: 8 });
  const { tenant, name, owner } = rig;
  const at = (id: number) => Float32Array.from({ length: 8 }, (_, d) => Math.sin(id * (d + 1)));
  await rig.put(Array.from({ length: 9_000 }, (_, id) => ({ id, vector: at(id), attributes: {} })));
  await rig.flush();
  const { generation } = await rig.ask(owner.describe(tenant, name));
  const body = { rank_by: ["vector", "ANN", [...at(3)]], limit: 10 };
  const probed = async (): Promise<number> => {
    rig.newIsolate();
    return (await rig.search(body)).performance.clustersProbed;
  };
  const usual = await probed();
  const sample = { recall: 0.5, probes: 1 };
  for (let i = 0; i < 32; i++) {
    expect(await rig.ask(owner.noteRecall(tenant, name, generation, sample))).toBe(true);
  }
  expect(await probed()).toBeGreaterThan(1.3 * usual);
  rig.restart();
  expect(await probed()).toBeGreaterThan(1.3 * usual);
  expect(await rig.ask(rig.owner.noteRecall(tenant, name, "other", sample))).toBe(false);
  // With the object's storage the history is lost, and nothing else.
  rig.storage.wipe();
  rig.restart();
  expect(await probed()).toBe(usual);
}, 20_000);
