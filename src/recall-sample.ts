/**
 * Which approximate queries are compared with the truth: one in a hundred, as long as comparisons
 * of a namespace read no more than so many bytes a second, for each isolate that answers queries.
 * The comparison is made by a consumer of the queue (workers/recall-samples.ts), never by the
 * request. What would take it minutes is not compared.
 */
import { limits } from "./limits.ts";
import type { Ports } from "./ports.ts";
import { WeightedLru } from "./store/weighted-lru.ts";

/** Namespaces an isolate remembers the last sample of. */
const namespacesMax = 1_000;
/** Of int8 codes: 2.7 million rows of 768 dimensions, estimated at ten seconds for a consumer. */
const scanBytesMax = 2 * 1024 ** 3;
/** Of a uniform 32-bit number. */
const range = 2 ** 32;

export class RecallSampler {
  /** By namespace: not before this time. */
  readonly #nextMs = new WeightedLru<number>(namespacesMax);

  /** `bytes`: what an exhaustive query over it reads. */
  wants({ clock, random }: Pick<Ports, "clock" | "random">, key: string, bytes: number): boolean {
    const [a = 0, b = 0, c = 0, d = 0] = random.bytes(4);
    const drawn = ((a * 256 + b) * 256 + c) * 256 + d;
    const nowMs = clock.now();
    const isDrawn = drawn < limits.recallSampleShare * range;
    if (!isDrawn || bytes > scanBytesMax || nowMs < (this.#nextMs.get(key) ?? 0)) {
      return false;
    }
    this.#nextMs.put(key, nowMs + (1_000 * bytes) / limits.recallBytesPerSecond, 1);
    return true;
  }
}
