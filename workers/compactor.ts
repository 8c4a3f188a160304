/**
 * Queue consumer and cron: runs what namespaces say is due.
 *
 *   message   a hint without content. Jobs are claimed from the namespace's object until none is
 *             due; a duplicate, late or lost message changes nothing. Failures go back to the
 *             object, which retries with backoff, so a message is always acknowledged.
 *   operation a hint too: the request lies in the bucket, and so will its result (operations.ts)
 *   sample    a query to be compared with the truth (recall-samples.ts)
 *   cron      visits graves: those whose object lost its table, and those where objects landed
 *             after they were emptied; expires operations
 *
 * One job at a time per isolate: a job may hold half of its memory.
 */
import { listTenants } from "../src/access.ts";
import { collect, isVisitDue, purge } from "../src/collect.ts";
import { compact } from "../src/compact.ts";
import { heartbeat } from "../src/compact-resolve.ts";
import { corrupt, isEngineError } from "../src/errors.ts";
import { openGrave } from "../src/format/registry.ts";
import { limits } from "../src/limits.ts";
import { type Job, type NamespaceApi, replyValue } from "../src/namespace/protocol.ts";
import type { UsageArguments, WorkKind } from "../src/namespace/usage-history.ts";
import type { Identity } from "../src/owner-ports.ts";
import type { JobHint, OperationHint, RecallSampleHint } from "../src/ports.ts";
import type { SearchPorts } from "../src/search-ports.ts";
import { takeSnapshot } from "../src/snapshot.ts";
import { generationOfGraveKey, gravePrefix } from "../src/store/keys.ts";
import { warm } from "../src/warm.ts";
import { firstTenant } from "./api/auth.ts";
import { openBackground } from "./api/scope.ts";
import { runHinted, sweepOperations } from "./operations.ts";
import { systemClock } from "./platform/clock.ts";
import { createLog } from "./platform/log.ts";
import { namespaceClient } from "./platform/namespace-client.ts";
import { enginePorts } from "./platform/ports.ts";
import { sendHint } from "./platform/queue.ts";
import { openMeter, type UsageMeter } from "./platform/usage-meter.ts";
import { noteSample } from "./recall-samples.ts";

/**
 * An invocation may take 15 minutes, whatever the number of its messages; the rest is for the job
 * that is running then.
 */
const invocationMs = 8 * 60_000;
/**
 * Until when this isolate is taken; a deadline, so that a killed invocation cannot hold it for
 * ever.
 */
let busyUntilMs = 0;

export async function consume(
  batch: MessageBatch<JobHint | OperationHint | RecallSampleHint>,
  env: Env,
): Promise<void> {
  if (batch.queue.endsWith("-dead")) {
    console.warn("dead letters", { messages: batch.messages.length });
    batch.ackAll();
    return;
  }
  await consumeMessages(batch.messages, env);
}

async function consumeMessages(
  messages: readonly Message<JobHint | OperationHint | RecallSampleHint>[],
  env: Env,
): Promise<void> {
  const endMs = systemClock.now() + invocationMs;
  for (const message of messages) {
    const now = systemClock.now();
    if (busyUntilMs > now || now >= endMs) {
      message.retry({ delaySeconds: 1 });
      continue;
    }
    if ("operation" in message.body) {
      await runOperation(env, message as Message<OperationHint>);
      continue;
    }
    if ("sampled" in message.body) {
      await runSample(env, message.body);
      message.ack();
      continue;
    }
    const { tenant, name } = message.body;
    await runDue(env, { tenant, name }, endMs);
    // If the time was up before the work was, the object's alarm asks for more.
    message.ack();
  }
}

async function runSample(env: Env, hint: RecallSampleHint): Promise<void> {
  const { tenant, sampled: name } = hint;
  const work = openWork(env, { tenant, name }, "recall");
  try {
    busyUntilMs = systemClock.now() + limits.leaseMs;
    await noteSample(work.ports, work.api, hint);
  } catch (error) {
    // The namespace may be gone, or the query mean nothing any more.
    work.ports.log.info("a sample was not compared", { name, error: String(error) });
  } finally {
    busyUntilMs = 0;
    await work.end("open");
  }
}

/**
 * A message comes again as long as its operation has no result: at most as often as allowed. An
 * attempt that pauses sends another: it is no failure, and may have to be made many times.
 */
async function runOperation(env: Env, message: Message<OperationHint>): Promise<void> {
  try {
    busyUntilMs = systemClock.now() + limits.leaseMs;
    const outcome = await runHinted(env, message.body);
    if (outcome.kind === "pause") {
      await sendHint(env, openMeter("operation"), message.body, outcome.afterMs);
    }
    if (outcome.kind !== "later") {
      message.ack();
    } else {
      message.retry({ delaySeconds: Math.ceil(outcome.afterMs / 1_000) });
    }
  } catch (error) {
    createLog().warn("cannot run an operation", { ...message.body, error: String(error) });
    message.retry({ delaySeconds: 5 });
  } finally {
    busyUntilMs = 0;
  }
}

async function runDue(env: Env, identity: Identity, endMs: number): Promise<void> {
  const { tenant, name } = identity;
  const claiming = namespaceClient(env, tenant, name, openMeter("claim"));
  try {
    while (systemClock.now() < endMs) {
      busyUntilMs = systemClock.now() + limits.leaseMs;
      const job = replyValue(await claiming.claim(tenant, name));
      if (job === undefined) {
        return;
      }
      if ((await runCounted(env, identity, job)) === "pause") {
        // What is left of it is for an invocation with CPU time of its own.
        return;
      }
    }
  } catch (error) {
    // The alarm of the object asks again.
    createLog().warn("cannot claim a job", { ...identity, error: String(error) });
  } finally {
    busyUntilMs = 0;
  }
}

