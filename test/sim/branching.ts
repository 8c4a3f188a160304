/** A client that branches one name to another; neither may be what it was when it arrives. */
import { type Branched, branch } from "../../src/branch.ts";
import { copy } from "../../src/copy.ts";
import { isEngineError } from "../../src/errors.ts";
import type { NamespaceApi } from "../../src/namespace/protocol.ts";
import type { SearchPorts } from "../../src/search-ports.ts";
import { callOwner } from "./owner-client.ts";
import type { Process } from "./process.ts";
import type { SimName } from "./sim-name.ts";

const hourMs = 3_600_000;

/** Nothing goes wrong any more, but the caller may be slow: it goes on hours after it pinned. */
export async function makeBranchAtRest(
  process: Process,
  parent: SimName,
  child: SimName,
  hours = 0,
): Promise<void> {
  const { tenant, name } = parent.identity;
  const window = child.history.beginRead();
  const { random, sharding } = process.world;
  const as = random.chance(0.3) || sharding.isCopied ? ("copy" as const) : ("branch" as const);
  const target = { tenant, parent: name, name: child.identity.name, as };
  let isFirst = true;
  const owner = (of: string): NamespaceApi => ({
    ...callOwner(process, of),
    adopt: async (request) => {
      if (isFirst && hours > 0) await process.pause(hours * hourMs, "dawdle");
      isFirst = false;
      return await callOwner(process, of).adopt(request);
    },
  });
  const { generation, pin } = await branch({ ...target, owner });
  child.history.pointShown(window, "branch", generation, pin.next);
}

/** The copy, if it is one. */
export async function makeBranch(
  process: Process,
  ports: SearchPorts,
  name: SimName,
): Promise<SimName | undefined> {
  const { names, random, landings } = process.world;
  // Rather one that is a branch itself, while what it inherited is fresh.
  const branches = names.filter(
    ({ exists, history }) => exists && landings.isBranch(history.last.generation),
  );
  const parent = branches.length > 0 && random.chance(0.5) ? random.pick(branches) : name;
  const others = names.filter((name) => name !== parent);
  const free = others.filter(({ exists }) => !exists);
  const child = random.pick(free.length > 0 ? free : others);
  const { tenant } = parent.identity;
  const parentWindow = parent.history.beginRead();
  const childWindow = child.history.beginRead();
  try {
    const target = {
      tenant,
      parent: parent.identity.name,
      name: child.identity.name,
      owner: (name: string) => dawdle(process, callOwner(process, name)),
    };
    const { sharding } = process.world;
    const isCopy = random.chance(0.4) || sharding.isCopied;
    const made: Branched & { rows?: number } = isCopy
      ? await copy(ports, { ...target, ...sharding.copyWish() })
      : await branch(target);
    const { generation, pin, rows: copied } = made;
    landings.begins(generation);
    parent.history.pointShown(parentWindow, "branch of", pin.generation, pin.next);
    const point = child.history.pointShown(childWindow, "branch", generation, pin.next);
    const rows = point?.documents.size;
    if (copied !== undefined && rows !== undefined && copied !== rows) {
      process.world.violate("copy", `it has ${rows} documents, and says ${copied}`);
    }
    return isCopy ? child : undefined;
  } catch (error) {
    if (isEngineError(error, "notFound")) {
      const lives = "not found, yet it exists";
      parent.history.explain(parentWindow, "branch of", (p) => (p.exists ? lives : undefined));
    } else if (isEngineError(error, "conflict")) {
      const free = "refused, yet the name is free";
      child.history.explain(childWindow, "branch", (p) => (p.exists ? undefined : free));
    } else throw error;
    return undefined;
  }
}

/** Between pin and branch anything may happen: also that the pin ends, and a collection comes. */
function dawdle(process: Process, owner: NamespaceApi): NamespaceApi {
  const { random } = process.world;
  return {
    ...owner,
    adopt: async (request) => {
      if (random.chance(0.2)) await process.pause(random.spread(1, 900_000), "dawdle");
      else if (random.chance(0.1)) await process.pause(random.between(1, 6) * hourMs, "dawdle");
      return await owner.adopt(request);
    },
  };
}
