/** The pins of a namespace, as its owner gives them out. Part of the job table. */
import { encodeHex } from "./bytes/hex.ts";
import { EngineError, overloaded } from "./errors.ts";
import { suspectOrphans } from "./namespace/jobs.ts";
import {
  addPin,
  type GivenPin,
  type PastPoint,
  type Pin,
  releasePin,
  renewPin,
} from "./namespace/pins.ts";
import { exists, type NamespaceState, skippedSlots } from "./namespace/state.ts";
import type { OwnerJobs } from "./owner-jobs.ts";
import type { OwnerPorts } from "./owner-ports.ts";

export class OwnerPins {
  readonly #ports: OwnerPorts;
  readonly #state: () => NamespaceState;
  readonly #jobs: OwnerJobs;

  constructor(ports: OwnerPorts, state: () => NamespaceState, jobs: OwnerJobs) {
    this.#ports = ports;
    this.#state = state;
    this.#jobs = jobs;
  }

  /** The newest manifest and its tail, as they are in this turn, or an earlier point. */
  async add(at?: PastPoint): Promise<GivenPin> {
    const { generation, manifest, next: newest, tail, settings, lastMs } = this.#state();
    if (at !== undefined && at.generation !== generation) {
      throw new EngineError("gone", "the namespace has begun another life since");
    }
    const { version, next } = at ?? { version: manifest.version, next: newest };
    const skipped = at?.skipped ?? skippedSlots(tail);
    const id = encodeHex(this.#ports.random.bytes(16));
    // A branch may be about to begin, and come to nothing.
    const pin = {
      id,
      generation,
      version,
      next,
      settings,
      lastMs,
      ...(skipped.length === 0 ? {} : { skipped }),
    };
    const added = await this.#jobs.change((table, nowMs) => {
      // A collection knows the pins there were when it was claimed, and may be taking this point.
      const isDoomed = table.jobs.some(
        ({ deadBeforeMs = 0 }) => deadBeforeMs >= (at?.supersededMs ?? Number.POSITIVE_INFINITY),
      );
      if (isDoomed) {
        throw new EngineError("gone", "this point of the past is being collected");
      }
      return addPin(suspectOrphans(table, nowMs), pin, nowMs);
    });
    if (added === undefined) {
      throw overloaded("this namespace has too many pins");
    }
    return version === manifest.version ? { ...added, manifest } : added;
  }

  /** Undefined if it ended, or the namespace did. */
  async renew(id: string): Promise<Pin | undefined> {
    const isOver = !exists(this.#state());
    return isOver
      ? undefined
      : await this.#jobs.change((table, nowMs) => renewPin(table, id, nowMs));
  }

  async release(id: string): Promise<true> {
    await this.#jobs.change((table) => ({ table: releasePin(table, id), value: undefined }));
    return true;
  }
}
