/**
 * A named snapshot of the first name, in half of the worlds with several names: made, read, gone
 * back to, deleted. It is a branch under a hidden name that nobody writes to: its history is one
 * point, whatever becomes of what it was made of.
 *
 * What happens here is decided by a chance of its own, so all other worlds are what they were.
 */
import { branch } from "../../src/branch.ts";
import { isEngineError } from "../../src/errors.ts";
import { describeSnapshot, snapshotName } from "../../src/named-snapshots.ts";
import type { NamespaceApi } from "../../src/namespace/protocol.ts";
import { restore } from "../../src/restore.ts";
import { callOwner, removeName } from "./owner-client.ts";
import type { Process } from "./process.ts";
import { SimRandom } from "./random.ts";
import { SimName } from "./sim-name.ts";
import type { World } from "./world.ts";

const snapshot = "kept";

export class Shelf {
  readonly #world: World;
  readonly #random: SimRandom;
  readonly #share: number;
  /** The snapshot's hidden name; undefined in worlds without. */
  readonly kept: SimName | undefined;

  constructor(world: World, seed: number) {
    this.#world = world;
    this.#random = new SimRandom(seed + 4_000_037);
    this.#share = this.#random.pick([0, 0.02, 0.06]);
    const isOn = world.names.length > 1 && this.#random.chance(0.5);
    const name = snapshotName(world.first.identity.name, snapshot);
    this.kept = isOn ? new SimName(world, name) : undefined;
  }

  /** What a client does about the snapshot, if it is about that. */
  operation(process: Process, read: (name: SimName) => Promise<void>): Promise<void> | undefined {
    const { kept } = this;
    if (kept === undefined || !this.#random.chance(this.#share)) return undefined;
    if (!kept.exists) return this.#make(process, kept);
    const dice = this.#random.next();
    if (dice < 0.5) return read(kept);
    return dice < 0.75 ? removeName(process, kept) : this.#restore(process, kept);
  }

  async #make(process: Process, kept: SimName): Promise<void> {
    const { faults, first, violate } = this.#world;
    const { tenant, name: parent } = first.identity;
    const parentWindow = first.history.beginRead();
    const window = kept.history.beginRead();
    const owner = (name: string): NamespaceApi => callOwner(process, name);
    try {
      const target = { tenant, parent, name: kept.identity.name, owner, as: "snapshot" as const };
      const { generation, pin } = await branch(target);
      first.history.pointShown(parentWindow, "snapshot of", pin.generation, pin.next);
      kept.history.pointShown(window, "snapshot", generation, pin.next);
      faults.saw("snapshot: made");
      const { next } = await describeSnapshot({ tenant, name: parent, owner }, snapshot);
      const isSame = kept.history.last.generation === generation;
      if (isSame && next !== pin.next) violate("snapshot", `at ${next}, not ${pin.next}`);
    } catch (error) {
      if (isEngineError(error, "notFound")) return;
      if (!isEngineError(error, "conflict")) throw error;
      const free = "refused, yet the name is free";
      kept.history.explain(window, "snapshot", (p) => (p.exists ? undefined : free));
    }
  }

  /** The first name goes on as its snapshot is, whether it lives or not. */
  async #restore(process: Process, kept: SimName): Promise<void> {
    const { faults, first } = this.#world;
    const { tenant, name } = first.identity;
    const window = first.history.beginRead();
    const keptWindow = kept.history.beginRead();
    const owner = (of: string): NamespaceApi => callOwner(process, of);
    try {
      const source = { name: kept.identity.name };
      const { generation, next } = await restore({ tenant, name, owner }, source);
      const shown = first.history.pointShown(window, "restore", generation, next);
      // The snapshot may be another one by now.
      kept.history.explain(keptWindow, "restored", ({ exists, documents }) => {
        const isIt = exists && documents === shown?.documents;
        return isIt || shown === undefined ? undefined : "what came is not what was kept";
      });
      faults.saw("restore: to a snapshot");
    } catch (error) {
      const allowed = ["notFound", "conflict"] as const;
      if (!allowed.some((kind) => isEngineError(error, kind))) throw error;
    }
  }

  /** From now on everything may go. */
  async end(process: Process): Promise<void> {
    if (this.kept?.exists === true) await removeName(process, this.kept);
  }
}
