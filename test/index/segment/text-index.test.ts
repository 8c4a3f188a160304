/** Text indexes of built and merged segments, in one run and in many, beside the texts. */
import { describe, expect, it } from "vitest";
import { Bitmap } from "../../../src/bytes/bitmap.ts";
import type { Schema } from "../../../src/document/schema.ts";
import { defaultText } from "../../../src/document/text-options.ts";
import { type BlockedPostings, postingBlockRows } from "../../../src/format/posting-block.ts";
import { findTerms, type RunPositions } from "../../../src/format/segment-text.ts";
import { buildFromRows, mergeSegments } from "../../../src/index/builder/build-segment.ts";
import { MemoryLedger } from "../../../src/index/builder/memory-ledger.ts";
import type { Segment } from "../../../src/index/segment/segment.ts";
import {
  hasPositions,
  openLengths,
  openPositions,
  openPostings,
  sectionBlock,
  termBlocks,
  textIndexOf,
  type WantedTerm,
} from "../../../src/index/segment/text-index.ts";
import { analysisName, analyzerFor } from "../../../src/index/text/analyzer.ts";
import { createPrng } from "../../../src/index/vector/prng.ts";
import { type Document, makeSpec, Objects, ports, readAll, toRows } from "../segment-lab.ts";

const schema: Schema = {
  version: 2,
  idKind: "uint",
  metric: undefined,
  attributes: new Map([
    ["body", { type: "string", filterable: false, text: { options: defaultText } }],
  ]),
};

/** Words of which few are frequent and many rare; some begin with others. */
function makeTexts(count: number, first: number): Document[] {
  const prng = createPrng({ low: first, high: 3 });
  const word = () => `w${Math.floor(3_000 ** (prng.below(1_000) / 1_000))}`;
  return Array.from({ length: count }, (_, i) => {
    const words = Array.from({ length: prng.below(40) }, word);
    return { id: first + i, vector: [], values: [prng.below(20) === 0 ? null : words.join(" ")] };
  });
}

interface Found {
  readonly count: number;
  readonly length: number;
  readonly positions: readonly number[];
}

/** For each row with the term, how often, where, and the row's length. */
function lookUp(segment: Segment, objects: Objects, wanted: WantedTerm): Map<number, Found> {
  const found = new Map<number, Found>();
  const text = textIndexOf(segment, "body", analysisName(defaultText));
  const pages = new Map<string, Uint8Array>();
  for (const run of text?.runs ?? []) {
    expect(hasPositions(run)).toBe(true);
    const positionPage = (page: number) =>
      objects.load(sectionBlock(segment, (run.positions as RunPositions).section, page));
    const lengths = openLengths(
      run,
      Array.from({ length: run.lengths.count }, (_, i) =>
        objects.load(sectionBlock(segment, run.lengths, i)),
      ),
    );
    for (const index of termBlocks(run, wanted)) {
      findTerms(objects.load(sectionBlock(segment, run.terms, index)), run, wanted, (postings) => {
        const pageAt = (page: number): Uint8Array => {
          const key = `${run.from}/${page}`;
          const known = pages.get(key);
          const bytes = known ?? objects.load(sectionBlock(segment, run.postings, page));
          pages.set(key, bytes);
          return bytes;
        };
        const opened = openPostings(run, postings, pageAt);
        const { rows, counts } = opened;
        if (postings.kind === "pages") expectBounds(opened, run.from, lengths);
        let read: number[] = [];
        rows.forEach((row, i) => {
          if (i % postingBlockRows === 0) {
            const block = i / postingBlockRows;
            const inBlock = Uint32Array.from(counts.subarray(i, i + postingBlockRows));
            const times = inBlock.reduce((sum, each) => sum + each, 0);
            const to = new Uint32Array(times);
            openPositions(run, opened, block, positionPage, to);
            read = [...to];
          }
          const before = found.get(row) ?? { count: 0, positions: [] };
          const count = counts[i] as number;
          const positions = [...before.positions, ...read.splice(0, count)];
          const length = lengths[row - run.from] as number;
          found.set(row, { count: before.count + count, length, positions });
        });
      });
    }
  }
  return found;
}

