/**
 * What becomes of a branch whose first manifest is not in its place: its owner ended while it made
 * the branch, or right after it answered.
 *
 *   1. Refs that are missing are put while that can be in time: nobody else does any more.
 *   2. The branch lives if each of its refs was stored in time, as the store dates them: then
 *      nothing of what it names had been dead for long enough to be collected, and from there on
 *      the refs hold it. Whoever was told that there is a branch was told so after that. A ref is
 *      never overwritten, so however often this is asked, and by whomever, the answer is the same.
 *   3. It lives: its manifest is put into its place. It does not: grave, and registry entry. Its
 *      refs are dropped by those below whom they lie (refs.ts).
 *
 * Cost: a head and, if it is missing, a put for each ref; a put, or two.
 */
import { refKeys, sealRefs } from "./branch-refs.ts";
import { corrupt } from "./errors.ts";
import { digestBytes } from "./format/envelope.ts";
import { openManifest } from "./format/manifest-codec.ts";
import type { BranchStart } from "./format/registry.ts";
import { limits } from "./limits.ts";
import type { Identity } from "./owner-ports.ts";
import type { Ports } from "./ports.ts";
import { digGrave, type RegistryView, writeRegistry } from "./registry.ts";
import { generationRoot, manifestKey } from "./store/keys.ts";
import { putSlot } from "./store/slot.ts";

/** Steps 1 and 2, and the manifest in its place if it lives. */
export async function finishBranch(
  ports: Ports,
  identity: Identity,
  generation: string,
  start: BranchStart,
): Promise<boolean> {
  const { manifest: bytes, parent, refsByMs } = start;
  const { tenant } = identity;
  const manifest = await openManifest(bytes, { generation, version: 1 }, ports.digest);
  const keys = refKeys(tenant, manifest, parent);
  // By any clock: a ref of no use would lie below the parent when nobody looks for it any more.
  const isOver = ports.clock.now() > refsByMs + limits.refsByMs;
  const storedMs = await Promise.all(
    [...keys].map(async ([below, key]) => {
      const stored = await ports.store.head(key);
      if (stored !== undefined) return stored.uploadedMs;
      if (isOver) return Number.POSITIVE_INFINITY;
      const one = new Map([[below, key]]);
      for (const ref of await sealRefs(ports, identity, manifest, parent, one)) {
        await putSlot(ports, key, ref);
      }
      return (await ports.store.head(key))?.uploadedMs ?? Number.POSITIVE_INFINITY;
    }),
  );
  if (storedMs.some((ms) => ms > refsByMs)) {
    return false;
  }
  const sealed = { bytes, hash: bytes.slice(-digestBytes), sha256: await ports.digest(bytes) };
  // Whatever is there by then counts.
  await putSlot(ports, manifestKey(generationRoot(tenant, generation), 1), sealed);
  return true;
}

/** Step 3 of one that does not live. */
export async function giveUpBranch(
  ports: Ports,
  identity: Identity,
  registry: RegistryView,
  epoch: number,
): Promise<RegistryView> {
  const { generation } = registry.entry ?? {};
  if (generation === undefined) {
    throw corrupt(`no branch of the name ${identity.name} is registered`);
  }
  await digGrave(ports, identity, generation);
  const change = { generation, state: "deleted" as const, epoch };
  return await writeRegistry(ports, identity, registry, change);
}
