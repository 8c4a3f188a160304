/** A namespace some of whose objects go bad for good, and an operator who deals with that. */
import { generationRoot } from "../src/store/keys.ts";
import { CrashRig } from "./crash-rig.ts";

export class BadRig extends CrashRig {
  async root(): Promise<string> {
    const { generation } = await this.ask(this.owner.describe(this.tenant, this.name));
    return generationRoot(this.tenant, generation);
  }

  /** Flips a bit of the object, for good. */
  async rot(key: string, at = 200): Promise<Uint8Array> {
    const stored = await this.memory.get(key);
    if (stored === undefined) throw new Error(`${key} is not there`);
    const bytes = stored.bytes.slice();
    bytes[at] = (bytes[at] as number) ^ 1;
    await this.memory.delete([key]);
    await this.memory.put(key, bytes, { kind: "create" });
    return stored.bytes;
  }

  async heal(key: string, bytes: Uint8Array): Promise<void> {
    await this.memory.delete([key]);
    await this.memory.put(key, bytes, { kind: "create" });
  }

  /** As an operator does it: repeated while the instance changes. */
  skip(sequence: number) {
    return this.insist(async () => {
      const { tenant, name } = this;
      return await this.ask(this.owner.skipEntry(tenant, name, sequence, "no copy is left"));
    });
  }

  status() {
    return this.ask(this.owner.status(this.tenant, this.name));
  }

  brief() {
    const { tenant, name } = this;
    return this.ask(this.owner.head({ protocol: 1, tenant, name, brief: true }));
  }

  async lookAgain(): Promise<void> {
    await this.clock.run(this.owner.alarm(this.identity)).catch(() => undefined);
  }

  async index(): Promise<void> {
    await this.insist(() => this.ask(this.owner.requestFlush(this.tenant, this.name)));
    await this.drainDue();
  }
}
