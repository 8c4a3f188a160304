/**
 * The beginning of a name's life as a branch, as its owner goes about it: one attempt after the
 * other, and a repeated call answered as the first was. A name that lives goes on as what it is
 * restored to (restore.ts): its log ends with an entry that names the next life.
 */
import { adopt, isFresh, prepareSuccessor } from "./branch.ts";
import { encodeHex } from "./bytes/hex.ts";
import type { GroupCommit } from "./commit.ts";
import { assert, corrupt, EngineError, isEngineError } from "./errors.ts";
import type { Manifest } from "./format/manifest.ts";
import { limits } from "./limits.ts";
import { type CommitMemory, emptyMemory } from "./namespace/admission.ts";
import { IdMemory } from "./namespace/id-memory.ts";
import {
  type AdoptReply,
  type AdoptRequest,
  checkProtocol,
  protocolVersion,
} from "./namespace/protocol.ts";
import {
  begunAt,
  exists,
  firstManifest,
  type NamespaceState,
  stateAtFloor,
} from "./namespace/state.ts";
import type { Identity, OwnerPorts, OwnerRecord } from "./owner-ports.ts";
import { readManifest } from "./recover.ts";
import { type Log, readLog } from "./recover-log.ts";
import { digGrave, type RegistryView, writeRegistry } from "./registry.ts";
import { generationRoot } from "./store/keys.ts";

export interface BranchHost {
  identity(): Identity;
  state(): NamespaceState;
  setState(state: NamespaceState): void;
  epoch(): number;
  registry(): RegistryView;
  /** An alarm will ring. */
  arm(): Promise<void>;
  /** The branch exists. From this turn on whoever asks waits for its log; resolves then. */
  begin(registry: RegistryView, log: Promise<Log>): Promise<void>;
}

export interface Life {
  readonly registry: RegistryView;
  readonly state: NamespaceState;
  readonly memory: CommitMemory;
}

/** Of a restore, while somebody changes settings. */
const attemptsMax = 5;

interface Attempt {
  readonly reply: AdoptReply;
  readonly after: (() => Promise<void>) | undefined;
}

interface Begun {
  readonly reply: AdoptReply;
  /** Whoever asks for more than that there is a branch waits for it. */
  readonly whole: Promise<void>;
}

export class OwnerBranch {
  /** Its store fences every put. */
  readonly #ports: OwnerPorts;
  readonly #host: BranchHost;
  readonly #commits: GroupCommit;
  /** Part of every record. */
  record: OwnerRecord["branch"];

  constructor(ports: OwnerPorts, host: BranchHost, commits: GroupCommit) {
    this.#ports = ports;
    this.#host = host;
    this.#commits = commits;
  }

