/**
 * An attempt at an import: from the newest step on, until the rows end, somebody cancels, or it has
 * worked long enough and pauses. A client of the ordinary write path.
 *
 *   1. the next stretch of rows, which the reader cuts alike every time (the one behind it is read
 *      meanwhile). Cancelled? Then the end
 *   2. each row is tried under the schema as it is; those that it refuses are set aside
 *   3. one write, under a key made of the import and its rows: repeated, it is not applied again.
 *      One that is too large is halved
 *   4. create-only put of the next `step`: where to go on, counts, rows refused
 *
 * If we crash before 3 nothing happened; between 3 and 4 the stretch is written again: upserts
 * of the same documents, under the same key. Of two workers one puts the step; the other finds it
 * taken, and stops. So no row is lost, and none is applied after a later one has been.
 *
 * Everything is written into one life of the namespace: if that ends, so does the import.
 * Cost of a stretch: a head, a put, two or three calls of the owner and a put.
 */
import type { Batch } from "./document/batch.ts";
import type { Schema } from "./document/schema.ts";
import { EngineError, isEngineError } from "./errors.ts";
import { type ImportStep, sealImportStep } from "./format/import-step.ts";
import type { OperationResult } from "./format/operation.ts";
import type { WriteKey } from "./format/wal.ts";
import { importLimits } from "./import-limits.ts";
import { type ImportPlace, readNewestStep } from "./imports.ts";
import type { NamespaceDescription } from "./namespace/protocol.ts";
import { type OperationPause, type OperationSession, putFirst } from "./operations.ts";
import type { Ports } from "./ports.ts";
import { importCancelKey, importStepKey } from "./store/keys.ts";
import type { BuiltWrite, WriteTarget } from "./submission.ts";
import { describeTarget } from "./submission.ts";
import { write } from "./write.ts";

/** A row, whatever it looks like to its reader. `number` counts all rows of the import, from 0. */
export interface ImportRow {
  readonly number: number;
  readonly document: unknown;
}

export interface RejectedRow extends ImportRow {
  readonly reason: string;
}

export interface ImportStretch {
  readonly rows: readonly ImportRow[];
  /** What the reader itself could make nothing of. */
  readonly rejected: readonly RejectedRow[];
  readonly rowsRead: number;
  /** Where the next one begins. */
  readonly source: number;
  readonly offset: number;
  /** Of the sources, up to there. */
  readonly bytesRead: number;
}

/** Knows formats and the language of the API. */
export interface ImportReader {
  /** From a step on. The same step always gives the same stretches. */
  stretches(from: ImportStep, schema: Schema): AsyncGenerator<ImportStretch, void>;
  /** What was decided from the first rows; stored with each step. */
  plan(): Uint8Array;
  /** Which rows can be documents under the schema. */
  check(
    rows: readonly ImportRow[],
    schema: Schema,
  ): { readonly good: readonly ImportRow[]; readonly rejected: readonly RejectedRow[] };
  /** Throws if they cannot. */
  build(rows: readonly ImportRow[], schema: Schema): BuiltWrite & { readonly batch: Batch };
  /** A line of JSON: an object with `row`, its number, `reason`, and whatever else. */
  renderRejected(row: RejectedRow): string;
  /** The first row that is refused ends the import. */
  readonly stopsAtRejected: boolean;
}

export interface ImportWork {
  readonly place: ImportPlace;
  readonly target: Omit<WriteTarget, "memory">;
  readonly reader: ImportReader;
  readonly attempt: number;
}

