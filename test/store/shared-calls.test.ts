/** Which call answers whom, and what becomes of those whose leader vanishes. */
import { describe, expect, test } from "vitest";
import type { Clock } from "../../src/ports.ts";
import { SharedCalls } from "../../src/store/shared-calls.ts";
import { FakeClock } from "../fake-clock.ts";
import { SeededRandom } from "../seeded-random.ts";

const options = { gatherMs: 10, patienceMs: 250 };
const never = new Promise<never>(() => {});

/** Calls that take `ms` and are answered with the time at which they began. */
function openRig(ms = 100) {
  const clock = new FakeClock();
  const startMs = clock.now();
  const calls = new SharedCalls<number>(options);
  const sinceStart = (): number => clock.now() - startMs;
  const work = async (): Promise<number> => {
    const begunMs = sinceStart();
    await clock.sleep(ms);
    return begunMs;
  };
  return { clock, calls, sinceStart, work, ask: () => calls.call(clock, "a", work) };
}

describe("a shared call", () => {
  test("begins at once when nothing is under way", async () => {
    const { clock, calls, ask } = openRig();
    expect(await clock.run(ask())).toBe(0);
    await clock.advance(50);
    expect(await clock.run(ask())).toBe(150);
    expect(calls.counts()).toEqual({ made: 2, shared: 0, deserted: 0 });
  });

  test("answers those that gathered for it, never those that came after it began", async () => {
    const { clock, calls, ask } = openRig();
    const first = ask();
    await clock.advance(1);
    const gathered = [ask(), ask()];
    await clock.advance(5);
    gathered.push(ask());
    await clock.advance(10);
    const late = ask();
    expect(await clock.run(first)).toBe(0);
    expect(await clock.run(Promise.all(gathered))).toEqual([11, 11, 11]);
    expect(await clock.run(late)).toBe(26);
    expect(calls.counts()).toEqual({ made: 3, shared: 2, deserted: 0 });
  });

  test("begins as soon as the one under way ends", async () => {
    const { clock, ask } = openRig(4);
    const first = ask();
    await clock.advance(1);
    const gathered = [ask(), ask()];
    expect(await clock.run(first)).toBe(0);
    expect(await clock.run(Promise.all(gathered))).toEqual([4, 4]);
  });

  test("of one key has nothing to do with another's", async () => {
    const { clock, calls, work } = openRig();
    const both = ["a", "b"].map((key) => calls.call(clock, key, work));
    expect(await clock.run(Promise.all(both))).toEqual([0, 0]);
  });

  test("that fails fails for all that share it", async () => {
    const { clock, calls, ask } = openRig();
    const first = ask();
    await clock.advance(1);
    const fail = () => Promise.reject(new Error("no"));
    const gathered = [calls.call(clock, "a", fail), ask(), ask()];
    const settled = await clock.run(Promise.allSettled(gathered));
    expect(settled.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
    expect(await clock.run(first)).toBe(0);
    expect(await clock.run(ask())).toBe(100);
  });
});

describe("followers of a leader that vanished", () => {
  const stopped = (clock: FakeClock): Clock => ({ now: () => clock.now(), sleep: () => never });

  test("while it gathered call for themselves after their own patience", async () => {
    const { clock, calls, work, ask } = openRig();
    void calls.call(clock, "a", () => never);
    await clock.advance(1);
    // Nothing wakes it any more: the call under way has vanished, and so has its own timer.
    void calls.call(stopped(clock), "a", work);
    const followers = [ask(), ask()];
    const begun = await clock.run(Promise.all(followers));
    expect(begun).toEqual([1 + options.patienceMs, 1 + options.patienceMs]);
    expect(calls.counts()).toEqual({ made: 3, shared: 0, deserted: 2 });
    // What both left behind holds nobody up.
    expect(await clock.run(ask())).toBe(1 + options.patienceMs + 100);
  });

  test("while its call was under way call for themselves after their own patience", async () => {
    const { clock, calls, sinceStart, ask } = openRig();
    const first = ask();
    await clock.advance(1);
    void calls.call(clock, "a", () => never);
    const followers = [ask(), ask()];
    expect(await clock.run(first)).toBe(0);
    const begun = await clock.run(Promise.all(followers));
    expect(begun).toEqual([1 + options.patienceMs, 1 + options.patienceMs]);
    expect(calls.counts()).toMatchObject({ shared: 0, deserted: 2 });
    expect(sinceStart()).toBe(1 + options.patienceMs + 100);
    // What it left behind holds nobody up for longer than it takes to gather.
    const atMs = sinceStart();
    expect(await clock.run(ask())).toBeLessThanOrEqual(atMs + options.gatherMs);
  });
});

test("whoever comes when, and whoever vanishes, an answer begins after its request came", async () => {
  const random = new SeededRandom();
  const { clock, calls, sinceStart, work } = openRig(30);
  const asked: Promise<{ readonly atMs: number; readonly begunMs: number }>[] = [];
  for (let i = 0; i < 400; i++) {
    await clock.advance((random.bytes(1)[0] ?? 0) % 13);
    const atMs = sinceStart();
    if (i % 17 === 0) void calls.call(clock, "a", () => never);
    else asked.push(calls.call(clock, "a", work).then((begunMs) => ({ atMs, begunMs })));
  }
  const answers = await clock.run(Promise.all(asked));
  for (const { atMs, begunMs } of answers) {
    expect(begunMs).toBeGreaterThanOrEqual(atMs);
    expect(begunMs).toBeLessThanOrEqual(atMs + options.patienceMs + options.gatherMs);
  }
  const { made, shared, deserted } = calls.counts();
  expect(shared).toBeGreaterThan(50);
  expect(deserted).toBeGreaterThan(0);
  expect(made + shared).toBe(400);
});
