/**
 * What an import may do, held against what lands: its rows' tags are known beforehand.
 *
 *   row       lands once in a life of the name, after all rows before it; none that is unfit, none
 *             behind the first unfit one if that ends the import, none but of the stretch under way
 *             once a cancellation was acknowledged
 *   step      what it counts has landed, in the life that it names
 *   result    the newest step counts all that was to be read, and each row that did not land is in
 *             the list of the refused, with a reason
 */
import { beforeFirstStep, type ImportStep } from "../../src/format/import-step.ts";
import type { World } from "./world.ts";

export interface ImportedRow {
  readonly number: number;
  readonly id: number;
  readonly tag: number;
  readonly vector: readonly number[];
  /** Who refuses it: the reader itself, or the schema. */
  readonly unfit: "read" | "checked" | undefined;
}

export interface ImportIntent {
  readonly rows: readonly ImportedRow[];
  /** Number of the row behind each source. */
  readonly sourceEnds: readonly number[];
  readonly stretchRows: number;
  readonly stopsAtRejected: boolean;
}

export interface ImportEnd {
  readonly status: string;
  readonly step: ImportStep;
  /** Numbers of the rows that were listed, in order. */
  readonly listed: readonly number[];
}

/** A stretch ends with its source, at the latest. */
export function endOfStretch(intent: ImportIntent, from: number): number {
  const { sourceEnds, stretchRows } = intent;
  return Math.min(from + stretchRows, sourceEnds.find((end) => end > from) ?? from);
}

export class ImportHistory {
  readonly intent: ImportIntent;
  readonly #world: World;
  readonly #rowOf: ReadonlyMap<number, ImportedRow>;
  /** The row behind the last that may land. */
  #endsAt: number;
  /** Numbers of the rows that landed, in order, by generation. */
  readonly #landed = new Map<string, number[]>();
  #step: ImportStep = beforeFirstStep;
  isCancelAsked = false;

  constructor(world: World, intent: ImportIntent) {
    this.#world = world;
    this.intent = intent;
    this.#rowOf = new Map(intent.rows.map((row) => [row.tag, row]));
    this.#endsAt = this.#firstUnfit ?? intent.rows.length;
  }

  get steps(): number {
    return this.#step.number;
  }

  /** That ends the import. */
  get #firstUnfit(): number | undefined {
    const { rows, stopsAtRejected } = this.intent;
    return stopsAtRejected ? rows.find(({ unfit }) => unfit !== undefined)?.number : undefined;
  }

  /** An entry of the log holds these writes. */
  entered(generation: string, writes: ReadonlySet<number>): void {
    const numbers = [...writes].flatMap((tag) => this.#rowOf.get(tag)?.number ?? []);
    if (numbers.length === 0) return;
    const before = this.#landed.get(generation) ?? [];
    const last = before.at(-1) ?? -1;
    const again = numbers.find((number) => number <= last);
    if (again !== undefined) this.#violate(`row ${again} lands again, or after row ${last}`);
    for (const number of numbers) {
      if (this.intent.rows[number]?.unfit !== undefined) this.#violate(`row ${number} is unfit`);
      if (number >= this.#endsAt) this.#violate(`row ${number} is behind its end`);
    }
    this.#landed.set(generation, [...before, ...numbers]);
  }

  stepped(step: ImportStep): void {
    const { rows } = this.intent;
    const read = rows.slice(0, step.rowsRead);
    const good = read.filter(({ unfit }) => unfit === undefined);
    const landed = new Set(this.#landed.get(step.generation ?? ""));
    const lost = good.find(({ number }) => !landed.has(number));
    if (lost !== undefined) this.#violate(`row ${lost.number} is counted, and has not landed`);
    const { rowsWritten, rowsRejected } = step;
    if (rowsWritten !== good.length || rowsRejected !== read.length - good.length) {
      this.#violate(`${rowsWritten} written and ${rowsRejected} refused of ${read.length} rows`);
    }
    if (step.number > this.#step.number) this.#step = step;
  }

  /** Whoever looked before it was cancelled is at the stretch behind the newest step. */
  cancelAcknowledged(): void {
    this.#endsAt = Math.min(this.#endsAt, endOfStretch(this.intent, this.#step.rowsRead));
  }

  ended({ status, step, listed }: ImportEnd): void {
    const { rows } = this.intent;
    const first = this.#firstUnfit;
    const refused = rows.filter(({ number, unfit }) => {
      return unfit !== undefined && number < step.rowsRead;
    });
    if (listed.join() !== refused.map(({ number }) => number).join()) {
      this.#violate(`rows ${listed.join()} are listed of ${step.rowsRejected}`);
    }
    const isWhole = step.rowsRead === rows.length && first === undefined;
    const isStopped = first !== undefined && step.rowsRead === first + 1;
    if (status === "finished" && !isWhole) this.#violate(`it ends at row ${step.rowsRead}`);
    if (status === "failed" && !isStopped) this.#violate(`it fails at row ${step.rowsRead}`);
    if (status === "cancelled" && !this.isCancelAsked) this.#violate("nobody has cancelled it");
  }

  #violate(detail: string): void {
    this.#world.violate("import", detail);
  }
}