export async function openImport(ports: Ports, work: ImportWork): Promise<OperationSession> {
  const run = new ImportRun(ports, work, await readNewestStep(ports, work.place));
  return {
    run: () => run.run(),
    progressedIn: () => run.step.attempt,
    beat: async () => undefined,
    close: async () => undefined,
  };
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
/** How often rows are checked anew because the schema has changed meanwhile. */
const checksMax = 5;

class ImportRun {
  readonly #ports: Ports;
  readonly #work: ImportWork;
  readonly #target: WriteTarget;
  #description: NamespaceDescription | undefined;
  step: ImportStep;

  constructor(ports: Ports, work: ImportWork, step: ImportStep) {
    this.#ports = ports;
    this.#work = work;
    this.step = step;
    const remember = (_name: string, description: NamespaceDescription): void => {
      this.#description = description;
    };
    this.#target = { ...work.target, memory: { recall: () => undefined, remember } };
  }

  async run(): Promise<OperationResult | OperationPause> {
    // Whoever took that step may have died before it could say so.
    const stopped = this.#stopped();
    if (stopped !== undefined) return ended("failed", stopped);
    const { clock } = this.#ports;
    const startedMs = clock.now();
    const { schema } = await describeTarget(this.#target);
    const stretches = this.#work.reader.stretches(this.step, schema);
    // Finding the place again may take a while; an attempt does more than that.
    let endMs: number | undefined;
    let upcoming = stretches.next();
    try {
      for (;;) {
        const next = await upcoming;
        endMs ??= clock.now() + importLimits.sliceMs + 4 * (clock.now() - startedMs);
        if (await this.#isCancelled()) return ended("cancelled");
        if (next.done === true) return ended("finished");
        upcoming = stretches.next();
        upcoming.catch(() => undefined);
        await this.#takeIn(next.value);
        const stopped = this.#stopped();
        if (stopped !== undefined) return ended("failed", stopped);
        if (clock.now() >= endMs) return { kind: "pause", afterMs: 0 };
      }
    } catch (error) {
      if (!isEngineError(error, "overloaded")) throw error;
      // Others must have their turn, or what we wait for will not happen.
      return { kind: "pause", afterMs: error.detail.retryAfterMs ?? 1_000 };
    } finally {
      await upcoming.catch(() => undefined);
      await stretches.return();
    }
  }

  async #isCancelled(): Promise<boolean> {
    return (await this.#ports.store.head(importCancelKey(this.#work.place))) !== undefined;
  }

  /** Why the import ends with the newest step, or undefined. */
  #stopped(): string | undefined {
    const { rowsRejected, rejected } = this.step;
    if (rowsRejected > 0 && this.#work.reader.stopsAtRejected) {
      const { row, reason } = JSON.parse(decoder.decode(rejected));
      return `row ${row}: ${reason}`;
    }
    return rowsRejected > importLimits.rejectedMax
      ? `more than ${importLimits.rejectedMax} rows were rejected`
      : undefined;
  }

  async #takeIn(stretch: ImportStretch): Promise<void> {
    const { stopsAtRejected } = this.#work.reader;
    const { written, rejected } = await this.#writeRows(stretch);
    const before = this.step;
    const [first] = rejected;
    const isStopped = stopsAtRejected && first !== undefined;
    await this.#record({
      number: before.number + 1,
      attempt: this.#work.attempt,
      generation: written > 0 ? this.#description?.generation : before.generation,
      source: stretch.source,
      offset: stretch.offset,
      rowsRead: isStopped ? first.number + 1 : before.rowsRead + stretch.rowsRead,
      rowsWritten: before.rowsWritten + written,
      rowsRejected: before.rowsRejected + rejected.length,
      bytesRead: stretch.bytesRead,
      rejecting: first === undefined ? before.rejecting : [...before.rejecting, before.number + 1],
      plan: this.#work.reader.plan(),
      rejected: encoder.encode(rejected.map((row) => this.#render(row)).join("")),
    });
  }

  #render(row: RejectedRow): string {
    return `${this.#work.reader.renderRejected(row)}\n`;
  }

  async #writeRows({ rows, rejected }: ImportStretch) {
    const { reader } = this.#work;
    for (let attempt = 1; ; attempt += 1) {
      const { schema } = await describeTarget(this.#target);
      const checked = reader.check(rows, schema);
      const all = [...rejected, ...checked.rejected].toSorted((a, b) => a.number - b.number);
      const refused = reader.stopsAtRejected ? all.slice(0, 1) : all;
      const endsAt = reader.stopsAtRejected ? all[0]?.number : undefined;
      const good = checked.good.filter(({ number }) => endsAt === undefined || number < endsAt);
      try {
        await this.#write(good);
        return { written: good.length, rejected: refused };
      } catch (error) {
        // The schema is another by now: what was good may not be.
        const isRefused = isEngineError(error, "invalid") || isEngineError(error, "malformed");
        if (!isRefused || attempt === checksMax) throw error;
      }
    }
  }

  async #write(rows: readonly ImportRow[]): Promise<void> {
    const { reader } = this.#work;
    const { generation } = this.step;
    if (rows.length === 0) return;
    const key = await this.#keyOf(rows);
    try {
      await write(this.#ports, this.#target, (schema) => reader.build(rows, schema), {
        disableBackpressure: false,
        key,
        ...(generation === undefined ? {} : { generation }),
      });
    } catch (error) {
      if (!isEngineError(error, "tooLarge") || rows.length === 1) throw error;
      const half = rows.length >>> 1;
      await this.#write(rows.slice(0, half));
      await this.#write(rows.slice(half));
    }
  }

  /** Of the import and which of its rows are written: others are another write. */
  async #keyOf(rows: readonly ImportRow[]): Promise<WriteKey> {
    const { token } = this.#work.place;
    const numbers = rows.map(({ number }) => number);
    const hash = await this.#ports.digest(encoder.encode(`${token} ${numbers.join(" ")}`));
    const id = hash.slice(0, 16);
    return { id, body: id.slice(), keepMs: importLimits.keyKeepMs };
  }

  async #record(step: ImportStep): Promise<void> {
    const { random, digest } = this.#ports;
    const sealed = await sealImportStep(step, random.bytes(16), digest);
    if (!(await putFirst(this.#ports, importStepKey(this.#work.place, step.number), sealed))) {
      throw new EngineError("fenced", "somebody else works on the import");
    }
    this.step = step;
  }
}

/** `error` is for people. */
function ended(status: "finished" | "cancelled" | "failed", error?: string): OperationResult {
  const body = { status, ...(error === undefined ? {} : { error }) };
  return { status: 200, body: encoder.encode(JSON.stringify(body)) };
}
