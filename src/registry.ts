/**
 * The registry as owners write it: which life a name is in. Compare-and-swapped at the beginning
 * and the end of a life, and resolved by generation and state; a grave is dug before a life ends.
 */
import { corrupt, EngineError } from "./errors.ts";
import {
  type BranchStart,
  openRegistryEntry,
  type RegistryEntry,
  registryMetadata,
  sealGrave,
  sealRegistryEntry,
} from "./format/registry.ts";
import { readAgain } from "./log-read.ts";
import type { Identity } from "./owner-ports.ts";
import type { Ports } from "./ports.ts";
import { backoffMs, isTransient } from "./store/backoff.ts";
import { graveKey, registryKey } from "./store/keys.ts";
import { putSlot } from "./store/slot.ts";

export interface RegistryView {
  readonly entry: RegistryEntry | undefined;
  readonly etag: string | undefined;
}

export async function readRegistry(ports: Ports, identity: Identity): Promise<RegistryView> {
  return await readAgain(async () => {
    const stored = await ports.store.get(registryKey(identity.tenant, identity.name));
    if (stored === undefined) {
      return { entry: undefined, etag: undefined };
    }
    const entry = await openRegistryEntry(stored.bytes, ports.digest);
    if (entry.name !== identity.name) {
      throw corrupt(`registry entry of ${identity.name} names ${entry.name}`);
    }
    return { entry, etag: stored.etag };
  });
}

interface RegistryChange {
  readonly generation: string;
  readonly state: "live" | "deleted";
  readonly epoch: number;
  /** Of a branch whose manifest 1 is not in its place yet. */
  readonly start?: BranchStart;
  /** When the log said that the name goes on with this life. */
  readonly beganMs?: number;
}

/**
 * The first entry of a name, if that has none: nobody has looked. Throws `conflict` if it has, or
 * if the outcome is not known.
 */
export async function createRegistry(
  ports: Ports,
  identity: Identity,
  change: RegistryChange,
): Promise<RegistryView> {
  const entry = successorOf(ports, identity, undefined, change);
  const etag = await swap(ports, identity, undefined, entry, 0);
  if (etag === undefined) {
    throw new EngineError("conflict", `the registry may have an entry of ${identity.name}`);
  }
  return { entry, etag };
}

/**
 * Makes the registry say `state` of the generation. Throws `fenced` if the name belongs to another
 * life by now, or if it is not certain by `untilMs`: only recovery can tell then.
 */
export async function writeRegistry(
  ports: Ports,
  identity: Identity,
  known: RegistryView,
  change: RegistryChange & {
    /** The life that ended for this one. */
    readonly replaces?: string;
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
    const next = successorOf(ports, identity, entry, change);
    if (ports.clock.now() > untilMs) {
      throw new EngineError("fenced", `registering ${change.generation} took too long`);
    }
    const etag = await swap(ports, identity, view.etag, next, attempt);
    // Lost or unknown: whatever the registry says now decides, ours being recognised by generation
    // and state.
    view = etag === undefined ? await readRegistry(ports, identity) : { entry: next, etag };
  }
}

function successorOf(
  { random }: Ports,
  { name }: Identity,
  before: RegistryEntry | undefined,
  { generation, state, epoch, start, beganMs }: RegistryChange,
): RegistryEntry {
  return {
    name,
    generation,
    state,
    version: (before?.version ?? 0) + 1,
    epoch,
    nonce: random.bytes(16),
    ...(start === undefined ? {} : { start }),
    ...(beganMs === undefined ? {} : { beganMs }),
  };
}

/** Undefined if it was refused, or nobody knows. */
async function swap(
  ports: Ports,
  identity: Identity,
  etag: string | undefined,
  entry: RegistryEntry,
  attempt: number,
): Promise<string | undefined> {
  const key = registryKey(identity.tenant, identity.name);
  const sealed = await sealRegistryEntry(entry, ports.digest);
  const metadata = registryMetadata(entry);
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
  ports: Ports,
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
