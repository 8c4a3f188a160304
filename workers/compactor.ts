/**
 * Queue consumer and cron: runs what namespaces say is due.
 *
 *   message   a hint without content. Jobs are claimed from the namespace's object until none is
 *             due; a duplicate, late or lost message changes nothing. Failures go back to the
 *             object, which retries with backoff, so a message is always acknowledged.
 *   cron      the safety net under the alarms: visits graves, whose object may have lost its table
 *
 * One job at a time per isolate: a job may hold half of its memory.
 */
import { collect, purge } from "../src/collect.ts";
import { compact } from "../src/compact.ts";
import { openGrave } from "../src/format/registry.ts";
import { limits } from "../src/limits.ts";
import { type Job, type NamespaceApi, replyValue } from "../src/namespace/protocol.ts";
import type { Identity } from "../src/owner-ports.ts";
import type { IndexPorts, JobHint } from "../src/ports.ts";
import { gravePrefix } from "../src/store/keys.ts";
import { kernels } from "./platform/kernels.ts";
import { namespaceClient } from "./platform/namespace-client.ts";
import { enginePorts } from "./platform/ports.ts";

/** One consumer invocation may take 15 minutes; the rest is for the job that is running then. */
const invocationMs = 8 * 60_000;
/** Tenants whose graves the cron visits. Keys of other tenants come with API keys. */
const tenants = ["default"];

/**
 * Until when this isolate is taken; a deadline, so that a killed invocation cannot hold it for
 * ever.
 */
let busyUntilMs = 0;

export async function consume(batch: MessageBatch<JobHint>, env: Env): Promise<void> {
  if (batch.queue.endsWith("-dead")) {
    console.warn("dead letters", { messages: batch.messages.length });
    batch.ackAll();
    return;
  }
  const ports: IndexPorts = { ...enginePorts(env), kernels: kernels() };
  for (const message of batch.messages) {
    if (busyUntilMs > ports.clock.now()) {
      message.retry({ delaySeconds: 1 });
      continue;
    }
    const { tenant, name } = message.body;
    const more = await runDue(ports, namespaceClient(env, tenant, name), { tenant, name });
    message.ack();
    if (more) {
      await env.JOBS.send(message.body);
    }
  }
}

/** True if the time was up before the work was. */
async function runDue(ports: IndexPorts, api: NamespaceApi, identity: Identity): Promise<boolean> {
  const endMs = ports.clock.now() + invocationMs;
  try {
    while (ports.clock.now() < endMs) {
      busyUntilMs = ports.clock.now() + limits.leaseMs;
      const job = replyValue(await api.claim(identity.tenant, identity.name));
      if (job === undefined) {
        return false;
      }
      await runJob(ports, api, identity, job);
    }
    return true;
  } catch (error) {
    // The alarm of the object asks again.
    ports.log.warn("cannot claim a job", { ...identity, error: String(error) });
    return false;
  } finally {
    busyUntilMs = 0;
  }
}

async function runJob(
  ports: IndexPorts,
  api: NamespaceApi,
  identity: Identity,
  job: Job,
): Promise<void> {
  const { tenant, name } = identity;
  try {
    switch (job.kind) {
      case "flush":
      case "merge":
        await compact({ ports, api, identity, job });
        break;
      case "collect": {
        const { version } = await collect(ports, tenant, job);
        replyValue(await api.finish(tenant, name, job.id, job.attempt, version));
        break;
      }
      case "purge":
        await purge(ports, tenant, job.grave ?? "");
        replyValue(await api.finish(tenant, name, job.id, job.attempt, 0));
        break;
    }
  } catch (error) {
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    await api.fail(tenant, name, job.id, job.attempt, reason);
  }
}

/** Purges generations deleted longer ago than the grace. */
export async function sweep(env: Env): Promise<void> {
  const ports = enginePorts(env);
  for (const tenant of tenants) {
    let after: string | undefined;
    do {
      const prefix = gravePrefix(tenant);
      const page = await ports.store.list(prefix, after === undefined ? {} : { after });
      for (const { key } of page.objects) {
        const stored = await ports.store.get(key);
        const grave = stored && (await openGrave(stored.bytes, ports.digest));
        if (grave && grave.deletedMs + limits.collectGraceMs < ports.clock.now()) {
          await purge(ports, tenant, grave.generation);
        }
      }
      after = page.more ? page.objects.at(-1)?.key : undefined;
    } while (after !== undefined);
  }
}
