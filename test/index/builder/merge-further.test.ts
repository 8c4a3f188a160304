/** Planes of vector columns beside the first: what is in them, of which inputs, in what memory. */
import { describe, expect, it } from "vitest";
import { Bitmap } from "../../../src/bytes/bitmap.ts";
import type { DocumentId, IdKind } from "../../../src/document/id.ts";
import type { Schema, VectorColumn } from "../../../src/document/schema.ts";
import { packVector, unpackVector } from "../../../src/format/packed-value.ts";
import { idKeys } from "../../../src/format/segment-ids.ts";
import { buildFromRows } from "../../../src/index/builder/build-segment.ts";
import {
  readVectorBlock,
  vectorBlock,
  vectorBlockOf,
  vectorBlockRange,
} from "../../../src/index/segment/document-rows.ts";
import {
  ordinalBlocks,
  placeOrdinals,
  viewColumn,
} from "../../../src/index/segment/further-planes.ts";
import {
  readRefinePage,
  refinePage,
  refinePageOf,
  refinePageStart,
} from "../../../src/index/segment/refine-plane.ts";
import type { Segment } from "../../../src/index/segment/segment.ts";
import { createPrng } from "../../../src/index/vector/prng.ts";
import { limits } from "../../../src/limits.ts";
import { withBounds } from "../../sim/sizes.ts";
import {
  build,
  byId,
  type Document,
  type Lab,
  makeDocuments,
  makeSchema,
  makeSpec,
  merge,
  Objects,
  ports,
  readAll,
} from "../segment-lab.ts";

const side: VectorColumn = { name: "side", dims: 2, element: "f16" };

/** As a version that knows no such planes has written it. */
function older(segment: Segment): Segment {
  const { further: _, ...root } = segment.root;
  return { ...segment, root };
}

/** Vectors of the planes by id; each has the key of its document's id. */
function readPlanes({ segment, objects }: Lab, { name, dims }: VectorColumn) {
  const view = viewColumn(segment, name);
  if (view === undefined) return undefined;
  const { rows, idKind } = segment.root;
  const ids = readAll({ segment, objects }).map(({ id }) => id);
  const parts = view.ordinals && ordinalBlocks(segment, view.ordinals).map((b) => objects.load(b));
  const ordinals = parts && placeOrdinals(segment, parts);
  expect(ordinals !== undefined).toBe(rows >= limits.clusteredRowsMin);
  const found = new Map<DocumentId, number[]>();
  for (let place = 0; place < rows; place++) {
    const id = ids[ordinals?.[place] ?? place] as DocumentId;
    const index = vectorBlockOf(view.segment, place);
    const block = objects.load(vectorBlock(view.segment, index));
    const at = (place - vectorBlockRange(view.segment, index).from) * dims;
    found.set(id, Array.from(readVectorBlock(view.segment, index, block).subarray(at, at + dims)));
    const page = refinePageOf(view.segment, place);
    const { keys } = readRefinePage(
      view.segment,
      page,
      objects.load(refinePage(view.segment, page)),
    );
    const row = place - refinePageStart(view.segment, page);
    expect(keys.slice(16 * row, 16 * row + 16)).toEqual(idKeys(idKind, [id]));
  }
  return found;
}

/** What the documents say. */
function sidesOf(documents: readonly Document[]) {
  return new Map(
    documents.map(({ id, values }) => [
      id,
      [...unpackVector(values.at(-1) as Uint8Array, side.dims, side.element)],
    ]),
  );
}

