/**
 * The answer to `head`: the snapshot a strong query reads, with what the caller lacks sent along
 * while it is small.
 *
 *   1. state        taken in one turn
 *   2. WAL          newest entries first, from memory only, at most 4 MiB
 *   3. roots, dead  bitmaps: from memory, else from the store; at most 1 MiB and 64 KiB together
 *
 * What does not fit, or cannot be read now, is read by the caller; a bad read is never kept. Cost:
 * no store request once the bytes are in memory.
 */
import { verifyDeadBitmap } from "./format/dead-bitmap.ts";
import { homeOfEntry } from "./format/homes.ts";
import type { Delta, SegmentInfo } from "./format/manifest.ts";
import { deadKeyOf, deadPlace, rootBlock } from "./index/segment/segment.ts";
import { limits } from "./limits.ts";
import type { HeadReply, HeadRequest, InlineObjects } from "./namespace/protocol.ts";
import type { RecallHistory } from "./namespace/recall-history.ts";
import { type NamespaceState, skippedSlots } from "./namespace/state.ts";
import type { OwnerPorts } from "./owner-ports.ts";
import { deadKey, generationRoot } from "./store/keys.ts";

export async function headReply(
  ports: OwnerPorts,
  tenant: string,
  state: NamespaceState,
  epoch: number,
  request: HeadRequest,
): Promise<HeadReply> {
  const { manifest, generation } = state;
  const known = request.generation === generation ? request : undefined;
  const isBrief = request.brief === true;
  const skipped = skippedSlots(state.tail);
  const wal = isBrief ? [] : inlineWal(ports, state, known?.walBelow ?? 0);
  const inline = await inlineObjects(
    ports,
    tenant,
    isBrief ? [] : manifest.segments,
    new Set(known?.roots ?? []),
    new Set(known?.dead ?? []),
  );
  return {
    generation,
    epoch,
    manifestVersion: manifest.version,
    ...(known?.manifestVersion === manifest.version ? {} : { manifest }),
    floor: manifest.floor,
    next: state.next,
    schema: state.schema,
    settings: state.settings,
    createdMs: state.createdMs,
    lastWriteMs: state.lastWriteMs,
    updatedMs: state.updatedMs,
    unindexedRows: state.unindexedRows,
    unindexedBytes: state.unindexedBytes,
    wal,
    inline,
    ...(skipped.length === 0 ? {} : { skipped }),
  };
}

/** What samples of queries mean to the next ones; all of them for whoever only looks. */
export function recallReply(
  recall: RecallHistory | undefined,
  { brief }: HeadRequest,
): Pick<HeadReply, "probes" | "recall"> {
  return {
    ...((recall?.probes ?? 1) === 1 ? {} : { probes: recall?.probes ?? 1 }),
    ...(recall === undefined || brief !== true ? {} : { recall }),
  };
}

function inlineWal(ports: OwnerPorts, state: NamespaceState, below: number): HeadReply["wal"] {
  const wal: { sequence: number; bytes: Uint8Array }[] = [];
  let room: number = limits.headWalBytesMax;
  for (const { sequence, isSkipped } of state.tail.toReversed()) {
    if (isSkipped === true) {
      continue;
    }
    const bytes = ports.memory.peek(`${homeOfEntry(state.manifest, sequence)}/wal/${sequence}`);
    if (sequence < below || bytes === undefined || bytes.length > room) {
      break;
    }
    room -= bytes.length;
    wal.push({ sequence, bytes });
  }
  return wal;
}

async function inlineObjects(
  ports: OwnerPorts,
  tenant: string,
  segments: readonly SegmentInfo[],
  heldRoots: ReadonlySet<string>,
  heldDead: ReadonlySet<string>,
): Promise<InlineObjects> {
  let rootRoom: number = limits.headRouteBytesMax;
  let deadRoom: number = limits.headDeadBytesMax;
  const wantRoots: SegmentInfo[] = [];
  const wantDead: SegmentInfo[] = [];
  for (const segment of segments) {
    const { length } = segment.root;
    if (!heldRoots.has(segment.id) && length <= Math.min(rootRoom, limits.routeBytesMax)) {
      rootRoom -= length;
      wantRoots.push(segment);
    }
    const { dead } = segment;
    const held = dead.version === 0 || heldDead.has(`${segment.id}/${dead.name}`);
    if (!held && dead.bytes <= deadRoom) {
      deadRoom -= dead.bytes;
      wantDead.push(segment);
    }
  }
  const [roots, dead] = await Promise.all([
    Promise.all(wantRoots.map((segment) => rootBytes(ports, tenant, segment))),
    Promise.all(wantDead.map((segment) => deadBytes(ports, tenant, segment))),
  ]);
  return {
    roots: roots.filter((item) => item !== undefined),
    dead: dead.filter((item) => item !== undefined),
  };
}

async function rootBytes(
  ports: OwnerPorts,
  tenant: string,
  segment: SegmentInfo,
): Promise<InlineObjects["roots"][number] | undefined> {
  const block = rootBlock(tenant, segment);
  const { key, offset, length } = block;
  const bytes = await fromMemoryOr(ports, `${key}#root`, async () => {
    const stored = await ports.store.get(key, { offset, length });
    return stored && block.verify(stored.bytes) ? stored.bytes : undefined;
  });
  return bytes && { segment: segment.id, bytes };
}

async function deadBytes(
  ports: OwnerPorts,
  tenant: string,
  segment: SegmentInfo,
): Promise<InlineObjects["dead"][number] | undefined> {
  const { name } = segment.dead;
  const key = deadKeyOf(tenant, segment);
  const bytes = await fromMemoryOr(ports, key, async () => {
    const stored = await ports.store.get(key);
    return stored && verifyDeadBitmap(stored.bytes, deadPlace(segment)) ? stored.bytes : undefined;
  });
  return bytes && { segment: segment.id, name, bytes };
}

/** Keeps what came along with a commit, to be sent along. */
export function keepInline(
  ports: OwnerPorts,
  tenant: string,
  generation: string,
  delta: Delta,
  { roots, dead }: InlineObjects,
): void {
  for (const segment of delta.add) {
    const bytes = roots.find((item) => item.segment === segment.id)?.bytes;
    if (bytes !== undefined && bytes.length === segment.root.length) {
      ports.memory.put(`${rootBlock(tenant, segment).key}#root`, bytes);
    }
  }
  for (const { segment, name, bytes } of dead) {
    ports.memory.put(deadKey(generationRoot(tenant, generation), segment, name), bytes);
  }
}

/** Undefined when the store does not answer: what is only sent along must not fail the answer. */
async function fromMemoryOr(
  ports: OwnerPorts,
  key: string,
  read: () => Promise<Uint8Array | undefined>,
): Promise<Uint8Array | undefined> {
  const held = ports.memory.get(key);
  if (held !== undefined) {
    return held;
  }
  try {
    const bytes = await read();
    if (bytes !== undefined) {
      ports.memory.put(key, bytes);
    }
    return bytes;
  } catch (error) {
    ports.log.warn("cannot send an object along", { key, error: String(error) });
    return undefined;
  }
}
