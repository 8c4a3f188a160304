/**
 * Entry point: the HTTP API, the queue consumer, the cron and the objects, in one script.
 */

import type { JobHint, OperationHint, RecallSampleHint } from "../src/ports.ts";
import { app } from "./api/app.ts";
import { consume, sweep } from "./compactor.ts";

export { Meter } from "../durable-objects/meter.ts";
export { Namespace } from "../durable-objects/namespace.ts";
export { Reader } from "../durable-objects/reader.ts";

export default {
  fetch: app.fetch,
  queue: (batch, env) => consume(batch, env),
  scheduled: (_event, env) => sweep(env),
} satisfies ExportedHandler<Env, JobHint | OperationHint | RecallSampleHint>;
