/**
 * The branch flow: a new name that begins as another name is now, in constant time: no data is
 * copied, and the number of requests depends on nothing but how many ancestors are named. A copy
 * begins the same way, and then writes what it shares again, until nothing is shared.
 *
 *   1. caller          pins the parent: its newest manifest and its log up to `next`
 *   2. branch's owner  renews the pin: the parent lives, so whoever purges it one day will find
 *                      the refs. A ref below every generation of which the branch will name
 *                      something, each with the list of what
 *   3. branch's owner  renews the pin again. It lived all the time: whatever was pinned is still
 *                      there, and from now on the refs hold it
 *   4. branch's owner  registry entry, if the name does not live. With it comes manifest 1 of a
 *                      generation of its own: the parent's segments by their homes, the parent's
 *                      tail as inherited, an own log from `next` on. The caller is answered
 *   5. branch's owner  manifest 1 into its place, create-only, before anybody else is answered
 *   6. caller          releases the pin, behind the answer
 *
 * The branch's object does 2 to 5 in one turn of its commit queue, so a first write to the name
 * comes either before (then the branch is refused) or after (then it is a write to the branch). The
 * generation is minted for the attempt: it is registered with its manifest or never.
 *
 * If we crash after   what is left
 *   1                 a pin that ends by itself
 *   2, 3              refs of a generation that nobody registered: a collector of the parent finds
 *                     them after a day and deletes them (refs.ts)
 *   4                 the branch: whoever recovers it does 5 (recover.ts). A repeated call is
 *                     answered as the first was
 *
 * Where a name is restored (restore.ts), manifest 1 is put into its place instead of 4 and 5.
 *
 * Cost: five calls of owners; two puts, and a put for each generation that is named; a get if what
 * is pinned is not the newest. Up to the answer two rounds of puts, as many as a first write has:
 * refs, registry entry.
 */

import { inheritedSettings, type Settings } from "./document/settings.ts";
import { assert, invalid, unavailable } from "./errors.ts";
import type { SealedObject } from "./format/envelope.ts";
import { ancestorsOf, holdingBelow, stretchesOf } from "./format/homes.ts";
import type { DeadRecord, Manifest, Origin, SegmentInfo } from "./format/manifest.ts";
import { sealManifest } from "./format/manifest-codec.ts";
import { sealRef } from "./format/ref.ts";
import { shardCount } from "./format/shard.ts";
import { limits } from "./limits.ts";
import { manifestFault } from "./namespace/invariants.ts";
import type { PastPoint, Pin } from "./namespace/pins.ts";
import {
  type AdoptRequest,
  type NamespaceApi,
  protocolVersion,
  replyValue,
} from "./namespace/protocol.ts";
import type { Identity, OwnerPorts } from "./owner-ports.ts";
import { writeRegistry } from "./publish.ts";
import type { RegistryView } from "./recover.ts";
import { readPinned } from "./refs.ts";
import { generationRoot, manifestKey, refKey } from "./store/keys.ts";
import { putSlot } from "./store/slot.ts";

// ---- As a caller runs it ------------------------------------------------------------------------

export interface BranchTarget {
  readonly tenant: string;
  readonly parent: string;
  readonly name: string;
  /** The owner of a name. */
  readonly owner: (name: string) => NamespaceApi;
  /** A branch if it is not said. */
  readonly as?: Origin["kind"];
  /** Of a copy. */
  readonly shards?: number;
  /** What the parent was, not what it is. */
  readonly at?: PastPoint;
  /** The caller's, who releases it: repeated with the same one, the call is recognised. */
  readonly pin?: Pin;
  /** Takes what need not be waited for; without it that is waited for. */
  readonly defer?: (work: Promise<void>) => void;
}

export interface Branched {
  /** Of the branch. */
  readonly generation: string;
  /** The point of the parent that it began as. */
  readonly pin: Pin;
}

/** A pin that was lost on the way is taken again so often. */
const attemptsMax = 3;

