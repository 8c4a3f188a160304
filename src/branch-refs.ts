/**
 * The refs of a branch: below every generation of which its first manifest names something, the
 * list of what. As long as they lie there, whoever collects leaves it alone (refs.ts).
 */
import type { SealedObject } from "./format/envelope.ts";
import { ancestorsOf, holdingBelow } from "./format/homes.ts";
import type { Manifest } from "./format/manifest.ts";
import { sealRef } from "./format/ref.ts";
import type { BranchStart } from "./format/registry.ts";
import type { Identity } from "./owner-ports.ts";
import type { Ports } from "./ports.ts";
import { generationRoot, refKey } from "./store/keys.ts";

export interface SealedRef extends SealedObject {
  readonly key: string;
}

/** The parent has one in any case: its collector finds a branch that came to nothing. */
export function refKeys(
  tenant: string,
  manifest: Manifest,
  parent: BranchStart["parent"],
): ReadonlyMap<string, string> {
  const named = new Set([parent.generation, ...ancestorsOf(manifest)]);
  const child = manifest.generation;
  return new Map(
    [...named].map((generation) => [generation, refKey(generationRoot(tenant, generation), child)]),
  );
}

/** One ref below each of these generations. */
export async function sealRefs(
  ports: Pick<Ports, "clock" | "random" | "digest">,
  { name }: Identity,
  manifest: Manifest,
  parent: BranchStart["parent"],
  keys: ReadonlyMap<string, string>,
): Promise<readonly SealedRef[]> {
  const { generation: child, segments, inherited } = manifest;
  return await Promise.all(
    [...keys].map(async ([generation, key]) => {
      const ref = {
        generation,
        child,
        name,
        parent,
        createdMs: ports.clock.now(),
        nonce: ports.random.bytes(16),
        holds: holdingBelow(generation, segments, inherited),
      };
      return { key, ...(await sealRef(ref, ports.digest)) };
    }),
  );
}
