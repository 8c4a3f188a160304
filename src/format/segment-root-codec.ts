/**
 * Bytes of a root: see segment-root.ts for the layout. Decoding believes counts only as far as
 * bytes are there.
 */
import { ByteReader } from "../bytes/byte-reader.ts";
import { ByteWriter } from "../bytes/byte-writer.ts";
import { bytesOf } from "../bytes/typed-view.ts";
import type { IdKind } from "../document/id.ts";
import { corrupt } from "../errors.ts";
import { limits } from "../limits.ts";
import { decodeCbor, encodeCbor } from "./cbor.ts";
import { expectBlocks } from "./counted-sections.ts";
import { encodeIds, openIds } from "./id-column.ts";
import type { SectionRange } from "./manifest.ts";
import { blockBytes } from "./segment-block.ts";
import {
  columnArrays,
  columnHead,
  columnSections,
  readColumn,
  readFirsts,
} from "./segment-column-codec.ts";
import {
  checkPlanes,
  furtherHead,
  furtherSections,
  planesArrays,
  planesHead,
  planesSections,
  readFurther,
  readPlanes,
} from "./segment-planes-codec.ts";
import type { DocumentDirectory, IdDirectory, RootAttribute, SegmentRoot } from "./segment-root.ts";
import { RootFields } from "./segment-root-fields.ts";
import {
  checkSection,
  lengthsOf,
  placeFromCbor,
  placeToCbor,
  type Section,
  unevenSection,
} from "./segment-section.ts";
import { readText, textArrays, textHead, textSections } from "./segment-text-codec.ts";

const magic = "SHOALSEG";
const formatVersion = 2;
const headerBytes = 16;
const checksumBytes = 4;
const idKinds: readonly IdKind[] = ["uint", "string", "uuid"];

// ---- Encoding -----------------------------------------------------------------------------------

/** Content of the root block. */
export function encodeRoot(root: SegmentRoot): Uint8Array {
  const firstIds = encodeIds(
    root.idKind,
    Array.from({ length: root.ids.firstIds.length }, (_, i) => root.ids.firstIds.at(i)),
  );
  const head = encodeCbor(headOf(root, firstIds.length));
  const writer = new ByteWriter(headerBytes + head.length + 4096);
  for (let i = 0; i < magic.length; i++) {
    writer.u8(magic.charCodeAt(i));
  }
  writer.u16(formatVersion);
  writer.u16(0);
  writer.u32(head.length);
  writer.bytes(head);
  for (const array of arraysOf(root, firstIds)) {
    writer.alignTo(16);
    writer.bytes(bytesOf(array));
  }
  return writer.finish();
}

function headOf(root: SegmentRoot, firstIdBytes: number): unknown {
  const { vector, further = [], documents, ids } = root;
  return {
    generation: root.generation,
    segment: root.segment,
    schema: root.schemaVersion,
    rows: root.rows,
    idKind: root.idKind,
    minId: root.minId,
    maxId: root.maxId,
    vector: vector === undefined ? null : planesHead(vector),
    ...(further.length === 0 ? {} : { further: further.map(furtherHead) }),
    documents: placeToCbor(documents.blocks),
    ids: [placeToCbor(ids.blocks), rangeToCbor(ids.membership), firstIdBytes],
    attributes: root.attributes.map(({ name, column, text }) => [
      name,
      column === undefined ? null : columnHead(column),
      ...(text === undefined ? [] : [textHead(text)]),
    ]),
  };
}

function arraysOf(root: SegmentRoot, firstIds: Uint8Array): ArrayBufferView[] {
  const { vector, further = [], documents, ids, attributes } = root;
  const arrays: ArrayBufferView[] = vector === undefined ? [] : planesArrays(vector);
  arrays.push(documents.firstRows, lengthsOf(documents.blocks), documents.contentBytes);
  arrays.push(lengthsOf(ids.blocks), firstIds);
  for (const { column, text } of attributes) {
    arrays.push(...(column === undefined ? [] : columnArrays(column)));
    arrays.push(...(text === undefined ? [] : textArrays(text)));
  }
  return [...arrays, ...further.flatMap(planesArrays)];
}

function rangeToCbor({ part, offset, length }: SectionRange): unknown {
  return [part, offset, length];
}

// ---- Decoding -----------------------------------------------------------------------------------

export interface ExpectedRoot {
  readonly generation: string;
  readonly segment: string;
  readonly rows: number;
  /** Size of each object of the segment. */
  readonly partBytes: readonly number[];
}

