import { describe, expect, it } from "vitest";
import type { Schema } from "../../../src/document/schema.ts";
import { isEngineError } from "../../../src/errors.ts";
import { buildFromRows, mergeSegments } from "../../../src/index/builder/build-segment.ts";
import type { Segment } from "../../../src/index/segment/segment.ts";
import { createPrng } from "../../../src/index/vector/prng.ts";
import { limits } from "../../../src/limits.ts";
import {
  build,
  byId,
  type Document,
  makeDocuments,
  makeSchema,
  makeSpec,
  merge,
  Objects,
  ports,
  readAll,
} from "../segment-lab.ts";

const mebi = 1024 * 1024;

function plainSchema(dims: number): Schema {
  return {
    version: 1,
    idKind: "uint",
    metric: dims > 0 ? "euclidean_squared" : undefined,
    attributes: new Map([
      dims > 0
        ? ["vector", { type: `[${dims}]f32`, filterable: false, ann: true }]
        : ["body", { type: "string", filterable: false }],
    ]),
  };
}

describe("a merge of 36 MiB of vectors", () => {
  const dims = 784;
  const perInput = 3_000;
  const prng = createPrng({ low: 3, high: 1 });
  /** The first coordinate tells the row, the others are noise around one of a few centers. */
  const vectorsOf = (first: number): Float32Array =>
    Float32Array.from({ length: perInput * dims }, (_, at) => {
      const row = first + Math.floor(at / dims);
      return at % dims === 0 ? row / 1000 : ((row * 7 + (at % dims)) % 13) + (prng.next() >>> 30);
    });
  const objects = new Objects();
  const schema = plainSchema(dims);
  const merged = (async () => {
    const inputs: { segment: Segment }[] = [];
    for (let i = 0; i < 4; i++) {
      const first = i * perInput;
      const ids = Array.from({ length: perInput }, (_, row) => first + row);
      const rows = { ids, vectors: vectorsOf(first), attributes: [] };
      const spec = makeSpec(`flush-${i}`, schema);
      const built = await buildFromRows(rows, spec, ports, objects.sink);
      inputs.push({ segment: objects.open(built as NonNullable<typeof built>) });
    }
    return await merge(inputs, schema, objects);
  })();

  it("holds less than one compaction step may", async () => {
    const { memoryPeak, built } = await merged;
    expect(built.info.bytes).toBeGreaterThan(46 * mebi);
    expect(memoryPeak).toBeLessThan(0.7 * limits.compactionBytesMax);
  });

  it("is cut into objects of bounded size, none of whose blocks straddles two", async () => {
    const { built, segment } = await merged;
    const { parts, root } = built.info;
    expect(parts.length).toBeGreaterThan(2);
    expect(Math.max(...parts.map(({ bytes }) => bytes))).toBeLessThanOrEqual(
      limits.segmentPartBytes,
    );
    expect([...objects.bytes].filter(([key]) => key.includes("/merge-1/")).length).toBe(
      parts.length,
    );
    expect(root.part).toBe(parts.length - 1);
    expect(root.length).toBeLessThan(limits.routeBytesMax);
    expect(segment.root.vector?.vectors.extents.length).toBeGreaterThan(2);
  });

  it("keeps every vector with its document", async () => {
    const documents = readAll(await merged);
    expect(documents.length).toBe(4 * perInput);
    for (const { id, vector } of documents) {
      expect(vector[0]).toBe(Math.fround((id as number) / 1000));
    }
  });
});

it("large documents are merged a few at a time", async () => {
  const objects = new Objects();
  const schema = plainSchema(0);
  const inputs: { segment: Segment }[] = [];
  const all: Document[] = [];
  for (let i = 0; i < 2; i++) {
    const documents = Array.from({ length: 16 }, (_, row): Document => {
      const text = `${i} ${row} `.repeat(row % 4 === 0 ? 1 : 250_000);
      return { id: 2 * row + i, vector: [], values: [text] };
    });
    all.push(...documents);
    inputs.push({ segment: (await build(documents, schema, `flush-${i}`, objects)).segment });
  }
  const { memoryPeak, ...lab } = await merge(inputs, schema, objects);
  expect(byId(readAll(lab))).toEqual(byId(all));
  expect(memoryPeak).toBeLessThan(limits.compactionBytesMax);
}, 20_000);

describe("a merge whose inputs cannot be read", () => {
  const setUp = async () => {
    const objects = new Objects();
    const schema = makeSchema("uint", 4, "cosine_distance");
    const documents = makeDocuments({ count: 100, dims: 4, idKind: "uint" });
    const { segment } = await build(documents, schema, "flush", objects);
    return { objects, schema, inputs: [{ segment, dead: undefined }] };
  };

  it("fails as corrupt when a block is not what was written, and commits to nothing", async () => {
    const { objects, schema, inputs } = await setUp();
    const damaged = async (key: string, offset: number, length: number) => {
      const bytes = await objects.read(key, offset, length);
      bytes[40] = (bytes[40] as number) ^ 1;
      return bytes;
    };
    const failure = await mergeSegments(inputs, damaged, makeSpec("m", schema), ports, objects.sink)
      .then(() => undefined)
      .catch((error: unknown) => error);
    expect(isEngineError(failure, "corrupt")).toBe(true);
    expect(objects.bytes.size).toBe(1);
  });

  it("fails as the store failed", async () => {
    const { objects, schema, inputs } = await setUp();
    const gone = () => Promise.reject(new Error("gone"));
    await expect(
      mergeSegments(inputs, gone, makeSpec("m", schema), ports, objects.sink),
    ).rejects.toThrow("gone");
  });

  it("refuses inputs whose vectors were rotated otherwise", async () => {
    const { objects, schema, inputs } = await setUp();
    const spec = { ...makeSpec("m", schema), rotation: { low: 1, high: 2 } };
    await expect(mergeSegments(inputs, objects.read, spec, ports, objects.sink)).rejects.toThrow(
      "its vectors are not those of the schema",
    );
  });
});

it("a merge follows the schema: attributes added since, columns made where an input has none", async () => {
  const objects = new Objects();
  const make = (version: number, names: [string, boolean][]): Schema => ({
    version,
    idKind: "uint",
    metric: undefined,
    attributes: new Map(names.map(([name, filterable]) => [name, { type: "int", filterable }])),
  });
  const older = make(1, [
    ["a", true],
    ["b", false],
  ]);
  const newer = make(2, [
    ["a", true],
    ["b", true],
    ["c", true],
  ]);
  const first = await build([{ id: 1, vector: [], values: [5, 6] }], older, "one", objects);
  const second = await build([{ id: 2, vector: [], values: [null, 7, 8] }], newer, "two", objects);
  const inputs = [{ segment: first.segment }, { segment: second.segment }];
  const { segment } = await merge(inputs, newer, objects);
  expect(readAll({ segment, objects }).map(({ values }) => values)).toEqual([
    [5, 6, null],
    [null, 7, 8],
  ]);
  expect(segment.root.attributes.map(({ column }) => column !== undefined)).toEqual([
    true,
    true,
    true,
  ]);
});