describe.each([
  [[40, 900], "uint"],
  [[1_500, 300, 20], "string"],
  [[500, 400, 600], "uuid"],
] as [number[], IdKind][])("a merge of %j documents with %s ids", (counts, idKind) => {
  const bounds = { clusteredRowsMin: 800, clusterRowsTarget: 40 };
  const schema = makeSchema(idKind, 5, "cosine_distance");
  const setUp = async () => {
    const objects = new Objects();
    const inputs: { segment: Segment; dead?: Bitmap }[] = [];
    let first = 0;
    for (const [i, count] of counts.entries()) {
      const own = makeDocuments({ count, dims: 5, idKind, first, seed: i });
      const { segment } = await build(own, schema, `flush-${i}`, objects);
      const dead = i === 0 ? {} : { dead: Bitmap.of(count, [0, 3, 4]) };
      inputs.push({ segment, ...dead });
      first += count;
    }
    return { objects, inputs };
  };

  it.each([
    ["all", 0],
    ["all but the first", 1],
    ["none", 9],
  ])("has planes of the second column, if %s of its inputs have", async (_, plain) => {
    await withBounds(bounds, async () => {
      const { objects, inputs } = await setUp();
      const given = inputs.map(({ segment, ...dead }, i) => ({
        segment: i < plain ? older(segment) : segment,
        ...dead,
      }));
      const lab = await merge(given, schema, objects);
      const planes = readPlanes(lab, side);
      expect(planes).toEqual(sidesOf(readAll(lab)));
      const again = await merge([{ segment: lab.segment }], schema, objects, "again");
      expect(readPlanes(again, side)).toEqual(planes);
      expect(byId(readAll(again))).toEqual(byId(readAll(lab)));
    });
  });

  it("has none if too many rows would have to be indexed anew", async () => {
    await withBounds({ ...bounds, furtherCodesBytesMax: 1_000 }, async () => {
      const { objects, inputs } = await setUp();
      const [{ segment, ...dead }, ...others] = inputs as [(typeof inputs)[number]];
      const lab = await merge([{ segment: older(segment), ...dead }, ...others], schema, objects);
      expect(lab.segment.root.further).toBe(undefined);
      expect(readAll(lab).length).toBe(lab.segment.root.rows);
    });
  });
});

it("has none while a document lacks the vector", async () => {
  const schema = makeSchema("uint", 5, "cosine_distance");
  const objects = new Objects();
  const own = makeDocuments({ count: 50, dims: 5, idKind: "uint" });
  const lacking = own.map((document, i) =>
    i === 7 ? { ...document, values: [...document.values.slice(0, -1), null] } : document,
  );
  const { segment } = await build(lacking, schema, "flush", objects);
  expect(viewColumn(segment, "side")).toBe(undefined);
  const lab = await merge([{ segment }], schema, objects);
  expect(viewColumn(lab.segment, "side")).toBe(undefined);
  const ordinal = readAll(lab).findIndex(({ values }) => values.at(-1) === null);
  const dead = Bitmap.of(50, [ordinal]);
  const without = await merge([{ segment: lab.segment, dead }], schema, objects, "without");
  expect(readPlanes(without, side)?.size).toBe(49);
});

it("25 MiB of second vectors, half of them without planes, are merged in bounded memory", async () => {
  const [dims, count] = [784, 2_100];
  const schema: Schema = {
    version: 1,
    idKind: "uint",
    metric: "euclidean_squared",
    attributes: new Map([
      ["vector", { type: "[8]f32", filterable: false, ann: true }],
      ["side", { type: `[${dims}]f32`, filterable: false, ann: true }],
    ]),
  };
  const prng = createPrng({ low: 3, high: 1 });
  const objects = new Objects();
  const inputs: { segment: Segment }[] = [];
  for (let i = 0; i < 4; i++) {
    const ids = Array.from({ length: count }, (_, row) => i * count + row);
    const vectors = Float32Array.from({ length: 8 * count }, () => prng.below(100));
    const values = ids.map((id) =>
      packVector(
        Float32Array.from({ length: dims }, (_, d) => (d === 0 ? id : ((id * 7 + d) % 13) + 1)),
      ),
    );
    const rows = { ids, vectors, attributes: [{ name: "side", values }] };
    const spec = makeSpec(`flush-${i}`, schema);
    const built = await buildFromRows(rows, spec, ports, objects.sink);
    const segment = objects.open(built as NonNullable<typeof built>);
    inputs.push({ segment: i < 2 ? older(segment) : segment });
  }
  const { memoryPeak, ...lab } = await merge(inputs, schema, objects);
  expect(memoryPeak).toBeLessThan(limits.compactionBytesMax);
  const view = viewColumn(lab.segment, "side");
  expect(view?.ordinals).toBeDefined();
  expect(lab.segment.root.further?.[0]?.vectors.extents.length).toBeGreaterThan(2);
}, 60_000);
