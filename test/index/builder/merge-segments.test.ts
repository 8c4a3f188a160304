import { describe, expect, it } from "vitest";
import { Bitmap } from "../../../src/bytes/bitmap.ts";
import type { DocumentId, IdKind } from "../../../src/document/id.ts";
import type { DistanceMetric } from "../../../src/document/schema.ts";
import { noOrdinal } from "../../../src/index/builder/build-segment.ts";
import {
  build,
  byId,
  type Document,
  type Lab,
  makeDocuments,
  makeSchema,
  merge,
  Objects,
  readAll,
} from "../segment-lab.ts";

interface Inputs {
  readonly objects: Objects;
  readonly segments: readonly Lab["segment"][];
  readonly documents: readonly (readonly Document[])[];
}

async function makeInputs(
  counts: readonly number[],
  dims: number,
  idKind: IdKind,
  metric: DistanceMetric,
): Promise<Inputs> {
  const objects = new Objects();
  const segments: Lab["segment"][] = [];
  const documents: Document[][] = [];
  let first = 0;
  for (const [i, count] of counts.entries()) {
    const own = makeDocuments({ count, dims, idKind, first, seed: i, centers: 20 });
    const { segment } = await build(own, makeSchema(idKind, dims, metric), `flush-${i}`, objects);
    segments.push(segment);
    documents.push(readAll({ segment, objects }));
    first += count;
  }
  return { objects, segments, documents };
}

describe.each([
  [[40, 900, 1], 16, "uint", "cosine_distance"],
  [[300, 300], 0, "string", "cosine_distance"],
  [[5000, 1000, 5000], 20, "uuid", "euclidean_squared"],
] as [number[], number, IdKind, DistanceMetric][])(
  "a merge of %j documents of %i dimensions with %s ids",
  (counts, dims, idKind, metric) => {
    const inputs = makeInputs(counts, dims, idKind, metric);
    const dead = counts.map((count, i) =>
      i === 0
        ? undefined
        : Bitmap.of(
            count,
            Array.from({ length: count >> 2 }, (_, j) => 3 * j),
          ),
    );
    const merged = inputs.then(({ segments, objects }) =>
      merge(
        segments.map((segment, i) => ({ segment, ...(dead[i] && { dead: dead[i] }) })),
        makeSchema(idKind, dims, metric),
        objects,
      ),
    );

    it("holds the living documents of its inputs and no others", async () => {
      const { documents } = await inputs;
      const living = documents.flatMap((own, i) => own.filter((_, row) => !dead[i]?.has(row)));
      expect(byId(readAll(await merged))).toEqual(byId(living));
    });

    it("says where each row of its inputs went", async () => {
      const { documents } = await inputs;
      const { built } = await merged;
      const after = readAll(await merged);
      const expected: (DocumentId | undefined)[] = documents.flatMap((own, i) =>
        own.map(({ id }, row) => (dead[i]?.has(row) ? undefined : id)),
      );
      expect(Array.from(built.ordinals, (ordinal) => after[ordinal]?.id)).toEqual(expected);
      expect(built.ordinals.filter((ordinal) => ordinal === noOrdinal).length).toBe(
        expected.filter((id) => id === undefined).length,
      );
    });

    it("of one whole segment has the bytes that its rows would have had at once", async () => {
      const { segments, objects, documents } = await inputs;
      const schema = makeSchema(idKind, dims, metric);
      await merge([{ segment: segments[1] as Lab["segment"] }], schema, objects, "x");
      const direct = await build(documents[1] as Document[], schema, "x");
      const own = [...objects.bytes].filter(([key]) => key.endsWith("/segment/x"));
      expect(new Map(own)).toEqual(direct.objects.bytes);
    });
  },
);

it("a merge without living rows makes no segment", async () => {
  const { segments, objects } = await makeInputs([5], 2, "uint", "cosine_distance");
  const dead = Bitmap.full(5);
  const schema = makeSchema("uint", 2, "cosine_distance");
  const inputs = [{ segment: segments[0] as Lab["segment"], dead }];
  await expect(merge(inputs, schema, objects)).rejects.toThrow("nothing was merged");
  expect(objects.bytes.size).toBe(1);
});
