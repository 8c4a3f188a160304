import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MemoryBudget, RequestBudget } from "../../src/store/memory-budget.ts";
import { FakeClock } from "../fake-clock.ts";

function open(bytesMax = 100, leaseMs = 60_000) {
  const clock = new FakeClock(0);
  return { clock, budget: new MemoryBudget(clock, { bytesMax, leaseMs }) };
}

describe("memory budget", () => {
  it("admits what fits, and what is released can be had again", () => {
    const { budget } = open();
    const first = budget.tryReserve(60);
    expect(budget.tryReserve(41)).toBeUndefined();
    expect(budget.tryReserve(40)).toBeDefined();
    first?.release();
    expect(budget.tryReserve(60)).toBeDefined();
    expect(budget.counts()).toMatchObject({
      reservedBytes: 100,
      reservedBytesPeak: 100,
      admitted: 3,
    });
  });

  it("takes a release only once", () => {
    const { budget } = open();
    const first = budget.tryReserve(60);
    budget.tryReserve(40);
    first?.release();
    first?.release();
    expect(budget.counts().reservedBytes).toBe(40);
  });

  it("refuses at once what can never fit", async () => {
    const { budget } = open();
    expect(() => budget.tryReserve(101)).toThrow(/never/);
    await expect(budget.reserve(101)).rejects.toMatchObject({ kind: "tooLarge" });
  });

  it("lets a request wait until another has released", async () => {
    const { clock, budget } = open();
    const first = await budget.reserve(80);
    const second = budget.reserve(80);
    await clock.advance(500);
    expect(budget.counts()).toMatchObject({ reservedBytes: 80, admitted: 1 });
    first.release();
    await clock.advance(10);
    expect((await second).bytes).toBe(80);
    expect(budget.counts()).toMatchObject({ reservedBytes: 80, waited: 1, refused: 0 });
  });

  it("answers overloaded when the wait is over, and keeps nothing", async () => {
    const { clock, budget } = open();
    const first = await budget.reserve(80);
    await expect(clock.run(budget.reserve(80, 300))).rejects.toMatchObject({
      kind: "overloaded",
      detail: { retryAfterMs: 1_000 },
    });
    expect(clock.now()).toBe(300);
    first.release();
    expect(budget.counts()).toMatchObject({ reservedBytes: 0, refused: 1 });
    expect(budget.tryReserve(100)).toBeDefined();
  });

  it("ends a lease at its deadline, for whoever vanished without releasing", async () => {
    const { clock, budget } = open(100, 1_000);
    const vanished = budget.tryReserve(80);
    await clock.advance(999);
    expect(budget.tryReserve(80)).toBeUndefined();
    await clock.advance(1);
    expect(budget.tryReserve(80)).toBeDefined();
    vanished?.release();
    expect(budget.counts()).toMatchObject({ reservedBytes: 80, expired: 1 });
  });

  it("serves waiters in order, so that small ones do not starve a large one", async () => {
    const { clock, budget } = open();
    const held = await budget.reserve(50);
    const order: string[] = [];
    const wait = async (name: string, bytes: number) => {
      const reservation = await budget.reserve(bytes);
      order.push(name);
      reservation.release();
    };
    const all = [wait("large", 90), wait("small", 10), wait("small too", 10)];
    await clock.advance(100);
    expect(order).toEqual([]);
    expect(budget.tryReserve(1)).toBeUndefined();
    held.release();
    await clock.run(Promise.all(all));
    expect(order).toEqual(["large", "small", "small too"]);
  });

  it("does not let a waiter that vanished hold up the others", async () => {
    const clock = new FakeClock(0);
    let cutOff = false;
    const sleep = (ms: number) => (cutOff ? new Promise<void>(() => undefined) : clock.sleep(ms));
    const budget = new MemoryBudget({ now: () => clock.now(), sleep }, { bytesMax: 100 });
    const held = budget.tryReserve(100);
    cutOff = true;
    const vanished = budget.reserve(50);
    cutOff = false;
    held?.release();
    expect(budget.tryReserve(1)).toBeUndefined();
    await clock.advance(300);
    expect(budget.tryReserve(1)).toBeDefined();
    expect(await Promise.race([vanished, Promise.resolve("still waiting")])).toBe("still waiting");
  });

  it("never exceeds its bound, whatever is reserved and released", () => {
    const step = fc.record({ take: fc.nat(120), give: fc.nat(5) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { budget } = open();
        const held: { bytes: number; release(): void }[] = [];
        for (const { take, give } of steps) {
          if (take <= 100) {
            const reservation = budget.tryReserve(take);
            if (reservation !== undefined) held.push(reservation);
          }
          if (give < held.length) held.splice(give, 1)[0]?.release();
          const sum = held.reduce((total, { bytes }) => total + bytes, 0);
          expect(budget.counts().reservedBytes).toBe(sum);
          expect(sum).toBeLessThanOrEqual(100);
        }
      }),
    );
  });
});

describe("a request's part in a budget", () => {
  it("is given back when its client is gone, and gets no more", async () => {
    const { clock, budget } = open();
    const request = new RequestBudget(budget);
    const released = request.tryReserve(10);
    request.tryReserve(30);
    await request.reserve(40);
    released?.release();
    expect(budget.counts().reservedBytes).toBe(70);
    const waiting = request.reserve(50);
    request.close();
    expect(budget.counts().reservedBytes).toBe(0);
    await expect(clock.run(waiting)).rejects.toThrow("the client is gone");
    expect(() => request.tryReserve(1)).toThrow("the client is gone");
    await expect(request.reserve(1)).rejects.toThrow("the client is gone");
    released?.release();
    expect(budget.counts().reservedBytes).toBe(0);
    expect(budget.tryReserve(100)).toBeDefined();
  });
});
