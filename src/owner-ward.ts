/**
 * Whether an owner knows all of its namespace, and what it says of what it does not know: the state
 * behind quarantine.ts. While something cannot be read, nothing that the owner's record knows may
 * be forgotten: the log goes on behind it.
 */
import { EngineError } from "./errors.ts";
import type { Manifest } from "./format/manifest.ts";
import type { Skip } from "./format/skip.ts";
import type { SkippedEntry } from "./namespace/protocol.ts";
import { type Quarantine, quarantineError } from "./namespace/refusals.ts";
import type { OwnerPorts, OwnerRecord } from "./owner-ports.ts";
import { closeLog, isReadable, lookAgainMs, recordSkip, type Ward } from "./quarantine.ts";

export interface Health {
  readonly skips: readonly SkippedEntry[];
  readonly quarantine?: Quarantine;
}

export class OwnerWard {
  readonly #ports: OwnerPorts;
  #skips: readonly Skip[] = [];
  #quarantine: Quarantine | undefined;
  #record: OwnerRecord | undefined;
  #sinceMs = 0;
  #closing: Promise<void> | undefined;

  constructor(ports: OwnerPorts) {
    this.#ports = ports;
  }

  /** A new life, or a new instance. */
  reset(skips: readonly Skip[] = []): void {
    this.#skips = skips;
    this.#quarantine = undefined;
    this.#record = undefined;
  }

  /** `record`: what was known before; `fresh`: what would be written, if nothing was. */
  isolate(quarantine: Quarantine, record: OwnerRecord | undefined, fresh: OwnerRecord): void {
    this.#quarantine = quarantine;
    // Without a record any slot may have been written to.
    const isOurs = record?.generation === fresh.generation;
    const known = isOurs ? record : { ...fresh, intent: Number.MAX_SAFE_INTEGER };
    this.#record = { ...known, epoch: fresh.epoch };
    this.#sinceMs = this.#ports.clock.now();
    this.#ports.log.error("quarantine", { ...fresh.identity, ...quarantine });
  }

  get quarantine(): Quarantine | undefined {
    return this.#quarantine;
  }

  /** What the owner's storage must go on to say. */
  get record(): OwnerRecord | undefined {
    return this.#record;
  }

  view(): Pick<Ward, "quarantine" | "end"> {
    return { quarantine: this.#quarantine, end: this.#record };
  }

  mustBeWhole(): void {
    if (this.#quarantine !== undefined) {
      throw quarantineError(this.#quarantine);
    }
  }

  /**
   * An operator's decision. Ends this instance once it is stored, and the next one, asked again,
   * answers. `fence`: puts an entry behind all that the log has.
   */
  async skip(
    view: () => Ward,
    sequence: number,
    reason: string,
    fence: () => Promise<unknown>,
  ): Promise<SkippedEntry> {
    const known = this.#skips.find((each) => each.sequence === sequence);
    if (known !== undefined) {
      return summary(known);
    }
    if (this.#quarantine === undefined && sequence === view().state.next - 1) {
      // What follows it says what the schema was.
      await fence();
    }
    await recordSkip(this.#ports, view(), sequence, reason);
    throw new EngineError("fenced", `the log is to be read anew, without entry ${sequence}`);
  }

  health(): Health {
    const quarantine = this.#quarantine === undefined ? {} : { quarantine: this.#quarantine };
    return { skips: this.#skips.map(summary), ...quarantine };
  }

  /** Deletion in quarantine, once for all who ask. */
  async close(ward: Ward, bury: () => Promise<void>): Promise<void> {
    this.#closing ??= closeLog(this.#ports, ward)
      .then(bury)
      .finally(() => {
        this.#closing = undefined;
      });
    await this.#closing;
  }

  /** Ends this instance if what could not be read can be read by now; else comes back later. */
  async lookAgain(tenant: string, manifest: Manifest): Promise<void> {
    const quarantine = this.#quarantine;
    if (quarantine === undefined) {
      return;
    }
    if (await isReadable(this.#ports, tenant, manifest, quarantine)) {
      throw new EngineError("fenced", `${quarantine.key} can be read again`);
    }
    await this.arm();
  }

  async arm(): Promise<void> {
    const now = this.#ports.clock.now();
    await this.#ports.storage.setAlarm(lookAgainMs(now, this.#sinceMs));
  }
}

function summary({ sequence, timeMs, reason, fault }: Skip): SkippedEntry {
  return { sequence, timeMs, reason, fault };
}
