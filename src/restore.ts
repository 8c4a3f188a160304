/**
 * The restore flow: a name goes on as it was, or as another name is: a snapshot of it, usually.
 *
 *   1. caller  pins the point: of its own past, or the present of the other name
 *   2. owner   makes a generation that begins there, as for a branch: refs, manifest 1 (branch.ts)
 *   3. owner   ends the log with a tombstone that names that generation. This is the restore: its
 *              place in the one order of writes. What came before it is given up, whatever comes
 *              after is a write to what was restored. If the name was set otherwise since 2, that
 *              is done once more
 *   4. owner   grave of the old generation, registry entry, state and jobs of the new life in one
 *              turn; then the caller is answered. Until then all calls of the name wait
 *   5. caller  releases the pin
 *
 * A name that does not live is branched to instead. Settings stay as they are; the past of before
 * the restore goes with the old generation, but for what snapshots hold of it.
 *
 * If we crash after   what is left
 *   1, 2              as for a branch: found after a day, and deleted
 *   3                 a log that says what comes next: the next instance does 4 before it answers
 *                     anybody, and no collector takes the new generation for unborn
 *   4                 the name is restored; a repeated call is answered as the first was
 *
 * Cost: as a branch, and one entry of the log.
 */

import { EngineError, unavailable } from "./errors.ts";
import type { PastPoint } from "./namespace/pins.ts";
import { type NamespaceApi, protocolVersion, replyValue } from "./namespace/protocol.ts";

export interface RestoreTarget {
  readonly tenant: string;
  readonly name: string;
  /** The owner of a name. */
  readonly owner: (name: string) => NamespaceApi;
  /** Takes what need not be waited for; without it that is waited for. */
  readonly defer?: (work: Promise<void>) => void;
}

export interface RestoreSource {
  /** The name itself, or another. */
  readonly name: string;
  /** Undefined: as it is now. */
  readonly at?: PastPoint;
}

export interface Restored {
  readonly generation: string;
  /** The log of the name goes on here. */
  readonly next: number;
}

const attemptsMax = 3;

/** Throws `notFound` if the source does not live, `gone` if the point is not kept any more. */
export async function restore(
  { tenant, name, owner, defer }: RestoreTarget,
  source: RestoreSource,
): Promise<Restored> {
  for (let attempt = 1; ; attempt++) {
    const before = replyValue(await owner(name).describe(tenant, name));
    const pin = replyValue(await owner(source.name).pin(tenant, source.name, source.at));
    try {
      const request = {
        protocol: protocolVersion,
        tenant,
        name,
        parent: source.name,
        pin,
        as: "restore" as const,
        ...(before.exists ? { replaces: before.generation } : {}),
      };
      const reply = replyValue(await owner(name).adopt(request));
      if (reply.kind === "adopted") {
        return { generation: reply.generation, next: pin.next };
      }
      if (attempt === attemptsMax) {
        throw unavailable(`the pin of ${source.name} was lost again and again`);
      }
    } catch (error) {
      // Somebody deleted it, or restored it, at the same time: that was before this.
      const isConflict = error instanceof EngineError && error.kind === "conflict";
      if (!isConflict || attempt === attemptsMax || source.at !== undefined) {
        throw error;
      }
    } finally {
      // It ends by itself if this does not arrive.
      const released = owner(source.name)
        .releasePin(tenant, source.name, pin.id)
        .then(ignore, ignore);
      if (defer === undefined) await released;
      else defer(released);
    }
  }
}

function ignore(): void {}
