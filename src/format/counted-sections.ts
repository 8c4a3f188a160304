/** Sections whose block sizes follow from counts in the root. */
import { corrupt } from "../errors.ts";
import { positionPageBytes } from "./position-block.ts";
import { blockBytes } from "./segment-block.ts";
import { type CodeBytes, codeBlockBytes, codeBlockRows } from "./segment-columns.ts";
import {
  refinePageBytes,
  refinePageLength,
  refinePageRows,
  refinePages,
} from "./segment-refine.ts";
import { scanBlockBytes } from "./segment-scan.ts";
import { evenSection, type Section, type SectionPlace, unevenSection } from "./segment-section.ts";
import { type VectorShape, vectorBlockBytes, vectorBlockRows } from "./segment-vectors.ts";

/** Scan blocks of the given stretches of rows. */
export function scanSection(place: SectionPlace, firstRows: Uint32Array, width: number): Section {
  const lengths = Uint32Array.from({ length: firstRows.length - 1 }, (_, block) =>
    scanBlockBytes((firstRows[block + 1] as number) - (firstRows[block] as number), width),
  );
  return unevenSection(place, lengths);
}

export function refineSection(place: SectionPlace, rows: number, width: number): Section {
  const pages = refinePages(rows, width);
  const last = refinePageLength(rows, Math.max(0, pages - 1), width);
  expectBlocks(place, pages);
  return evenSection(
    place,
    refinePageBytes(refinePageRows(width), width),
    refinePageBytes(last, width),
  );
}

export function vectorSection(place: SectionPlace, rows: number, shape: VectorShape): Section {
  const each = vectorBlockRows(shape);
  const blocks = Math.ceil(rows / each);
  expectBlocks(place, blocks);
  const last = rows - (blocks - 1) * each;
  return evenSection(place, vectorBlockBytes(each, shape), vectorBlockBytes(last, shape));
}

export function codeSection(place: SectionPlace, rows: number, codeBytes: CodeBytes): Section {
  const blocks = Math.ceil(rows / codeBlockRows);
  expectBlocks(place, blocks);
  const last = rows - (blocks - 1) * codeBlockRows;
  return evenSection(
    place,
    codeBlockBytes(codeBlockRows, codeBytes),
    codeBlockBytes(last, codeBytes),
  );
}

/** Pages of so many bytes of content. */
export function positionSection(place: SectionPlace, bytes: number): Section {
  const pages = Math.ceil(bytes / positionPageBytes);
  expectBlocks(place, pages);
  const last = bytes - (pages - 1) * positionPageBytes;
  return evenSection(place, blockBytes(positionPageBytes), pages === 0 ? 0 : blockBytes(last));
}

export function expectBlocks(place: SectionPlace, blocks: number): void {
  if (place.count !== blocks) {
    throw corrupt(`segment root: ${place.count} blocks instead of ${blocks}`);
  }
}
