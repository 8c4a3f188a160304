import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Bitmap } from "../../src/bytes/bitmap.ts";
import { decodeHex, encodeHex } from "../../src/bytes/hex.ts";
import { compareText } from "../../src/document/id.ts";
import type { Schema } from "../../src/document/schema.ts";
import { isEngineError } from "../../src/errors.ts";
import type { SectionRange } from "../../src/format/manifest.ts";
import { unpackSparse, unpackVector, unpackVectors } from "../../src/format/packed-value.ts";
import { blockBytes, partSeed, sealBlock, verifyBlock } from "../../src/format/segment-block.ts";
import { readCodes, readDictionary, separate } from "../../src/format/segment-columns.ts";
import { decodeRow, readDocuments } from "../../src/format/segment-documents.ts";
import { readIdRows, readMembership } from "../../src/format/segment-ids.ts";
import { readRowLists } from "../../src/format/segment-lists.ts";
import { readRefineRows } from "../../src/format/segment-refine.ts";
import { decodeRoot, rootSections } from "../../src/format/segment-root-codec.ts";
import { readScanRows } from "../../src/format/segment-scan.ts";
import {
  evenSection,
  locateBlock,
  placeFromCbor,
  placeToCbor,
  unevenSection,
} from "../../src/format/segment-section.ts";
import { readVectorRows } from "../../src/format/segment-vectors.ts";
import { blockAt, openSegment, rootBlock } from "../../src/index/segment/segment.ts";
import { build, type Document, home, type Lab, readAll } from "../index/segment-lab.ts";
import { withBounds } from "../sim/sizes.ts";

const schema: Schema = {
  version: 2,
  idKind: "uint",
  metric: "euclidean_squared",
  attributes: new Map([
    ["title", { type: "string", filterable: true }],
    ["vector", { type: "[3]f32", filterable: false, ann: true }],
    ["tags", { type: "[]string", filterable: true }],
    ["body", { type: "string", filterable: false }],
    ["blob", { type: "bytes", filterable: false }],
  ]),
};

const documents: readonly Document[] = [
  { id: 7, vector: [1, 0, -2.5], values: ["b", ["x", "y"], "é".repeat(20), null] },
  { id: 2n ** 64n - 1n, vector: [0, 0, 0], values: [null, [], null, Uint8Array.of(0, 255)] },
  { id: 3, vector: [0.5, 8, 4], values: ["a", null, "text", new Uint8Array(0)] },
];

const sample = build(documents, schema, "job-1");
await sample;

/** Every block of a segment, the root included. */
function allBlocks({ segment }: Lab): SectionRange[] {
  const { ids } = segment.root;
  const sections = rootSections(segment.root).map(([, section]) => section);
  const ranges = sections.flatMap((section) =>
    Array.from({ length: section.count }, (_, i) => locateBlock(section, i)),
  );
  return [...ranges, ids.membership, segment.info.root];
}

function golden(name: string): string {
  const file = new URL(`../golden/v2/${name}.hex`, import.meta.url);
  return readFileSync(file, "utf8").replace(/\s/g, "");
}

/** The same with vectors stored as half floats and as bytes. */
function narrow(element: "f16" | "i8"): Promise<Lab> {
  const attributes = new Map(schema.attributes);
  attributes.set("vector", { type: `[3]${element}`, filterable: false, ann: true });
  const rounded = documents.map((document) => ({
    ...document,
    vector: element === "i8" ? document.vector.map(Math.round) : document.vector,
  }));
  return build(rounded, { ...schema, attributes }, "job-1");
}

/** The same with two vectors, the second in an order of its own. */
const withSides = await withBounds({ clusteredRowsMin: 3, clusterRowsTarget: 1 }, () => {
  const side = { type: "[2]f16", filterable: false, ann: true } as const;
  const attributes = new Map(schema.attributes).set("side", side);
  const sides = documents.map((document, i) => ({
    ...document,
    values: [...document.values, Uint8Array.of(0, 4 * i, 0, 60 - i)],
  }));
  return build(sides, { ...schema, attributes }, "job-1");
});

