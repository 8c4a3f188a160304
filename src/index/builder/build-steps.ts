/**
 * A build in steps: what each finds out is stored when it ends, with all objects so far, and a
 * later attempt takes it from there instead of doing it again. Whatever is done again gives the
 * same bytes under the same keys, so an attempt that goes on although it was given up does no harm.
 */
import { assert } from "../../errors.ts";
import type { SegmentPart } from "../../format/manifest.ts";
import type { MemoryLedger } from "./memory-ledger.ts";
import type { PartWriter } from "./part-writer.ts";

export interface StepState {
  readonly step: string;
  readonly parts: readonly SegmentPart[];
  /** Plain data and typed arrays, as the step returned it. */
  readonly result: unknown;
}

export interface StepLog {
  /** Of earlier attempts, in order. */
  readonly done: readonly StepState[];
  /** Returns once an attempt after this one would find it. `pause` ends this one there. */
  save(state: StepState, number: number): Promise<"go on" | "pause">;
}

/** Thrown through a build that ends after a step: another attempt goes on. */
export class BuildPaused extends Error {
  override readonly name = "BuildPaused";
}

export class BuildSteps {
  readonly #log: StepLog | undefined;
  readonly #writer: PartWriter;
  readonly #ledger: MemoryLedger;
  #count = 0;

  constructor(log: StepLog | undefined, writer: PartWriter, ledger: MemoryLedger) {
    this.#log = log;
    this.#writer = writer;
    this.#ledger = ledger;
  }

  /** What `work` returns, or has returned to an earlier attempt; that must be plain data. */
  async run<T>(step: string, work: () => Promise<T>): Promise<T> {
    const number = this.#count++;
    const known = this.#log?.done[number];
    if (known !== undefined) {
      assert(known.step === step, `step ${number} is ${step}, not ${known.step}`);
      this.#writer.resume(known.parts);
      return known.result as T;
    }
    const result = await work();
    if (this.#log !== undefined) {
      await this.#writer.flush();
      const state = { step, parts: this.#writer.parts, result };
      // Encoded beside the result itself, and once more for the store.
      const release = this.#ledger.hold(2 * arrayBytes(result));
      const next = await this.#log.save(state, number);
      release();
      if (next === "pause") {
        throw new BuildPaused(`paused after ${step}`);
      }
    }
    return result;
  }
}

/** Bytes of all arrays in a tree. */
export function arrayBytes(value: unknown): number {
  if (ArrayBuffer.isView(value)) {
    return value.byteLength;
  }
  if (typeof value !== "object" || value === null) {
    return 0;
  }
  return Object.values(value).reduce((sum: number, member) => sum + arrayBytes(member), 0);
}