async function runCounted(env: Env, identity: Identity, job: Job): Promise<"go on" | "pause"> {
  const work = openWork(env, identity, job.kind);
  let outcome: Awaited<ReturnType<typeof runJob>> = "failed";
  try {
    outcome = await runJob(work.ports, work.api, identity, job);
  } finally {
    await work.end(outcome === "go on" ? "ended" : "open");
  }
  return outcome === "pause" ? "pause" : "go on";
}

interface Work {
  readonly ports: SearchPorts;
  readonly api: NamespaceApi;
  /** Tells the namespace what it has cost, if the call that ended it has not. */
  readonly end: (outcome: "ended" | "open") => Promise<void>;
}

/** Ports of one piece of work, whose requests are counted. */
function openWork(env: Env, { tenant, name }: Identity, kind: WorkKind): Work {
  const meter = openMeter(kind);
  const { ports, close } = openBackground(env, meter);
  let isTold = false;
  const usage = (): UsageArguments => {
    const { get, head, put, list, delete: deletes, ...others } = meter.usage();
    const { bytesRead, bytesWritten, objectCalls } = others;
    const requests = { reads: get + head, writes: put + list, deletes };
    // The call that tells is part of what it tells.
    return [kind, { ...requests, bytesRead, bytesWritten, objectCalls: objectCalls + 1 }];
  };
  const report = (): UsageArguments => {
    isTold = true;
    return usage();
  };
  const api = namespaceClient(env, tenant, name, meter, report);
  const end = async (outcome: "ended" | "open"): Promise<void> => {
    await close();
    if (isTold && outcome === "ended") return;
    try {
      await api.noteUsage(tenant, name, ...usage());
    } catch (error) {
      ports.log.info("a cost was not noted", { name, error: String(error) });
    }
  };
  return { ports, api, end };
}

async function runJob(
  ports: SearchPorts,
  api: NamespaceApi,
  identity: Identity,
  job: Job,
): Promise<"go on" | "pause" | "failed"> {
  const { tenant, name } = identity;
  const beat = heartbeat({ ports, api, identity, job });
  try {
    switch (job.kind) {
      case "flush":
        await compact({ ports, api, identity, job });
        break;
      case "merge":
        return (await compact({ ports, api, identity, job })) ? "go on" : "pause";
      case "collect": {
        const { version, kept } = await collect(ports, tenant, job, beat);
        replyValue(await api.finish(tenant, name, job.id, job.attempt, version, kept));
        break;
      }
      case "purge":
        await purge(ports, tenant, job.grave ?? "", beat);
        replyValue(await api.finish(tenant, name, job.id, job.attempt, 0));
        break;
      case "warm": {
        const target = { ...identity, owner: api };
        const { snapshots } = ports.memory;
        await warm(ports, await takeSnapshot(ports, snapshots, target, "strong", undefined));
        replyValue(await api.finish(tenant, name, job.id, job.attempt, 0));
        break;
      }
    }
  } catch (error) {
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    // Lost leases and a slow bucket are everyday; bytes that are wrong, and our mistakes, are not.
    if (!isEngineError(error) || error.kind === "corrupt") {
      ports.log.error("a job met what must not be", { ...identity, job: job.id, reason });
    }
    await api.fail(tenant, name, job.id, job.attempt, reason);
    return "failed";
  }
  return "go on";
}

/** Purges generations deleted longer ago than the grace. */
export async function sweep(env: Env): Promise<void> {
  const meter = openMeter("cron");
  const ports = enginePorts(env, meter);
  const tenants = await listTenants(ports);
  for (const tenant of new Set([firstTenant, ...tenants])) {
    let after: string | undefined;
    do {
      const prefix = gravePrefix(tenant);
      const page = await ports.store.list(prefix, after === undefined ? {} : { after });
      for (const { key } of page.objects) {
        await visitGrave(env, meter, tenant, key).catch((error: unknown) => {
          ports.log.error("cannot purge", { key, error: String(error) });
        });
      }
      after = page.more ? page.objects.at(-1)?.key : undefined;
    } while (after !== undefined);
    await sweepOperations(env, meter, tenant).catch((error: unknown) => {
      ports.log.error("cannot expire operations", { tenant, error: String(error) });
    });
  }
}

async function visitGrave(env: Env, meter: UsageMeter, tenant: string, key: string): Promise<void> {
  const ports = enginePorts(env, meter);
  const stored = await ports.store.get(key);
  if (stored === undefined) {
    return;
  }
  const grave = await openGrave(stored.bytes, ports.digest);
  const { name, generation } = grave;
  if (!isVisitDue(grave, ports.clock.now())) {
    return;
  }
  if (generationOfGraveKey(key) !== generation) {
    throw corrupt(`${key} is the grave of ${generation}`);
  }
  // Starting the owner finishes a deletion that was cut short between grave and registry.
  const owner = namespaceClient(env, tenant, name, meter);
  const present = replyValue(await owner.describe(tenant, name));
  if (present.generation !== generation) {
    await purge(ports, tenant, generation);
  }
}
