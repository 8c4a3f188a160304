/**
 * Invariants of the log and the manifest as predicates: each says what is wrong, or nothing. They
 * run before every manifest commit and after every read of one.
 */
import { assert, corrupt } from "../errors.ts";
import type { Manifest } from "../format/manifest.ts";

/** What is wrong with the manifest by itself. */
export function manifestFault(manifest: Manifest): string | undefined {
  const ids = new Set<string>();
  for (const segment of manifest.segments) {
    if (ids.has(segment.id)) {
      return `segment ${segment.id} is listed twice`;
    }
    ids.add(segment.id);
    if (segment.rows === 0 || segment.dead.rows > segment.rows) {
      return `segment ${segment.id} has ${segment.dead.rows} dead of ${segment.rows} rows`;
    }
    if ((segment.dead.version === 0) !== (segment.dead.name === "")) {
      return `segment ${segment.id} names no bitmap for dead version ${segment.dead.version}`;
    }
    if (segment.schemaVersion > manifest.schema.version) {
      return `segment ${segment.id} has a newer schema than the floor`;
    }
  }
  for (const { object } of manifest.dead) {
    if (object.kind === "segment" && ids.has(object.id)) {
      return `segment ${object.id} is both live and dead`;
    }
    if (object.kind === "wal" && object.to > manifest.floor) {
      return `WAL entries up to ${object.to} are dead above the floor ${manifest.floor}`;
    }
  }
  return undefined;
}

/** What is wrong with `after` as the successor of `before`. */
export function successorFault(before: Manifest, after: Manifest): string | undefined {
  if (after.generation !== before.generation || after.version !== before.version + 1) {
    return `manifest ${after.version} does not follow ${before.version}`;
  }
  if (after.floor < before.floor) {
    return `the floor falls from ${before.floor} to ${after.floor}`;
  }
  if (after.epoch < before.epoch) {
    return `the epoch falls from ${before.epoch} to ${after.epoch}`;
  }
  const dead = new Map(before.segments.map((segment) => [segment.id, segment.dead.version]));
  for (const segment of after.segments) {
    if (segment.dead.version < (dead.get(segment.id) ?? 0)) {
      return `dead version of segment ${segment.id} falls`;
    }
  }
  return undefined;
}

export function checkStoredManifest(manifest: Manifest): Manifest {
  const fault = manifestFault(manifest);
  if (fault !== undefined) {
    throw corrupt(`manifest ${manifest.version}: ${fault}`);
  }
  return manifest;
}

export function assertSuccessor(before: Manifest, after: Manifest): void {
  const fault = successorFault(before, after) ?? manifestFault(after);
  assert(fault === undefined, `manifest ${after.version}: ${fault ?? ""}`);
}
