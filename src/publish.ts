/**
 * Publishing: the only place where a namespace's manifest changes, and the names that point to it.
 *
 *   manifest   create-only put of manifest/<version+1>, resolved like a WAL slot; then a storage
 *              write; only then is anybody told. Crash between: the next instance finds the
 *              manifest by probing forward. One that breaks an invariant is never put.
 *   current    compare-and-swap at most once a second, after the manifest it names. A lost swap is
 *              harmless: it is a hint, and recovery probes forward from whatever it says.
 *   registry   compare-and-swap at creation and deletion, resolved by the nonce.
 */
import { EngineError } from "./errors.ts";
import type { SealedObject } from "./format/envelope.ts";
import type { Manifest } from "./format/manifest.ts";
import { openManifest, sealManifest } from "./format/manifest-codec.ts";
import { registryMetadata, sealGrave, sealPointer, sealRegistryEntry } from "./format/registry.ts";
import { epochFault, stepFault } from "./namespace/invariants.ts";
import type { NamespaceState } from "./namespace/state.ts";
import type { Identity, OwnerPorts } from "./owner-ports.ts";
import type { Ports } from "./ports.ts";
import { type RegistryView, readRegistry } from "./recover.ts";
import { backoffMs, isTransient } from "./store/backoff.ts";
import { currentKey, generationRoot, graveKey, manifestKey, registryKey } from "./store/keys.ts";
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

/**
 * Makes the registry say `state` of the generation. Throws `fenced` if the name belongs to another
 * life by now, or if it is not certain by `untilMs`: only recovery can tell then.
 */
export async function writeRegistry(
  ports: Ports,
  identity: Identity,
  known: RegistryView,
  change: {
    readonly generation: string;
    readonly state: "live" | "deleted";
    readonly epoch: number;
    /** The life that ended for this one. */
    readonly replaces?: string;
    /** Bytes of its manifest 1, if that is not in its place yet. */
    readonly first?: Uint8Array;
  },
  untilMs: number = Number.POSITIVE_INFINITY,
): Promise<RegistryView> {
  let view = known;
  for (let attempt = 0; ; attempt += 1) {
    const { entry } = view;
    if (entry?.generation === change.generation && entry.state === change.state) {
      return view;
    }
    const isForeign = entry !== undefined && entry.generation !== change.generation;
    const isOver = isForeign
      ? (entry.state === "live" && entry.generation !== change.replaces) ||
        change.state === "deleted"
      : entry?.state === "deleted";
    if (isOver) {
      throw new EngineError("fenced", `the name belongs to another life than ${change.generation}`);
    }
    const next = {
      name: identity.name,
      generation: change.generation,
      state: change.state,
      version: (entry?.version ?? 0) + 1,
      epoch: change.epoch,
      nonce: ports.random.bytes(16),
      ...(change.first === undefined ? {} : { first: change.first }),
    };
    if (ports.clock.now() > untilMs) {
      throw new EngineError("fenced", `registering ${change.generation} took too long`);
    }
    const sealed = await sealRegistryEntry(next, ports.digest);
    const etag = await swap(ports, identity, view.etag, sealed, registryMetadata(next), attempt);
    // Lost or unknown: whatever the registry says now decides, ours being recognised by generation
    // and state.
    view = etag === undefined ? await readRegistry(ports, identity) : { entry: next, etag };
  }
}

async function swap(
  ports: Ports,
  identity: Identity,
  etag: string | undefined,
  sealed: SealedObject,
  metadata: Record<string, string>,
  attempt: number,
): Promise<string | undefined> {
  const key = registryKey(identity.tenant, identity.name);
  try {
    const result = await ports.store.put(
      key,
      sealed.bytes,
      etag === undefined ? { kind: "create" } : { kind: "replace", etag },
      { sha256: sealed.sha256, metadata },
    );
    return result.kind === "stored" ? result.etag : undefined;
  } catch (error) {
    if (!isTransient(error)) {
      throw error;
    }
    const backoff = { attemptsMax: Number.POSITIVE_INFINITY, baseMs: 250, capMs: 2_000 };
    await ports.clock.sleep(backoffMs(backoff, attempt, error, ports.random));
    return undefined;
  }
}

/** Notes that a generation's objects are to be purged. */
export async function digGrave(
  ports: OwnerPorts,
  identity: Identity,
  generation: string,
): Promise<void> {
  const grave = {
    name: identity.name,
    generation,
    deletedMs: ports.clock.now(),
    nonce: ports.random.bytes(16),
  };
  const sealed = await sealGrave(grave, ports.digest);
  // An occupied grave is as good as ours: it says the same.
  await putSlot(ports, graveKey(identity.tenant, generation), sealed);
}