/** Each block says what its largest count is, and how long its shortest row. */
function expectBounds(
  { rows, counts, largest, shortest }: BlockedPostings,
  from: number,
  lengths: ArrayLike<number>,
): void {
  for (let block = 0; block < largest.length; block++) {
    const at = block * postingBlockRows;
    const lengthsOf = rows.slice(at, at + postingBlockRows).map((row) => lengths[row - from] ?? 0);
    expect(largest[block]).toBe(Math.max(...counts.slice(at, at + postingBlockRows)));
    expect(shortest[block]).toBe(Math.min(...lengthsOf));
  }
}

function countIn(documents: readonly Document[], { term, isPrefix }: WantedTerm) {
  const found = new Map<number, Found>();
  documents.forEach(({ values }, row) => {
    const positions: number[] = [];
    let length = 0;
    analyzerFor(defaultText).visit(values[0] ?? null, (token) => {
      length += 1;
      const isFound = token.term === term || (isPrefix && token.term.startsWith(term));
      if (isFound) positions.push(token.position);
    });
    if (positions.length > 0) found.set(row, { count: positions.length, length, positions });
  });
  return found;
}

function sorted(found: Map<number, Found>): [number, Found][] {
  return [...found]
    .sort(([a], [b]) => a - b)
    .map(([row, { positions, ...more }]) => [
      row,
      { ...more, positions: positions.toSorted((a, b) => a - b) },
    ]);
}

const terms: WantedTerm[] = [
  ...["w1", "w2", "w17", "w250", "w2999", "w", "x", "a", ""].map((term) => ({
    term,
    isPrefix: false,
  })),
  ...["w1", "w29", "w2999", "w", "v", "x", ""].map((term) => ({ term, isPrefix: true })),
];

function expectAll(segment: Segment, objects: Objects): void {
  const documents = readAll({ segment, objects });
  for (const term of terms) {
    const expected = sorted(countIn(documents, term));
    expect(sorted(lookUp(segment, objects, term)), JSON.stringify(term)).toEqual(expected);
  }
}

describe.each([
  ["one run", undefined, 1],
  ["many runs", 60 * 1024, 4],
])("the text index of a segment in %s", (_, textRunBytes, runsMin) => {
  const spec = (id: string) => ({
    ...makeSpec(id, schema),
    ...(textRunBytes === undefined ? {} : { textRunBytes }),
  });
  const buildTexts = async (id: string, documents: readonly Document[], objects: Objects) => {
    const rows = toRows(documents, schema);
    const built = await buildFromRows(rows, spec(id), ports, objects.sink);
    if (built === undefined) throw new Error("nothing was built");
    return objects.open(built);
  };

  it("has the rows of every term, and after a merge those that live", async () => {
    const objects = new Objects();
    const a = await buildTexts("a", makeTexts(2_000, 0), objects);
    expect(a.root.attributes[0]?.text?.runs.length).toBeGreaterThanOrEqual(runsMin);
    expectAll(a, objects);
    const b = await buildTexts("b", makeTexts(900, 10_000), objects);
    const dead = Bitmap.of(a.root.rows, [0, 5, 6, 1_999]);
    const ledger = new MemoryLedger();
    const inputs = [
      { segment: b, dead: undefined },
      { segment: a, dead },
    ];
    const merged = await mergeSegments(
      inputs,
      objects.read,
      spec("m"),
      ports,
      objects.sink,
      ledger,
    );
    if (merged === undefined) throw new Error("nothing was merged");
    expect(ledger.held).toBe(0);
    const segment = objects.open(merged);
    expect(segment.root.rows).toBe(2_896);
    expectAll(segment, objects);
  });
});

it("an index of another analysis is not read", async () => {
  const objects = new Objects();
  const rows = toRows(makeTexts(3, 0), schema);
  const built = await buildFromRows(rows, makeSpec("c", schema), ports, objects.sink);
  if (built === undefined) throw new Error("nothing was built");
  const segment = objects.open(built);
  const other = analysisName({ ...defaultText, stemming: true });
  expect(textIndexOf(segment, "body", other)).toBeUndefined();
  expect(textIndexOf(segment, "body", analysisName(defaultText))).toBeDefined();
});
