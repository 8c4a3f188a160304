/**
 * Rows that the tail has touched stand where a query looks first: what it wants is then looked for
 * where less was promised, by codes of one bit and without.
 */
import { expect, test } from "vitest";
import { simdKernels } from "./kernels/simd.ts";
import type { OracleDocument } from "./oracle/brute-force.ts";
import { SearchRig } from "./search-rig.ts";
import { SeededRandom } from "./seeded-random.ts";
import { withBounds } from "./sim/sizes.ts";

const rows = 9_000;
const near = 400;
const wanted = 30;

test.each([8, 136])(
  "what the tail hides is made up for by what is farther (%i-d)",
  async (dims) => {
    const random = new SeededRandom(dims);
    const documentAt = (id: number, name: string): OracleDocument => {
      // A cloud around the query, and others that are ever farther away.
      const cloud = id < near ? 0 : 10 + (id % 40);
      const bytes = random.bytes(dims);
      const vector = Float32Array.from(bytes, (byte, d) => cloud * ((d % 3) + 1) + byte / 256);
      return { id, vector, attributes: { n: id, name, tags: null, note: "" } };
    };
    const rig = new SearchRig({ dims, kernels: simdKernels });
    const nameOf = (id: number): string => (id < near || id % 10 === 0 ? "asked for" : "other");
    await rig.put(Array.from({ length: rows }, (_, id) => documentAt(id, nameOf(id))));
    await rig.flush();
    const hidden = Array.from({ length: near - 2 }, (_, id) => documentAt(id, "other"));
    await rig.put(hidden);
    const body = {
      rank_by: ["vector", "ANN", Array<number>(dims).fill(0)],
      filters: ["name", "Eq", "asked for"],
      limit: wanted,
    };
    const { rows: found, performance } = await rig.search(body);
    expect(performance.clustersProbed).toBeGreaterThan(0);
    expect(performance.masked).toBeGreaterThan(wanted);
    expect(found).toHaveLength(wanted);
    expect(found.slice(0, 2).map(({ id }) => id)).toEqual(expect.arrayContaining([398, 399]));
    for (const { id } of found)
      expect(rig.oracle.documents.get(id)?.attributes.name).toBe("asked for");
  },
);

test("rows that lie in more segments than there are reads are found all the same", async () => {
  const manySegments = { segmentsTarget: 60, mergeFanIn: 60 };
  await withBounds(manySegments, async () => {
    const dims = 136;
    const segments = 50;
    // More than the reads that a round of refining may make for them.
    const all = 45;
    const random = new SeededRandom(5);
    const rig = new SearchRig({ dims, kernels: simdKernels });
    for (let id = 0; id < segments; id++) {
      const vector = Float32Array.from(random.bytes(dims), (byte) => id + byte / 256);
      await rig.put([{ id, vector, attributes: { n: id, name: "", tags: null, note: "" } }]);
      await rig.flush();
    }
    const rank = ["vector", "ANN", Array<number>(dims).fill(0)];
    const { rows: found, performance } = await rig.search({ rank_by: rank, limit: all });
    expect(performance.rounds).toBe(4);
    expect(found.map(({ id }) => id)).toEqual(Array.from({ length: all }, (_, id) => id));
  });
});
