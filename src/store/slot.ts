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

/** What one attempt was told. `occupied`: with what lies there, unless it is gone by now. */
export type SlotAnswer =
  | { readonly kind: "stored" }
  | { readonly kind: "occupied"; readonly bytes: Uint8Array | undefined }
  | { readonly kind: "unknown" };

/** The outcome for these bytes, or undefined while only the same bytes again can tell. */
export function slotOutcome(answer: SlotAnswer, bytes: Uint8Array): SlotOutcome | undefined {
  switch (answer.kind) {
    case "stored":
      return { kind: "ours" };
    case "occupied":
      // Gone again: only a collector deletes, and only below the floor.
      if (answer.bytes === undefined) return undefined;
      return equalBytes(answer.bytes, bytes)
        ? { kind: "ours" }
        : { kind: "occupied", bytes: answer.bytes };
    case "unknown":
      return undefined;
  }
}

export interface SlotPorts {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly random: Random;
}

/** What has failed for a minute may fail for hours: then it is not asked for every second. */
const patientFrom = 64;
const slotBackoff = { attemptsMax: Number.POSITIVE_INFINITY, baseMs: 50, capMs: 2_000 };
const patientBackoff = { ...slotBackoff, capMs: 30_000 };

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
    let failure: unknown;
    let answer: SlotAnswer;
    try {
      answer = await attemptPut(ports.store, key, sealed);
    } catch (error) {
      if (!isTransient(error) && !isEngineError(error, "conflict")) {
        throw error;
      }
      failure = error;
      answer = { kind: "unknown" };
    }
    const outcome = slotOutcome(answer, sealed.bytes);
    if (outcome !== undefined) {
      return outcome;
    }
    onUnknown();
    const backoff = attempt < patientFrom ? slotBackoff : patientBackoff;
    await ports.clock.sleep(backoffMs(backoff, attempt, failure, ports.random));
  }
}

async function attemptPut(
  store: ObjectStore,
  key: string,
  sealed: SealedObject,
): Promise<SlotAnswer> {
  const options = { sha256: sealed.sha256 };
  const result = await store.put(key, sealed.bytes, { kind: "create" }, options);
  if (result.kind === "stored") {
    return { kind: "stored" };
  }
  return { kind: "occupied", bytes: (await store.get(key))?.bytes };
}
