/**
 * `current` as its owner moves it: at most once a second, since the store takes one write a second
 * per key. A failure costs nothing but probes of a later recovery, so it is only logged, and each
 * one in a row makes the next attempt wait longer: alarms would try every few seconds.
 */
import type { Manifest } from "./format/manifest.ts";
import { limits } from "./limits.ts";
import type { OwnerPorts } from "./owner-ports.ts";
import { movePointer } from "./publish.ts";
import { type PointerView, readPointer } from "./recover.ts";

export class OwnerPointer {
  readonly #ports: OwnerPorts;
  #view: PointerView = { version: 0, etag: undefined };
  #movedMs = 0;
  /** Attempts that failed since one did not. */
  #failures = 0;

  /** Its store fences every put. */
  constructor(ports: OwnerPorts) {
    this.#ports = ports;
  }

  /** What lies there now, as far as is known. */
  reset(view: PointerView = { version: 0, etag: undefined }): void {
    this.#view = view;
    this.#movedMs = 0;
    this.#failures = 0;
  }

  /** `generation`: the present one, which may have changed when the move is done. */
  async move(tenant: string, manifest: Manifest, generation: () => string): Promise<void> {
    const now = this.#ports.clock.now();
    const sinceMs = Math.abs(now - this.#movedMs);
    const waitMs = Math.min(
      limits.pointerIntervalMs * 2 ** this.#failures,
      limits.pointerRetryMsMax,
    );
    if (manifest.version <= this.#view.version || sinceMs < waitMs) {
      return;
    }
    this.#movedMs = now;
    try {
      const moved = await movePointer(this.#ports, tenant, manifest, this.#view.etag);
      // Not ours: an attempt of unknown outcome landed, or another instance was faster.
      const view =
        moved === undefined
          ? await readPointer(this.#ports, tenant, manifest.generation)
          : { version: manifest.version, etag: moved };
      if (generation() === manifest.generation) {
        this.#view = view;
      }
      this.#failures = 0;
    } catch (error) {
      this.#failures += 1;
      this.#ports.log.warn("cannot move the pointer to the manifest", { error: String(error) });
    }
  }
}
