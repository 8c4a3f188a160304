import { describe, expect, it } from "vitest";
import type { BlockPosition } from "../../src/store/block.ts";
import { EdgeHistory } from "../../src/store/edge-history.ts";

const at = (offset: number, key = "a"): BlockPosition => ({ key, offset, length: 10 });

function missRow(history: EdgeHistory, count: number, nowMs = 0): void {
  for (let i = 0; i < count; i += 1) history.miss(at(10 * i), nowMs);
}

describe("edge history", () => {
  it("asks for a new object until four lookups in a row missed, then leaves it alone", () => {
    const history = new EdgeHistory();
    expect(history.worthAsking(at(0), 0)).toBe(true);
    missRow(history, 3);
    expect(history.worthAsking(at(500), 0)).toBe(true);
    missRow(history, 1);
    expect(history.worthAsking(at(500), 29_999)).toBe(false);
    expect(history.worthAsking(at(500, "b"), 0)).toBe(true);
  });

  it("tries a cold object again after a while, and one more miss is enough then", () => {
    const history = new EdgeHistory();
    missRow(history, 4);
    expect(history.worthAsking(at(500), 30_000)).toBe(true);
    history.miss(at(500), 30_000);
    expect(history.worthAsking(at(500), 59_999)).toBe(false);
  });

  it("asks for blocks known to be there even if the object is cold otherwise", () => {
    const history = new EdgeHistory();
    history.stored(at(70));
    missRow(history, 4);
    expect(history.worthAsking(at(70), 0)).toBe(true);
    expect(history.worthAsking(at(80), 0)).toBe(false);
    history.miss(at(70), 0);
    expect(history.worthAsking(at(70), 0)).toBe(false);
  });

  it("counts an object as warm again after a hit", () => {
    const history = new EdgeHistory();
    history.stored(at(70));
    missRow(history, 4);
    history.hit(at(70));
    expect(history.worthAsking(at(80), 0)).toBe(true);
    missRow(history, 3);
    expect(history.worthAsking(at(80), 0)).toBe(true);
  });

  it("stops asking altogether when the cache never keeps what it is given", () => {
    const history = new EdgeHistory();
    for (let i = 0; i < 32; i += 1) {
      history.stored(at(i, `object ${i}`));
      expect(history.worthAsking(at(i, `object ${i}`), 0)).toBe(true);
      history.miss(at(i, `object ${i}`), 0);
    }
    expect(history.worthAsking(at(0, "new"), 299_999)).toBe(false);
    expect(history.worthAsking(at(0, "new"), 300_000)).toBe(true);
  });

  it("forgets the oldest blocks and objects instead of growing", () => {
    const history = new EdgeHistory();
    missRow(history, 4);
    for (let i = 0; i < 1_024; i += 1) history.miss(at(0, `object ${i}`), 0);
    expect(history.worthAsking(at(500), 0)).toBe(true);
    history.stored(at(70));
    for (let i = 0; i < 8 * 131_072; i += 1) history.stored(at(i, "many"));
    missRow(history, 4);
    expect(history.worthAsking(at(70), 0)).toBe(false);
  });

  it("knows all the blocks that the queries of a large namespace have stored", () => {
    const history = new EdgeHistory();
    for (let i = 0; i < 30_000; i += 1) history.stored(at(i * 10));
    missRow(history, 4);
    const forgotten = Array.from({ length: 30_000 }, (_, i) => i * 10).filter(
      (offset) => !history.worthAsking(at(offset), 0),
    );
    // The four that were missed, and what met four others in its bucket.
    expect(forgotten.length).toBeLessThan(300);
  });
});
