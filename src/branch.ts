/**
 * The branch flow: a new name that begins as another name is now, in constant time: no data is
 * copied, and the number of requests depends on nothing but how many ancestors are named. A copy
 * begins the same way, and then writes what it shares again, until nothing is shared.
 *
 *   1. caller          pins the parent: its newest manifest and its log up to `next`
 *   2. branch's owner  at the same time: the registry entry, if the name does not live, and a ref
 *                      below every generation of which the branch will name something, each with
 *                      the list of what. With the entry comes manifest 1 of a generation of its
 *                      own: the parent's segments by their homes, the parent's tail as inherited,
 *                      an own log from `next` on. Once all of them are stored the branch lives,
 *                      and the caller is answered
 *   3. branch's owner  manifest 1 into its place, create-only, before anybody else is answered
 *   4. caller          releases the pin, behind the answer
 *
 * Why the refs need not be there first: what was the newest a minute ago cannot be collected for
 * most of the grace, so refs that are stored in time hold all of it. What is older than that, or of
 * the past, is held by the pin alone. Then the refs come before the entry, and the pin is renewed
 * before and after them: the parent lives, so whoever purges it one day will find the refs, and the
 * pin lived all the time.
 *
 * The branch's object does 2 and 3 in one turn of its commit queue, so a first write to the name
 * comes either before (then the branch is refused) or after (then it is a write to the branch). The
 * generation is minted for the attempt: it is registered with its manifest or never.
 *
 * If we crash after   what is left
 *   1                 a pin that ends by itself
 *   2, refs only      refs of a generation that nobody registered: a collector of the parent finds
 *                     them after a day and deletes them (refs.ts)
 *   2, entry          whoever recovers it puts the refs that are missing; if all were stored in
 *                     time it does 3, else it ends the life that never began (recover-branch.ts). A
 *                     repeated call is answered as the first was
 *
 * Where a name is restored (restore.ts), manifest 1 is put into its place instead of an entry.
 *
 * Cost: three calls of owners; two puts, and a put for each generation that is named, up to the
 * answer one round of puts, as a write has. Of the past, two calls, a get and a round more. A name
 * whose object remembers nothing is registered without a look: the entry is put only if there is
 * none, so that no read comes before the puts.
 */

import { branchManifest } from "./branch-manifest.ts";
import { refKeys, sealRefs } from "./branch-refs.ts";
import { inheritedSettings, type Settings } from "./document/settings.ts";
import { EngineError, invalid, unavailable } from "./errors.ts";
import type { SealedObject } from "./format/envelope.ts";
import type { Manifest, Origin } from "./format/manifest.ts";
import { sealManifest } from "./format/manifest-codec.ts";
import type { BranchStart } from "./format/registry.ts";
import { limits } from "./limits.ts";
import type { GivenPin, PastPoint, Pin } from "./namespace/pins.ts";
import {
  type AdoptRequest,
  type NamespaceApi,
  protocolVersion,
  replyValue,
} from "./namespace/protocol.ts";
import type { Identity, OwnerPorts } from "./owner-ports.ts";
import { readPinned } from "./refs.ts";
import { createRegistry, type RegistryView, writeRegistry } from "./registry.ts";
import { generationRoot, manifestKey } from "./store/keys.ts";
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
  /** Undefined: nobody has looked. */
  readonly registry: RegistryView | undefined;
  /** Minted for this attempt. */
  readonly generation: string;
  /**
   * The generation is about to be registered: from here on only the store knows the outcome, and
   * somebody must look even if nobody ever asks.
   */
  registering(): Promise<void>;
}

export interface Adopted {
  readonly manifest: Manifest;
  readonly registry: RegistryView;
  /** Step 3. */
  place(): Promise<void>;
}

/**
 * Step 2; undefined if the pin is gone. `ports`: of the owner, so that an instance that was
 * replaced puts nothing.
 */