describe("the bytes of a segment", () => {
  it("are those of the golden file for two vector columns", async () => {
    const { objects, segment } = withSides;
    expect(segment.root.further?.[0]?.ordinals?.count).toBe(1);
    const bytes = [...objects.bytes.values()][0] as Uint8Array;
    expect(encodeHex(bytes)).toBe(golden("segment-further"));
  });

  it("are those of the golden file", async () => {
    const { objects } = await sample;
    expect(objects.bytes.size).toBe(1);
    expect(encodeHex([...objects.bytes.values()][0] as Uint8Array)).toBe(golden("segment"));
  });

  it.each(["f16", "i8"] as const)(
    "are those of the golden file for vectors of %s",
    async (element) => {
      const lab = await narrow(element);
      expect(encodeHex([...lab.objects.bytes.values()][0] as Uint8Array)).toBe(
        golden(`segment-${element}`),
      );
      const [, first] = readAll(lab);
      expect(first?.vector).toEqual(element === "i8" ? [1, 0, -2] : [1, 0, -2.5]);
    },
  );

  it("are still understood", async () => {
    const { built, objects } = await sample;
    const stored = decodeHex(golden("segment"));
    const { root } = built.info;
    const bytes = stored.slice(root.offset, root.offset + root.length);
    const segment = openSegment(home.tenant, built.info, bytes);
    expect(readAll({ segment, objects })).toEqual([documents[2], documents[0], documents[1]]);
  });

  it("belong to exactly one block each", async () => {
    for (const lab of [await sample, withSides]) {
      const ranges = allBlocks(lab).sort((a, b) => a.offset - b.offset);
      const ends = ranges.map(({ offset, length }) => offset + length);
      expect(ranges.map(({ offset }) => offset)).toEqual([0, ...ends.slice(0, -1)]);
      expect(ends.at(-1)).toBe(lab.built.info.bytes);
    }
  });

  it("are refused when any one of them is changed", async () => {
    const lab = await sample;
    for (const range of allBlocks(lab)) {
      const block = blockAt(lab.segment, range);
      const bytes = lab.objects.load(block);
      for (let at = 0; at < bytes.length; at++) {
        for (const flip of [1, 0x80, 0xff]) {
          bytes[at] = (bytes[at] as number) ^ flip;
          expect(block.verify(bytes)).toBe(false);
          bytes[at] = (bytes[at] as number) ^ flip;
        }
      }
      expect(block.verify(bytes.slice(0, -16))).toBe(false);
    }
  });

  it("are refused at another place, of another segment, in another life", async () => {
    const { segment, objects, built } = await sample;
    const block = rootBlock(home.tenant, built.info);
    const bytes = objects.load(block);
    const elsewhere = { ...built.info, root: { ...built.info.root, offset: 0 } };
    const another = { ...built.info, id: "job-2" };
    const reborn = { ...built.info, home: "ff".repeat(16) };
    expect(rootBlock(home.tenant, elsewhere).verify(bytes)).toBe(false);
    expect(rootBlock(home.tenant, another).verify(bytes)).toBe(false);
    expect(rootBlock(home.tenant, reborn).verify(bytes)).toBe(false);
    expect(() => openSegment(home.tenant, another, bytes)).toThrow("checksum");
    expect(segment.root.segment).toBe("job-1");
  });
});

describe("a root", () => {
  it("that was damaged before it was sealed is corrupt or harmless, never a crash", async () => {
    const { built } = await sample;
    const { root } = built.info;
    const seed = partSeed(home.generation, built.info.id, root.part);
    const change = fc.tuple(fc.nat(root.length - 5), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
        const bytes = built.root.slice();
        for (const [at, value] of changes) {
          bytes[at] = value;
        }
        sealBlock(bytes, seed, root.offset);
        expectCorruptOrFine(() => openSegment(home.tenant, built.info, bytes));
      }),
      { numRuns: 2000 },
    );
  });

  it("of another number of rows or of smaller objects than the manifest says is refused", async () => {
    const { built } = await sample;
    const expected = {
      generation: home.generation,
      segment: built.info.id,
      rows: 3,
      partBytes: [built.info.bytes],
    };
    expect(decodeRoot(built.root, expected).rows).toBe(3);
    expect(() => decodeRoot(built.root, { ...expected, rows: 4 })).toThrow("segment root");
    expect(() => decodeRoot(built.root, { ...expected, partBytes: [100] })).toThrow("outside");
    expect(() => decodeRoot(built.root, { ...expected, partBytes: [] })).toThrow("outside");
  });
});

