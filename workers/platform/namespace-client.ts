/**
 * The owner of a namespace as a Worker reaches it: the methods of the Durable Object, with what the
 * platform throws turned into the engine's errors.
 *
 *   thrown                        becomes
 *   .overloaded                   overloaded   never repeated: that would add to the load
 *   .retryable, .durableObjectReset            repeated with backoff; then unavailable
 *   .remote without those         itself: a bug in the object, not a condition to wait out
 *   anything else                 unavailable
 *
 * A reply `fenced` (the instance was replaced meanwhile) is repeated like a retryable failure.
 * Each attempt uses a new stub: one that failed stays broken. A commit that failed may have been
 * applied; its key sees to it that it is not applied again. When attempts run out it is told so,
 * and when the last one is answered that the owner cannot say.
 *
 * Cost: one call, and one more for each failure; `meter` counts them.
 */

import { EngineError, isEngineError, unavailable } from "../../src/errors.ts";
import type { Delta } from "../../src/format/manifest.ts";
import type { StepArguments } from "../../src/namespace/build-progress.ts";
import type { PastPoint } from "../../src/namespace/pins.ts";
import type {
  AdoptRequest,
  CommitRequest,
  HeadRequest,
  InlineObjects,
  Kept,
  NamespaceApi,
  Reply,
} from "../../src/namespace/protocol.ts";
import type { RecallArguments } from "../../src/namespace/recall-history.ts";
import type { UsageArguments } from "../../src/namespace/usage-history.ts";
import { type Backoff, type BackoffPorts, backoffMs } from "../../src/store/backoff.ts";
import { systemClock } from "./clock.ts";
import { systemRandom } from "./random.ts";
import type { UsageMeter } from "./usage-meter.ts";

const backoff: Backoff = { attemptsMax: 5, baseMs: 50, capMs: 1_000 };
const retryAfterMs = 1_000;

type Call<T> = (owner: NamespaceApi) => Promise<Reply<T>>;

/** `report`: what a job has cost so far, its last call included; told with that call. */
export function namespaceClient(
  env: Pick<Env, "NAMESPACES" | "SHOAL_OBJECT_LATENCY">,
  tenant: string,
  name: string,
  meter: UsageMeter,
  report?: () => UsageArguments,
): NamespaceApi {
  const connect = (): NamespaceApi => {
    meter.add("objectCalls");
    // The stub has the methods of NamespaceApi; its own types wrap what they return.
    return env.NAMESPACES.getByName(`${tenant}/${name}`) as unknown as NamespaceApi;
  };
  return new NamespaceClient(connect, Number(env.SHOAL_OBJECT_LATENCY ?? 0), report);
}

class NamespaceClient implements NamespaceApi {
  readonly #connect: () => NamespaceApi;
  readonly #latencyMs: number;
  readonly #report: (() => UsageArguments) | undefined;

  constructor(connect: () => NamespaceApi, latencyMs: number, report?: () => UsageArguments) {
    this.#report = report;
    this.#connect = connect;
    this.#latencyMs = latencyMs;
  }

  describe(tenant: string, name: string) {
    return this.#call((owner) => owner.describe(tenant, name));
  }

