/** Stands between the queue and its consumer: messages are kept until the test delivers them. */
import { createExecutionContext, createMessageBatch, getQueueResult } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type { JobHint, OperationHint, RecallSampleHint } from "../../src/ports.ts";
import worker from "../../workers/main.ts";

const patienceMs = 5_000;

export class QueueTap {
  readonly #consumer = worker.queue;
  readonly messages: JobHint[] = [];
  readonly operations: OperationHint[] = [];
  readonly samples: RecallSampleHint[] = [];

  constructor() {
    worker.queue = async (batch) => {
      for (const { body } of batch.messages) {
        if ("operation" in body) this.operations.push(body);
        else if ("sampled" in body) this.samples.push(body);
        else this.messages.push(body);
      }
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

  /** Delivers all that has come so far in one batch: each message so often, in any order. */
  async deliverShuffled(copies: number): Promise<void> {
    const bodies = this.messages.splice(0).flatMap((body) => Array(copies).fill(body));
    if (bodies.length === 0) return;
    const random = crypto.getRandomValues(new Uint32Array(bodies.length));
    const order = [...bodies.keys()].toSorted((a, b) => (random[a] ?? 0) - (random[b] ?? 0));
    await this.#deliverBatch(order.map((at) => bodies[at] as JobHint));
  }

  /** Delivers copies of the message, each in a batch of its own, all at once. */
  async deliver(body: JobHint, copies = 1): Promise<void> {
    await Promise.all(Array.from({ length: copies }, () => this.#deliverBatch([body])));
  }

  /** Delivers every hint at an operation that has come, so often, all at once. */
  async deliverOperations(copies = 1): Promise<void> {
    const endMs = Date.now() + patienceMs;
    while (this.operations.length === 0) {
      if (Date.now() > endMs) throw new Error("nobody sent a hint at an operation");
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const hints = this.operations.splice(0).flatMap((hint) => Array(copies).fill(hint));
    await Promise.all(hints.map((hint: OperationHint) => this.deliverOperation(hint)));
  }

  async deliverOperation(body: OperationHint): Promise<void> {
    const message = { id: body.operation, timestamp: Date.now(), attempts: 1, body };
    const batch = createMessageBatch<OperationHint>("shoal-jobs", [message]);
    const context = createExecutionContext();
    await this.#consumer(batch, env);
    await getQueueResult(batch, context);
  }

  /** Waits until samples of the namespace have come, and delivers each so often. */
  async deliverSamples(name: string, copies = 1): Promise<number> {
    const endMs = Date.now() + patienceMs;
    while (!this.samples.some(({ sampled }) => sampled === name)) {
      if (Date.now() > endMs) throw new Error(`nobody sent a sample of ${name}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const samples = this.samples.splice(0);
    for (const body of samples.flatMap((sample) => Array<RecallSampleHint>(copies).fill(sample))) {
      const message = { id: body.sampled, timestamp: Date.now(), attempts: 1, body };
      const batch = createMessageBatch<RecallSampleHint>("shoal-jobs", [message]);
      const context = createExecutionContext();
      await this.#consumer(batch, env);
      await getQueueResult(batch, context);
    }
    return samples.length;
  }

  async #deliverBatch(bodies: readonly JobHint[]): Promise<void> {
    const messages = bodies.map((body, i) => {
      return { id: `${body.name}-${i}`, timestamp: Date.now(), attempts: 1, body };
    });
    const batch = createMessageBatch<JobHint>("shoal-jobs", messages);
    const context = createExecutionContext();
    await this.#consumer(batch, env);
    await getQueueResult(batch, context);
  }
}