  /** In a turn of the commit queue: nobody writes to the name meanwhile. */
  async adopt(request: AdoptRequest): Promise<AdoptReply> {
    checkProtocol(request.protocol);
    if (request.replaces !== undefined) {
      return await this.#replace(request, request.replaces);
    }
    const replies: AdoptReply[] = [];
    await this.#commits.takeTurn(async () => {
      const { reply, after } = await this.#attempt(request);
      replies.push(reply);
      return after;
    });
    const [reply] = replies;
    assert(reply !== undefined, "a turn is answered once it is taken");
    return reply;
  }

  /**
   * The start of an object that remembers nothing of its name: most likely nobody ever used that.
   * So the branch is registered without a look. Undefined if that was refused, or if anything else
   * went wrong: what there is by now is for recovery to tell.
   */
  async adoptUnseen(request: AdoptRequest): Promise<Begun | undefined> {
    const { storage, clock, random } = this.#ports;
    const record = await storage.readRecord();
    const isUsual = request.replaces === undefined && request.protocol === protocolVersion;
    if (record !== undefined || !isUsual || !isFresh(request, clock.now())) {
      return undefined;
    }
    // As recovery leaves a name that does not live.
    const unborn = encodeHex(random.bytes(16));
    this.#host.setState(stateAtFloor(firstManifest(unborn), false));
    try {
      return await this.#begin(request, undefined);
    } catch (error) {
      if (isEngineError(error)) return undefined;
      throw error;
    }
  }

  async #attempt(request: AdoptRequest): Promise<Attempt> {
    const host = this.#host;
    const { pin } = request;
    const state = host.state();
    if (exists(state)) {
      const { generation } = state;
      if (this.record?.pin === pin.id && this.record.generation === generation) {
        return { reply: { kind: "adopted", generation }, after: undefined };
      }
      throw new EngineError("conflict", `namespace '${request.name}' exists`);
    }
    const begun = await this.#begin(request, host.registry());
    return begun === undefined
      ? { reply: { kind: "unpinned" }, after: undefined }
      : { reply: begun.reply, after: () => begun.whole };
  }

  async #begin(
    request: AdoptRequest,
    registry: RegistryView | undefined,
  ): Promise<Begun | undefined> {
    const host = this.#host;
    const { pin } = request;
    const generation = encodeHex(this.#ports.random.bytes(16));
    const attempt = {
      identity: host.identity(),
      epoch: host.epoch(),
      registry,
      generation,
      registering: (): Promise<void> => {
        this.record = { pin: pin.id, generation };
        return host.arm();
      },
    };
    const adopted = await adopt(this.#ports, attempt, request);
    if (adopted === undefined) {
      return undefined;
    }
    const log = adopted.place().then(() => this.#readLog(adopted.manifest));
    const whole = host.begin(adopted.registry, log);
    return { reply: { kind: "adopted", generation }, whole };
  }

  /**
   * The name goes on as what is pinned. Beside the commit queue: what is written until the log ends
   * is given up with the rest. What it is set to is not: then the life is prepared once more.
   */
  async #replace(request: AdoptRequest, replaces: string): Promise<AdoptReply> {
    const host = this.#host;
    const { pin } = request;
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const { generation: present, settings } = host.state();
      if (this.record?.pin === pin.id && this.record.generation === present) {
        return { kind: "adopted", generation: present };
      }
      if (!exists(host.state()) || present !== replaces) break;
      const generation = encodeHex(this.#ports.random.bytes(16));
      const life = { identity: host.identity(), epoch: host.epoch(), generation, settings };
      const untilMs = this.#ports.clock.now() + limits.adoptMs;
      if (!(await prepareSuccessor(this.#ports, life, request, untilMs))) {
        return { kind: "unpinned" };
      }
      this.record = { pin: pin.id, generation };
      const { kind } = await this.#commits.remove(replaces, { generation, settings });
      if (kind === "committed") {
        return { kind: "adopted", generation };
      }
    }
    throw new EngineError("conflict", `namespace '${request.name}' has changed since`);
  }

  /**
   * What the name goes on with now that its log has ended: the life that the log names, or none.
   * A crash between grave and registry is finished by the next instance.
   */
  async nextLife(newGeneration: () => string): Promise<Life> {
    const host = this.#host;
    const identity = host.identity();
    const { generation, successor, lastMs: beganMs } = host.state();
    const epoch = host.epoch();
    await digGrave(this.#ports, identity, generation);
    if (successor === undefined) {
      const change = { generation, state: "deleted" as const, epoch };
      const registry = await writeRegistry(this.#ports, identity, host.registry(), change);
      const state = stateAtFloor(firstManifest(newGeneration()), false);
      return { registry, state, memory: emptyMemory() };
    }
    const begins = { generation: successor, state: "live" as const, beganMs };
    const change = { ...begins, epoch, replaces: generation };
    const registry = await writeRegistry(this.#ports, identity, host.registry(), change);
    const root = generationRoot(identity.tenant, successor);
    const manifest = await readManifest(this.#ports, root, successor, 1);
    if (manifest === undefined) {
      throw corrupt(`the first manifest of ${successor} is missing`);
    }
    const { state: read, keys } = await this.#readLog(manifest);
    // Whoever has registered it before us.
    const state = begunAt(read, registry.entry?.beganMs);
    return { registry, state, memory: { keys, ids: new IdMemory(state.next) } };
  }

  /** Throws if it cannot be read: the next instance finds out what to do about that. */
  async #readLog(manifest: Manifest): Promise<Log> {
    const { tenant } = this.#host.identity();
    const log = await readLog(this.#ports, tenant, manifest, async () => false, []);
    if (log.quarantine !== undefined) {
      throw corrupt(`the branch cannot be read: ${log.quarantine.reason}`);
    }
    return log;
  }
}
