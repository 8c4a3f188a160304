/**
 * An object of a segment, or a bitmap of its superseded rows. What a segment's bytes mean is said
 * by the manifest that names it, so the newest one that does is looked for first.
 */
import { ByteReader } from "../../src/bytes/byte-reader.ts";
import { decodeBitmap } from "../../src/bytes/roaring.ts";
import { decodeDeadBitmap } from "../../src/format/dead-bitmap.ts";
import type { SegmentInfo } from "../../src/format/manifest.ts";
import { openManifest } from "../../src/format/manifest-codec.ts";
import { rootSections } from "../../src/format/segment-root-codec.ts";
import { locateBlock } from "../../src/format/segment-section.ts";
import {
  documentId,
  documentValues,
  openDocumentBlock,
} from "../../src/index/segment/document-rows.ts";
import { idBlock, openIdBlock } from "../../src/index/segment/id-lookup.ts";
import {
  blockAt,
  deadPlace,
  openSegment,
  rootBlock,
  type Segment,
} from "../../src/index/segment/segment.ts";
import type { Block } from "../../src/store/block.ts";
import {
  generationRoot,
  manifestPrefix,
  segmentOfKey,
  versionOfManifestKey,
} from "../../src/store/keys.ts";
import { formatTable } from "../table.ts";
import type { Lens } from "./object.ts";
import type { Text } from "./text.ts";

export async function showBitmap(
  text: Text,
  key: string,
  bytes: Uint8Array,
  lens: Lens,
): Promise<void> {
  const reader = new ByteReader(bytes.subarray(16), "bitmap");
  const [version, rows, count] = [reader.u64Safe(), reader.u32(), reader.u32()];
  text.title("bitmap of superseded rows");
  text.field("version", version);
  text.field("superseded", `${count} of ${rows} rows`);
  const info = await infoOf(key, lens);
  const named = info?.dead.name === segmentName(key) ? info : undefined;
  const bitmap =
    named === undefined
      ? decodeBitmap(bytes.subarray(32, -4), rows)
      : decodeDeadBitmap(bytes, deadPlace(named), rows);
  if (named === undefined) text.line("no manifest names it, so its checksum cannot be verified");
  const ordinals: number[] = [];
  bitmap.forEach((ordinal) => ordinals.push(ordinal));
  text.field("first of them", text.flat(ordinals.slice(0, text.rowsMax)));
}

export async function showSegment(
  text: Text,
  key: string,
  bytes: Uint8Array,
  lens: Lens,
): Promise<void> {
  const info = await infoOf(key, lens);
  if (info === undefined) {
    text.damage("no manifest names this segment, and without one its bytes cannot be read");
    return;
  }
  const { parts: _, ...fields } = info;
  text.value(`segment ${info.id}, as the manifest has it`, fields);
  const found = segmentOfKey(key);
  const part = found?.kind === "part" ? found.part : 0;
  text.field("this object", `${part + 1} of ${info.parts.length}`);
  const expected = info.parts[part];
  const hash = await lens.digest(bytes);
  if (expected?.bytes !== bytes.length) text.damage(`it has ${bytes.length} bytes`);
  else if (expected.sha256.some((byte, i) => byte !== hash[i])) {
    text.damage("SHA-256 does not match");
  }
  const load = async (block: Block): Promise<Uint8Array> => {
    const { offset, length } = block;
    if (block.key === key) return bytes.slice(offset, offset + length);
    return (await lens.store.get(block.key, { offset, length }))?.bytes ?? new Uint8Array(0);
  };
  const tenant = /^t\/([^/]+)\//.exec(key)?.[1] ?? "";
  await text.guard("root", async () => {
    const segment = openSegment(tenant, info, await load(rootBlock(tenant, info)));
    await showRoot(text, segment, part, load);
    if (info.root.part === part) await showRows(text, segment, load);
  });
}

