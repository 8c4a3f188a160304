/**
 * Readers of shards as isolates reach them: isolates of their own behind calls that are lost,
 * refused or never answered. A reader that ends loses what it remembers, and its calls with it; the
 * next call finds another.
 */
import { EngineError } from "../../src/errors.ts";
import type { Reply } from "../../src/namespace/protocol.ts";
import { readForQuery } from "../../src/reader.ts";
import type { ReaderName, Readers, ReadReply, ReadRequest } from "../../src/reader-protocol.ts";
import type { SearchPorts } from "../../src/search-ports.ts";
import { Process, ResetError } from "./process.ts";
import type { World } from "./world.ts";

/** What an isolate of a reader begins with. */
export type OpenReader = (process: Process) => SearchPorts;

interface Reader {
  readonly process: Process;
  readonly ports: SearchPorts;
}

export class SimReaders {
  readonly #world: World;
  readonly #open: OpenReader;
  readonly #readers = new Map<string, Reader>();

  constructor(world: World, open: OpenReader) {
    this.#world = world;
    this.#open = open;
  }

  /** As `asker` reaches them; absent in worlds that have none. */
  view(asker: Process): { readonly readers?: Readers } {
    if (!this.#world.sharding.hasReaders) return {};
    return { readers: { read: (name, request) => asker.hears(this.#call(name, request)) } };
  }

  async #call(name: ReaderName, request: ReadRequest): Promise<Reply<ReadReply>> {
    const { faults, random } = this.#world;
    await this.#world.pause(random.spread(0.2, 5), "call");
    if (faults.strikes("call-lost")) throw new ResetError("the call was lost");
    if (faults.strikes("call-overloaded")) throw new EngineError("overloaded", "too many requests");
    const reply = await this.#read(name, structuredClone(request));
    await this.#world.pause(random.spread(0.2, 5), "reply");
    if (faults.strikes("reply-lost")) throw new ResetError("the reply was lost");
    if (faults.strikes("call-broken")) await new Promise(() => {});
    if (reply.ok) faults.saw("reader: answered");
    return structuredClone(reply);
  }

  async #read(name: ReaderName, request: ReadRequest): Promise<Reply<ReadReply>> {
    const world = this.#world;
    const key = `${name.tenant}/${name.generation}/${name.number}`;
    let reader = this.#readers.get(key);
    if (reader === undefined) {
      const process = new Process(world, `reader ${key}`);
      reader = { process, ports: this.#open(process) };
      this.#readers.set(key, reader);
    }
    const { process, ports } = reader;
    const read = process.hears(readForQuery(ports, request));
    const ends = world.faults.isOn("isolate-crash") && world.random.chance(0.03);
    if (!ends || world.isQuiet) return read;
    world.faults.saw("isolate-crash");
    await world.pause(world.random.spread(0.2, 50), "reader ends");
    process.kill();
    this.#readers.delete(key);
    throw new ResetError("the reader ended");
  }
}
