import { describe, expect, it } from "vitest";
import { compareIds, type DocumentId, type IdKind } from "../../../src/document/id.ts";
import type { DistanceMetric } from "../../../src/document/schema.ts";
import {
  findIds,
  idBlock,
  idBlockCount,
  membershipBlock,
  openIdBlock,
  openMembership,
  planIds,
} from "../../../src/index/segment/id-lookup.ts";
import {
  build,
  byId,
  type Lab,
  makeDocuments,
  makeId,
  makeSchema,
  readAll,
} from "../segment-lab.ts";

const shapes: [number, number, IdKind, DistanceMetric][] = [
  [1, 3, "uint", "cosine_distance"],
  [33, 1, "string", "euclidean_squared"],
  [700, 96, "uuid", "cosine_distance"],
  [513, 784, "uint", "euclidean_squared"],
  [1300, 0, "string", "cosine_distance"],
];

describe.each(shapes)(
  "%i documents of %i dimensions with %s ids",
  (count, dims, idKind, metric) => {
    const documents = makeDocuments({ count, dims, idKind });
    const lab = build(documents, makeSchema(idKind, dims, metric));

    it("come back from a segment as they were", async () => {
      expect(byId(readAll(await lab))).toEqual(byId(documents));
    });

    it("are found by their ids, and no others are", async () => {
      const { segment, objects, built } = await lab;
      const read = readAll({ segment, objects });
      const ids = documents.map(({ id }) => id);
      const others = ids.map((_, i) => makeId(idKind, 1_000_000 + i));
      expect(lookUp(await lab, [...ids, ...others])).toEqual(
        new Map(read.map(({ id }, ordinal) => [id, ordinal])),
      );
      expect(Array.from(built.ordinals, (ordinal) => read[ordinal]?.id)).toEqual(ids);
    });

    it("are listed in the order of their ids", async () => {
      const { segment, objects, built } = await lab;
      const listed: DocumentId[] = [];
      for (let i = 0; i < idBlockCount(segment); i++) {
        const { ids } = openIdBlock(segment, i, objects.load(idBlock(segment, i)));
        listed.push(...Array.from({ length: ids.length }, (_, j) => ids.at(j)));
      }
      const sorted = documents.map(({ id }) => id).sort(compareIds);
      expect(listed).toEqual(sorted);
      expect([built.info.minId, built.info.maxId]).toEqual([sorted[0], sorted.at(-1)]);
    });

    it("make the same bytes each time", async () => {
      const again = await build(documents, makeSchema(idKind, dims, metric));
      expect(again.objects.bytes).toEqual((await lab).objects.bytes);
    });
  },
);

function lookUp({ segment, objects }: Lab, ids: readonly DocumentId[]): Map<DocumentId, number> {
  const membership = openMembership(objects.load(membershipBlock(segment)));
  const found = new Map<DocumentId, number>();
  const plan = planIds(segment, ids, membership);
  expect(plan.ids.flat().length).toBeLessThanOrEqual(segment.root.rows + 0.03 * ids.length + 2);
  plan.blocks.forEach((block, i) => {
    const rows = openIdBlock(segment, block, objects.load(idBlock(segment, block)));
    findIds(rows, plan.ids[i] ?? [], (id, ordinal) => found.set(id, ordinal));
  });
  return found;
}
