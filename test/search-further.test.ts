/**
 * Ranking by vector columns beside the first, whose rows have planes and clusters of their own,
 * compared with brute force.
 */
import { describe, expect, test } from "vitest";
import { DatasetError, openDataset } from "../scripts/datasets.ts";
import type { DocumentId, IdKind } from "../src/document/id.ts";
import type { DistanceMetric, VectorElement } from "../src/document/schema.ts";
import { packVector, unpackVector } from "../src/format/packed-value.ts";
import { allocateVectors, narrowVector } from "../src/format/vector-element.ts";
import { createPrng } from "../src/index/vector/prng.ts";
import { takeSnapshot } from "../src/snapshot.ts";
import { warm } from "../src/warm.ts";
import { drawDataSet } from "./budget/data-set.ts";
import { simdKernels } from "./kernels/simd.ts";
import type { OracleDocument, OracleFilter } from "./oracle/brute-force.ts";
import { SearchRig } from "./search-rig.ts";
import { withBounds } from "./sim/sizes.ts";

const [sideDims, lastDims] = [136, 20];
const rows = 900;
const queries = 24;
/** So few rows are clustered all the same. */
const bounds = { clusteredRowsMin: 250, clusterRowsTarget: 24 };

interface Shape {
  readonly idKind: IdKind;
  readonly metric: DistanceMetric;
  readonly element: VectorElement;
}

function toByte(x: number): number {
  return Math.max(-128, Math.min(127, Math.round(4 * x)));
}

class FurtherRig extends SearchRig {
  readonly element: VectorElement;
  readonly sides = drawDataSet({ dims: sideDims, count: rows, queries }, 3);
  readonly lasts = drawDataSet({ dims: lastDims, count: rows, queries }, 4);
  readonly #prng = createPrng({ low: 5, high: 5 });

  /** `alike`: the first column has the vectors of the second. */
  constructor({ idKind, metric, element }: Shape, alike = false) {
    super({
      idKind,
      metric,
      dims: alike ? sideDims : 4,
      kernels: simdKernels,
      more: [
        ["side", { type: `[${sideDims}]${element}`, filterable: false, ann: true }],
        ["last", { type: `[${lastDims}]f32`, filterable: false, ann: true }],
      ],
    });
    this.element = element;
  }

  idOf(row: number): DocumentId {
    return this.options.idKind === "uint" ? row : `doc ${row}`;
  }

