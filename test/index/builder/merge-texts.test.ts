/** Text indexes that a merge makes of its inputs' beside those that their documents would give. */
import { expect, it } from "vitest";
import { Bitmap } from "../../../src/bytes/bitmap.ts";
import type { Schema } from "../../../src/document/schema.ts";
import { defaultText, type TextOptions } from "../../../src/document/text-options.ts";
import type { TextRun } from "../../../src/format/segment-text.ts";
import { buildFromRows, mergeSegments } from "../../../src/index/builder/build-segment.ts";
import { MemoryLedger } from "../../../src/index/builder/memory-ledger.ts";
import type { MergeInput } from "../../../src/index/builder/merge-input.ts";
import { isEarlierStep } from "../../../src/index/builder/merge-texts.ts";
import type { Segment } from "../../../src/index/segment/segment.ts";
import { createPrng } from "../../../src/index/vector/prng.ts";
import { type Document, makeSpec, Objects, ports, toRows } from "../segment-lab.ts";

function schemaOf(options: Partial<TextOptions> = {}, version = 2): Schema {
  const text = { options: { ...defaultText, ...options } };
  return {
    version,
    idKind: "uint",
    metric: undefined,
    attributes: new Map([
      ["title", { type: "string", filterable: false, text }],
      ["body", { type: "string", filterable: false, text }],
    ]),
  };
}

const words = ["\ufeffmark", "été", "東京", "😀", "Running", "runs", "e.g", "w"];

/** Texts of few frequent words and many rare ones, most of them in one or two rows. */
function makeTexts(ids: readonly number[], seed: number): Document[] {
  const prng = createPrng({ low: seed, high: 5 });
  const word = () => {
    const known = words[prng.below(3 * words.length)];
    return known ?? `w${Math.floor(4_000 ** (prng.below(1_000) / 1_000))}`;
  };
  const text = () => Array.from({ length: prng.below(40) }, word).join(" ");
  return ids.map((id) => ({
    id,
    vector: [],
    values: [prng.below(9) === 0 ? null : word(), prng.below(20) === 0 ? null : text()],
  }));
}

function idsFrom(count: number, first: number, step: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i * step);
}

async function build(id: string, documents: readonly Document[], schema: Schema, to: Objects) {
  const built = await buildFromRows(
    toRows(documents, schema),
    makeSpec(id, schema),
    ports,
    to.sink,
  );
  if (built === undefined) throw new Error("nothing was built");
  return { built, segment: to.open(built) };
}

it.each([
  ["of stretches", [idsFrom(700, 0, 1), idsFrom(300, 5_000, 1), idsFrom(90, 2_000, 1)]],
  ["of rows that alternate", [idsFrom(600, 0, 3), idsFrom(400, 1, 3), idsFrom(500, 2, 3)]],
  ["of one segment", [idsFrom(500, 9, 2)]],
])("a merge %s has the bytes that its living rows would have had at once", async (_, ids) => {
  const schema = schemaOf();
  const objects = new Objects();
  const parts = ids.map((each, i) => makeTexts(each, i));
  const inputs: MergeInput[] = [];
  const living: Document[] = [];
  for (const [i, documents] of parts.entries()) {
    const { segment } = await build(`i${i}`, documents, schema, objects);
    const dead = documents.flatMap((_unused, row) => (row % 7 === i ? [row] : []));
    inputs.push({ segment, dead: Bitmap.of(documents.length, dead) });
    living.push(...documents.filter((_unused, row) => row % 7 !== i));
  }
  const ledger = new MemoryLedger();
  const spec = makeSpec("m", schema);
  const merged = await mergeSegments(inputs, objects.read, spec, ports, objects.sink, ledger);
  const atOnce = new Objects();
  const { built } = await build("m", living, schema, atOnce);
  expect(ledger.held).toBe(0);
  expect(merged?.root).toEqual(built.root);
  expect(new Map([...objects.bytes].filter(([key]) => atOnce.bytes.has(key)))).toEqual(
    atOnce.bytes,
  );
});

it("postings of an older analysis are made anew from the documents", async () => {
  const objects = new Objects();
  const documents = makeTexts(idsFrom(400, 0, 1), 4);
  const old = await build("old", documents, schemaOf(), objects);
  const schema = schemaOf({ stemming: true, caseSensitive: true }, 3);
  const inputs = [{ segment: old.segment, dead: undefined }];
  const spec = makeSpec("m", schema);
  const merged = await mergeSegments(inputs, objects.read, spec, ports, objects.sink);
  const { built } = await build("m", documents, schema, new Objects());
  expect(merged?.root).toEqual(built.root);
});

/** The segment as an earlier version would have made it: without positions. */
function withoutPositions(segment: Segment): Segment {
  const attributes = segment.root.attributes.map(({ text, ...more }) => {
    const runs = text?.runs.map((run): TextRun => {
      const { positions, ...earlier } = run;
      expect(positions).toBeDefined();
      return earlier;
    });
    return text === undefined ? more : { ...more, text: { ...text, runs: runs ?? [] } };
  });
  return { ...segment, root: { ...segment.root, attributes } };
}

it("where an input has no positions, they come from the documents", async () => {
  const objects = new Objects();
  const parts = [makeTexts(idsFrom(300, 0, 1), 6), makeTexts(idsFrom(200, 900, 1), 7)];
  const [a, b] = await Promise.all(
    parts.map((each, i) => build(`p${i}`, each, schemaOf(), objects)),
  );
  if (a === undefined || b === undefined) throw new Error("nothing was built");
  const inputs = [
    { segment: withoutPositions(a.segment), dead: undefined },
    { segment: b.segment, dead: undefined },
  ];
  const spec = makeSpec("m", schemaOf());
  const merged = await mergeSegments(inputs, objects.read, spec, ports, objects.sink);
  const { built } = await build("m", parts.flat(), schemaOf(), new Objects());
  expect(merged?.root).toEqual(built.root);
});

it("steps of texts that an earlier version has stored are known by it", async () => {
  const { segment } = await build("s", makeTexts([1, 2, 3], 8), schemaOf(), new Objects());
  const runsOf = ({ root }: Segment) => root.attributes.map(({ text }) => text?.runs[0]);
  const [now] = runsOf(segment);
  const [earlier] = runsOf(withoutPositions(segment));
  expect([now, [now], undefined, null, { rows: 3 }, [4]].some(isEarlierStep)).toBe(false);
  expect([earlier, [now, earlier]].every(isEarlierStep)).toBe(true);
});
