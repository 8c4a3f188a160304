/**
 * A strong query sees every write acknowledged before it began: while many write, while segments
 * come, merge and go.
 *
 * Writers own disjoint ids. Each upserts, asks at once, deletes, asks at once, and knows exactly
 * what it must see: others cannot change its documents. Meanwhile the namespace is asked to index
 * again and again, so that the same ids lie in the tail, in fresh segments and in merged ones.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { ask, freshName, type IndexAnswer, indexNow } from "./harness.ts";

const writers = 3;
const idsEach = 60;
const batch = 12;
const runMs = 8_000;
const dims = 8;

interface Row {
  readonly id: number;
  readonly version: number;
}

/** A vector that no other document and version has. */
function vectorOf(id: number, version: number): number[] {
  return Array.from({ length: dims }, (_, d) => Math.fround(Math.sin(id * 7.1 + version + d * d)));
}

/** Pseudo-random and repeatable: which ids a step touches. */
function createDice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % sides;
  };
}

class Writer {
  /** What must be there: version by id. */
  readonly documents = new Map<number, number>();
  readonly #name: string;
  readonly #first: number;
  readonly #dice: (sides: number) => number;
  #version = 0;
  checks = 0;

  constructor(name: string, number: number) {
    this.#name = name;
    this.#first = 1_000 * (number + 1);
    this.#dice = createDice(number + 1);
  }

  async step(): Promise<void> {
    this.#version += 1;
    const upserts = this.#pick();
    const deletes = this.#pick().filter((id) => !upserts.includes(id));
    const version = this.#version;
    await this.#write({
      upsert_rows: upserts.map((id) => ({
        id,
        version,
        writer: this.#first,
        vector: vectorOf(id, version),
      })),
      distance_metric: "euclidean_squared",
    });
    for (const id of upserts) this.documents.set(id, version);
    await this.#check(upserts[0] as number);
    await this.#write({ deletes });
    for (const id of deletes) this.documents.delete(id);
    await this.#check(deletes[0] ?? (upserts[0] as number));
  }

  /** All of this writer's documents, and the neighbourhood of one of them. */
  async #check(id: number): Promise<void> {
    const filters = ["writer", "Eq", this.#first];
    const all = { rank_by: ["id", "asc"], limit: idsEach + 1, filters };
    expect(await this.#query({ ...all, include_attributes: ["version"] })).toEqual(this.expected());

    const version = this.documents.get(id);
    const vector = vectorOf(id, version ?? this.#version);
    const near = { rank_by: ["vector", "ANN", vector], limit: idsEach + 1, filters };
    const rows = await this.#query({ ...near, include_attributes: ["version"] });
    const found = new Map(rows.map((row) => [row.id, row.version]));
    expect(found).toEqual(this.documents);
    if (version !== undefined) expect(rows[0]).toMatchObject({ id, version });
    this.checks += 1;
  }

  expected(): readonly Row[] {
    return [...this.documents]
      .map(([id, version]) => ({ id, version }))
      .sort((a, b) => a.id - b.id);
  }

  #pick(): readonly number[] {
    const ids = new Set<number>();
    while (ids.size < batch) ids.add(this.#first + this.#dice(idsEach));
    return [...ids];
  }

  async #write(body: object): Promise<void> {
    const answer = await ask(`/v2/namespaces/${this.#name}`, { body });
    expect(answer.status, answer.text).toBe(200);
  }

  async #query(body: object): Promise<readonly (Row & { $dist?: number })[]> {
    const answer = await ask(`/v2/namespaces/${this.#name}/query`, { body });
    expect(answer.status, answer.text).toBe(200);
    return (answer.json as { rows: Row[] }).rows;
  }
}

it("a strong query sees every acknowledged write, during load and while segments change", async () => {
  const name = freshName("strong");
  const all = Array.from({ length: writers }, (_, number) => new Writer(name, number));
  const endMs = Date.now() + runMs;
  const writing = all.map(async (writer) => {
    while (Date.now() < endMs) await writer.step();
  });
  let segmentsSeen = 0;
  const indexing = (async () => {
    while (Date.now() < endMs) {
      await sleep(150);
      const { json } = await ask(`/v1/namespaces/${name}/index`, { method: "POST" });
      segmentsSeen = Math.max(segmentsSeen, (json as IndexAnswer).segments?.length ?? 0);
    }
  })();
  await Promise.all([...writing, indexing]);

  const { segments } = await indexNow(name);
  const expected = all.flatMap((writer) => writer.expected()).sort((a, b) => a.id - b.id);
  const body = { rank_by: ["id", "asc"], limit: 1_000, include_attributes: ["version"] };
  const answer = await ask(`/v2/namespaces/${name}/query`, { body });
  expect(answer.json).toMatchObject({ rows: expected });
  const live = segments.reduce((sum, { rows, dead_rows }) => sum + rows - dead_rows, 0);
  expect(live).toBe(expected.length);
  expect(segmentsSeen).toBeGreaterThan(1);
  for (const writer of all) expect(writer.checks).toBeGreaterThan(5);
});
