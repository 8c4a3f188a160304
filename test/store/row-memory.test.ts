import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RowMemory } from "../../src/store/row-memory.ts";

const rowBytes = 100;
const row = (fill: number) => new Uint8Array(rowBytes).fill(fill);

function filled(bytesMax: number, rows: number) {
  const memory = new RowMemory({ bytesMax: () => bytesMax });
  const table = memory.table("a", rowBytes);
  for (let i = 0; i < rows; i++) table.put(i, row(i));
  return { memory, table };
}

const countHeld = (table: { get(ordinal: number): unknown }, from: number, to: number): number =>
  Array.from({ length: to - from }, (_, i) => table.get(from + i)).filter(Boolean).length;

describe("row memory", () => {
  it("keeps rows by table and ordinal, as copies", () => {
    const memory = new RowMemory({ bytesMax: () => 100_000 });
    const bytes = row(1);
    memory.table("a", rowBytes).put(5, bytes);
    bytes.fill(9);
    expect(memory.table("a", rowBytes).get(5)).toEqual(row(1));
    expect(memory.table("b", rowBytes).get(5)).toBeUndefined();
    expect(memory.table("a", rowBytes).get(6)).toBeUndefined();
    memory.table("b", 3).put(5, new Uint8Array(3));
    expect(memory.table("a", rowBytes).get(5)).toEqual(row(1));
    expect(memory.counts()).toMatchObject({ entries: 2, hits: 2, misses: 2, refused: 0 });
  });

  it("takes no rows of another size into a table", () => {
    const { table } = filled(100_000, 1);
    expect(() => table.put(7, new Uint8Array(rowBytes - 1))).toThrow();
  });

  it("takes little more memory than the rows, and little for a table of few", () => {
    expect(filled(1 << 20, 1).memory.counts().bytes).toBeLessThan(2_000);
    const { memory } = filled(1 << 20, 5_000);
    expect(memory.counts().entries).toBe(5_000);
    expect(memory.counts().bytes).toBeLessThan(1.5 * 5_000 * rowBytes);
  });

  it("keeps what is used, of more than fits, however often all of it is asked for", () => {
    const { memory, table } = filled(100_000, 0);
    const total = 1_100;
    const round = (): number => {
      let hits = 0;
      for (let i = 0; i < total; i++) {
        if (table.get(i) === undefined) table.put(i, row(i));
        else hits += 1;
      }
      return hits;
    };
    for (let i = 0; i < 5; i++) round();
    // Of the least recently used, none would be left when it is asked for again.
    expect(round()).toBeGreaterThan(0.5 * total);
    expect(memory.counts().bytes).toBeLessThanOrEqual(100_000);
  });

  it("lets go of rows that are not used any more", () => {
    const { table } = filled(100_000, 700);
    for (let pass = 0; pass < 4; pass++) {
      for (let i = 10_000; i < 10_400; i++) {
        if (table.get(i) === undefined) table.put(i, row(1));
      }
    }
    expect(countHeld(table, 10_000, 10_400)).toBeGreaterThan(300);
  });

  it("keeps rows that are used against many that are not", () => {
    const { table } = filled(100_000, 300);
    for (let i = 0; i < 20_000; i++) {
      table.put(10_000 + i, row(1));
      table.get(i % 300);
    }
    expect(countHeld(table, 0, 300)).toBe(300);
  });

  it("keeps nothing without room, and fits into less", () => {
    let bytesMax = 100_000;
    let resized = 0;
    const memory = new RowMemory({ bytesMax: () => bytesMax, onResize: () => resized++ });
    const table = memory.table("a", rowBytes);
    for (let i = 0; i < 500; i++) table.put(i, row(i));
    const view = table.get(499);
    bytesMax = 10_000;
    memory.fit();
    expect(memory.counts().bytes).toBeLessThanOrEqual(bytesMax);
    bytesMax = 0;
    memory.fit();
    expect(memory.counts()).toMatchObject({ bytes: 0, entries: 0 });
    table.put(1, row(1));
    expect(table.get(1)).toBeUndefined();
    expect(view).toEqual(row(499));
    expect(resized).toBeGreaterThan(2);
  });

  it("never answers with another row, nor has more than its bound", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            table: fc.constantFrom("a", "b", "c"),
            ordinal: fc.nat(200),
            puts: fc.boolean(),
            bytesMax: fc.constantFrom(3_000, 8_000, 20_000),
          }),
          { maxLength: 400 },
        ),
        (steps) => {
          let bytesMax = 20_000;
          const memory = new RowMemory({ bytesMax: () => bytesMax });
          for (const step of steps) {
            const size = { a: 10, b: 60, c: 300 }[step.table] ?? 0;
            const fill = (step.ordinal + size) % 256;
            const table = memory.table(step.table, size);
            if (step.puts) table.put(step.ordinal, new Uint8Array(size).fill(fill));
            const held = table.get(step.ordinal);
            if (held !== undefined) expect(held).toEqual(new Uint8Array(size).fill(fill));
            bytesMax = step.bytesMax;
            memory.fit();
            expect(memory.counts().bytes).toBeLessThanOrEqual(bytesMax);
          }
        },
      ),
    );
  });
});
