/**
 * The snapshot that a pin names, for whoever reads longer than the grace: an export, a copy. It can
 * be taken again from the pin alone, by any isolate, as long as the pin lives.
 *
 * What it names is there while the pin is renewed in time, so a reader renews after it has read:
 * `notFound` then means that the pin was lost, and the reading begins again or fails. It never
 * skips.
 *
 * Cost: the manifest, and every entry of the tail, six at a time.
 */
import { corrupt, EngineError, unavailable } from "./errors.ts";
import { stretchesOf } from "./format/homes.ts";
import { limits } from "./limits.ts";
import { readSkip, readSlot, type Slot, type Unreadable } from "./log-read.ts";
import type { Pin } from "./namespace/pins.ts";
import { applyEntry, applySkip, skippedSlots, stateAtFloor } from "./namespace/state.ts";
import type { Ports } from "./ports.ts";
import { readPinned } from "./refs.ts";
import type { Snapshot } from "./snapshot.ts";
import { generationRoot } from "./store/keys.ts";

export type PinnedPoint = Pick<Pin, "generation" | "version" | "next" | "skipped">;

/** Throws `notFound` if something of it is gone. */
export async function pinnedSnapshot(
  ports: Ports,
  tenant: string,
  pin: PinnedPoint,
): Promise<Snapshot> {
  const { generation, next } = pin;
  const manifest = await readPinned(ports, tenant, pin);
  if (manifest === undefined) {
    throw gone(`manifest ${pin.version}`);
  }
  const { floor } = manifest;
  const wal = new Map<number, Uint8Array>();
  let state = stateAtFloor(manifest, true);
  for (const { generation: home, from, to } of stretchesOf(manifest, { from: floor, to: next })) {
    for (let at = from; at < to; at += limits.connectionsMax) {
      const length = Math.min(limits.connectionsMax, to - at);
      const slots = await Promise.all(
        Array.from({ length }, (_, i) => readPinnedSlot(ports, tenant, pin, home, at + i)),
      );
      for (const slot of slots) {
        if (slot.kind === "entry") {
          state = applyEntry(state, slot.entry, slot.bytes.length);
          if (state.unindexedBytes <= limits.tailHeldBytesMax) {
            wal.set(slot.entry.sequence, slot.bytes);
          }
        } else {
          state = applySkip(state, slot.skip);
        }
      }
    }
  }
  const { schema, createdMs, lastWriteMs, unindexedRows, unindexedBytes } = state;
  const isSmall = unindexedBytes <= limits.tailHeldBytesMax;
  return {
    tenant,
    generation,
    manifest,
    floor,
    next,
    skipped: new Set(skippedSlots(state.tail)),
    schema,
    createdMs,
    lastWriteMs,
    unindexedRows,
    unindexedBytes,
    asOfMs: ports.clock.now(),
    inline: { wal: isSmall ? wal : new Map(), roots: new Map(), dead: new Map() },
  };
}

/** What the pinned namespace went on without is not shown, even if it can be read again. */
async function readPinnedSlot(
  ports: Ports,
  tenant: string,
  { generation: pinned, skipped }: PinnedPoint,
  generation: string,
  sequence: number,
): Promise<Exclude<Slot, Unreadable>> {
  const root = generationRoot(tenant, generation);
  if (skipped?.includes(sequence) === true) {
    const own = generationRoot(tenant, pinned);
    const skip =
      (await readSkip(ports, own, pinned, sequence)) ??
      (await readSkip(ports, root, generation, sequence));
    if (skip === undefined) {
      throw gone(`skip record ${sequence}`);
    }
    return { kind: "skipped", skip };
  }
  const slot = await readSlot(ports, root, generation, sequence);
  if (slot.kind === "unreadable") {
    throw slot.bytes === undefined ? gone(`entry ${sequence}`) : corrupt(slot.reason);
  }
  // It went bad only since: half of an export would be of another point than the other half.
  if (slot.kind === "skipped" && generation === pinned) {
    throw unavailable(`entry ${sequence}, which was pinned, has been skipped since`);
  }
  return slot;
}

function gone(what: string): EngineError {
  return new EngineError("notFound", `${what}, which was pinned, is gone`);
}