/** Opens a verified root; arrays are views of `block`. */
export function decodeRoot(block: Uint8Array, expected: ExpectedRoot): SegmentRoot {
  const reader = new ByteReader(block.subarray(0, block.length - checksumBytes), "segment root");
  for (let i = 0; i < magic.length; i++) {
    if (reader.u8() !== magic.charCodeAt(i)) {
      throw reader.error(`does not begin with ${magic}`);
    }
  }
  const version = reader.u16();
  if (version !== formatVersion || reader.u16() !== 0) {
    throw reader.error(`format version ${version} is unknown`);
  }
  const head = new RootFields(decodeCbor(reader.bytes(reader.u32()), "segment root"));
  const rows = head.count("rows");
  if (rows === 0) {
    throw reader.error("a segment without rows");
  }
  const root: SegmentRoot = {
    generation: head.text("generation"),
    segment: head.text("segment"),
    schemaVersion: head.count("schema"),
    rows,
    idKind: head.oneOf("idKind", idKinds),
    minId: head.id("minId"),
    maxId: head.id("maxId"),
    vector:
      head.value("vector") === null ? undefined : readPlanes(reader, head.map("vector"), rows),
    documents: readDocumentDirectory(reader, head, rows),
    ids: readIdDirectory(reader, head, rows),
    attributes: readAttributes(reader, head, rows),
    ...readFurther(reader, head, rows),
  };
  if (blockBytes(reader.position) !== block.length) {
    throw reader.error("arrays do not fill the block");
  }
  checkRoot(root, expected);
  return root;
}

function readDocumentDirectory(
  reader: ByteReader,
  head: RootFields,
  rows: number,
): DocumentDirectory {
  const place = placeFromCbor(head.value("documents"));
  reader.alignTo(16);
  const firstRows = readFirsts(reader, place.count, rows);
  reader.alignTo(16);
  const lengths = reader.u32s(place.count);
  reader.alignTo(16);
  const contentBytes = reader.u32s(place.count);
  return { blocks: unevenSection(place, lengths), firstRows, contentBytes };
}

function readIdDirectory(reader: ByteReader, head: RootFields, rows: number): IdDirectory {
  const [place, range, firstIdBytes] = head.list("ids", 3);
  const blocks = placeFromCbor(place);
  expectBlocks(blocks, Math.ceil(rows / limits.idBlockRows));
  reader.alignTo(16);
  const lengths = reader.u32s(blocks.count);
  reader.alignTo(16);
  const firstIds = openIds(
    head.oneOf("idKind", idKinds),
    reader.bytes(RootFields.count(firstIdBytes)),
    blocks.count,
  );
  const [part, offset, length] = RootFields.counts(range, 3) as [number, number, number];
  return {
    blocks: unevenSection(blocks, lengths),
    firstIds,
    membership: { part, offset, length },
  };
}

function readAttributes(reader: ByteReader, head: RootFields, rows: number): RootAttribute[] {
  return head.list("attributes").map((value) => {
    const [name, column, text, ...more] = RootFields.list(value);
    if (more.length > 0) {
      throw reader.error("an attribute with more than is known");
    }
    return {
      name: RootFields.text(name),
      column: column === null ? undefined : readColumn(reader, column, rows),
      ...(text === undefined ? {} : { text: readText(reader, text, rows) }),
    };
  });
}

/** Every section, with the name that people know it by. */
export function rootSections({ vector, documents, ids, attributes, further = [] }: SegmentRoot) {
  const sections: [string, Section][] = vector === undefined ? [] : planesSections(vector);
  sections.push(["documents", documents.blocks], ["ids", ids.blocks]);
  for (const { name, column } of attributes) {
    if (column !== undefined) sections.push(...columnSections(name, column));
  }
  for (const { name, text } of attributes) {
    if (text === undefined) continue;
    for (const [kind, section] of textSections(text))
      sections.push([`${kind} of ${name}`, section]);
  }
  for (const planes of further) {
    for (const [kind, section] of furtherSections(planes))
      sections.push([`${kind} of ${planes.name}`, section]);
  }
  return sections;
}

function checkRoot(root: SegmentRoot, expected: ExpectedRoot): void {
  const { vector, further = [], ids } = root;
  const same = root.generation === expected.generation && root.segment === expected.segment;
  if (!same || root.rows !== expected.rows) {
    throw corrupt(`segment root: says it is segment ${root.segment} of ${root.generation}`);
  }
  for (const planes of vector === undefined ? further : [vector, ...further]) checkPlanes(planes);
  for (const [, section] of rootSections(root)) {
    checkSection(section, expected.partBytes);
  }
  const { part, offset, length } = ids.membership;
  if (offset + length > (expected.partBytes[part] ?? -1)) {
    throw corrupt("segment root: the membership filter lies outside its object");
  }
}