/** Throws `notFound` if the parent does not live, `conflict` if the name does. */
export async function branch(target: BranchTarget): Promise<Branched> {
  const { tenant, parent, name, owner, as = "branch", shards } = target;
  for (let attempt = 1; ; attempt++) {
    const held = attempt === 1 ? target.pin : undefined;
    const pin = held ?? replyValue(await owner(parent).pin(tenant, parent, target.at));
    try {
      if (as === "branch" && pin.settings.shards > 0) {
        throw invalid("💔 a namespace with shards cannot be branched");
      }
      const request = {
        protocol: protocolVersion,
        tenant,
        name,
        parent,
        pin,
        as,
        ...(shards === undefined ? {} : { shards }),
      };
      const reply = replyValue(await owner(name).adopt(request));
      if (reply.kind === "adopted") {
        return { generation: reply.generation, pin };
      }
      if (attempt === attemptsMax) {
        throw unavailable(`the pin of ${parent} was lost again and again`);
      }
    } finally {
      if (pin !== held) {
        // It ends by itself if this does not arrive.
        const released = owner(parent).releasePin(tenant, parent, pin.id).then(ignore, ignore);
        if (target.defer === undefined) await released;
        else target.defer(released);
      }
    }
  }
}

function ignore(): void {}

// ---- As the branch's owner runs it --------------------------------------------------------------

export interface AdoptHost {
  readonly identity: Identity;
  readonly epoch: number;
  readonly registry: RegistryView;
  /** Minted for this attempt. */
  readonly generation: string;
  /** The generation is about to be registered: from here on the outcome is the registry's. */
  registering(): void;
}

export interface Adopted {
  readonly manifest: Manifest;
  readonly registry: RegistryView;
  /** Step 5. */
  place(): Promise<void>;
}

/**
 * Steps 2 to 4; undefined if the pin is gone. `ports`: of the owner, so that an instance that was
 * replaced puts nothing.
 */
export async function adopt(
  ports: OwnerPorts,
  host: AdoptHost,
  request: AdoptRequest,
): Promise<Adopted | undefined> {
  const { identity, epoch, generation } = host;
  const untilMs = ports.clock.now() + limits.adoptMs;
  const prepared = await prepare(ports, host, request, untilMs);
  if (prepared === undefined) {
    return undefined;
  }
  const { manifest, sealed } = prepared;
  host.registering();
  const change = { generation, state: "live" as const, epoch, first: sealed.bytes };
  const registry = await writeRegistry(ports, identity, host.registry, change, untilMs);
  const place = () => placeFirst(ports, identity.tenant, prepared, () => {});
  return { manifest, registry, place };
}

/** Steps 2 and 3, and the manifest in its place: a log may name the generation, until `untilMs`. */
export async function prepareSuccessor(
  ports: OwnerPorts,
  host: PrepareHost,
  request: AdoptRequest,
  untilMs: number,
): Promise<boolean> {
  const prepared = await prepare(ports, host, request, untilMs);
  if (prepared === undefined) {
    return false;
  }
  const inTime = timeLimit(ports, request, untilMs);
  await placeFirst(ports, host.identity.tenant, prepared, inTime);
  inTime();
  return true;
}

type PrepareHost = Pick<AdoptHost, "identity" | "epoch" | "generation"> & {
  /** What is restored keeps them. */
  readonly settings?: Settings;
};

interface Prepared {
  readonly manifest: Manifest;
  readonly sealed: SealedObject;
}

/** Steps 2 and 3: its name may go on with the manifest until `untilMs`. */
async function prepare(
  ports: OwnerPorts,
  { identity, epoch, generation, settings }: PrepareHost,
  request: AdoptRequest,
  untilMs: number,
): Promise<Prepared | undefined> {
  const { tenant } = identity;
  const { parent, pin, as: kind = "branch", shards } = request;
  const inTime = timeLimit(ports, request, untilMs);
  const isPinned = async (): Promise<boolean> => {
    const held = replyValue(await ports.peer(tenant, parent).renewPin(tenant, parent, pin.id));
    inTime();
    return held !== undefined;
  };
  const [isHeld, pinned] = await Promise.all([
    isPinned(),
    pin.manifest ?? readPinned(ports, tenant, pin),
  ]);
  if (!isHeld || pinned === undefined) {
    return undefined;
  }
  const manifest = branchManifest(pinned, pin, {
    settings: {
      ...(settings ?? inheritedSettings(pin.settings, kind)),
      ...(shards === undefined ? {} : { shards }),
    },
    origin: { kind, name: parent },
    generation,
    epoch,
    nonce: ports.random.bytes(16),
    nowMs: ports.clock.now(),
  });
  const sealed = await sealManifest(manifest, ports.digest);
  await putRefs(ports, identity, manifest, pin, inTime);
  return (await isPinned()) ? { manifest, sealed } : undefined;
}

