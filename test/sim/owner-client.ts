/**
 * The owner as other processes reach it: over a network that loses calls and answers, with the
 * repetitions of the platform's client. An answer may have been lost after the work was done.
 */
import { EngineError, isEngineError, unavailable } from "../../src/errors.ts";
import {
  type CommitReply,
  type CommitRequest,
  type NamespaceApi,
  type Reply,
  replyValue,
} from "../../src/namespace/protocol.ts";
import type { UsageArguments } from "../../src/namespace/usage-history.ts";
import type { Owner } from "../../src/owner.ts";
import { backoffMs } from "../../src/store/backoff.ts";
import type { Faults } from "./faults.ts";
import { type Process, ResetError } from "./process.ts";
import type { SimName } from "./sim-name.ts";

const backoff = { attemptsMax: 5, baseMs: 50, capMs: 1_000 };

/** Told of each attempt whose answer arrived, and of each that may have been made in vain. */
export interface CommitWatch {
  /** A Worker of before there were keys, still running beside the others during a deployment. */
  readonly isOld: boolean;
  answered(generation: string, reply: Awaited<ReturnType<NamespaceApi["commit"]>>): void;
  sent(): void;
}

/** What every job is said to have cost. */
const jobUsage: UsageArguments = [
  "flush",
  { reads: 1, writes: 1, deletes: 0, bytesRead: 1, bytesWritten: 1, objectCalls: 1 },
];

export function callOwner(process: Process, name: string, watch?: CommitWatch): NamespaceApi {
  const { faults } = process.world;
  const call = <T>(work: (owner: Owner) => Promise<Reply<T>>): Promise<Reply<T>> =>
    repeat(process, name, work);
  return {
    describe: (tenant, name) => call((owner) => owner.describe(tenant, name)),
    commit: async (request) => {
      try {
        const reply = await call((owner) => {
          watch?.sent();
          return owner.commit(watch?.isOld === true ? olderRequest(request) : request);
        });
        if (reply.ok) noteCommit(faults, reply.value);
        if (!reply.ok && reply.outcomeUnknown === true) faults.saw("commit: outcome unknown");
        if (!reply.ok && reply.kind === "overloaded") faults.saw("commit: refused, overloaded");
        watch?.answered(request.generation, reply);
        return reply;
      } catch (error) {
        if (!isEngineError(error, "unavailable")) throw error;
        throw new EngineError(error.kind, error.message, { outcomeUnknown: true });
      }
    },
    head: (request) => call((owner) => owner.head(request)),
    remove: (tenant, name) => call((owner) => owner.remove(tenant, name)),
    status: (tenant, name) => call((owner) => owner.status(tenant, name)),
    skipEntry: (...args) => call((owner) => owner.skipEntry(...args)),
    requestFlush: (tenant, name) => call((owner) => owner.requestFlush(tenant, name)),
    claim: (tenant, name) => call((owner) => owner.claim(tenant, name)),
    renew: (...args) => call((owner) => owner.renew(...args)),
    progress: (...args) => call((owner) => owner.progress(...args)),
    ticket: async (...args) => {
      const reply = await call((owner) => owner.ticket(...args));
      if (reply.ok && reply.value.kind !== "granted") faults.saw(`ticket: ${reply.value.kind}`);
      return reply;
    },
    commitDelta: async (...args) => {
      let attempts = 0;
      const [tenant, name, job, attempt, delta, inline] = args;
      const reply = await call((owner) => {
        attempts += 1;
        return owner.commitDelta(tenant, name, job, attempt, delta, inline, jobUsage);
      });
      if (reply.ok && reply.value.kind === "refused") faults.saw("delta: refused");
      if (attempts > 1) faults.saw("delta: repeated");
      return reply;
    },
    finish: (tenant, name, job, attempt, version, kept) =>
      call((owner) => owner.finish(tenant, name, job, attempt, version, kept, jobUsage)),
    fail: (...args) => call((owner) => owner.fail(...args)),
    pin: (...args) => call((owner) => owner.pin(...args)),
    noteRecall: (...args) => call((owner) => owner.noteRecall(...args)),
    noteUsage: (...args) => call((owner) => owner.noteUsage(...args)),
    renewPin: (...args) => call((owner) => owner.renewPin(...args)),
    releasePin: (...args) => call((owner) => owner.releasePin(...args)),
    adopt: async (request) => {
      const reply = await call((owner) => owner.adopt(request));
      if (reply.ok && reply.value.kind === "unpinned") faults.saw("branch: pin lost");
      if (!reply.ok && reply.kind === "conflict") faults.saw("branch: refused");
      return reply;
    },
  };
}

/** Deletes a name, which there must be. */
export async function removeName(process: Process, { identity, history }: SimName): Promise<void> {
  const { tenant, name } = identity;
  const window = history.beginRead();
  try {
    replyValue(await callOwner(process, name).remove(tenant, name));
    history.removeAcknowledged(window);
  } catch (error) {
    if (!isEngineError(error, "notFound")) throw error;
    history.explain(window, "remove", (point) => (point.exists ? "it exists" : undefined));
  }
}

function olderRequest(request: CommitRequest): CommitRequest {
  const { key: _, touches: __, ...older } = request;
  return older;
}

function noteCommit(faults: Faults, reply: CommitReply): void {
  if (reply.kind === "stale") faults.saw("commit: stale schema");
  if (reply.kind === "committed" && reply.repeated) faults.saw("key: repeated");
  if (reply.kind === "conflict") {
    faults.saw(reply.ids.length > 0 ? "rewrite: refused" : "rewrite: pinned too low");
  }
}

async function repeat<T>(
  process: Process,
  name: string,
  work: (owner: Owner) => Promise<Reply<T>>,
): Promise<Reply<T>> {
  const { world, clock } = process;
  let isCutOff = false;
  for (let failed = 0; ; failed++) {
    let error: unknown;
    try {
      if (isCutOff) throw new ResetError("the object is out of reach");
      if (world.faults.strikes("call-overloaded")) {
        throw new EngineError("overloaded", "too many requests", { retryAfterMs: 1_000 });
      }
      const reply = await process.hears(travel(process, name, work));
      if (reply.ok || reply.kind !== "fenced") return reply;
      error = unavailable(reply.message);
    } catch (thrown) {
      if (!(thrown instanceof ResetError)) throw thrown;
      error = unavailable(thrown.message);
      // Whatever came of the first attempt, its caller never hears of it.
      isCutOff ||= world.faults.isOn("call-broken") && !world.isQuiet && world.random.chance(0.1);
    }
    world.faults.saw("call: repeated");
    if (failed + 1 >= backoff.attemptsMax) throw error;
    await clock.sleep(backoffMs(backoff, failed, error, world.random));
  }
}

async function travel<T>(
  process: Process,
  name: string,
  work: (owner: Owner) => Promise<T>,
): Promise<T> {
  const { world } = process;
  const { faults, random } = world;
  await world.pause(random.spread(0.2, 5), "call");
  if (faults.strikes("call-lost")) throw new ResetError("the call was lost");
  const delivered = world.named(name).object.deliver(work);
  if (faults.strikes("call-broken")) {
    delivered.catch(() => undefined);
    await world.pause(random.spread(0.2, 1_000), "break");
    throw new ResetError("the connection broke, and the object goes on");
  }
  // An answer or an error: either may be lost on the way.
  const outcome = await delivered.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  await world.pause(random.spread(0.2, 5), "reply");
  if (faults.strikes("reply-lost")) throw new ResetError("the reply was lost");
  if ("error" in outcome) throw outcome.error;
  return outcome.value;
}
