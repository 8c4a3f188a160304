/**
 * The segments of a manifest:
 *
 *   objects    size and SHA-256 of each; where they do not match, which block of which section
 *   blocks     every checksum
 *   ids        in order, each once, of the segment's shard; each row has one
 *   documents  decode, and are those their ids were stored with: their record hashes match
 *   digests    of all rows, and of the dead ones in the bitmap, are what the manifest says
 *   columns    decode, and hold a code for each row; lists name the rows that have their value, and
 *              those of elements the rows whose arrays they stand in (columns.ts)
 *
 * Memory: four objects of at most 17 MiB, and 13 bytes a row.
 */
import { Bitmap } from "../../src/bytes/bitmap.ts";
import { compareIds } from "../../src/document/id.ts";
import { decodeDeadBitmap } from "../../src/format/dead-bitmap.ts";
import { equalBytes } from "../../src/format/envelope.ts";
import { type SegmentInfo } from "../../src/format/manifest.ts";
import { documentHash, sumHashes } from "../../src/format/record-hash.ts";
import { rootSections } from "../../src/format/segment-root-codec.ts";
import { locateBlock } from "../../src/format/segment-section.ts";
import {
  documentId,
  documentValues,
  openDocumentBlock,
  readVectorBlock,
  vectorBlockRange,
} from "../../src/index/segment/document-rows.ts";
import { idBlock, idBlockCount, openIdBlock } from "../../src/index/segment/id-lookup.ts";
import {
  blockAt,
  deadKeyOf,
  deadPlace,
  openSegment,
  rootBlock,
  type Segment,
} from "../../src/index/segment/segment.ts";
import { strayFault } from "../../src/namespace/invariants.ts";
import type { Block } from "../../src/store/block.ts";
import { generationRoot, segmentKey } from "../../src/store/keys.ts";
import { lesson, mixedUp, readBlock } from "./blocks.ts";
import { checkColumns } from "./columns.ts";
import { checkFurther } from "./further.ts";
import type { Ledger } from "./ledger.ts";

/** A segment whose ids can be gone through, and which of its rows are dead. */
export interface ScrubbedSegment {
  readonly segment: Segment;
  readonly dead: Bitmap;
}

export async function scrubSegment(
  ledger: Ledger,
  tenant: string,
  info: SegmentInfo,
  shards: number,
): Promise<ScrubbedSegment | undefined> {
  const before = ledger.faults.length;
  const objects = await checkObjects(ledger, tenant, info);
  const dead = await checkBitmap(ledger, tenant, info);
  const rootKey = rootBlock(tenant, info).key;
  const rootBytes = await readBlock(ledger, rootBlock(tenant, info));
  const segment =
    rootBytes && (await ledger.open(rootKey, lesson, () => openSegment(tenant, info, rootBytes)));
  if (segment === undefined) return undefined;
  ledger.segments += 1;
  const isWhole = (await checkBlocks(ledger, segment)) && objects;
  if (!isWhole || dead === undefined) return undefined;
  const hashes = await checkIds(ledger, segment, shards);
  if (hashes === undefined) return undefined;
  await checkDocuments(ledger, segment, hashes);
  await checkColumns(ledger, segment);
  await checkFurther(ledger, segment);
  checkDigests(ledger, segment, hashes, dead);
  ledger.rows += info.rows;
  if (ledger.faults.length > before) return undefined;
  ledger.count("segments");
  ledger.count("documents in segments", info.rows);
  return { segment, dead };
}

