/**
 * The export flow: all documents of a namespace as they are at one moment, however long it takes to
 * read them.
 *
 *   1. Pin the newest manifest and its tail, or those of an earlier moment: a collection spares
 *      what they name.
 *   2. Walk through it (row-walk.ts), renewing the pin behind what was read. If it turns out to
 *      have ended, what was read since may be wrong to rely on and the export fails.
 *   3. Release the pin. An export that is given up keeps it for a quarter of an hour, within which
 *      it can be gone on with from the place it had reached, by any isolate.
 *
 * Cost: three calls of the owner, and one for some minutes of reading; reads as the walk.
 */
import { EngineError, isEngineError } from "./errors.ts";
import { limits } from "./limits.ts";
import type { PastPoint, Pin } from "./namespace/pins.ts";
import { type NamespaceApi, replyValue } from "./namespace/protocol.ts";
import { pinnedSnapshot } from "./pinned.ts";
import { type WalkedRow, type WalkPlace, walkRows } from "./row-walk.ts";
import { openContext, type SearchPorts } from "./search-ports.ts";
import type { Snapshot } from "./snapshot.ts";

export interface ExportTarget {
  readonly tenant: string;
  readonly name: string;
  readonly owner: Pick<NamespaceApi, "pin" | "renewPin" | "releasePin">;
}

/** Where an export goes on. */
export interface ExportCursor {
  /** Id of the pin. */
  readonly pin: string;
  readonly place: WalkPlace;
}

export class Export {
  readonly snapshot: Snapshot;
  readonly #ports: SearchPorts;
  readonly #target: ExportTarget;
  readonly #pin: Pin;
  #renewedMs: number;

  constructor(ports: SearchPorts, target: ExportTarget, pin: Pin, snapshot: Snapshot) {
    this.#ports = ports;
    this.#target = target;
    this.#pin = pin;
    this.snapshot = snapshot;
    this.#renewedMs = snapshot.asOfMs;
  }

  /** Throws `gone` once the pin has ended. */
  async *rows(from?: WalkPlace): AsyncGenerator<readonly WalkedRow[], void> {
    const context = openContext(this.#ports, this.snapshot, false);
    try {
      for await (const rows of walkRows(context, from)) {
        await this.#renew();
        yield rows;
      }
    } catch (error) {
      throw isEngineError(error, "notFound") ? pinEnded() : error;
    }
  }

  cursor(place: WalkPlace): ExportCursor {
    return { pin: this.#pin.id, place };
  }

  /** Nobody will go on with it. */
  async release(): Promise<void> {
    const { tenant, name, owner } = this.#target;
    // It ends by itself if this does not arrive.
    await owner.releasePin(tenant, name, this.#pin.id).catch(() => undefined);
  }

  async #renew(): Promise<void> {
    const now = this.#ports.clock.now();
    if (now - this.#renewedMs < limits.pinMs / 4) {
      return;
    }
    const { tenant, name, owner } = this.#target;
    if (replyValue(await owner.renewPin(tenant, name, this.#pin.id)) === undefined) {
      throw pinEnded();
    }
    this.#renewedMs = now;
  }
}

/** Throws `notFound` if there is no such namespace, `gone` if the pin of the cursor has ended. */
export async function openExport(
  ports: SearchPorts,
  target: ExportTarget,
  cursor?: ExportCursor,
  at?: PastPoint,
): Promise<Export> {
  const { tenant, name, owner } = target;
  const pin = replyValue(
    cursor === undefined
      ? await owner.pin(tenant, name, at)
      : await owner.renewPin(tenant, name, cursor.pin),
  );
  if (pin === undefined) {
    throw pinEnded();
  }
  try {
    return new Export(ports, target, pin, await pinnedSnapshot(ports, tenant, pin));
  } catch (error) {
    throw isEngineError(error, "notFound") ? pinEnded() : error;
  }
}

function pinEnded(): EngineError {
  const text = "this export was left alone for too long, or its namespace was deleted; begin anew";
  return new EngineError("gone", text);
}
