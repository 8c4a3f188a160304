/**
 * The past of a namespace by name, and the way back.
 *
 *   POST   /v1/namespaces/:ns/snapshots      {"name", "as_of"?}: as it is, or was
 *   GET    /v1/namespaces/:ns/snapshots      ?cursor=
 *   DELETE /v1/namespaces/:ns/snapshots/:id
 *   POST   /v1/namespaces/:ns/restore        {"as_of"}: a time, a sequence or {"snapshot"}, in
 *                                            place of all that was written since
 *
 * Snapshots outlive their namespace: who deletes it by mistake restores it from one.
 */
import { formatDatetime } from "../../src/document/datetime.ts";
import { pointAsOf } from "../../src/history.ts";
import { limits } from "../../src/limits.ts";
import {
  createSnapshot,
  deleteSnapshot,
  listSnapshots,
  type NamedSnapshot,
  snapshotName,
} from "../../src/named-snapshots.ts";
import { type RestoreSource, restore } from "../../src/restore.ts";
import { checkSnapshotName, type GivenAsOf, parseAsOf, parseMoment } from "./as-of.ts";
import { readFields } from "./reference/field.ts";
import { restoreFields, snapshotFields } from "./reference/other-fields.ts";
import { respondJson } from "./respond.ts";
import type { Scope } from "./scope.ts";

export function createSnapshotRoute(scope: Scope, name: string): Promise<Response> {
  return scope.withJson(limits.queryBodyBytesMax, async (json) => {
    const given = readFields(json, snapshotFields);
    const snapshot = checkSnapshotName(given.name, "name");
    const asOf = given.as_of === undefined ? undefined : parseMoment(given.as_of);
    const { at } = asOf === undefined ? {} : await sourceOf(scope, name, asOf);
    const made = await createSnapshot(targetOf(scope, name), snapshot, at);
    return respondJson(scope.request, { status: "OK", ...render(made) }, { status: 201 });
  });
}

export async function listSnapshotsRoute(scope: Scope, name: string): Promise<Response> {
  const cursor = new URL(scope.request.url).searchParams.get("cursor");
  const behind = cursor === null ? undefined : checkSnapshotName(cursor, "cursor");
  const target = targetOf(scope, name);
  const { snapshots, after } = await listSnapshots(scope.ports.store, target, behind);
  const body = { snapshots: snapshots.map(render), next_cursor: after ?? null };
  return respondJson(scope.request, body);
}

export async function deleteSnapshotRoute(scope: Scope, name: string, id: string) {
  const snapshot = checkSnapshotName(id, "snapshot");
  await deleteSnapshot(targetOf(scope, name), snapshot);
  scope.forget(snapshotName(name, snapshot));
  return respondJson(scope.request, { status: "OK" });
}

export function restoreNamespace(scope: Scope, name: string): Promise<Response> {
  return scope.withJson(limits.queryBodyBytesMax, async (json) => {
    const { as_of: given } = readFields(json, restoreFields);
    const source = await sourceOf(scope, name, parseAsOf(given));
    const { next } = await restore(targetOf(scope, name), source);
    scope.forget(name);
    return respondJson(scope.request, { status: "OK", sequence: next - 1 });
  });
}

async function sourceOf(scope: Scope, name: string, asOf: GivenAsOf): Promise<RestoreSource> {
  if (asOf.kind === "snapshot") {
    return { name: snapshotName(name, asOf.name) };
  }
  const { tenant, ports } = scope;
  const target = { tenant, name, owner: scope.owner(name) };
  return { name, at: await pointAsOf(ports, target, asOf) };
}

function targetOf(scope: Scope, name: string) {
  return {
    tenant: scope.tenant,
    name,
    owner: (of: string) => scope.owner(of),
    defer: (work: Promise<void>) => scope.ports.defer(work),
  };
}

function render({ name, createdMs, next }: NamedSnapshot) {
  return { name, created_at: formatDatetime(createdMs), sequence: next - 1 };
}
