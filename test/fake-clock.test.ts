import { describe, expect, it } from "vitest";
import { FakeClock } from "./fake-clock.ts";

describe("fake clock", () => {
  it("stands still until it is advanced", async () => {
    const clock = new FakeClock(0);
    let woken = false;
    const sleeping = clock.sleep(10).then(() => {
      woken = true;
    });
    await clock.advance(9);
    expect([clock.now(), woken]).toEqual([9, false]);
    await clock.advance(1);
    expect([clock.now(), woken]).toEqual([10, true]);
    await sleeping;
  });

  it("wakes sleepers at their own times, those that fall asleep on the way included", async () => {
    const clock = new FakeClock(0);
    const woken: [string, number][] = [];
    const sleep = async (name: string, ...naps: readonly number[]) => {
      for (const ms of naps) {
        await clock.sleep(ms);
        woken.push([name, clock.now()]);
      }
    };
    const all = [sleep("a", 5, 5), sleep("b", 7), sleep("c", 5)];
    await clock.advance(20);
    await Promise.all(all);
    expect(woken).toEqual([
      ["a", 5],
      ["c", 5],
      ["b", 7],
      ["a", 10],
    ]);
    expect(clock.now()).toBe(20);
  });

  it("runs a promise to its end and no further", async () => {
    const clock = new FakeClock(0);
    const slow = async () => {
      for (let i = 0; i < 5; i += 1) await clock.sleep(100);
      return "done";
    };
    const longer = clock.sleep(10_000);
    expect(await clock.run(slow())).toBe("done");
    expect([clock.now(), clock.sleepers]).toEqual([500, 1]);
    await clock.run(longer);
  });

  it("passes a failure on, and says when nobody will ever settle a promise", async () => {
    const clock = new FakeClock(0);
    await expect(clock.run(Promise.reject(new Error("no")))).rejects.toThrow("no");
    await expect(clock.run(new Promise<void>(() => undefined))).rejects.toThrow(
      /still it is pending/,
    );
  });
});
