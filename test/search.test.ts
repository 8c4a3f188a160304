/** Queries against a real owner and real segments, compared with the oracle. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { DocumentId, IdKind } from "../src/document/id.ts";
import type { DistanceMetric } from "../src/document/schema.ts";
import type { Job } from "../src/namespace/protocol.ts";
import { changeSchema } from "../src/write.ts";
import type { OracleDocument, OracleFilter } from "./oracle/brute-force.ts";
import { SearchRig } from "./search-rig.ts";

const dims = 4;

type Step =
  | {
      readonly kind: "write";
      readonly documents: readonly OracleDocument[];
      readonly deletes: readonly DocumentId[];
    }
  | { readonly kind: "flush" }
  /** One job, if any is due. */
  | { readonly kind: "job" }
  /** Makes `note` filterable, or no longer. */
  | { readonly kind: "turn"; readonly filterable: boolean }
  | { readonly kind: "forget" };

describe("whatever was written, overwritten, deleted and flushed", () => {
  for (const idKind of ["uint", "string", "uuid"] as const) {
    for (const metric of ["cosine_distance", "euclidean_squared"] as const) {
      test(`exact queries are exact (${idKind} ids, ${metric})`, async () => {
        await fc.assert(
          fc.asyncProperty(anySteps(idKind), anyQueries(idKind), async (steps, queries) => {
            const rig = await prepare(idKind, metric, steps);
            for (const { vector, limit, filter, descending } of queries) {
              await rig.expectExact(vector, limit, filter);
              await rig.expectOrder(descending, limit, filter);
              const noted = ["Or", [["note", "Eq", "x"], filter]] as const;
              const answer = rig.expectExact(vector, limit, noted);
              if (isNoteFilterable(steps)) await answer;
              else await expect(answer).rejects.toThrow("attribute is not filterable");
            }
          }),
          { numRuns: 40 },
        );
      });
    }
  }

  test("approximate queries over few documents find all there is to find", async () => {
    await fc.assert(
      fc.asyncProperty(anySteps("uint"), anyQueries("uint"), async (steps, queries) => {
        const rig = await prepare("uint", "cosine_distance", steps);
        for (const { vector, limit, filter } of queries) {
          expect(await rig.recall(vector, limit, filter)).toBe(1);
          expect(await rig.recall(vector, limit)).toBe(1);
        }
      }),
      { numRuns: 80 },
    );
  });
});

test("exact queries are exact for vectors of any magnitude", async () => {
  const values = [0, -0, 1e-45, 1e-30, 1, -1, 1e15, 1e19, 3e38, -3e38];
  const documents = values.flatMap((a, i) =>
    values.flatMap((b, j) =>
      [0, 1, 1e19].map((c, k) => {
        const id = (i * values.length + j) * 3 + k;
        return { id, vector: Float32Array.of(a, b, c), attributes: { n: id } };
      }),
    ),
  );
  for (const metric of ["cosine_distance", "euclidean_squared"] as const) {
    const rig = new SearchRig({ dims: 3, metric });
    await rig.put(documents.slice(0, 200));
    await rig.flush();
    await rig.put(documents.slice(150));
    for (const { vector } of documents.filter(({ id }) => id % 9 === 0)) {
      await rig.expectExact(vector, 10, ["n", "Gte", 0]);
      const body = { rank_by: ["vector", "ANN", [...vector]], limit: 10 };
      expect((await rig.search(body)).rows.length).toBe(10);
    }
  }
});

test("a filter on an attribute that segments have no column of is answered all the same", async () => {
  const rig = new SearchRig({ dims });
  const withNote = (id: number, note: string | null): OracleDocument => {
    const { vector, attributes } = documentOf(id, id, id);
    return { id, vector: vector as Float32Array, attributes: { ...attributes, note } };
  };
  await rig.put(
    Array.from({ length: 50 }, (_, i) => withNote(i, i % 3 === 0 ? null : `n${i % 4}`)),
  );
  await rig.flush();
  const note = { type: "string", filterable: true } as const;
  const merge = () => ({ attributes: new Map([["note", note]]) });
  await rig.clock.run(changeSchema(rig.writeTarget, merge));
  await rig.put([withNote(3, "n1"), withNote(60, "n2")], [1]);
  for (const filter of [
    ["note", "Eq", "n1"],
    ["note", "NotEq", "n1"],
    [
      "And",
      [
        ["note", "Gte", "n2"],
        ["id", "Lt", 40],
      ],
    ],
    ["note", "Eq", null],
  ] as const satisfies readonly OracleFilter[]) {
    await rig.expectExact(Float32Array.of(0, 1, 0, 0.5), 20, filter);
    await rig.expectOrder(true, 20, filter);
    await rig.flush();
  }
});

test("an attribute that becomes filterable is indexed by itself, flushed or not", async () => {
  const rig = new SearchRig({ dims });
  const note = (id: number): OracleDocument => ({
    id,
    vector: Float32Array.of(id, 1, 0, 0),
    attributes: { n: id, note: `n${id % 4}` },
  });
  const filter = ["note", "Eq", "n1"] as const;
  const isIndexed = async () => (await rig.ask(rig.owner.status(rig.tenant, rig.name))).indexed;
  const bytesRead = async (): Promise<number> => {
    await rig.expectExact(Float32Array.of(0, 1, 0, 0), 20, filter);
    rig.newIsolate();
    const none = { rank_by: ["id", "asc"], limit: 1, filters: ["note", "Eq", "none"] };
    return (await rig.search(none)).performance.bytes;
  };
  await rig.put(Array.from({ length: 3_000 }, (_, id) => note(id)));
  await rig.flush();
  expect(await isIndexed()).toBe(true);
  await turnNote(rig, true);
  const scanned = await bytesRead();
  // Nobody asks for it: the change itself is due, and then the segment.
  for (const kind of ["flush", "merge"]) {
    expect(await isIndexed()).toBe(false);
    const job = await rig.ask(rig.owner.claim(rig.tenant, rig.name));
    expect(job?.kind).toBe(kind);
    await rig.work(job as Job);
  }
  expect(await isIndexed()).toBe(true);
  expect(await bytesRead()).toBeLessThan(scanned / 2);
  await turnNote(rig, false);
  await expect(bytesRead()).rejects.toThrow("attribute is not filterable");
  expect(await isIndexed()).toBe(false);
  await rig.flush();
  await turnNote(rig, true);
  await bytesRead();
  await rig.flush();
  expect(await isIndexed()).toBe(true);
  await bytesRead();
});

