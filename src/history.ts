/**
 * Reading a namespace as it was: the state after an entry of its log, or at a time, as long as its
 * retention keeps that.
 *
 *   1. `head`, for where the log ends, what is retained and which slots are skipped
 *   2. a time becomes the first entry that is newer: times never fall along the log. A slot that
 *      is skipped has none of its own, and goes with the entry before; what a branch began with is
 *      as old as the branch
 *   3. the entry behind must be young enough: until it came, the state was the present one
 *   4. the newest manifest whose floor is not above the state, and the log from there: as a pinned
 *      snapshot is read. A collection leaves both alone as long as 3 holds, and a grace longer
 *
 * What is not there any more throws `gone`, in whatever step: nothing is ever answered from a part.
 * Manifests and entries that are gone count as older than all that is asked for, so that searching
 * among them ends at the oldest that is kept.
 *
 * Cost: the call, and a get for each halving: some twenty for a time, some ten for a sequence.
 */

import { EngineError, invalid, isEngineError, unavailable } from "./errors.ts";
import { homeOfEntry } from "./format/homes.ts";
import type { Manifest } from "./format/manifest.ts";
import { openWalEntry } from "./format/wal.ts";
import { readSlot } from "./log-read.ts";
import type { PastPoint } from "./namespace/pins.ts";
import {
  type HeadReply,
  type NamespaceApi,
  protocolVersion,
  wholeValue,
} from "./namespace/protocol.ts";
import { historyBeginMs } from "./namespace/retention.ts";
import { pinnedSnapshot } from "./pinned.ts";
import type { Ports } from "./ports.ts";
import { readManifest } from "./recover.ts";
import type { Snapshot } from "./snapshot.ts";
import { generationRoot, walKey } from "./store/keys.ts";

/** Everything up to and including this moment, or this entry of the log. */
export type AsOf =
  | { readonly kind: "time"; readonly ms: number }
  | { readonly kind: "sequence"; readonly sequence: number };

export interface HistoryTarget {
  readonly tenant: string;
  readonly name: string;
  readonly owner: Pick<NamespaceApi, "head">;
}

/** Throws `gone` if it is not kept any more, `invalid` if it is not there yet. */
export async function snapshotAsOf(
  ports: Ports,
  target: HistoryTarget,
  asOf: AsOf,
): Promise<Snapshot> {
  const point = await pointAsOf(ports, target, asOf);
  return await kept(() => pinnedSnapshot(ports, target.tenant, point));
}

/** Runs a reading of the past: what turns out to be missing is gone. */
export async function kept<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw isEngineError(error, "notFound") ? notKept() : error;
  }
}

export async function pointAsOf(
  ports: Ports,
  target: HistoryTarget,
  asOf: AsOf,
): Promise<PastPoint> {
  const { tenant, name, owner } = target;
  const request = { protocol: protocolVersion, tenant, name, brief: true };
  const nowMs = ports.clock.now();
  // In quarantine the log goes on behind what cannot be read: its newest states are not known.
  const head = wholeValue(await owner.head(request));
  const log = new PastLog(ports, tenant, wholeHead(head), nowMs);
  return asOf.kind === "sequence"
    ? await log.pointAt(sequenceEnd(log, asOf))
    : await log.pointAtTime(asOf.ms);
}

interface WholeHead extends HeadReply {
  readonly manifest: Manifest;
}

function wholeHead(head: HeadReply): WholeHead {
  const { manifest } = head;
  if (manifest === undefined) {
    throw new EngineError("unavailable", "the namespace answered without a manifest");
  }
  return { ...head, manifest };
}

function sequenceEnd({ head }: PastLog, { sequence }: { readonly sequence: number }): number {
  if (sequence >= head.next) {
    throw invalid(`💔 as_of: the newest entry of the log is ${head.next - 1}`, "as_of");
  }
  return sequence + 1;
}

/** The log and the manifests of a namespace, seen from one moment. */
class PastLog {
  readonly head: WholeHead;
  readonly #ports: Ports;
  readonly #tenant: string;
  readonly #nowMs: number;
  readonly #skips: ReadonlySet<number>;

  constructor(ports: Ports, tenant: string, head: WholeHead, nowMs: number) {
    this.head = head;
    this.#ports = ports;
    this.#tenant = tenant;
    this.#nowMs = nowMs;
    this.#skips = new Set(head.skips?.map(({ sequence }) => sequence));
  }