function timeLimit(
  { clock }: Pick<OwnerPorts, "clock">,
  { parent }: AdoptRequest,
  untilMs: number,
): () => void {
  return () => {
    if (clock.now() > untilMs) {
      throw unavailable(`branching ${parent} took too long`);
    }
  };
}

async function placeFirst(
  ports: OwnerPorts,
  tenant: string,
  { manifest, sealed }: Prepared,
  inTime: () => void,
): Promise<void> {
  const { generation, version } = manifest;
  await putFirst(ports, manifestKey(generationRoot(tenant, generation), version), sealed, inTime);
}

interface Stamp {
  readonly settings: Settings;
  readonly origin: Origin;
  readonly generation: string;
  readonly epoch: number;
  readonly nonce: Uint8Array;
  readonly nowMs: number;
}

/** The first manifest of a branch. Keys are the parent's writers': nobody repeats them here. */
function branchManifest(pinned: Manifest, pin: Pin, stamp: Stamp): Manifest {
  const { settings, origin, generation, epoch, nonce, nowMs } = stamp;
  const version = 1;
  // No entry that it begins with is newer, whatever another machine's clock says.
  const createdMs = Math.max(nowMs, pin.lastMs);
  const branched: Manifest = {
    ...pinned,
    generation,
    version,
    epoch,
    nonce,
    committedMs: nowMs,
    createdMs,
    updatedMs: createdMs,
    settings,
    origin,
    segments: reshard(pinned.segments, shardCount(pin.settings), shardCount(settings)),
    inherited: stretchesOf(pinned, { from: pinned.floor, to: pin.next }),
    keys: [],
    applied: [],
    dead: [],
  };
  // The parent's ref is made in any case, so that its collector finds a branch that comes to
  // nothing; if it holds nothing, it has done its work once the branch exists.
  const object = { kind: "ref", generation: pin.generation } as const;
  const dead: DeadRecord[] = ancestorsOf(branched).has(pin.generation)
    ? []
    : [{ object, version, sinceMs: nowMs, bytes: 0 }];
  const manifest = { ...branched, dead };
  const fault = manifestFault(manifest);
  assert(fault === undefined, `a branch of ${pin.generation}: ${fault ?? ""}`);
  return manifest;
}

/** Of other shards than before, each holds rows of all, until it is written again. */
function reshard(segments: readonly SegmentInfo[], from: number, to: number): SegmentInfo[] {
  return segments.map(({ shard, ...segment }) => ({
    ...segment,
    ...(shard === undefined || from !== to ? {} : { shard }),
  }));
}

async function putRefs(
  ports: OwnerPorts,
  { tenant, name }: Identity,
  manifest: Manifest,
  pin: Pin,
  inTime: () => void,
): Promise<void> {
  const { generation: child, segments, inherited } = manifest;
  const { version, next } = pin;
  const named = new Set([pin.generation, ...ancestorsOf(manifest)]);
  const puts = [...named].map(async (generation) => {
    const ref = {
      generation,
      child,
      name,
      parent: { generation: pin.generation, version, next },
      createdMs: ports.clock.now(),
      nonce: ports.random.bytes(16),
      holds: holdingBelow(generation, segments, inherited),
    };
    const key = refKey(generationRoot(tenant, generation), child);
    await putFirst(ports, key, await sealRef(ref, ports.digest), inTime);
  });
  await Promise.all(puts);
}

/** Nobody else knows this generation: what is not ours is a bad read of what is. */
async function putFirst(
  ports: OwnerPorts,
  key: string,
  sealed: SealedObject,
  inTime: () => void,
): Promise<void> {
  const { kind } = await putSlot(ports, key, sealed, inTime);
  if (kind !== "ours") {
    throw unavailable(`${key} cannot be read back; branch again`);
  }
}