/** Sizes and SHA-256 alone: for segments that only older manifests name. */
export async function checkObjects(
  ledger: Ledger,
  tenant: string,
  info: SegmentInfo,
  isNeeded = true,
): Promise<boolean> {
  const root = generationRoot(tenant, info.home);
  let isWhole = true;
  for (const [part, { bytes: size, sha256 }] of info.parts.entries()) {
    const key = segmentKey(root, info.id, info.parts.length, part);
    ledger.progress(key);
    const bytes = isNeeded ? await ledger.read(key, lesson) : await ledger.readIfAny(key);
    if (bytes !== undefined) ledger.keep(key, bytes);
    if (bytes === undefined) {
      isWhole = false;
    } else if (bytes.length !== size) {
      ledger.fault(key, `has ${bytes.length} bytes instead of ${size}`, lesson);
      isWhole = false;
    } else if (!equalBytes(await ledger.digest(bytes), sha256)) {
      ledger.fault(key, "SHA-256 does not match", lesson);
      isWhole = false;
    } else {
      ledger.count("segment objects");
    }
  }
  return isWhole;
}

async function checkBitmap(
  ledger: Ledger,
  tenant: string,
  info: SegmentInfo,
): Promise<Bitmap | undefined> {
  if (info.dead.version === 0) return new Bitmap(info.rows);
  const key = deadKeyOf(tenant, info);
  const bytes = await ledger.read(key, lesson);
  const dead =
    bytes &&
    (await ledger.open(key, lesson, () => decodeDeadBitmap(bytes, deadPlace(info), info.rows)));
  if (dead !== undefined) ledger.count("bitmaps of superseded rows");
  return dead;
}

async function checkBlocks(ledger: Ledger, segment: Segment): Promise<boolean> {
  let isWhole = true;
  const check = async (name: string, block: Block): Promise<void> => {
    const bytes = await readBlock(ledger, block);
    if (bytes !== undefined && block.verify(bytes)) {
      ledger.count("blocks of segments");
      return;
    }
    isWhole = false;
    const { key, offset, length } = block;
    ledger.fault(
      key,
      `${name}: the checksum of ${length} bytes at ${offset} does not match`,
      lesson,
    );
  };
  for (const [name, section] of rootSections(segment.root)) {
    for (let index = 0; index < section.count; index++) {
      await check(`${name}, block ${index}`, blockAt(segment, locateBlock(section, index)));
    }
  }
  await check("membership filter", blockAt(segment, segment.root.ids.membership));
  return isWhole;
}

/** Record hashes by ordinal. */
async function checkIds(
  ledger: Ledger,
  segment: Segment,
  shards: number,
): Promise<BigUint64Array | undefined> {
  const { info } = segment;
  const key = idBlock(segment, 0).key;
  const hashes = new BigUint64Array(info.rows);
  const seen = new Uint8Array(info.rows);
  let previous: Parameters<typeof compareIds>[0] | undefined;
  for (let index = 0; index < idBlockCount(segment); index++) {
    const bytes = await readBlock(ledger, idBlock(segment, index));
    const rows =
      bytes && (await ledger.open(key, lesson, () => openIdBlock(segment, index, bytes)));
    if (rows === undefined) return undefined;
    const ids = Array.from({ length: rows.ids.length }, (_, row) => rows.ids.at(row));
    const stray = strayFault(info, segment.root.idKind, ids, shards);
    if (stray !== undefined) ledger.fault(key, stray, mixedUp);
    for (const [row, id] of ids.entries()) {
      const ordinal = rows.ordinals[row] as number;
      if (previous !== undefined && compareIds(previous, id) >= 0) {
        ledger.fault(
          key,
          `id ${id} does not follow ${previous}: there twice, or out of order`,
          mixedUp,
        );
      }
      if (seen[ordinal] === 1) {
        ledger.fault(key, `row ${ordinal} has two ids, one of them ${id}`, mixedUp);
      }
      seen[ordinal] = 1;
      hashes[ordinal] = rows.hashAt(row);
      previous = id;
    }
  }
  const missing = seen.indexOf(0);
  if (missing >= 0) ledger.fault(key, `row ${missing} has no id`, mixedUp);
  return hashes;
}

