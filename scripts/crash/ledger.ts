/**
 * What the clients of the kill test know: for each document the version that was acknowledged last,
 * and the versions of a batch whose answer never came.
 *
 * A version is the writer's counter; 0 stands for "not there" (never written, or deleted). One
 * client writes a document, one batch at a time, so at most one batch of a client is in doubt.
 */

export interface Operation {
  readonly id: number;
  /** 0: a delete. */
  readonly version: number;
}

export interface Findings {
  /** Acknowledged operations whose effect is not there. */
  readonly lost: number;
  /** Documents there twice, or in a version that nobody may see now. */
  readonly duplicated: number;
  /** Batches in doubt of which only a part was applied. */
  readonly torn: number;
  /** Batches in doubt that turned out to be applied. */
  readonly applied: number;
  readonly complaints: readonly string[];
}

export class Ledger {
  readonly #acknowledged = new Map<number, number>();
  readonly #inDoubt = new Map<number, readonly Operation[]>();
  #acknowledgedOperations = 0;

  get acknowledgedOperations(): number {
    return this.#acknowledgedOperations;
  }

  get batchesInDoubt(): number {
    return this.#inDoubt.size;
  }

  /** Before a batch is sent. A batch may be sent again unchanged while it is in doubt. */
  begin(client: number, batch: readonly Operation[]): void {
    this.#inDoubt.set(client, batch);
  }

  acknowledge(client: number): void {
    const batch = this.#inDoubt.get(client) ?? [];
    for (const { id, version } of batch) this.#acknowledged.set(id, version);
    this.#acknowledgedOperations += batch.length;
    this.#inDoubt.delete(client);
  }

  /**
   * Compares with what a strong read found: every (id, version) in it, as often as it was there.
   * Batches in doubt count as what they turned out to be from now on.
   */
  settle(found: readonly Operation[]): Findings {
    const complaints: string[] = [];
    const present = new Map<number, number>();
    let duplicated = 0;
    for (const { id, version } of found) {
      if (present.has(id)) {
        duplicated += 1;
        complaints.push(`document ${id} is there twice`);
      }
      present.set(id, version);
    }
    const versionOf = (id: number): number => present.get(id) ?? 0;
    let torn = 0;
    let applied = 0;
    for (const batch of this.#inDoubt.values()) {
      const isApplied = ({ id, version }: Operation): boolean => versionOf(id) === version;
      const wasSo = ({ id, version }: Operation): boolean =>
        (this.#acknowledged.get(id) ?? 0) === version;
      const count = batch.filter(isApplied).length;
      if (count === batch.length) {
        applied += 1;
        for (const { id, version } of batch) this.#acknowledged.set(id, version);
      } else if (batch.some((operation) => isApplied(operation) && !wasSo(operation))) {
        torn += 1;
        complaints.push(`of a batch of ${batch.length} operations ${count} were applied`);
        for (const operation of batch.filter(isApplied)) {
          this.#acknowledged.set(operation.id, operation.version);
        }
      }
    }
    this.#inDoubt.clear();
    let lost = 0;
    for (const id of new Set([...this.#acknowledged.keys(), ...present.keys()])) {
      const expected = this.#acknowledged.get(id) ?? 0;
      const actual = versionOf(id);
      if (actual === expected) continue;
      const isOlder = actual < expected || expected === 0;
      const isKnown = this.#acknowledged.has(id) && isOlder;
      if (isKnown) lost += 1;
      else duplicated += 1;
      complaints.push(`document ${id} is there in version ${actual} instead of ${expected}`);
    }
    return { lost, duplicated, torn, applied, complaints };
  }
}
