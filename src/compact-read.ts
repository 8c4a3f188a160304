/**
 * What compaction reads: stretches of the log, and of segments their roots, dead rows and the
 * places of ids. Everything is immutable, so what a job has read once it keeps until it ends.
 */
import { Bitmap } from "./bytes/bitmap.ts";
import type { Batch } from "./document/batch.ts";
import type { DocumentId } from "./document/id.ts";
import { corrupt } from "./errors.ts";
import { decodeBatch } from "./format/batch.ts";
import { decodeDeadBitmap } from "./format/dead-bitmap.ts";
import { equalBytes } from "./format/envelope.ts";
import { homeOfEntry } from "./format/homes.ts";
import type { Manifest, SegmentInfo, WalRange } from "./format/manifest.ts";
import { shardsOf } from "./format/shard.ts";
import type { ChunkRef } from "./format/wal.ts";
import { type KeyRecord, keysOfEntry } from "./format/write-keys.ts";
import type { MemoryLedger } from "./index/builder/memory-ledger.ts";
import {
  findIds,
  idBlock,
  idBlockCount,
  membershipBlock,
  openIdBlock,
  openMembership,
  planIds,
} from "./index/segment/id-lookup.ts";
import {
  deadKeyOf,
  deadPlace,
  openSegment,
  rootBlock,
  type Segment,
} from "./index/segment/segment.ts";
import { limits } from "./limits.ts";
import { readEntry } from "./log-read.ts";
import type { Ports } from "./ports.ts";
import { BlockCache } from "./store/block-cache.ts";
import { BlockReader } from "./store/block-reader.ts";
import { attachmentKey, generationRoot } from "./store/keys.ts";
import { MemoryBudget } from "./store/memory-budget.ts";

/** About a megabyte. */
const idBlocksAtOnce = 128;

export interface LogContent {
  readonly batches: readonly Batch[];
  /** Idempotency keys of the entries. */
  readonly keys: readonly KeyRecord[];
  /** Of the batches as they are stored. */
  readonly bytes: number;
  /** To be called when the batches are let go of. */
  readonly release: () => void;
}

/** Where a segment holds an id, and the record hash of its document there. */
export interface Place {
  readonly ordinal: number;
  readonly hash: bigint;
}

export class JobReader {
  readonly reader: BlockReader;
  readonly #ports: Ports;
  readonly #tenant: string;
  readonly #segments = new Map<string, Segment>();
  readonly #places = new Map<string, readonly Place[]>();

  constructor(ports: Ports, tenant: string) {
    this.#ports = ports;
    this.#tenant = tenant;
    this.reader = new BlockReader(
      {
        store: ports.store,
        clock: ports.clock,
        cache: new BlockCache({ bytesMax: 0 }),
        budget: new MemoryBudget(ports.clock),
        defer: () => {},
      },
      { disableCache: true },
    );
  }