export async function adopt(
  ports: OwnerPorts,
  host: AdoptHost,
  request: AdoptRequest,
): Promise<Adopted | undefined> {
  const { identity, epoch, generation } = host;
  const { pin } = request;
  const beganMs = ports.clock.now();
  const untilMs = beganMs + limits.adoptMs;
  const present = presentManifest(pin, beganMs);
  const prepared =
    present === undefined
      ? await prepare(ports, host, request, untilMs)
      : await draft(ports, host, request, present);
  if (prepared === undefined) {
    return undefined;
  }
  const { manifest, sealed } = prepared;
  const start = {
    manifest: sealed.bytes,
    parent: parentOf(pin),
    refsByMs: beganMs + limits.refsByMs,
  };
  const change = { generation, state: "live" as const, epoch, start };
  // First: the puts wait for it.
  const noted = host.registering();
  const stored = together(
    host.registry === undefined
      ? createRegistry(ports, identity, change)
      : writeRegistry(ports, identity, host.registry, change, untilMs),
    present && putRefs(ports, identity, manifest, pin, timeLimit(ports, request, untilMs)),
  );
  const [registry] = await Promise.all([stored, noted]);
  const place = () => placeFirst(ports, identity.tenant, prepared, () => {});
  return { manifest, registry, place };
}

/** Takes one round of puts. */
export function isFresh({ pin }: AdoptRequest, nowMs: number): boolean {
  return presentManifest(pin, nowMs) !== undefined;
}

/**
 * What is pinned, if it was the newest a moment ago: nothing that it names can be collected within
 * the grace, whatever becomes of the pin.
 */
function presentManifest({ manifest, untilMs }: GivenPin, nowMs: number): Manifest | undefined {
  const givenMs = untilMs - limits.pinMs;
  return Math.abs(nowMs - givenMs) <= limits.freshPinMs ? manifest : undefined;
}

/** If one fails, the other may land: what there is then is for recovery to tell. */
async function together<T>(registered: Promise<T>, held: Promise<void> | undefined): Promise<T> {
  const [registry, refs] = await Promise.allSettled([registered, held]);
  if (registry.status === "rejected") {
    throw registry.reason;
  }
  if (refs.status === "rejected") {
    throw new EngineError("fenced", `a branch is registered without its refs: ${refs.reason}`);
  }
  return registry.value;
}

/** Refs, and the manifest in its place: a log may name the generation, until `untilMs`. */
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

/** Refs while the pin lives: its name may go on with the manifest until `untilMs`. */
async function prepare(
  ports: OwnerPorts,
  host: PrepareHost,
  request: AdoptRequest,
  untilMs: number,
): Promise<Prepared | undefined> {
  const { identity } = host;
  const { tenant } = identity;
  const { parent, pin } = request;
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
  const prepared = await draft(ports, host, request, pinned);
  await putRefs(ports, identity, prepared.manifest, pin, inTime);
  return (await isPinned()) ? prepared : undefined;
}

/** The first manifest, stored nowhere yet. */
async function draft(
  ports: OwnerPorts,
  { epoch, generation, settings }: PrepareHost,
  { parent, pin, as: kind = "branch", shards }: AdoptRequest,
  pinned: Manifest,
): Promise<Prepared> {
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
  return { manifest, sealed: await sealManifest(manifest, ports.digest) };
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

async function putRefs(
  ports: OwnerPorts,
  identity: Identity,
  manifest: Manifest,
  pin: Pin,
  inTime: () => void,
): Promise<void> {
  const parent = parentOf(pin);
  const keys = refKeys(identity.tenant, manifest, parent);
  const refs = await sealRefs(ports, identity, manifest, parent, keys);
  await Promise.all(refs.map((ref) => putFirst(ports, ref.key, ref, inTime)));
}

function parentOf({ generation, version, next }: Pin): BranchStart["parent"] {
  return { generation, version, next };
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
