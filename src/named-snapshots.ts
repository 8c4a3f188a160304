/**
 * Snapshots of a namespace by name: branches that nobody writes to, under names that no user can
 * give. So all that holds of branches holds of them: made in constant time, sharing what they were
 * made of, whole whatever becomes of the namespace, gone when they are deleted.
 *
 *   create   branch "<namespace>@<snapshot>" from the namespace as it is, or was (branch.ts)
 *   restore  the namespace goes on as the snapshot is (restore.ts)
 *   delete   as any deletion
 *
 * What a snapshot shares is neither flushed nor merged again: its owner only collects. Snapshots
 * outlive their namespace, so that a deletion can be taken back; to delete them is up to the user.
 */
import { type BranchTarget, branch } from "./branch.ts";
import { isEngineError } from "./errors.ts";
import { limits } from "./limits.ts";
import { listNamespaces } from "./list.ts";
import type { PastPoint } from "./namespace/pins.ts";
import {
  type HeadReply,
  type NamespaceApi,
  protocolVersion,
  replyValue,
} from "./namespace/protocol.ts";
import type { ObjectStore } from "./store/object-store.ts";

const separator = "@";

/** The hidden name. */
export function snapshotName(name: string, snapshot: string): string {
  return name + separator + snapshot;
}

export interface SnapshotOwner {
  readonly tenant: string;
  readonly name: string;
  /** The owner of a name. */
  readonly owner: (name: string) => NamespaceApi;
  /** Takes what need not be waited for; without it that is waited for. */
  readonly defer?: (work: Promise<void>) => void;
}

export interface NamedSnapshot {
  readonly name: string;
  readonly createdMs: number;
  /** Entries of the log below belong to it. */
  readonly next: number;
}

/** Throws `notFound` without the namespace, `conflict` if there is such a snapshot. */
export async function createSnapshot(
  { tenant, name, owner, defer }: SnapshotOwner,
  snapshot: string,
  at?: PastPoint,
): Promise<NamedSnapshot> {
  const hidden = snapshotName(name, snapshot);
  const target: BranchTarget = {
    tenant,
    parent: name,
    name: hidden,
    owner,
    as: "snapshot",
    ...(at && { at }),
    ...(defer && { defer }),
  };
  await branch(target);
  return await describeSnapshot({ tenant, name, owner }, snapshot);
}

export async function describeSnapshot(
  { tenant, name, owner }: SnapshotOwner,
  snapshot: string,
): Promise<NamedSnapshot> {
  const hidden = snapshotName(name, snapshot);
  const request = { protocol: protocolVersion, tenant, name: hidden, brief: true };
  const { createdMs, manifest, next }: HeadReply = replyValue(await owner(hidden).head(request));
  // Its own log may have begun with an entry that says nothing.
  const inherited = manifest?.inherited.at(-1)?.to ?? manifest?.floor;
  return { name: snapshot, createdMs, next: inherited ?? next };
}

export interface SnapshotPage {
  readonly snapshots: readonly NamedSnapshot[];
  /** Name of the last one; undefined: there are no more. */
  readonly after: string | undefined;
}

export async function listSnapshots(
  store: ObjectStore,
  target: SnapshotOwner,
  after: string | undefined,
): Promise<SnapshotPage> {
  const prefix = snapshotName(target.name, "");
  const page = await listNamespaces(store, target.tenant, {
    prefix,
    after: after === undefined ? undefined : prefix + after,
    pageSize: limits.snapshotsPage,
    hidden: true,
  });
  const names = page.names.map((hidden) => hidden.slice(prefix.length));
  const snapshots: NamedSnapshot[] = [];
  for (let i = 0; i < names.length; i += limits.connectionsMax) {
    const some = names.slice(i, i + limits.connectionsMax);
    const found = await Promise.all(some.map((each) => describeSnapshot(target, each).catch(over)));
    snapshots.push(...found.flatMap((each) => each ?? []));
  }
  return { snapshots, after: page.after?.slice(prefix.length) };
}

/** It was deleted since it was listed. */
function over(error: unknown): undefined {
  if (!isEngineError(error, "notFound")) {
    throw error;
  }
}

export async function deleteSnapshot(
  { tenant, name, owner }: SnapshotOwner,
  snapshot: string,
): Promise<void> {
  const hidden = snapshotName(name, snapshot);
  replyValue(await owner(hidden).remove(tenant, hidden));
}
