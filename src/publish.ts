/**
 * Publishing: the only place where a namespace's manifest changes, and the names that point to it.
 *
 *   manifest   create-only put of manifest/<version+1>, resolved like a WAL slot; then a storage
 *              write; only then is anybody told. Crash between: the next instance finds the
 *              manifest by probing forward. One that breaks an invariant is never put.
 *   current    compare-and-swap at most once a second, after the manifest it names. A lost swap is
 *              harmless: it is a hint, and recovery probes forward from whatever it says.
 */
import { EngineError } from "./errors.ts";
import type { Manifest } from "./format/manifest.ts";
import { openManifest, sealManifest } from "./format/manifest-codec.ts";
import { sealPointer } from "./format/registry.ts";
import { epochFault, stepFault } from "./namespace/invariants.ts";
import type { NamespaceState } from "./namespace/state.ts";
import type { OwnerPorts } from "./owner-ports.ts";

import { currentKey, generationRoot, manifestKey } from "./store/keys.ts";
import { putSlot } from "./store/slot.ts";
export type Published =
  | { readonly kind: "published" }
  /** Another instance's manifest holds the version; it is the truth now. */
  | { readonly kind: "adopted"; readonly manifest: Manifest }
  /** It would lose, double or mix up something: a mistake of ours, and nothing was stored. */
  | { readonly kind: "faulty"; readonly reason: string };

/**
 * Stores the successor of `before`, whose tail is known. Throws `fenced` if a newer instance
 * publishes.
 */
export async function publishManifest(
  ports: OwnerPorts,
  tenant: string,
  { manifest: before, tail }: Pick<NamespaceState, "manifest" | "tail">,
  after: Manifest,
): Promise<Published> {
  const operations = tail.reduce(
    (sum, { sequence, rows }) => sum + (sequence < after.floor ? rows : 0),
    0,
  );
  const fault = stepFault(before, after, operations);
  if (fault !== undefined) {
    const { generation, version } = after;
    ports.log.error("a manifest breaks an invariant", { generation, version, reason: fault });
    return { kind: "faulty", reason: fault };
  }
  const root = generationRoot(tenant, after.generation);
  const sealed = await sealManifest(after, ports.digest);
  const outcome = await putSlot(ports, manifestKey(root, after.version), sealed);
  if (outcome.kind === "ours") {
    return { kind: "published" };
  }
  const expected = { generation: after.generation, version: after.version };
  const manifest = await openManifest(outcome.bytes, expected, ports.digest);
  const replaced = epochFault(after.epoch, manifest.epoch);
  if (replaced !== undefined) {
    throw new EngineError("fenced", `a newer instance publishes manifests: ${replaced}`);
  }
  return { kind: "adopted", manifest };
}

/** Moves `current` to the version. Returns the new etag, or undefined if somebody else moved it. */
export async function movePointer(
  ports: OwnerPorts,
  tenant: string,
  manifest: Manifest,
  etag: string | undefined,
): Promise<string | undefined> {
  const { generation, version, epoch } = manifest;
  const pointer = { generation, manifestVersion: version, epoch, nonce: ports.random.bytes(16) };
  const sealed = await sealPointer(pointer, ports.digest);
  const key = currentKey(generationRoot(tenant, generation));
  const result = await ports.store.put(
    key,
    sealed.bytes,
    etag === undefined ? { kind: "create" } : { kind: "replace", etag },
    { sha256: sealed.sha256 },
  );
  return result.kind === "stored" ? result.etag : undefined;
}
