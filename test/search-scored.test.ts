/** Ranking by vectors that have no index: other columns, and sparse ones. */
import { describe, expect, test } from "vitest";
import { createPrng } from "../src/index/vector/prng.ts";
import { limits } from "../src/limits.ts";
import { write } from "../src/write.ts";
import { buildWrite } from "../workers/api/write-batch.ts";
import { parseWriteRequest } from "../workers/api/write-request.ts";
import { distance } from "./oracle/brute-force.ts";
import { SearchRig } from "./search-rig.ts";

interface Row {
  readonly id: number;
  readonly v: readonly number[];
  readonly w: readonly number[];
  readonly s: Readonly<Record<string, number>> | null;
  readonly n: number;
}

const schema = {
  v: { type: "[2]f32", ann: true },
  w: { type: "[3]f16", ann: true },
  s: { type: "{}f16", sparse_knn: { distance_metric: "dot_product" } },
  n: "int",
};

/** Values that f16 holds exactly. */
function makeRows(count: number, seed: number): Row[] {
  const prng = createPrng({ low: seed, high: 1 });
  const value = () => prng.below(64) / 8 - 4;
  const tokens = ["fish", "school", "coral", "tide", "net"];
  return Array.from({ length: count }, (_, id) => {
    const chosen = tokens.filter(() => prng.below(10) < 4);
    const s = Object.fromEntries(chosen.map((token) => [token, (1 + prng.below(16)) / 8]));
    return {
      id,
      v: [value(), value()],
      w: [value(), value(), value()],
      s: id % 7 === 0 ? null : s,
      n: id % 10,
    };
  });
}

async function put(rig: SearchRig, rows: readonly Row[], deletes: readonly number[] = []) {
  const request = parseWriteRequest({
    upsert_rows: rows,
    deletes,
    schema,
    distance_metric: "euclidean_squared",
  });
  const build = (known: Parameters<typeof buildWrite>[1]) => buildWrite(request, known);
  await rig.clock.run(write(rig.ports(), rig.writeTarget, build, { disableBackpressure: false }));
}

type Ranked = readonly (readonly [number, number])[];

function best(rows: readonly Row[], score: (row: Row) => number | undefined, sign: 1 | -1): Ranked {
  return rows
    .flatMap((row) => {
      const value = score(row);
      return value === undefined ? [] : [[row.id, value] as const];
    })
    .sort(([a, x], [b, y]) => sign * (x - y) || a - b)
    .slice(0, 12);
}

async function ask(rig: SearchRig, rank_by: unknown, filters?: unknown): Promise<Ranked> {
  const body = { rank_by, limit: 12, ...(filters === undefined ? {} : { filters }) };
  const { rows } = await rig.search(body);
  return rows.map((row) => [Number(row.id), row.distance ?? Number.NaN]);
}

describe("every document that matches is scored", () => {
  const before = makeRows(400, 1);
  const after = makeRows(150, 2);
  const deleted = [300, 301, 302];
  const living = new Map([...before, ...after].map((row) => [row.id, row]));
  for (const id of deleted) living.delete(id);
  const rows = [...living.values()];
  const query = [1.5, -0.25, 3];
  const weights = { fish: 2, tide: 0.5, unknown: 9 };
  const far = ({ w }: Row): number =>
    distance("euclidean_squared", Float32Array.from(query), Float32Array.from(w));
  const product = ({ s }: Row): number | undefined => {
    const sum = (s?.["fish"] ?? 0) * 2 + (s?.["tide"] ?? 0) * 0.5;
    return sum === 0 ? undefined : sum;
  };
  const few = rows.filter(({ n }) => n === 3);

  test("by a second vector column and by a sparse one, wherever the documents lie", async () => {
    const rig = new SearchRig();
    await put(rig, before);
    for (const step of ["tail", "half", "segments"]) {
      if (step !== "tail") await rig.flush();
      if (step === "half") await put(rig, after, deleted);
      if (step === "tail") await put(rig, after, deleted);
      rig.newIsolate();
      expect(await ask(rig, ["w", "ANN", query]), step).toEqual(best(rows, far, 1));
      expect(await ask(rig, ["w", "kNN", query], ["n", "Eq", 3])).toEqual(best(few, far, 1));
      expect(await ask(rig, ["s", "SparseKNN", weights]), step).toEqual(best(rows, product, -1));
      const filtered = await ask(rig, ["s", "SparseKNN", weights], ["n", "Eq", 3]);
      expect(filtered).toEqual(best(few, product, -1));
    }
  });

  test("in one round beside the roots, and reads only documents that may match", async () => {
    const rig = new SearchRig();
    await put(rig, rows);
    await rig.flush();
    const all = await rig.search({ rank_by: ["s", "SparseKNN", weights], limit: 5 });
    expect(all.performance.rounds).toBeLessThanOrEqual(2);
    rig.newIsolate();
    const none = await rig.search({
      rank_by: ["s", "SparseKNN", weights],
      limit: 5,
      filters: ["n", "Eq", 77],
    });
    expect(none.rows).toEqual([]);
    expect(none.performance.exact).toBe(0);
  });
});

describe("what cannot be ranked is refused", () => {
  test.each([
    [["s", "ANN", [1]], '"s" is not a vector, cannot be ranked by distance'],
    [["v", "SparseKNN", { a: 1 }], '"v" is not a sparse vector'],
    [["other", "SparseKNN", { a: 1 }], '"other" not found in schema'],
    [["w", "ANN", [1, 2]], "2 dimensions"],
  ])("%j", async (rank_by, message) => {
    const rig = new SearchRig();
    await put(rig, makeRows(3, 4));
    await expect(rig.search({ rank_by, limit: 1 })).rejects.toThrow(message);
  });

  test("weights that are none, and too many of them", async () => {
    const rig = new SearchRig();
    await put(rig, makeRows(3, 4));
    const rank = (weights: unknown) =>
      rig.search({ rank_by: ["s", "SparseKNN", weights], limit: 1 });
    await expect(async () => await rank({ a: "b" })).rejects.toThrow("RankInput");
    await expect(async () => await rank([1])).rejects.toThrow("RankInput");
    await expect(async () => await rank({ a: 1e300 })).rejects.toThrow("finite 32-bit floats");
    const many = Array.from({ length: limits.sparseEntriesMax + 1 }, (_, i) => [`t${i}`, 1]);
    await expect(async () => await rank(Object.fromEntries(many))).rejects.toThrow("1024 entries");
  });
});
