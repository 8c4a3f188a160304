/** Cold queries while a namespace is loaded: many small segments, none of them clustered. */
import { expect, test } from "vitest";
import type { Job } from "../src/namespace/protocol.ts";
import { simdKernels } from "./kernels/simd.ts";
import { SearchRig } from "./search-rig.ts";
import { SeededRandom } from "./seeded-random.ts";

const dims = 144;
const segments = 30;
const rows = 40;

test("a cold query leaves out nothing of flat segments, however many there are", async () => {
  const random = new SeededRandom(11);
  const newVector = () => Float32Array.from(random.bytes(dims), (byte) => byte / 256);
  const vectors = Array.from({ length: segments * rows }, newVector);
  const rig = new SearchRig({ dims, kernels: simdKernels });
  const { tenant, name } = rig;
  for (let from = 0; from < vectors.length; from += rows) {
    const added = vectors.slice(from, from + rows);
    const attributes = { n: 0, name: "row", tags: null, note: "" };
    await rig.put(added.map((vector, i) => ({ id: from + i, vector, attributes })));
    await rig.ask(rig.owner.requestFlush(tenant, name));
    await rig.work((await rig.ask(rig.owner.claim(tenant, name))) as Job);
  }
  expect((await rig.ask(rig.owner.status(tenant, name))).segments).toHaveLength(segments);
  const queries = Array.from({ length: 20 }, newVector);
  let found = 0;
  for (const query of queries) {
    const distances = vectors.map((vector) =>
      vector.reduce((sum, x, d) => sum + (x - (query[d] as number)) ** 2, 0),
    );
    const order = [...distances.keys()].sort(
      (a, b) => (distances[a] as number) - (distances[b] as number),
    );
    const nearest = new Set(order.slice(0, 10));
    const rank_by = ["vector", "ANN", [...query]];
    const answer = await rig.search({ rank_by, limit: 10, disable_cache: true });
    found += answer.rows.filter(({ id }) => nearest.has(Number(id))).length;
  }
  expect(found / (10 * queries.length)).toBeGreaterThan(0.9);
});
