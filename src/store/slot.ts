/**
 * Writing to a create-only slot (a WAL sequence, a manifest version) until the outcome is certain.
 *
 *   stored         the slot is ours
 *   precondition   read the occupant: our own bytes = an earlier attempt of ours landed; else it
 *                  is somebody's
 *   threw          unknown: the same bytes go to the same slot again, for as long as it takes. A
 *                  404 would prove nothing, for the write may still land; a skipped slot would be a
 *                  gap, other bytes a second truth.
 *
 * Cost: one put; one get after a precondition.
 */
import { isEngineError } from "../errors.ts";
import type { SealedObject } from "../format/envelope.ts";
import { equalBytes } from "../format/envelope.ts";
import type { Clock, Random } from "../ports.ts";
import { backoffMs, isTransient } from "./backoff.ts";
import type { ObjectStore } from "./object-store.ts";

export type SlotOutcome =
  | { readonly kind: "ours" }
  | { readonly kind: "occupied"; readonly bytes: Uint8Array };

export interface SlotPorts {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly random: Random;
}

const slotBackoff = { attemptsMax: Number.POSITIVE_INFINITY, baseMs: 50, capMs: 2_000 };

/**
 * `onUnknown` runs after every attempt of unknown outcome; it may throw to give up waiting, and
 * then the slot must be treated as unresolved for ever after.
 */
export async function putSlot(
  ports: SlotPorts,
  key: string,
  sealed: SealedObject,
  onUnknown: () => void = () => {},
): Promise<SlotOutcome> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      const options = { sha256: sealed.sha256 };
      const result = await ports.store.put(key, sealed.bytes, { kind: "create" }, options);
      if (result.kind === "stored") {
        return { kind: "ours" };
      }
      const occupant = await ports.store.get(key);
      if (occupant !== undefined) {
        return equalBytes(occupant.bytes, sealed.bytes)
          ? { kind: "ours" }
          : { kind: "occupied", bytes: occupant.bytes };
      }
    } catch (error) {
      if (!isTransient(error) && !isEngineError(error, "conflict")) {
        throw error;
      }
      onUnknown();
      await ports.clock.sleep(backoffMs(slotBackoff, attempt, error, ports.random));
      continue;
    }
    // Occupied a moment ago and gone now: only a collector deletes, and only below the floor. Ask
    // again.
    onUnknown();
    await ports.clock.sleep(backoffMs(slotBackoff, attempt, undefined, ports.random));
  }
}
