import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ByteReader } from "../../src/bytes/byte-reader.ts";
import { ByteWriter } from "../../src/bytes/byte-writer.ts";
import { decodeHex, encodeHex } from "../../src/bytes/hex.ts";
import type { Schema } from "../../src/document/schema.ts";
import { defaultText } from "../../src/document/text-options.ts";
import { isEngineError } from "../../src/errors.ts";
import { decodePostings, encodePostings } from "../../src/format/posting-block.ts";
import { decodeRoot } from "../../src/format/segment-root-codec.ts";
import { locateBlock } from "../../src/format/segment-section.ts";
import { readTerms } from "../../src/format/segment-text.ts";
import { textSections } from "../../src/format/segment-text-codec.ts";
import { blockAt, openSegment, type Segment } from "../../src/index/segment/segment.ts";
import { createPrng } from "../../src/index/vector/prng.ts";
import type { Block } from "../../src/store/block.ts";
import { build, type Document, home } from "../index/segment-lab.ts";

const schema: Schema = {
  version: 2,
  idKind: "uint",
  metric: undefined,
  attributes: new Map([
    ["title", { type: "string", filterable: true, text: { options: defaultText } }],
    ["tags", { type: "[]string", filterable: false, text: { options: defaultText } }],
  ]),
};

const documents: readonly Document[] = Array.from({ length: 9 }, (_, id) => ({
  id,
  vector: [],
  values: [`fish ${"fish ".repeat(id % 3)} né ${id}`, id % 2 === 0 ? null : ["fin", "finch"]],
}));

const sample = build(documents, schema, "job-1");

async function textBlocks() {
  const { segment } = await sample;
  return segment.root.attributes.flatMap(({ text }) =>
    (text === undefined ? [] : textSections(text)).flatMap(([, section]) =>
      Array.from({ length: section.count }, (_, i) => blockAt(segment, locateBlock(section, i))),
    ),
  );
}

describe("the bytes of a text index", () => {
  it("are those of the golden file", async () => {
    const { objects } = await sample;
    const file = new URL("../golden/v2/segment-text.hex", import.meta.url);
    const bytes = encodeHex([...objects.bytes.values()][0] as Uint8Array);
    expect(bytes).toBe(readFileSync(file, "utf8").replace(/\s/g, ""));
  });

  it("of an earlier version, without positions, are still read", async () => {
    const { built } = await sample;
    const file = new URL("../golden/v2/segment-text-without-positions.hex", import.meta.url);
    const bytes = decodeHex(readFileSync(file, "utf8").replace(/\s/g, "")) as Uint8Array;
    const { info } = built;
    const root = { part: 0, offset: 688, length: bytes.length - 688 };
    const parts = info.parts.map((each) => ({ ...each, bytes: bytes.length }));
    const segment = openSegment(home.tenant, { ...info, parts, root }, bytes.subarray(root.offset));
    for (const { text } of segment.root.attributes) {
      expect(text?.runs.map(({ positions }) => positions)).toEqual([undefined]);
    }
    const load = ({ offset, length: size }: Block) => bytes.subarray(offset, offset + size);
    expectTerms(segment, load);
  });

  it("say which terms there are and in how many rows", async () => {
    const { segment, objects } = await sample;
    expectTerms(segment, (block) => objects.load(block));
  });

  function expectTerms(segment: Segment, load: (block: Block) => Uint8Array): void {
    const [title, tags] = segment.root.attributes.map(({ text }) => {
      const run = text?.runs[0];
      if (run === undefined) throw new Error("no run");
      const terms = readTerms(load(blockAt(segment, locateBlock(run.terms, 0))), run);
      const counts = terms.map(([term, found]) => [
        term,
        found.kind === "inline" ? found.rows.length : found.df,
      ]);
      return { counts, rows: run.rows, tokens: run.tokens };
    });
    const digits = documents.map(({ id }) => [String(id), 1]);
    expect(title).toEqual({ counts: [...digits, ["fish", 9], ["né", 9]], rows: 9, tokens: 36 });
    expect(tags).toEqual({
      counts: [
        ["fin", 4],
        ["finch", 4],
      ],
      rows: 4,
      tokens: 8,
    });
  }

  it("are refused when any one of them is changed", async () => {
    const { objects } = await sample;
    const blocks = await textBlocks();
    expect(blocks.length).toBeGreaterThan(4);
    for (const block of blocks) {
      const bytes = objects.load(block);
      for (let at = 0; at < bytes.length; at++) {
        for (const flip of [1, 0x80, 0xff]) {
          bytes[at] = (bytes[at] as number) ^ flip;
          expect(block.verify(bytes)).toBe(false);
          bytes[at] = (bytes[at] as number) ^ flip;
        }
      }
    }
  });

  it("of a root are refused or understood, never misread past their end", async () => {
    const { built, segment } = await sample;
    const expected = {
      generation: segment.info.home,
      segment: segment.info.id,
      rows: segment.info.rows,
      partBytes: segment.info.parts.map(({ bytes }) => bytes),
    };
    for (let at = 0; at < built.root.length; at++) {
      const bytes = built.root.slice();
      bytes[at] = (bytes[at] as number) ^ 0xff;
      try {
        decodeRoot(bytes, expected);
      } catch (error) {
        expect(isEngineError(error, "corrupt"), `byte ${at}: ${String(error)}`).toBe(true);
      }
    }
  });
});

describe("a block of postings", () => {
  const prng = createPrng({ low: 5, high: 5 });
  const make = (length: number, gapMax: number, countMax: number) => {
    let row = 10;
    const rows = Uint32Array.from({ length }, () => {
      row += 1 + prng.below(gapMax);
      return row;
    });
    return { rows, counts: rows.map(() => 1 + prng.below(countMax)) };
  };

  const readOf = (rows: number) => ({
    rows: new Uint32Array(rows),
    counts: new Uint32Array(rows),
    largest: new Uint32Array(2),
    shortest: new Uint32Array(2),
  });

  it.each([
    [1, 1, 1],
    [128, 1, 1],
    [128, 3, 2],
    [77, 100_000, 9],
    [128, 2 ** 17, 2 ** 24],
  ])("of %i rows, gaps up to %i and counts up to %i is read as it was written", (...shape) => {
    const postings = make(...shape);
    const writer = new ByteWriter();
    encodePostings(writer, postings, 3, 1, undefined);
    const bytes = writer.finish();
    const read = readOf(200);
    const end = (postings.rows.at(-1) as number) + 1;
    const reader = new ByteReader(bytes);
    const length = decodePostings(reader, read, 5, 3, end);
    expect(reader.remaining).toBe(0);
    expect(read.rows.slice(5, 5 + length)).toEqual(postings.rows);
    expect(read.counts.slice(5, 5 + length)).toEqual(postings.counts);
    expect(read.largest[0]).toBe(Math.max(...postings.counts));
    expect(read.shortest[0]).toBe(1);
  });

  it("is corrupt if rows lie beyond their end, or anything is missing", () => {
    const postings = make(100, 9, 5);
    const writer = new ByteWriter();
    encodePostings(writer, postings, 0, 1, undefined);
    const bytes = writer.finish();
    const last = postings.rows.at(-1) as number;
    const read = (content: Uint8Array, end: number) => () =>
      decodePostings(new ByteReader(content), readOf(100), 0, 0, end);
    expect(read(bytes, last + 1)()).toBe(100);
    expect(read(bytes, last)).toThrow("beyond their end");
    for (let length = 0; length < bytes.length; length++) {
      expect(read(bytes.slice(0, length), last + 1)).toThrow();
    }
  });
});
