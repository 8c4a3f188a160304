/** Cold queries while a namespace is loaded: many small segments, none of them clustered. */
import { expect, test } from "vitest";
import type { Job } from "../src/namespace/protocol.ts";
import { simdKernels } from "./kernels/simd.ts";
import { SearchRig } from "./search-rig.ts";
import { SeededRandom } from "./seeded-random.ts";

const dims = 144;
const segments = 30;
const rows = 40;
const queries = 20;

test("a cold query leaves out nothing of flat segments, however many there are", async () => {
  const random = new SeededRandom(11);
  const newVector = () => Float32Array.from(random.bytes(dims), (byte) => byte / 256);
  const rig = new SearchRig({ dims, kernels: simdKernels });
  const { tenant, name } = rig;
  for (let from = 0; from < segments * rows; from += rows) {
    const attributes = { n: 0, name: "row", tags: null, note: "" };
    const ids = Array.from({ length: rows }, (_, i) => from + i);
    await rig.put(ids.map((id) => ({ id, vector: newVector(), attributes })));
    // Flushed, not merged.
    await rig.ask(rig.owner.requestFlush(tenant, name));
    await rig.work((await rig.ask(rig.owner.claim(tenant, name))) as Job);
  }
  expect((await rig.ask(rig.owner.status(tenant, name))).segments).toHaveLength(segments);
  let found = 0;
  for (let query = 0; query < queries; query++) {
    rig.newIsolate();
    found += await rig.recall(newVector(), 10);
  }
  expect(found / queries).toBeGreaterThan(0.9);
});
