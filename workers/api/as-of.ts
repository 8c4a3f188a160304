/** `as_of`, in bodies and query strings: a time, an entry of the log, or a snapshot by name. */
import { parseDatetime } from "../../src/document/datetime.ts";
import { invalid } from "../../src/errors.ts";
import { type AsOf, kept, snapshotAsOf } from "../../src/history.ts";
import { limits } from "../../src/limits.ts";
import { snapshotName } from "../../src/named-snapshots.ts";
import type { NamespaceApi } from "../../src/namespace/protocol.ts";
import type { Ports } from "../../src/ports.ts";
import type { SnapshotTarget } from "../../src/snapshot.ts";

export type GivenAsOf = AsOf | { readonly kind: "snapshot"; readonly name: string };

export function parseAsOf(
  value: string | number | { readonly snapshot: string },
  field = "as_of",
): GivenAsOf {
  return typeof value === "object"
    ? { kind: "snapshot", name: checkSnapshotName(value.snapshot, `${field}.snapshot`) }
    : parseMoment(value, field);
}

export function parseMoment(value: string | number, field = "as_of"): AsOf {
  if (typeof value === "number" || /^\d{1,15}$/.test(value)) {
    return { kind: "sequence", sequence: Number(value) };
  }
  const ms = parseDatetime(value);
  if (ms === undefined) {
    throw invalid(`💔 ${field} must be a time as 2027-01-31T12:00:00Z, or a sequence`, field);
  }
  return { kind: "time", ms };
}

export function checkSnapshotName(name: string, field: string): string {
  if (!/^[A-Za-z0-9-_.]+$/.test(name) || name.length > limits.snapshotNameMax) {
    const text = `💔 ${field} must be of [A-Za-z0-9-_.]{1,${limits.snapshotNameMax}}`;
    throw invalid(text, field);
  }
  return name;
}

/** Reads from what the name was: `read` gets the target to read from. */
export async function readAsOf<T>(
  ports: Ports,
  target: SnapshotTarget,
  ownerOf: (name: string) => NamespaceApi,
  asOf: GivenAsOf,
  read: (target: SnapshotTarget) => Promise<T>,
): Promise<T> {
  if (asOf.kind === "snapshot") {
    const name = snapshotName(target.name, asOf.name);
    return await read({ tenant: target.tenant, name, owner: ownerOf(name) });
  }
  const snapshot = await snapshotAsOf(ports, target, asOf);
  return await kept(() => read({ ...target, snapshot }));
}
