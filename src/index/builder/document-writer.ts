/**
 * Writes documents in the order of their ordinals, and their ids in the order of ids with the
 * membership filter. Each record is hashed from what is written at its ordinal and compared with
 * the hash its source has for that id: a row that met another's vector or attributes ends the
 * build.
 */
import type { DocumentId, IdKind } from "../../document/id.ts";
import { assert, corrupt } from "../../errors.ts";
import { idColumnBytes } from "../../format/id-column.ts";
import type { SectionRange } from "../../format/manifest.ts";
import { recordHash, sumHashes } from "../../format/record-hash.ts";
import { sizedBlockBytes, writeSized } from "../../format/segment-block.ts";
import { encodeDocuments } from "../../format/segment-documents.ts";
import { encodeIdRows, encodeMembership, hashKeys, idKeys } from "../../format/segment-ids.ts";
import type { DocumentDirectory } from "../../format/segment-root.ts";
import { type Section, unevenSection } from "../../format/segment-section.ts";
import { limits } from "../../limits.ts";
import type { MemoryLedger } from "./memory-ledger.ts";
import type { PartWriter } from "./part-writer.ts";
import type { RowSource } from "./row-source.ts";

export interface DocumentWriterInput {
  readonly source: RowSource;
  readonly idKind: IdKind;
  readonly writer: PartWriter;
  readonly ledger: MemoryLedger;
  /** By ordinal: hash of the vector as written, and once documents are written, of the record. */
  readonly hashes: BigUint64Array;
}

const gatherBytes = 12 * 1024 * 1024;
const idHashBytes = 16;
/** Of the filter, twice while it is encoded, rounded up. */
const filterBytes = 3;

/** Adds a block of sized content and returns its size. */
export async function addSized(writer: PartWriter, content: Uint8Array): Promise<SectionRange> {
  return await writer.add(sizedBlockBytes(content.length), (block) => writeSized(content, block));
}

// ---- Documents ----------------------------------------------------------------------------------

export async function writeDocuments(
  input: DocumentWriterInput,
  order: Uint32Array,
): Promise<DocumentDirectory> {
  const blocks = new DocumentBlocks(input);
  for (let at = 0; at < order.length; ) {
    const release = input.ledger.hold(gatherBytes);
    at += await writeGathered(input, order, at, blocks);
    release();
  }
  return await blocks.finish();
}

/**
 * Some documents from ordinal `at` on; returns how many. A function of its own: one that gathers
 * the next would hold on to these meanwhile.
 */
async function writeGathered(
  { source, idKind, hashes }: DocumentWriterInput,
  order: Uint32Array,
  at: number,
  blocks: DocumentBlocks,
): Promise<number> {
  const { ids, rows } = await source.gatherDocuments(order.subarray(at), gatherBytes);
  assert(ids.length > 0, "at least one document is gathered");
  const keys = idKeys(idKind, ids);
  for (const [i, row] of rows.entries()) {
    hashes[at + i] = recordHash(keys, i, hashes[at + i] as bigint, row);
    await blocks.add(ids[i] as DocumentId, row);
  }
  return ids.length;
}

/** Collects rows into blocks; one that is larger than a block has it to itself. */
class DocumentBlocks {
  readonly #input: DocumentWriterInput;
  readonly #firstRows = [0];
  readonly #lengths: number[] = [];
  readonly #contentBytes: number[] = [];
  #ids: DocumentId[] = [];
  #rows: Uint8Array[] = [];
  #bytes = 0;

  constructor(input: DocumentWriterInput) {
    this.#input = input;
  }

