/** A name of the simulated tenant: its object and its history. */
import type { Identity } from "../../src/owner-ports.ts";
import { History } from "./history.ts";
import { SimObject } from "./sim-object.ts";
import type { World } from "./world.ts";

export class SimName {
  readonly identity: Identity;
  readonly object: SimObject;
  readonly history: History;

  constructor(world: World, name: string) {
    this.identity = { tenant: "default", name };
    this.object = new SimObject(world, this.identity);
    this.history = new History(world);
  }

  get exists(): boolean {
    return this.history.last.exists;
  }
}
