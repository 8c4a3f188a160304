/** What calls of a namespace's object do when the platform fails them. */
import { describe, expect, it } from "vitest";
import { EngineError } from "../../../src/errors.ts";
import { type Reply, replyError } from "../../../src/namespace/protocol.ts";
import { repeatCalls } from "../../../workers/platform/namespace-client.ts";

type Step = Reply<number> | Error;

/** Answers and failures in turn; counts the attempts and the waits between them. */
async function run(...steps: readonly [Step, ...Step[]]) {
  let attempts = 0;
  const waits: number[] = [];
  const clock = {
    now: () => 0,
    sleep: async (ms: number) => {
      waits.push(ms);
    },
  };
  const random = { bytes: (length: number) => new Uint8Array(length).fill(128) };
  const work = repeatCalls({ clock, random }, async () => {
    const step = steps[attempts] ?? steps[0];
    attempts += 1;
    if (step instanceof Error) throw step;
    return step;
  });
  const outcome = await work.catch((error: unknown) => error);
  return { outcome, attempts, waits };
}

function thrown(...flags: readonly string[]): Error {
  const error = new Error("the platform says no");
  for (const flag of flags) Reflect.set(error, flag, true);
  return error;
}

const fine: Reply<number> = { ok: true, value: 7 };
const fenced = replyError(new EngineError("fenced", "replaced"));

describe("a call", () => {
  it("is made once when it is answered, whatever the answer", async () => {
    const notFound = replyError(new EngineError("notFound", "nobody"));
    for (const reply of [fine, notFound]) {
      expect(await run(reply)).toMatchObject({ outcome: reply, attempts: 1, waits: [] });
    }
  });

  it.each([["retryable"], ["durableObjectReset"], ["retryable", "remote"]])(
    "is repeated after a failure that is %s",
    async (...flags) => {
      const { outcome, attempts, waits } = await run(thrown(...flags), thrown(...flags), fine);
      expect({ outcome, attempts }).toEqual({ outcome: fine, attempts: 3 });
      expect(waits).toHaveLength(2);
    },
  );

  it("is repeated when the instance that answered had been replaced", async () => {
    expect(await run(fenced, fine)).toMatchObject({ outcome: fine, attempts: 2 });
  });

  it("is not repeated for ever", async () => {
    for (const step of [thrown("retryable"), fenced]) {
      const { outcome, attempts, waits } = await run(step);
      expect(outcome).toMatchObject({ kind: "unavailable" });
      expect(attempts).toBe(5);
      expect(waits.reduce((sum, ms) => sum + ms, 0)).toBeLessThan(3_000);
    }
  });

  it("is never repeated when the object is overloaded: that would add to it", async () => {
    const { outcome, attempts } = await run(thrown("overloaded", "retryable"), fine);
    expect(attempts).toBe(1);
    expect(outcome).toMatchObject({ kind: "overloaded", detail: { retryAfterMs: 1_000 } });
  });

  it("shows a mistake of the object as it is, and a broken connection as unavailable", async () => {
    const bug = thrown("remote");
    expect(await run(bug, fine)).toMatchObject({ outcome: bug, attempts: 1 });
    const cut = await run(thrown(), fine);
    expect(cut).toMatchObject({ outcome: { kind: "unavailable" }, attempts: 1 });
  });
});