  async add(id: DocumentId, row: Uint8Array): Promise<void> {
    const bytes = 4 + idColumnBytes(this.#input.idKind, [id]) + row.length;
    if (this.#rows.length > 0 && this.#bytes + bytes > limits.documentBlockBytes) {
      await this.#write();
    }
    this.#ids.push(id);
    this.#rows.push(row);
    this.#bytes += bytes;
  }

  async finish(): Promise<DocumentDirectory> {
    await this.#write();
    const place = this.#input.writer.endSection();
    return {
      blocks: unevenSection(place, Uint32Array.from(this.#lengths)),
      firstRows: Uint32Array.from(this.#firstRows),
      contentBytes: Uint32Array.from(this.#contentBytes),
    };
  }

  async #write(): Promise<void> {
    const { idKind, writer, ledger } = this.#input;
    const release = ledger.hold(2 * this.#bytes);
    const { content, contentBytes } = encodeDocuments(idKind, this.#ids, this.#rows);
    const { length } = await addSized(writer, content);
    release();
    this.#lengths.push(length);
    this.#contentBytes.push(contentBytes);
    this.#firstRows.push((this.#firstRows.at(-1) as number) + this.#rows.length);
    this.#ids = [];
    this.#rows = [];
    this.#bytes = 0;
  }
}

// ---- Ids ----------------------------------------------------------------------------------------

export interface WrittenIds {
  readonly blocks: Section;
  /** Of each block. */
  readonly firstIds: readonly DocumentId[];
  readonly membership: SectionRange;
  readonly minId: DocumentId;
  readonly maxId: DocumentId;
}

/** `ordinals` has the ordinal of each row number. */
export async function writeIds(
  { source, idKind, writer, ledger, hashes }: DocumentWriterInput,
  ordinals: Uint32Array,
  count: number,
): Promise<WrittenIds> {
  const release = ledger.hold(count * (idHashBytes + filterBytes));
  const idHashes = new Uint8Array(count * idHashBytes);
  const firstIds: DocumentId[] = [];
  const lengths: number[] = [];
  let written = 0;
  let digest = 0n;
  let maxId: DocumentId | undefined;
  for await (const { ids, rows } of inBlocks(source)) {
    const own = rows.map((row) => ordinals[row] as number);
    const records = BigUint64Array.from(own, (ordinal) => hashes[ordinal] as bigint);
    checkRecords(ids, records, (i) => source.hashes[rows[i] as number] as bigint);
    digest += sumHashes(records);
    idHashes.set(hashKeys(idKeys(idKind, ids)), written * idHashBytes);
    const { length } = await addSized(writer, encodeIdRows(idKind, ids, own, records));
    lengths.push(length);
    firstIds.push(ids[0] as DocumentId);
    maxId = ids.at(-1);
    written += ids.length;
  }
  assert(written === count && maxId !== undefined, "every living row has an id");
  assert(BigInt.asUintN(64, digest) === sumHashes(hashes), "no row has two ids");
  const blocks = unevenSection(writer.endSection(), Uint32Array.from(lengths));
  const membership = await addSized(writer, encodeMembership(idHashes));
  writer.endSection();
  release();
  return { blocks, firstIds, membership, minId: firstIds[0] as DocumentId, maxId };
}

function checkRecords(
  ids: readonly DocumentId[],
  written: BigUint64Array,
  known: (i: number) => bigint,
): void {
  const wrong = written.findIndex((hash, i) => hash !== known(i));
  if (wrong >= 0) {
    throw corrupt(`the record hash of id ${ids[wrong]} is not that of the row it came from`);
  }
}

/** The ids in order, `idBlockRows` at a time. */
async function* inBlocks(
  source: RowSource,
): AsyncGenerator<{ ids: DocumentId[]; rows: Uint32Array }> {
  let ids: DocumentId[] = [];
  let rows: number[] = [];
  for await (const block of source.idsInOrder()) {
    for (const [i, id] of block.ids.entries()) {
      ids.push(id);
      rows.push(block.rows[i] as number);
      if (ids.length === limits.idBlockRows) {
        yield { ids, rows: Uint32Array.from(rows) };
        ids = [];
        rows = [];
      }
    }
  }
  if (ids.length > 0) {
    yield { ids, rows: Uint32Array.from(rows) };
  }
}
