/** What was asked for in patches, conditions and writes by filter, and what became of it. */
import type { BuiltChange } from "../../src/change-attempt.ts";
import type { Batch } from "../../src/document/batch.ts";
import type { WriteCounts } from "../../src/format/wal.ts";
import {
  answerFault,
  type ChangeIntent,
  type ChangeOutcome,
  judgeChange,
  tagOfChange,
} from "./changes.ts";
import type { Documents, Point } from "./history.ts";
import type { World } from "./world.ts";

interface Asked {
  readonly intent: ChangeIntent;
  /** Index of the oldest point it may have seen. */
  readonly first: number;
  /** Of each entry that holds it: one in each life of the name. */
  readonly outcomes: ChangeOutcome[];
}

export class ChangeHistory {
  readonly #world: World;
  readonly #asked = new Map<number, Asked>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Its first attempt begins. */
  ask(intent: ChangeIntent, first: number): void {
    if (!this.#asked.has(intent.tag)) this.#asked.set(intent.tag, { intent, first, outcomes: [] });
  }

  /** These rows are in the log, between these documents. */
  landed(
    generation: string,
    points: readonly Point[],
    batches: readonly Batch[],
    before: Documents,
    after: Documents,
  ): void {
    const tag = tagOfChange(batches);
    const asked = tag === undefined ? undefined : this.#asked.get(tag);
    if (tag === undefined || asked === undefined) return;
    const { intent, first, outcomes } = asked;
    const moments = points
      .slice(first)
      .filter((point) => point.generation === generation || !point.exists)
      .map(({ documents }) => documents);
    const touched = new Set(batches.flatMap(({ ids }) => ids.map(Number)));
    const verdict = judgeChange(intent, moments, before, after, touched);
    outcomes.push(...verdict.outcomes);
    const { faults } = this.#world;
    if (verdict.fault !== undefined) {
      this.#world.violate("change", `write ${tag}: ${verdict.fault}`);
    }
    if (verdict.isLate) faults.saw("change: filter tried on earlier matches");
    if (verdict.outcomes.some(({ remain }) => remain)) faults.saw("change: partial");
  }

  /** Its client was told this. */
  answered(tag: number, counts: WriteCounts, affected: BuiltChange["affected"] | undefined): void {
    const fault = answerFault(this.#asked.get(tag)?.outcomes ?? [], counts, affected);
    if (fault !== undefined) this.#world.violate("change", `write ${tag}: ${fault}`);
    if (affected === undefined) this.#world.faults.saw("change: repeated");
  }
}
