/**
 * The text indexes of a root:
 *
 *   CBOR  [analysis, [[to, rows, tokens, place of terms, separators, place of postings,
 *         place of lengths, bytes of a length, positions] of each run]]
 *         positions: [placing version, place, bytes]; missing in runs of earlier versions
 *
 * and the arrays named in segment-root.ts.
 */
import type { ByteReader } from "../bytes/byte-reader.ts";
import { codeSection, positionSection } from "./counted-sections.ts";
import { RootFields } from "./segment-root-fields.ts";
import { placeFromCbor, placeToCbor, type Section, unevenSection } from "./segment-section.ts";
import { checkRuns, type RunPositions, type TextDirectory, type TextRun } from "./segment-text.ts";

export function textHead({ analysis, runs }: TextDirectory): unknown {
  return [
    analysis,
    runs.map(({ to, rows, tokens, terms, separators, postings, lengths, ...more }) => [
      to,
      rows,
      tokens,
      placeToCbor(terms),
      separators,
      placeToCbor(postings),
      placeToCbor(lengths),
      more.lengthBytes,
      ...(more.positions === undefined ? [] : [positionHead(more.positions)]),
    ]),
  ];
}

function positionHead({ placing, section, bytes }: RunPositions): unknown {
  return [placing, placeToCbor(section), bytes];
}

export function textArrays({ runs }: TextDirectory): ArrayBufferView[] {
  return runs.flatMap(({ terms, postings }) => [sizesOf(terms), sizesOf(postings)]);
}

function sizesOf({ sizes }: Section): Uint32Array {
  return sizes.kind === "uneven" ? sizes.lengths : new Uint32Array(0);
}

/** Every section, with the name that people know it by. */
export function textSections({ runs }: TextDirectory): [string, Section][] {
  return runs.flatMap(({ terms, postings, lengths, positions }): [string, Section][] => [
    ["postings", postings],
    ...(positions === undefined ? [] : [["positions", positions.section] as [string, Section]]),
    ["terms", terms],
    ["lengths", lengths],
  ]);
}

export function readText(reader: ByteReader, value: unknown, rows: number): TextDirectory {
  const [analysis, list] = RootFields.list(value, 2);
  let from = 0;
  const runs = RootFields.list(list).map((item) => {
    const run = readRun(reader, RootFields.list(item), from);
    from = run.to;
    return run;
  });
  const text = { analysis: RootFields.text(analysis), runs };
  checkRuns(text, rows);
  return text;
}

function readRun(reader: ByteReader, fields: readonly unknown[], from: number): TextRun {
  const [end, counted, tokens, terms, separators, postings, lengths, bytes, positions, ...more] =
    fields;
  if (more.length > 0) {
    throw reader.error("a run of texts with more than is known");
  }
  const to = RootFields.count(end);
  if (bytes !== 1 && bytes !== 2 && bytes !== 4) {
    throw reader.error("unknown width of lengths");
  }
  const termPlace = placeFromCbor(terms);
  const postingPlace = placeFromCbor(postings);
  reader.alignTo(16);
  const termSizes = reader.u32s(termPlace.count);
  reader.alignTo(16);
  const postingSizes = reader.u32s(postingPlace.count);
  return {
    from,
    to,
    rows: RootFields.count(counted),
    tokens: RootFields.count(tokens),
    terms: unevenSection(termPlace, termSizes),
    separators: RootFields.list(separators, termPlace.count).map((each) => RootFields.text(each)),
    postings: unevenSection(postingPlace, postingSizes),
    lengths: codeSection(placeFromCbor(lengths), to - from, bytes),
    lengthBytes: bytes,
    ...(positions === undefined ? {} : { positions: readPositions(positions) }),
  };
}

function readPositions(value: unknown): RunPositions {
  const [placing, place, content] = RootFields.list(value, 3);
  const bytes = RootFields.count(content);
  const section = positionSection(placeFromCbor(place), bytes);
  return { placing: RootFields.count(placing), section, bytes };
}
