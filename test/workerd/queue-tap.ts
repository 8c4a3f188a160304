/** Stands between the queue and its consumer: messages are kept until the test delivers them. */
import { createExecutionContext, createMessageBatch, getQueueResult } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type { JobHint } from "../../src/ports.ts";
import worker from "../../workers/main.ts";

const patienceMs = 5_000;

export class QueueTap {
  readonly #consumer = worker.queue;
  readonly messages: JobHint[] = [];

  constructor() {
    worker.queue = async (batch) => {
      for (const { body } of batch.messages) this.messages.push(body);
      batch.ackAll();
    };
  }

  /** The queue reaches its consumer again. */
  close(): void {
    worker.queue = this.#consumer;
  }

  /** Waits until a message for the namespace has come, and takes all there are. */
  async take(name: string): Promise<JobHint[]> {
    const endMs = Date.now() + patienceMs;
    while (!this.messages.some((message) => message.name === name)) {
      if (Date.now() > endMs) throw new Error(`nobody sent a message about ${name}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return this.messages.splice(0);
  }

  /** Delivers copies of the message, each in a batch of its own, all at once. */
  async deliver(body: JobHint, copies = 1): Promise<void> {
    await Promise.all(
      Array.from({ length: copies }, async (_, i) => {
        const message = { id: `${body.name}-${i}`, timestamp: Date.now(), attempts: 1, body };
        const batch = createMessageBatch<JobHint>("shoal-jobs", [message]);
        const context = createExecutionContext();
        await this.#consumer(batch, env);
        await getQueueResult(batch, context);
      }),
    );
  }
}