  /** A document of a row of the data; `of` says whose vectors it has. */
  document(row: number, of = row): OracleDocument {
    const own = this.sides.rows.slice(of * sideDims, (of + 1) * sideDims);
    const apart = Float32Array.from({ length: 4 }, () => this.#prng.below(100));
    const vector = this.options.dims === sideDims ? own : apart;
    const side = this.narrow(own);
    const last = this.lasts.rows.slice(of * lastDims, (of + 1) * lastDims);
    const attributes = { n: row % 10, side: packVector(side), last: packVector(last) };
    return { id: this.idOf(row), vector, attributes };
  }

  narrow(values: Float32Array) {
    const scaled = this.element === "i8" ? values.map(toByte) : values;
    const into = allocateVectors(this.element, values.length);
    expect(narrowVector(scaled, into, 0)).toBe(-1);
    return into;
  }

  /** Three flushes, all merged, another with replaced rows, and a tail; some are deleted. */
  async fillAll(): Promise<void> {
    const third = rows / 3;
    for (let part = 0; part < 3; part++) {
      await this.put(Array.from({ length: third }, (_, i) => this.document(3 * i + part)));
      await this.flush();
    }
    const some = (step: number, from: number) =>
      Array.from({ length: Math.floor((rows - from) / step) }, (_, i) =>
        this.document(i * step + from, (i * step + from + 7) % rows),
      );
    await this.put(some(17, 0), [this.idOf(5), this.idOf(600)]);
    await this.flush();
    await this.put(some(41, 3), [this.idOf(8), this.idOf(801)]);
  }

  queryOf(column: "side" | "last", at: number): Float32Array {
    const { queries: all, dims } = column === "side" ? this.sides : this.lasts;
    return all.slice(at * dims, (at + 1) * dims).map((x) => (this.element === "i8" ? 4 * x : x));
  }

  nearest(column: "side" | "last", query: Float32Array, filter: OracleFilter | undefined) {
    const element = column === "side" ? this.element : "f32";
    return this.oracle.nearest(this.options.metric, query, filter, ({ attributes }) =>
      unpackVector(attributes[column] as Uint8Array, query.length, element),
    );
  }

  /** The share of the best ten that is found; what is found is as it must be. */
  async shareFound(column: "side" | "last", filter: OracleFilter | undefined): Promise<number> {
    let found = 0;
    for (let at = 0; at < queries; at++) {
      const query = this.queryOf(column, at);
      const all = this.nearest(column, query, filter);
      const ask = { limit: 10, filters: filter, include_attributes: ["n"] };
      const near = await this.search({ ...ask, rank_by: [column, "ANN", [...query]] });
      const byId = new Map(all.map((hit) => [hit.id, hit]));
      for (const { id, distance, attributes } of near.rows) {
        expect(distance).toBe(byId.get(id)?.distance);
        expect(attributes).toEqual([{ name: "n", value: byId.get(id)?.document.attributes["n"] }]);
      }
      expect(near.rows.length).toBe(Math.min(10, all.length));
      const best = new Set(all.slice(0, 10).map(({ id }) => id));
      found += near.rows.filter(({ id }) => best.has(id)).length / best.size;
      const exact = await this.search({
        ...ask,
        filters: filter ?? ["n", "Gte", 0],
        rank_by: [column, "kNN", [...query]],
      });
      expect(exact.rows.map(({ id, distance }) => [id, distance])).toEqual(
        all.slice(0, 10).map(({ id, distance }) => [id, distance]),
      );
    }
    return found / queries;
  }
}

describe.each([
  { idKind: "uint", metric: "euclidean_squared", element: "f32" },
  { idKind: "string", metric: "cosine_distance", element: "f16" },
  { idKind: "uint", metric: "cosine_distance", element: "i8" },
] as const)("three vector columns, $element, $metric, $idKind ids", (shape) => {
  test("rows are found by the second and third, and never one that is not there", async () => {
    await withBounds(bounds, async () => {
      const rig = new FurtherRig(shape);
      await rig.fillAll();
      for (const column of ["side", "last"] as const) {
        // The nearest ten are in more clusters of 24 rows than in those of the usual size.
        expect(await rig.shareFound(column, undefined)).toBeGreaterThan(0.95);
        expect(await rig.shareFound(column, ["n", "In", [2, 7]])).toBeGreaterThan(0.85);
        const none = { rank_by: [column, "ANN", [...rig.queryOf(column, 0)]], limit: 5 };
        expect((await rig.search({ ...none, filters: ["n", "Eq", 99] })).rows).toEqual([]);
      }
    });
  });
});

test("the same vectors in the first and second column are found alike, at the same cost", async () => {
  await withBounds(bounds, async () => {
    const shape = { idKind: "uint", metric: "cosine_distance", element: "f32" } as const;
    const rig = new FurtherRig(shape, true);
    await rig.fillAll();
    for (let at = 0; at < queries; at++) {
      const filters = [undefined, ["n", "In", [2, 7]]][at % 2];
      const ask = (column: string) => {
        const rank_by = [column, "ANN", [...rig.queryOf("side", at)]];
        return rig.search({ rank_by, limit: 10, filters });
      };
      const [first, second] = [await ask("vector"), await ask("side")];
      expect(second.rows).toEqual(first.rows);
      const { candidates, refined, exact, masked, clustersProbed } = first.performance;
      expect(clustersProbed).toBeGreaterThan(0);
      expect(second.performance).toMatchObject({
        candidates,
        refined,
        exact,
        masked,
        clustersProbed,
      });
    }
  });
});

test("after warming, a second column is searched by the plane that memory has", async () => {
  await withBounds(bounds, async () => {
    const rig = new FurtherRig({ idKind: "uint", metric: "cosine_distance", element: "f32" });
    await rig.fillAll();
    const scanned = async () => {
      const rank_by = ["side", "ANN", [...rig.queryOf("side", 0)]];
      return (await rig.search({ rank_by, limit: 10 })).performance.candidates;
    };
    rig.newIsolate();
    expect(await scanned()).toBe(0);
    rig.newIsolate();
    const { memory } = rig.isolate;
    const taken = takeSnapshot(rig.isolate, memory.snapshots, rig.target, "strong", undefined);
    await rig.clock.run(warm(rig.isolate, await rig.clock.run(taken)));
    expect(await scanned()).toBeGreaterThan(0);
  });
});

/** Embeddings of texts if they are there, else made up. */
function embeddings() {
  try {
    const { base, queries: asked } = openDataset("bge-dev-768");
    return { count: base.rows, rows: base.slice(0, base.rows), queries: asked.slice(0, 30) };
  } catch (error) {
    if (!(error instanceof DatasetError)) throw error;
    return drawDataSet({ dims: 768, count: 4_700, queries: 30 }, 6);
  }
}

test("halves of embeddings are found as two columns", async () => {
  await withBounds({ clusteredRowsMin: 1_500 }, async () => {
    const { count, rows: base, queries: asked } = embeddings();
    const side = { type: "[384]f16", filterable: false, ann: true } as const;
    const rig = new SearchRig({
      dims: 384,
      metric: "cosine_distance",
      kernels: simdKernels,
      more: [["side", side]],
    });
    const half = (from: Float32Array, row: number, second: boolean) =>
      from.slice(row * 768 + (second ? 384 : 0), row * 768 + (second ? 768 : 384));
    const document = (id: number): OracleDocument => {
      const stored = allocateVectors("f16", 384);
      narrowVector(half(base, id, true), stored, 0);
      const attributes = { n: id % 7, side: packVector(stored) };
      return { id, vector: half(base, id, false), attributes };
    };
    for (let from = 0; from < count; from += 1_200) {
      const ids = Array.from({ length: Math.min(1_200, count - from) }, (_, i) => from + i);
      await rig.put(ids.map(document));
      if (from % 2_400 > 0) await rig.flush();
    }
    const vectorOf = ({ attributes }: OracleDocument) =>
      unpackVector(attributes["side"] as Uint8Array, 384, "f16");
    for (const filters of [undefined, ["n", "In", [1, 4]]] as const) {
      const recall = { vector: 0, side: 0 };
      for (let at = 0; at < 30; at++) {
        for (const column of ["vector", "side"] as const) {
          const query = half(asked, at, column === "side");
          const of = column === "side" ? vectorOf : undefined;
          const best = rig.oracle.nearest("cosine_distance", query, filters, of).slice(0, 10);
          const rank_by = [column, "ANN", [...query]];
          const { rows: found } = await rig.search({ rank_by, limit: 10, filters });
          const ids = new Set(best.map(({ id }) => id));
          recall[column] += found.filter(({ id }) => ids.has(id)).length / 300;
        }
      }
      expect(recall.vector).toBeGreaterThan(0.95);
      expect(recall.side).toBeGreaterThan(0.95);
    }
  });
}, 60_000);