  async commit(request: CommitRequest) {
    let attempts = 0;
    try {
      const reply = await this.#call((owner) => {
        attempts += 1;
        return owner.commit(request);
      });
      const isOpen = !reply.ok && reply.kind === "unavailable" && attempts > 1;
      return isOpen ? { ...reply, outcomeUnknown: true } : reply;
    } catch (error) {
      if (!isEngineError(error, "unavailable")) throw error;
      throw new EngineError(error.kind, error.message, { ...error.detail, outcomeUnknown: true });
    }
  }

  head(request: HeadRequest) {
    return this.#call((owner) => owner.head(request));
  }

  remove(tenant: string, name: string) {
    return this.#call((owner) => owner.remove(tenant, name));
  }

  status(tenant: string, name: string) {
    return this.#call((owner) => owner.status(tenant, name));
  }

  skipEntry(tenant: string, name: string, sequence: number, reason: string) {
    return this.#call((owner) => owner.skipEntry(tenant, name, sequence, reason));
  }

  requestFlush(tenant: string, name: string) {
    return this.#call((owner) => owner.requestFlush(tenant, name));
  }

  claim(tenant: string, name: string) {
    return this.#call((owner) => owner.claim(tenant, name));
  }

  renew(tenant: string, name: string, job: string, attempt: number) {
    return this.#call((owner) => owner.renew(tenant, name, job, attempt));
  }

  progress(tenant: string, name: string, ...of: StepArguments) {
    return this.#call((owner) => owner.progress(tenant, name, ...of));
  }

  ticket(tenant: string, name: string, job: string, attempt: number) {
    return this.#call((owner) => owner.ticket(tenant, name, job, attempt));
  }

  commitDelta(
    tenant: string,
    name: string,
    job: string,
    attempt: number,
    delta: Delta,
    inline: InlineObjects,
  ) {
    const usage = this.#report?.();
    return this.#call((owner) =>
      owner.commitDelta(tenant, name, job, attempt, delta, inline, usage),
    );
  }

  finish(tenant: string, name: string, job: string, attempt: number, version: number, kept?: Kept) {
    const usage = this.#report?.();
    return this.#call((owner) => owner.finish(tenant, name, job, attempt, version, kept, usage));
  }

  fail(tenant: string, name: string, job: string, attempt: number, reason: string) {
    return this.#call((owner) => owner.fail(tenant, name, job, attempt, reason));
  }

  pin(tenant: string, name: string, at?: PastPoint) {
    return this.#call((owner) => owner.pin(tenant, name, at));
  }

  renewPin(tenant: string, name: string, id: string) {
    return this.#call((owner) => owner.renewPin(tenant, name, id));
  }

  releasePin(tenant: string, name: string, id: string) {
    return this.#call((owner) => owner.releasePin(tenant, name, id));
  }

  noteRecall(tenant: string, name: string, ...of: RecallArguments) {
    return this.#call((owner) => owner.noteRecall(tenant, name, ...of));
  }

  noteUsage(tenant: string, name: string, ...of: UsageArguments) {
    return this.#call((owner) => owner.noteUsage(tenant, name, ...of));
  }

  adopt(request: AdoptRequest) {
    return this.#call((owner) => owner.adopt(request));
  }

  #call<T>(call: Call<T>): Promise<Reply<T>> {
    const ports = { clock: systemClock, random: systemRandom };
    return repeatCalls(ports, async () => {
      if (this.#latencyMs > 0) await systemClock.sleep(this.#latencyMs);
      return call(this.#connect());
    });
  }
}

type Outcome<T> =
  | { readonly kind: "reply"; readonly reply: Reply<T> }
  | { readonly kind: "again" | "failed"; readonly error: unknown };

/** Makes attempts until one is an answer, or fails in a way that a repetition cannot cure. */
export async function repeatCalls<T>(
  ports: BackoffPorts,
  attempt: () => Promise<Reply<T>>,
): Promise<Reply<T>> {
  for (let failed = 0; ; failed++) {
    const outcome = await tryCall(attempt);
    if (outcome.kind === "reply") return outcome.reply;
    if (outcome.kind === "failed" || failed + 1 >= backoff.attemptsMax) throw outcome.error;
    await ports.clock.sleep(backoffMs(backoff, failed, outcome.error, ports.random));
  }
}

async function tryCall<T>(attempt: () => Promise<Reply<T>>): Promise<Outcome<T>> {
  try {
    const reply = await attempt();
    if (reply.ok || reply.kind !== "fenced") return { kind: "reply", reply };
    return { kind: "again", error: noAnswer(reply.message) };
  } catch (error) {
    const { overloaded, retryable, durableObjectReset, remote } = flagsOf(error);
    if (overloaded) return { kind: "failed", error: tooBusy(error) };
    if (retryable || durableObjectReset) return { kind: "again", error: noAnswer(error) };
    return { kind: "failed", error: remote ? error : noAnswer(error) };
  }
}

/** What the platform says about an exception of a call. */
function flagsOf(error: unknown) {
  const says = (flag: string): boolean =>
    typeof error === "object" && error !== null && Reflect.get(error, flag) === true;
  return {
    overloaded: says("overloaded"),
    retryable: says("retryable"),
    durableObjectReset: says("durableObjectReset"),
    remote: says("remote"),
  };
}

function noAnswer(cause: unknown): EngineError {
  return unavailable("the owner of the namespace did not answer", cause);
}

function tooBusy(cause: unknown): EngineError {
  const message = "too many requests to this namespace at once";
  return new EngineError("overloaded", message, { retryAfterMs, cause });
}