  /** The state before the first entry that is newer. */
  async pointAtTime(ms: number): Promise<PastPoint> {
    if (ms > this.#nowMs) {
      throw invalid("💔 as_of is in the future", "as_of");
    }
    if (ms < this.head.createdMs || ms < this.#beginMs()) {
      throw notKept();
    }
    let lastMs: number | undefined;
    const next = await firstFalse(0, this.head.next, async (sequence) => {
      const timeMs = await this.#timeOf(sequence);
      const isOlder = timeMs === undefined || timeMs <= ms;
      if (isOlder) lastMs = timeMs;
      return isOlder;
    });
    const point = await this.pointAt(next);
    // Entries that are gone may be newer as well: then what flushed them knows how new.
    if (lastMs === undefined && !(await this.#wasThereAt(point, ms))) {
      throw notKept();
    }
    return point;
  }

  /** Is nothing in the state newer, as far as its manifest tells? */
  async #wasThereAt({ version, next }: PastPoint, ms: number): Promise<boolean> {
    const isNewest = version === this.head.manifest.version;
    const manifest = isNewest ? this.head.manifest : await this.#manifest(version);
    if (manifest === undefined) {
      return false;
    }
    const { floor } = manifest;
    const lastMs = floor < next ? await this.#timeOf(next - 1, manifest) : manifest.lastMs;
    return floor <= next && lastMs !== undefined && lastMs <= ms;
  }

  /** The state before the entry `next`. */
  async pointAt(next: number): Promise<PastPoint> {
    const { head } = this;
    const { generation, manifest } = head;
    const skipped = [...this.#skips].filter((sequence) => sequence < next);
    // What was over before the name began this life was another's.
    if (next === 0 || this.#isInherited(next)) {
      throw notKept();
    }
    const over = this.#firstEntry(next);
    if (over < head.next) {
      const overMs = await this.#timeOf(over);
      if (overMs === undefined || overMs < this.#beginMs()) {
        throw notKept();
      }
    }
    if (next >= manifest.floor) {
      const { version } = manifest;
      return { generation, version, next, skipped, supersededMs: this.#nowMs };
    }
    // Some version is the first whose floor is above; the one before it is what is looked for.
    const above = await firstFalse(0, manifest.version, async (version) => {
      const floor = (await this.#manifest(version))?.floor;
      return floor === undefined || floor <= next;
    });
    const successor = above === manifest.version ? manifest : await this.#manifest(above);
    if (successor === undefined) {
      throw notKept();
    }
    const { committedMs } = successor;
    return { generation, version: above - 1, next, skipped, supersededMs: committedMs };
  }

  #beginMs(): number {
    return historyBeginMs(this.head, this.#nowMs);
  }

  async #manifest(version: number): Promise<Manifest | undefined> {
    const { generation } = this.head;
    const root = generationRoot(this.#tenant, generation);
    return await readManifest(this.#ports, root, generation, version);
  }

  #isInherited(sequence: number, manifest: Manifest = this.head.manifest): boolean {
    return homeOfEntry(manifest, sequence) !== this.head.generation;
  }

  /** The first slot from there on that is not skipped, or the log's end. */
  #firstEntry(from: number): number {
    let sequence = from;
    while (this.#skips.has(sequence)) sequence += 1;
    return sequence;
  }

  /** Undefined if it is gone. */
  async #timeOf(slot: number, manifest?: Manifest): Promise<number | undefined> {
    const ports = this.#ports;
    const { generation, createdMs, manifest: newest } = this.head;
    let sequence = slot;
    while (this.#skips.has(sequence)) sequence -= 1;
    if (sequence < 0 || this.#isInherited(sequence, manifest)) {
      return createdMs;
    }
    const root = generationRoot(this.#tenant, generation);
    const stored = await ports.store.get(walKey(root, sequence));
    if (stored === undefined && sequence < newest.floor) {
      return undefined;
    }
    try {
      if (stored !== undefined) {
        const place = { generation, sequence };
        return (await openWalEntry(stored.bytes, place, ports.digest)).timeMs;
      }
    } catch (error) {
      if (!isEngineError(error, "corrupt")) throw error;
    }
    const read = await readSlot(ports, root, generation, sequence);
    switch (read.kind) {
      case "entry":
        return read.entry.timeMs;
      case "skipped":
        // Since the owner was asked.
        throw unavailable(`entry ${sequence} has just been skipped`);
      case "unreadable":
        throw new EngineError("corrupt", `WAL entry ${sequence} ${read.reason}`);
    }
  }
}

/** The first number of from … to-1 for which it does not hold, or `to`; it never holds after. */
async function firstFalse(
  from: number,
  to: number,
  holds: (at: number) => Promise<boolean>,
): Promise<number> {
  let [low, high] = [from, to];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (await holds(middle)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

function notKept(): EngineError {
  const text = "💔 as_of: the past of this namespace is not kept that far back";
  return new EngineError("gone", text, { field: "as_of" });
}
