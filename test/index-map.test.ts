/** The picture of the index against what a search really reads. */
import { expect, test } from "vitest";
import { mapIndex } from "../src/index-map.ts";
import { takeSnapshot } from "../src/snapshot.ts";
import { SearchRig } from "./search-rig.ts";

const dims = 8;
const at = (id: number): Float32Array =>
  Float32Array.from({ length: dims }, (_, d) => Math.sin(id * (d + 1)));

async function mapOf(rig: SearchRig, vector?: Float32Array) {
  const { isolate: ports } = rig;
  const target = { tenant: rig.tenant, name: rig.name, owner: rig.owner };
  const { snapshots } = ports.memory;
  const asked = vector && { column: "vector", values: vector, topK: 10 };
  return await rig.clock.run(
    takeSnapshot(ports, snapshots, target, "strong", undefined).then((snapshot) =>
      mapIndex(ports, snapshot, asked),
    ),
  );
}

test("every cluster is shown, and those that a search reads are marked", async () => {
  const rig = new SearchRig({ dims });
  await rig.put(Array.from({ length: 9_000 }, (_, id) => ({ id, vector: at(id), attributes: {} })));
  await rig.flush();
  const { clusters, clustersTotal, share, query } = await mapOf(rig, at(3));
  expect(clusters.length).toBe(clustersTotal);
  expect(clusters.reduce((sum, { rows }) => sum + rows, 0)).toBe(9_000);
  expect(share).toBeGreaterThan(0.2);
  expect(query).toBeDefined();
  const probed = clusters.filter((each) => each.probed);
  const { performance } = await rig.search({ rank_by: ["vector", "ANN", [...at(3)]], limit: 10 });
  expect(probed.length).toBe(performance.clustersProbed);
  expect(probed.length).toBeLessThan(clusters.length);

  expect((await mapOf(rig)).clusters.some((each) => each.probed)).toBe(false);
  await expect(mapOf(rig, new Float32Array(3))).rejects.toThrow("8 dimensions, not 3");
}, 20_000);

test("a small segment has one place, and nothing is shown where nothing is indexed", async () => {
  const rig = new SearchRig({ dims });
  await rig.put([{ id: 1, vector: at(1), attributes: {} }]);
  expect(await mapOf(rig)).toEqual({
    clusters: [],
    clustersTotal: 0,
    share: 1,
    query: undefined,
  });
  await rig.flush();
  const { clusters } = await mapOf(rig, at(2));
  expect(clusters).toMatchObject([{ rows: 1, x: 0, y: 0, probed: true }]);
});