async function checkDocuments(
  ledger: Ledger,
  segment: Segment,
  hashes: BigUint64Array,
): Promise<void> {
  const { root } = segment;
  const { idKind, documents, vector } = root;
  let vectors: { from: number; to: number; values: Float32Array } | undefined;
  const vectorOf = async (ordinal: number): Promise<Float32Array> => {
    if (vector === undefined) return new Float32Array(0);
    if (vectors === undefined || ordinal >= vectors.to) {
      const index = Math.floor(ordinal / vectorBlockRange(segment, 0).to);
      const { from, to } = vectorBlockRange(segment, index);
      const bytes = await readBlock(ledger, blockAt(segment, locateBlock(vector.vectors, index)));
      vectors = { from, to, values: readVectorBlock(segment, index, bytes as Uint8Array) };
    }
    const at = (ordinal - vectors.from) * vector.dims;
    return vectors.values.subarray(at, at + vector.dims);
  };
  for (let index = 0; index < documents.blocks.count; index++) {
    const place = blockAt(segment, locateBlock(documents.blocks, index));
    const bytes = await readBlock(ledger, place);
    const block =
      bytes &&
      (await ledger.open(place.key, lesson, () => openDocumentBlock(segment, index, bytes)));
    if (block === undefined) return;
    for (let ordinal = block.from; ordinal < block.to; ordinal++) {
      const vectorValues = await vectorOf(ordinal);
      await ledger.open(place.key, mixedUp, () => {
        const id = documentId(block, ordinal);
        const values = documentValues(segment, block, ordinal);
        const hash = documentHash(idKind, { id, vector: vectorValues, values });
        if (hash !== hashes[ordinal]) {
          ledger.fault(place.key, `document ${id} is not the one its id was stored with`, mixedUp);
        }
      });
    }
  }
}

function checkDigests(
  ledger: Ledger,
  { info }: Segment,
  hashes: BigUint64Array,
  dead: Bitmap,
): void {
  const key = info.id;
  const gone: bigint[] = [];
  dead.forEach((row) => gone.push(hashes[row] as bigint));
  if (sumHashes(hashes) !== info.digest) {
    ledger.fault(key, "the record digest of its rows is not what the manifest says", mixedUp);
  }
  if (gone.length !== info.dead.rows || sumHashes(gone) !== info.dead.digest) {
    ledger.fault(key, "the superseded rows are not those that the manifest counts", mixedUp);
  }
  ledger.count("record digests", 2);
}

/** Ids that live in more than one of the segments: all are gone through side by side, in order. */
export async function checkIdsOnce(
  ledger: Ledger,
  key: string,
  segments: readonly ScrubbedSegment[],
): Promise<void> {
  const cursors = segments.map((each) => liveIds(ledger, each));
  const heads = await Promise.all(cursors.map((cursor) => cursor.next()));
  for (;;) {
    let least: { at: number; id: Parameters<typeof compareIds>[0] } | undefined;
    for (const [at, head] of heads.entries()) {
      if (head.done === true) continue;
      const order = least === undefined ? -1 : compareIds(head.value, least.id);
      if (order === 0 && least !== undefined) {
        const [a, b] = [segments[least.at], segments[at]].map((each) => each?.segment.info.id);
        ledger.fault(key, `document ${head.value} lives in two segments, ${a} and ${b}`, mixedUp);
        heads[at] = await (cursors[at] as AsyncGenerator<typeof head.value>).next();
      } else if (order < 0) {
        least = { at, id: head.value };
      }
    }
    if (least === undefined) return;
    ledger.count("live documents, each in one segment only");
    heads[least.at] = await (cursors[least.at] as (typeof cursors)[number]).next();
  }
}

async function* liveIds(ledger: Ledger, { segment, dead }: ScrubbedSegment) {
  for (let index = 0; index < idBlockCount(segment); index++) {
    // Of all segments at once: their objects would not fit.
    const { key, offset, length } = idBlock(segment, index);
    const stored = await ledger.store.get(key, { offset, length });
    if (stored === undefined) return;
    const rows = openIdBlock(segment, index, stored.bytes);
    for (let row = 0; row < rows.ids.length; row++) {
      if (!dead.has(rows.ordinals[row] as number)) yield rows.ids.at(row);
    }
  }
}