async function prepare(
  idKind: IdKind,
  metric: DistanceMetric,
  steps: readonly Step[],
): Promise<SearchRig> {
  const rig = new SearchRig({ dims, idKind, metric });
  await rig.put([documentOf(idAt(idKind, 0), 0, 0)]);
  for (const step of steps) {
    switch (step.kind) {
      case "write":
        await rig.put(step.documents, step.deletes);
        break;
      case "flush":
        await rig.flush();
        break;
      case "job": {
        const job = await rig.ask(rig.owner.claim(rig.tenant, rig.name));
        if (job !== undefined) await rig.work(job);
        break;
      }
      case "turn":
        await turnNote(rig, step.filterable);
        break;
      case "forget":
        rig.newIsolate();
    }
  }
  return rig;
}

async function turnNote(rig: SearchRig, filterable: boolean): Promise<void> {
  const attributes = new Map([["note", { type: "string", filterable } as const]]);
  await rig.clock.run(changeSchema(rig.writeTarget, () => ({ attributes })));
}

function isNoteFilterable(steps: readonly Step[]): boolean {
  return steps.findLast((step) => step.kind === "turn")?.filterable ?? false;
}

function idAt(kind: IdKind, i: number): DocumentId {
  const uuid = `00000000-0000-4000-8000-${String(i * 7).padStart(12, "0")}`;
  return kind === "uint" ? (i < 30 ? i : 2n ** 60n + BigInt(i)) : kind === "uuid" ? uuid : `é${i}`;
}

/** Coordinates on a coarse grid, so that ties abound. */
function documentOf(id: DocumentId, x: number, n: number): OracleDocument {
  const vector = Float32Array.of((x % 3) - 1, Math.floor(x / 3) % 3, x % 2, 0.5);
  const tags = n % 4 === 0 ? null : ["a", "b", "c"].slice(0, n % 4);
  return {
    id,
    vector,
    attributes: {
      n: n % 5 === 4 ? null : n,
      name: n % 3 === 0 ? null : `w${n % 7}`,
      tags,
      note: n % 3 === 1 ? null : n % 2 === 0 ? "x" : "y",
    },
  };
}

function anySteps(kind: IdKind): fc.Arbitrary<Step[]> {
  const write = fc
    .tuple(fc.uniqueArray(fc.nat(39), { maxLength: 25 }), fc.nat(25), fc.nat(17), fc.nat(19))
    .map(([ids, split, x, n]): Step => {
      const documents = ids.slice(0, split).map((id) => documentOf(idAt(kind, id), id * x, id + n));
      return { kind: "write", documents, deletes: ids.slice(split).map((id) => idAt(kind, id)) };
    });
  return fc.array(
    fc.oneof(
      { weight: 4, arbitrary: write },
      { weight: 2, arbitrary: fc.constant<Step>({ kind: "flush" }) },
      fc.constant<Step>({ kind: "job" }),
      fc.boolean().map((filterable): Step => ({ kind: "turn", filterable })),
      fc.constant<Step>({ kind: "forget" }),
    ),
    { maxLength: 8 },
  );
}

function anyQueries(kind: IdKind) {
  const id = fc.nat(39).map((i) => idAt(kind, i));
  const leaf: fc.Arbitrary<OracleFilter> = fc.oneof(
    fc.tuple(fc.constant("n"), fc.constantFrom("Lt", "Gte", "Eq", "NotEq"), fc.option(fc.nat(20))),
    fc.tuple(fc.constant("name"), fc.constantFrom("Gt", "Lte"), fc.constantFrom("w1", "w3", "w6")),
    fc.tuple(
      fc.constant("tags"),
      fc.constantFrom("In", "NotIn"),
      fc.constantFrom(["a"], ["b", "c"]),
    ),
    fc.tuple(fc.constant("id"), fc.constantFrom("Gt", "Gte", "Lt", "Lte", "NotEq"), id),
    fc.tuple(fc.constant("id"), fc.constantFrom("In"), fc.array(id, { maxLength: 4 })),
  );
  const filter: fc.Arbitrary<OracleFilter> = fc.oneof(
    leaf,
    fc.tuple(fc.constantFrom("And", "Or"), fc.array(leaf, { maxLength: 3 })),
    fc.tuple(fc.constant("Not"), leaf),
  ) as fc.Arbitrary<OracleFilter>;
  const vector = fc
    .tuple(fc.constantFrom(-1, 0, 1), fc.constantFrom(0, 1, 2), fc.constantFrom(0, 1))
    .map(([a, b, c]) => Float32Array.of(a, b, c, 0.5));
  const query = fc.record({
    vector,
    limit: fc.integer({ min: 1, max: 45 }),
    filter,
    descending: fc.boolean(),
  });
  return fc.array(query, { minLength: 1, maxLength: 4 });
}
