/**
 * The beginning of a name's life as a branch, as its owner goes about it: one attempt after the
 * other, and a repeated call answered as the first was.
 */
import { adopt } from "./branch.ts";
import { encodeHex } from "./bytes/hex.ts";
import type { GroupCommit } from "./commit.ts";
import { assert, corrupt, EngineError } from "./errors.ts";
import type { Manifest } from "./format/manifest.ts";
import { type AdoptReply, type AdoptRequest, checkProtocol } from "./namespace/protocol.ts";
import { exists, type NamespaceState } from "./namespace/state.ts";
import type { Identity, OwnerPorts, OwnerRecord } from "./owner-ports.ts";
import type { RegistryView } from "./recover.ts";
import { type Log, readLog } from "./recover-log.ts";

export interface BranchHost {
  identity(): Identity;
  state(): NamespaceState;
  epoch(): number;
  registry(): RegistryView;
  /** The branch exists. From this turn on whoever asks waits for its log; resolves then. */
  begin(registry: RegistryView, log: Promise<Log>): Promise<void>;
}

interface Attempt {
  readonly reply: AdoptReply;
  readonly after: (() => Promise<void>) | undefined;
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
    const generation = encodeHex(this.#ports.random.bytes(16));
    const attempt = {
      identity: host.identity(),
      epoch: host.epoch(),
      registry: host.registry(),
      generation,
      registering: (): void => {
        this.record = { pin: pin.id, generation };
      },
    };
    const adopted = await adopt(this.#ports, attempt, request);
    if (adopted === undefined) {
      return { reply: { kind: "unpinned" }, after: undefined };
    }
    const begun = host.begin(adopted.registry, this.#readLog(adopted.manifest));
    return { reply: { kind: "adopted", generation }, after: () => begun };
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