it("decoders of blocks let nothing but corruption out, whatever the bytes", () => {
  const listed = { firstCodes: Uint32Array.of(0, 3), firstRows: Uint32Array.of(0, 20) };
  const decoders: ((block: Uint8Array) => unknown)[] = [
    (block) => readScanRows(block, 2, 64),
    (block) => readRefineRows(block, 1, 64),
    (block) => readVectorRows(block, 2, { dims: 3, element: "f32" }),
    (block) => readVectorRows(block, 2, { dims: 3, element: "f16" }),
    (block) => readVectorRows(block, 2, { dims: 3, element: "i8" }),
    (block) => unpackVector(block, 4, "f16"),
    (block) => unpackVectors(block, 2),
    (block) => unpackSparse(block),
    (block) => {
      const rows = readDocuments(block, "string", 2, 200);
      return [rows.ids.at(1), decodeRow(rows.row(0), 2), decodeRow(rows.row(1), 2)];
    },
    (block) => readIdRows(block, "uint", 2, 5),
    (block) => readMembership(block)(new Uint8Array(16), 0),
    (block) => readDictionary(block, 2),
    (block) => readCodes(block, 9, 2),
    (block) => readRowLists(block, listed, 0, () => true, new Bitmap(40)),
  ];
  const aligned = fc.uint8Array({ maxLength: 96 }).map((bytes) => {
    const block = new Uint8Array(Math.ceil((bytes.length + 1) / 16) * 16);
    block.set(bytes);
    // Half of the time a size that fits, so that what lies behind it is reached.
    if ((bytes[0] ?? 0) % 2 === 0) {
      block.set([block.length - 8 - ((bytes[1] ?? 0) % 12), 0, 0, 0]);
    }
    return block;
  });
  fc.assert(
    fc.property(aligned, fc.constantFrom(...decoders), (block, decode) => {
      expectCorruptOrFine(() => decode(block));
    }),
    { numRuns: 3000 },
  );
});

function expectCorruptOrFine(decode: () => unknown): void {
  try {
    decode();
  } catch (error) {
    expect(isEngineError(error, "corrupt"), String(error)).toBe(true);
  }
}

describe("a block", () => {
  it("is a multiple of 16 bytes with room for its checksum", () => {
    expect([0, 1, 12, 13, 28, 29].map(blockBytes)).toEqual([16, 16, 16, 32, 32, 48]);
    expect(verifyBlock(new Uint8Array(0), 1, 0)).toBe(false);
    expect(verifyBlock(new Uint8Array(15), 1, 0)).toBe(false);
  });
});

describe("a section", () => {
  const place = {
    count: 7,
    extents: [
      { part: 0, offset: 32, first: 0 },
      { part: 1, offset: 0, first: 3 },
      { part: 4, offset: 16, first: 6 },
    ],
  };

  it("of even blocks finds each by arithmetic, across objects", () => {
    const section = evenSection(place, 100, 60);
    expect(Array.from({ length: 7 }, (_, i) => locateBlock(section, i))).toEqual([
      { part: 0, offset: 32, length: 100 },
      { part: 0, offset: 132, length: 100 },
      { part: 0, offset: 232, length: 100 },
      { part: 1, offset: 0, length: 100 },
      { part: 1, offset: 100, length: 100 },
      { part: 1, offset: 200, length: 100 },
      { part: 4, offset: 16, length: 60 },
    ]);
    expect(() => locateBlock(section, 7)).toThrow("no block 7");
    expect(() => locateBlock(section, -1)).toThrow("no block -1");
  });

  it("of uneven blocks finds each behind the ones before it", () => {
    const section = unevenSection(place, Uint32Array.of(16, 32, 48, 64, 80, 96, 112));
    const found = Array.from({ length: 7 }, (_, i) => locateBlock(section, i));
    expect(found.map(({ part }) => part)).toEqual([0, 0, 0, 1, 1, 1, 4]);
    expect(found.map(({ offset }) => offset)).toEqual([32, 48, 80, 0, 64, 144, 16]);
    expect(found.map(({ length }) => length)).toEqual([16, 32, 48, 64, 80, 96, 112]);
  });

  it("comes back from CBOR, unless its extents contradict each other", () => {
    expect(placeFromCbor(placeToCbor(place))).toEqual(place);
    expect(placeFromCbor([0, []])).toEqual({ count: 0, extents: [] });
    for (const wrong of [
      [2, []],
      [0, [[0, 0, 0]]],
      [2, [[0, 0, 1]]],
      [
        2,
        [
          [0, 0, 0],
          [1, 0, 0],
        ],
      ],
      [
        2,
        [
          [0, 0, 0],
          [1, 0, 2],
        ],
      ],
      [2, [[0, -1, 0]]],
      [2, [[0, 0]]],
      "x",
    ]) {
      expect(() => placeFromCbor(wrong)).toThrow("malformed section");
    }
  });
});

it("a separator is above what is before it, not above what is behind, and well-formed", () => {
  const text = fc.string({ unit: "binary", maxLength: 6 });
  fc.assert(
    fc.property(text, text, (one, other) => {
      fc.pre(one !== other);
      const [a, b] = [one, other].sort(compareText) as [string, string];
      const separator = separate(a, b) as string;
      expect(compareText(a, separator)).toBeLessThan(0);
      expect(compareText(separator, b)).toBeLessThanOrEqual(0);
      expect(separator.isWellFormed()).toBe(true);
    }),
    { numRuns: 300 },
  );
  expect(separate(1, 5)).toBe(5);
  expect(separate("prefix a", "prefix bcd")).toBe("prefix b");
});
