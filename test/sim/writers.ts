/**
 * Clients that write: some under keys of their own, which send the same again when they hear of no
 * outcome, and now and then when they do; some that decide from what they read. Every answer is
 * held against the history.
 */
import { encodeHex } from "../../src/bytes/hex.ts";
import { change } from "../../src/change.ts";
import type { Schema } from "../../src/document/schema.ts";
import { isEngineError } from "../../src/errors.ts";
import type { WriteKey } from "../../src/format/wal.ts";
import { limits } from "../../src/limits.ts";
import type { NamespaceDescription } from "../../src/namespace/protocol.ts";
import { rewrite } from "../../src/rewrite.ts";
import type { SearchPorts } from "../../src/search-ports.ts";
import type { WriteTarget } from "../../src/submission.ts";
import { type WriteOptions, write } from "../../src/write.ts";
import { buildWrite as buildAsked } from "../../workers/api/write-batch.ts";
import { parseWriteRequest } from "../../workers/api/write-request.ts";
import { decideFrom } from "../decide.ts";
import { bodyOf, type ChangeIntent, isTooMuch, planChange } from "./changes.ts";
import { callOwner } from "./owner-client.ts";
import type { Process } from "./process.ts";
import { decideRewrite, idleFault, planRewrite } from "./rewrites.ts";
import { isReadOnly, resetSettings, wasReadOnly } from "./settings.ts";
import { wasDecided } from "./sharding.ts";
import type { SimName } from "./sim-name.ts";
import type { World } from "./world.ts";
import { buildWrite, planWrite } from "./writes.ts";

/** How often a client sends the same, and how long it may wait in between. */
const repeatsMax = 4;
const repeatMsMax = 2 * 3_600_000;

export class Writer {
  readonly #world: World;
  readonly #process: Process;
  readonly #ports: SearchPorts;
  readonly #name: SimName;
  /** Of the isolate. */
  readonly #descriptions: Map<string, NamespaceDescription>;

  constructor(
    process: Process,
    ports: SearchPorts,
    name: SimName,
    descriptions: Map<string, NamespaceDescription>,
  ) {
    this.#world = process.world;
    this.#process = process;
    this.#ports = ports;
    this.#name = name;
    this.#descriptions = descriptions;
  }

