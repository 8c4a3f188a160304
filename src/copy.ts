/**
 * The copy flow: a new name that begins as another name is now, and soon shares nothing with it.
 *
 *   1. The name begins as a branch does (branch.ts), marked as a copy: it lives at once.
 *   2. Its documents are counted, on the very point that it began as, once its object says that
 *      its first manifest is in its place.
 *   3. Behind it, as ordinary jobs of its own: what is inherited of the log is flushed, each
 *      borrowed segment written again below its own generation, in bounded memory. When the last
 *      one is, the refs go, and with them the last tie to the source.
 *
 * If we crash after 1, the copy lives and its jobs go on. Deleting the source at any time takes
 * nothing from it. Cost: as a branch, and what counting takes; later one rewrite of its bytes.
 */
import { type Branched, type BranchTarget, branch } from "./branch.ts";
import { isEngineError, unavailable } from "./errors.ts";
import { wholeValue } from "./namespace/protocol.ts";
import { pinnedSnapshot } from "./pinned.ts";
import { countRows } from "./row-count.ts";
import { openContext, type SearchPorts } from "./search-ports.ts";

export interface Copied extends Branched {
  readonly rows: number;
  /** What the API calls logical bytes, roughly. */
  readonly logicalBytes: number;
}

/** Throws `notFound` if the source does not live, `conflict` if the name does. */
export async function copy(ports: SearchPorts, target: BranchTarget): Promise<Copied> {
  const { generation, pin } = await branch({ ...target, as: "copy" });
  const { tenant, name } = target;
  wholeValue(await target.owner(name).describe(tenant, name));
  // The first manifest of the copy: it stays for longer than this takes, whatever becomes of it.
  const begun = { ...pin, generation, version: 1 };
  const snapshot = await stillThere(pinnedSnapshot(ports, tenant, begun));
  const rows = await stillThere(countRows(openContext(ports, snapshot, false)));
  const { segments } = snapshot.manifest;
  const logicalBytes = segments.reduce(
    (sum, { logicalBytes: bytes, rows: all, dead }) => sum + (bytes * (all - dead.rows)) / all,
    snapshot.unindexedBytes,
  );
  return { generation, pin, rows, logicalBytes: Math.round(logicalBytes) };
}

/** The copy may have been deleted, and purged, before it was counted. */
async function stillThere<T>(read: Promise<T>): Promise<T> {
  return await read.catch((error: unknown) => {
    throw isEngineError(error, "notFound") ? unavailable("the copy is gone already", error) : error;
  });
}