  /** What a range of the log holds, oldest first; `manifest` says where its entries lie. */
  async readLog(
    range: WalRange & { readonly skipped?: readonly number[] },
    manifest: Manifest,
    ledger: MemoryLedger,
  ): Promise<LogContent> {
    const sequences = Array.from(
      { length: range.to - range.from },
      (_, i) => range.from + i,
    ).filter((sequence) => range.skipped?.includes(sequence) !== true);
    const keys: KeyRecord[][] = [];
    const chunks = await inWaves(sequences, async (sequence) => {
      const generation = homeOfEntry(manifest, sequence);
      const root = generationRoot(this.#tenant, generation);
      const entry = await readEntry(this.#ports, root, generation, sequence);
      // A key is for writes to one namespace, not to those it was branched from.
      const isOwn = generation === manifest.generation && entry !== undefined;
      keys[sequence - range.from] = isOwn ? keysOfEntry(entry) : [];
      return (entry?.members ?? [])
        .flatMap((member) => (member.kind === "batch" ? member.chunks : []))
        .map((chunk) => ({ root, chunk }));
    });
    const bytes = chunks.flat().reduce((sum, { chunk }) => sum + chunkBytes(chunk), 0);
    const release = ledger.hold(bytes);
    const batches = await inWaves(chunks.flat(), async ({ root, chunk }) =>
      decodeBatch(await this.#chunk(root, chunk)),
    );
    return { batches, keys: keys.flat(), bytes, release };
  }

  async segment(info: SegmentInfo): Promise<Segment> {
    let segment = this.#segments.get(info.id);
    if (segment === undefined) {
      const [bytes] = await this.readBlocks([rootBlock(this.#tenant, info)]);
      segment = openSegment(this.#tenant, info, bytes as Uint8Array);
      this.#segments.set(info.id, segment);
    }
    // The dead version moves while the objects stay.
    return { ...segment, info };
  }

  /** Rows that are dead at the version the info names. A bitmap of the caller's own. */
  async deadRows(info: SegmentInfo): Promise<Bitmap> {
    if (info.dead.version === 0) {
      return new Bitmap(info.rows);
    }
    const bytes = await this.#readObject(deadKeyOf(this.#tenant, info));
    return decodeDeadBitmap(bytes, deadPlace(info), info.rows);
  }

  /** Of those of the ids that the segment holds. `ids` must be the same in every call. */
  async placesOf(info: SegmentInfo, ids: readonly DocumentId[]): Promise<readonly Place[]> {
    const known = this.#places.get(info.id);
    if (known !== undefined) {
      return known;
    }
    const segment = await this.segment(info);
    const places: Place[] = [];
    if (planIds(segment, ids).blocks.length > 0) {
      const [filter] = await this.readBlocks([membershipBlock(segment)]);
      const plan = planIds(segment, ids, openMembership(filter as Uint8Array));
      const blocks = plan.blocks.map((index) => idBlock(segment, index));
      await this.reader.readRound(blocks, {
        readsMax: limits.connectionsMax,
        gapBytes: limits.coalesceGapBytes,
        onBlock: (i, bytes) => {
          const rows = openIdBlock(segment, plan.blocks[i] as number, bytes);
          findIds(rows, plan.ids[i] ?? [], (_, ordinal, at) => {
            places.push({ ordinal, hash: rows.hashAt(at) });
          });
        },
      });
    }
    this.#places.set(info.id, places);
    return places;
  }

  /** By ordinal. */
  async shardsOfRows(segment: Segment, shards: number): Promise<Uint16Array> {
    const { idKind, rows } = segment.root;
    const found = new Uint16Array(rows);
    for (let from = 0; from < idBlockCount(segment); from += idBlocksAtOnce) {
      const length = Math.min(idBlocksAtOnce, idBlockCount(segment) - from);
      const blocks = Array.from({ length }, (_, i) => idBlock(segment, from + i));
      for (const [i, bytes] of (await this.readBlocks(blocks)).entries()) {
        const { ids, ordinals } = openIdBlock(segment, from + i, bytes);
        const all = Array.from({ length: ids.length }, (_, row) => ids.at(row));
        shardsOf(idKind, all, shards).forEach((shard, row) => {
          found[ordinals[row] as number] = shard;
        });
      }
    }
    return found;
  }

  async readBlocks(blocks: Parameters<BlockReader["readRound"]>[0]): Promise<Uint8Array[]> {
    const found: Uint8Array[] = [];
    await this.reader.readRound(blocks, {
      readsMax: limits.connectionsMax,
      gapBytes: limits.coalesceGapBytes,
      onBlock: (index, bytes) => {
        found[index] = bytes;
      },
    });
    return found;
  }

  /** A stretch of an object, unverified. */
  async readRange(key: string, offset: number, length: number): Promise<Uint8Array> {
    const stored = await this.#ports.store.get(key, { offset, length });
    if (stored === undefined) {
      throw corrupt(`${key} is missing`);
    }
    return stored.bytes;
  }

  async #chunk(root: string, chunk: ChunkRef): Promise<Uint8Array> {
    if (chunk.kind === "inline") {
      return chunk.bytes;
    }
    const bytes = await this.#readObject(attachmentKey(root, chunk.id));
    const hash = await this.#ports.digest(bytes);
    if (bytes.length !== chunk.length || !equalBytes(hash, chunk.sha256)) {
      throw corrupt(`attachment ${chunk.id} is not what its entry says`);
    }
    return bytes;
  }

  async #readObject(key: string): Promise<Uint8Array> {
    const stored = await this.#ports.store.get(key);
    if (stored === undefined) {
      throw corrupt(`${key} is missing`);
    }
    return stored.bytes;
  }
}

function chunkBytes(chunk: ChunkRef): number {
  return chunk.kind === "inline" ? chunk.bytes.length : chunk.length;
}

/** Results in order, as many at once as may wait for headers. */
async function inWaves<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let at = 0; at < items.length; at += limits.connectionsMax) {
    results.push(...(await Promise.all(items.slice(at, at + limits.connectionsMax).map(work))));
  }
  return results;
}
