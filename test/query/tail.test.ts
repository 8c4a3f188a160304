import fc from "fast-check";
import { expect, test } from "vitest";
import type { Batch } from "../../src/document/batch.ts";
import type { DocumentId } from "../../src/document/id.ts";
import { scalarKernels } from "../../src/kernels/scalar.ts";
import { prepareDistance } from "../../src/query/distance.ts";
import { filterRows, rankRows, TailFold, type TailPlace, tailChunk } from "../../src/query/tail.ts";
import { TopK } from "../../src/query/top-k.ts";
import { BruteForce } from "../oracle/brute-force.ts";

interface Write {
  readonly upserts: readonly {
    readonly id: number;
    readonly x: number;
    readonly n: number | null;
  }[];
  readonly deletes: readonly number[];
}

test("the newest operation on an id counts, in whatever chunks it came", () => {
  fc.assert(
    fc.property(
      fc.array(anyWrite(), { maxLength: 8 }),
      fc.integer({ min: 1, max: 8 }),
      (writes, k) => {
        const oracle = new BruteForce();
        for (const write of writes) apply(write, oracle);
        const query = Float32Array.of(1, 0.5);
        const fold = new TailFold();
        const best = new TopK<TailPlace>(k);
        const filter = { kind: "compare", attribute: "n", op: "Gte", value: 1 } as const;
        for (const [i, write] of [...writes.entries()].reverse()) {
          const chunk = tailChunk(String(i), toBatch(write), 0);
          const rows = filterRows(chunk.batch, fold.add(chunk.batch), filter);
          rankRows(prepareDistance("euclidean_squared", query), chunk, rows, scalarKernels, best);
        }
        expect(fold.documents).toBe(oracle.documents.size);
        const touched = new Set<DocumentId>(
          writes.flatMap(({ upserts, deletes }) => [...upserts.map(({ id }) => id), ...deletes]),
        );
        expect(fold.touched).toEqual(touched);
        const expected = oracle.nearest("euclidean_squared", query, ["n", "Gte", 1]).slice(0, k);
        expect(best.sorted().map(({ id, distance }) => ({ id, distance }))).toEqual(
          expected.map(({ id, distance }) => ({ id, distance })),
        );
      },
    ),
    { numRuns: 300 },
  );
});

test("a place names the chunk and the row of its document", () => {
  const chunk = tailChunk("7/0", toBatch({ upserts: [doc(5, 3), doc(6, 1)], deletes: [] }), 0);
  const best = new TopK<TailPlace>(1);
  const query = prepareDistance("euclidean_squared", Float32Array.of(1, 0));
  rankRows(query, chunk, Uint32Array.of(0, 1), scalarKernels, best);
  expect(best.sorted()).toEqual([{ distance: 0, id: 6, value: { chunk: "7/0", row: 1 } }]);
});

test("an attribute that no row of the chunk has is absent from all", () => {
  const batch = { ...toBatch({ upserts: [doc(1, 1), doc(2, 2)], deletes: [] }), attributes: [] };
  const filter = { kind: "compare", attribute: "n", op: "Eq", value: null } as const;
  expect(filterRows(batch, Uint32Array.of(0, 1), filter)).toEqual(Uint32Array.of(0, 1));
});

function doc(id: number, x: number): Write["upserts"][number] {
  return { id, x, n: null };
}

function apply({ upserts, deletes }: Write, oracle: BruteForce): void {
  for (const { id, x, n } of upserts) {
    oracle.upsert({ id, vector: Float32Array.of(x, 0), attributes: { n } });
  }
  for (const id of deletes) oracle.delete(id);
}

function toBatch({ upserts, deletes }: Write): Batch {
  return {
    idKind: "uint",
    upserts: upserts.length,
    deletes: deletes.length,
    ids: [...upserts.map(({ id }) => id), ...deletes],
    dims: 2,
    vectors: Float32Array.from(upserts.flatMap(({ x }) => [x, 0])),
    attributes: [{ name: "n", values: upserts.map(({ n }) => n) }],
  };
}

/** Ids are unique in a write. */
function anyWrite(): fc.Arbitrary<Write> {
  return fc
    .tuple(fc.uniqueArray(fc.nat(12), { maxLength: 8 }), fc.array(fc.nat(3)), fc.nat(8))
    .map(([ids, values, split]) => ({
      upserts: ids
        .slice(0, split)
        .map((id, i) => ({ id, x: values[i] ?? 0, n: values.at(-1 - i) ?? null })),
      deletes: ids.slice(split),
    }));
}
