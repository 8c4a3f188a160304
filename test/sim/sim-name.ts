/** A name of the simulated tenant: its object and its history. */
import type { Identity } from "../../src/owner-ports.ts";
import { History } from "./history.ts";
import { SimObject } from "./sim-object.ts";
import type { World } from "./world.ts";

export class SimName {
  readonly identity: Identity;
  readonly object: SimObject;
  readonly history: History;
  readonly #world: World;

  constructor(world: World, name: string) {
    this.#world = world;
    this.identity = { tenant: "default", name };
    this.object = new SimObject(world, this.identity);
    this.history = new History(world);
  }

  get exists(): boolean {
    const { exists, generation } = this.history.last;
    return exists && !this.#world.landings.isVoid(generation);
  }
}