/** Every section with its blocks; which of them are damaged in this object. */
async function showRoot(
  text: Text,
  segment: Segment,
  part: number,
  load: (block: Block) => Promise<Uint8Array>,
): Promise<void> {
  const { vector, further = [] } = segment.root;
  text.title("root");
  for (const planes of vector === undefined ? further : [vector, ...further]) {
    const { name, dims, width, metric, clustered, firstRows, element } = planes;
    text.field("vectors", `${name}: ${dims} of ${element}, padded to ${width}, ${metric}`);
    const blocks = firstRows.length - 1;
    text.field("clusters", clustered ? `${blocks}` : `none: ${blocks} stretches of rows`);
    text.field("their first rows", text.flat(Array.from(firstRows.slice(0, text.rowsMax))));
  }
  text.title("sections");
  const rows: (string | number)[][] = [];
  for (const [name, section] of rootSections(segment.root)) {
    let [bytes, bad] = [0, 0];
    for (let index = 0; index < section.count; index++) {
      const range = locateBlock(section, index);
      bytes += range.length;
      const block = blockAt(segment, range);
      if (range.part === part && !block.verify(await load(block))) {
        bad += 1;
        text.damage(`${name}, block ${index}: ${range.length} bytes at ${range.offset}`);
      }
    }
    rows.push([name, section.count, bytes, bad]);
  }
  for (const line of formatTable(["section", "blocks", "bytes", "damaged"], rows)) text.line(line);
}

/** The first ids with their places, and the first documents. */
async function showRows(
  text: Text,
  segment: Segment,
  load: (block: Block) => Promise<Uint8Array>,
): Promise<void> {
  const { root } = segment;
  await text.guard("ids", async () => {
    const block = idBlock(segment, 0);
    const bytes = await load(block);
    if (!block.verify(bytes)) return;
    const { ids, ordinals, hashAt } = openIdBlock(segment, 0, bytes);
    text.title("ids in order, their rows and record hashes");
    const shown = Array.from({ length: Math.min(ids.length, text.rowsMax) }, (_, row) => row);
    for (const row of shown) {
      text.line(`${ids.at(row)}  row ${ordinals[row]}  ${hashAt(row).toString(16)}`);
    }
  });
  await text.guard("documents", async () => {
    const place = blockAt(segment, locateBlock(root.documents.blocks, 0));
    const bytes = await load(place);
    if (!place.verify(bytes)) return;
    const block = openDocumentBlock(segment, 0, bytes);
    text.title("documents by row");
    const names = root.attributes.map(({ name }) => name);
    const rows: (string | number)[][] = [];
    for (let row = block.from; row < Math.min(block.to, block.from + text.rowsMax); row++) {
      const values = documentValues(segment, block, row);
      rows.push([
        row,
        String(documentId(block, row)),
        ...names.map((_, i) => text.flat(values[i] ?? null)),
      ]);
    }
    for (const line of formatTable(["row", "id", ...names], rows, 40)) text.line(line);
  });
}

/** What the newest manifest that names the segment says of it. */
async function infoOf(key: string, { store, digest }: Lens): Promise<SegmentInfo | undefined> {
  const [, tenant, generation] = /^t\/([^/]+)\/n\/([^/]+)\//.exec(key) ?? [];
  const id = segmentOfKey(key)?.id;
  if (tenant === undefined || generation === undefined || id === undefined) return undefined;
  const { objects } = await store.list(manifestPrefix(generationRoot(tenant, generation)));
  for (const object of objects.toReversed()) {
    const version = versionOfManifestKey(object.key) ?? 0;
    const stored = await store.get(object.key);
    const opening = stored && openManifest(stored.bytes, { generation, version }, digest);
    const manifest = await opening?.catch(() => undefined);
    const info = manifest?.segments.find((segment) => segment.id === id);
    if (info !== undefined) return info;
  }
  return undefined;
}

function segmentName(key: string): string | undefined {
  const found = segmentOfKey(key);
  return found?.kind === "dead" ? found.name : undefined;
}