  async write(): Promise<void> {
    const { random, sizes, changing, changeShare } = this.#world;
    const key = random.chance(sizes.keyShare) ? this.#newKey() : undefined;
    if (changeShare > 0 && changing.chance(changeShare)) {
      const intent = planChange(this.#world, this.#name.history.last.documents);
      await this.#persist(key, () => this.#change(intent, key));
      return;
    }
    if (random.chance(sizes.rewriteShare)) {
      const intent = planRewrite(this.#world);
      await this.#persist(key, () => this.#rewrite(intent, key));
      return;
    }
    const intent = planWrite(this.#world);
    await this.#persist(key, () => this.#write(intent, key));
    if (key !== undefined && random.chance(0.1)) await this.#misuse(key);
  }

  #newKey(): WriteKey {
    const { random } = this.#world;
    return { id: random.bytes(16), body: random.bytes(16), keepMs: limits.keyKeepMs };
  }

  /** Sends what has a key again until there is an answer, and sometimes once more. */
  async #persist(key: WriteKey | undefined, send: () => Promise<void>): Promise<void> {
    const { random } = this.#world;
    for (let sent = 1; ; sent += 1) {
      if (sent > 1) this.#world.again();
      const window = this.#name.history.beginRead();
      try {
        await (key !== undefined && random.chance(0.2) ? this.#sendTwice(send) : send());
        if (key === undefined || sent > repeatsMax || random.chance(0.7)) return;
      } catch (error) {
        if (wasReadOnly(this.#process, this.#name, window, error)) {
          if (random.chance(0.1)) await resetSettings(this.#process, this.#name);
          return;
        }
        if (wasDecided(this.#process, this.#name, window, error)) return;
        const isOver = key === undefined || sent > repeatsMax;
        if (isOver || !isEngineError(error, "unavailable")) throw error;
      }
      await this.#process.pause(random.spread(10, repeatMsMax), "repeat");
      if (this.#world.isQuiet) return;
    }
  }

  /** Does not wait for the first answer. */
  async #sendTwice(send: () => Promise<void>): Promise<void> {
    const first = send();
    first.catch(() => undefined);
    await this.#process.pause(this.#world.random.spread(0.2, 300), "send again");
    this.#world.again();
    await Promise.all([first, send()]);
  }

  /** Another write under the key of one that was committed. */
  async #misuse(key: WriteKey): Promise<void> {
    const body = this.#world.random.bytes(16);
    this.#world.again();
    try {
      await this.#write(planWrite(this.#world), { ...key, body });
    } catch (error) {
      if (!isEngineError(error, "conflict")) throw error;
      this.#world.faults.saw("key: conflict");
    }
  }

  async #write(intent: ReturnType<typeof planWrite>, key: WriteKey | undefined): Promise<void> {
    const { random, sizes } = this.#world;
    const isOld = key === undefined && random.chance(sizes.oldShare);
    const { target, options, heard } = this.#call(intent.tag, key, isOld);
    await write(this.#ports, target, (schema) => buildWrite(schema, intent), options);
    heard();
  }

  async #rewrite(intent: ReturnType<typeof planRewrite>, key: WriteKey | undefined): Promise<void> {
    const { history } = this.#name;
    const { faults } = this.#world;
    const { target, options, heard } = this.#call(intent.tag, key, false);
    const window = history.beginRead();
    const { kind } = await rewrite(
      this.#ports,
      target,
      decideFrom(intent.ids, (schema, documents) => decideRewrite(intent, schema, documents)),
      options,
    );
    if (kind === "nothing") {
      faults.saw("rewrite: nothing to do");
      history.explain(window, intent.kind, ({ documents }) => idleFault(intent, documents));
    }
    heard();
  }

  async #change(intent: ChangeIntent, key: WriteKey | undefined): Promise<void> {
    const { history } = this.#name;
    const { target, options, heard } = this.#call(intent.tag, key, false);
    const window = history.beginRead();
    history.changes.ask(intent, window.first);
    const asked = parseWriteRequest(bodyOf(intent));
    const build = (schema: Schema) => buildAsked(asked, schema);
    try {
      const { counts, built } = await change(this.#ports, target, build, options);
      history.changes.answered(intent.tag, counts, built?.affected);
    } catch (error) {
      if (!isEngineError(error, "invalid") || isReadOnly(error)) throw error;
      if (error.detail.field === "sharding") throw error;
      this.#world.faults.saw("change: too much");
      history.explain(window, error.message, ({ documents }) =>
        isTooMuch(intent, documents) && !intent.allowPartial ? undefined : "few match",
      );
      return;
    }
    heard();
  }

  /** One request, and what its client concludes from the answers. */
  #call(tag: number | undefined, key: WriteKey | undefined, isOld: boolean) {
    const { history, identity } = this.#name;
    const { random } = this.#world;
    let sent = 0;
    let committed: { generation: string; sequence: number } | undefined;
    const owner = callOwner(this.#process, identity.name, {
      isOld,
      sent: () => {
        sent += 1;
      },
      answered: (generation, reply) => {
        if (reply.ok && reply.value.kind === "committed") {
          committed = { generation, sequence: reply.value.sequence };
        } else if (sent === 1 && key === undefined && isRefusal(reply)) {
          history.writeRefused(tag, reply.message);
        }
        if (reply.ok && reply.value.kind !== "committed") sent -= 1;
      },
    });
    const memory = {
      recall: (name: string) => this.#descriptions.get(name),
      remember: (name: string, description: NamespaceDescription) => {
        this.#descriptions.set(name, description);
      },
    };
    const target: WriteTarget = { ...identity, owner, memory };
    const disableBackpressure = random.chance(0.2);
    const options: WriteOptions = {
      disableBackpressure,
      ...(key === undefined ? {} : { key }),
      ...this.#world.sharding.wish(this.#name),
    };
    const heard = (): void => {
      if (committed === undefined) return;
      const { generation, sequence } = committed;
      history.writeAcknowledged(generation, sequence, tag, key && encodeHex(key.id));
      if (isOld && sent === 1) history.writeSentOnce(tag);
      this.#world.acknowledged += 1;
    };
    return { target, options, heard };
  }
}

function isRefusal(
  reply: { readonly ok: boolean; readonly kind?: unknown } & object,
): reply is { ok: false; kind: string; message: string } & typeof reply {
  const unknown = Reflect.get(reply, "outcomeUnknown") === true;
  return !reply.ok && !unknown && reply.kind !== "unavailable" && reply.kind !== "corrupt";
}
