/**
 * Asynchronous operations: run once although messages come twice, finished although consumers die,
 * gone after a day.
 */
import { beforeEach, describe, expect, it } from "vitest";
import { EngineError, invalid, unavailable } from "../src/errors.ts";
import type { OperationRequest, OperationResult } from "../src/format/operation.ts";
import { limits } from "../src/limits.ts";
import { expireOperations } from "../src/operation-expiry.ts";
import {
  type OperationWork,
  readOperation,
  runOperation,
  submitOperation,
} from "../src/operations.ts";
import type { Ports } from "../src/ports.ts";
import { operationResultKey } from "../src/store/keys.ts";
import { MemoryStore } from "../src/store/memory-store.ts";
import { FakeClock } from "./fake-clock.ts";
import { FaultyStore } from "./faulty-store.ts";
import { SeededRandom } from "./seeded-random.ts";
import { syncDigest } from "./sync-digest.ts";

const tenant = "default";
const answer = (text: string): OperationResult => {
  return { status: 200, body: new TextEncoder().encode(text) };
};
const silent = { info: () => {}, warn: () => {}, error: () => {} };

let clock: FakeClock;
let memory: MemoryStore;
let store: FaultyStore;
let ports: Ports;
let events: string[];

beforeEach(() => {
  clock = new FakeClock();
  memory = new MemoryStore({ clock, digest: syncDigest });
  store = new FaultyStore(memory);
  ports = { store, clock, random: new SeededRandom(3), digest: syncDigest, log: silent };
  events = [];
});

function submit(): Promise<string> {
  const request = { kind: "echo", name: "shop", pin: undefined, body: answer("[1]").body };
  return clock.run(submitOperation(ports, tenant, request));
}

/** Does its work by `run`, and notes what happens to it. */
function work(run: (request: OperationRequest) => Promise<OperationResult>): OperationWork {
  return {
    open: async (request) => ({
      run: () => {
        events.push("run");
        return run(request);
      },
      beat: async () => {
        events.push("beat");
      },
      close: async () => {
        events.push("close");
      },
    }),
    refuse: async (error) => {
      const status = error instanceof EngineError && error.kind === "invalid" ? 400 : 503;
      return { status, body: answer(String(error)).body };
    },
  };
}

const echo = work(async ({ body }) => ({ status: 200, body }));
const run = (token: string, how: OperationWork) => {
  return clock.run(runOperation(ports, { tenant, token }, how));
};
const read = (token: string) => clock.run(readOperation(ports, { tenant, token }));
const resultOf = async (token: string): Promise<string> => {
  const state = await read(token);
  if (state?.kind !== "finished") throw new Error(`it is ${state?.kind}`);
  return `${state.result.status} ${new TextDecoder().decode(state.result.body)}`;
};

describe("an operation", () => {
  it("runs once, however many messages say so, and keeps its result", async () => {
    const token = await submit();
    expect(await read(token)).toMatchObject({ kind: "running", name: "shop", isNeglected: false });
    expect(await run(token, echo)).toEqual({ kind: "done" });
    expect(await run(token, echo)).toEqual({ kind: "done" });
    expect(events).toEqual(["run", "close"]);
    expect(await resultOf(token)).toBe("200 [1]");
  });

  it("is left to whoever works on it, who says so every third of a lease", async () => {
    const token = await submit();
    let finish = (): void => {};
    const slow = work(async () => {
      await new Promise<void>((resolve) => (finish = resolve));
      return answer("slow");
    });
    const first = runOperation(ports, { tenant, token }, slow);
    await clock.advance(2.5 * limits.operationLeaseMs);
    const other = await run(token, echo);
    expect(other.kind).toBe("later");
    expect(events.filter((event) => event === "run")).toHaveLength(1);
    expect(events.filter((event) => event === "beat").length).toBeGreaterThanOrEqual(6);
    expect(await read(token)).toMatchObject({ kind: "running", isNeglected: false });
    finish();
    expect(await clock.run(first)).toEqual({ kind: "done" });
    expect(await resultOf(token)).toBe("200 slow");
  });

  it("is done by another when its consumer died, and the first result counts", async () => {
    const token = await submit();
    let finish = (): void => {};
    let isDead = false;
    const dead = { ...ports, store: dyingStore(() => isDead) };
    const slow = work(async () => {
      await new Promise<void>((resolve) => (finish = resolve));
      return answer("late");
    });
    const first = runOperation(dead, { tenant, token }, slow);
    await clock.advance(1_000);
    isDead = true;
    await clock.advance(limits.operationLeaseMs + 1);
    expect(await read(token)).toMatchObject({ kind: "running", isNeglected: true });
    expect(await run(token, echo)).toEqual({ kind: "done" });
    isDead = false;
    finish();
    await clock.run(first);
    expect(await resultOf(token)).toBe("200 [1]");
  });

  it("stops in the hands of a consumer that somebody has overtaken", async () => {
    const token = await submit();
    let isAway = false;
    const away = { ...ports, store: dyingStore(() => isAway) };
    const first = runOperation(
      away,
      { tenant, token },
      work(() => new Promise(() => {})),
    );
    await clock.advance(1_000);
    isAway = true;
    await clock.advance(limits.operationLeaseMs + 1);
    isAway = false;
    const second = runOperation(
      ports,
      { tenant, token },
      work(() => new Promise(() => {})),
    );
    await clock.advance(2 * limits.operationLeaseMs);
    expect(await clock.run(first)).toMatchObject({ kind: "later" });
    expect((await run(token, echo)).kind, "the second works on").toBe("later");
    void second;
  });

  it("is tried again when something below fails, and not when the request is wrong", async () => {
    const flaky = await submit();
    const failing = work(async () => {
      throw unavailable("not now");
    });
    expect(await run(flaky, failing)).toEqual({ kind: "later", afterMs: 2_000 });
    expect(await run(flaky, failing)).toEqual({ kind: "later", afterMs: 4_000 });
    expect(await run(flaky, echo)).toEqual({ kind: "done" });
    expect(await resultOf(flaky)).toBe("200 [1]");
    const wrong = await submit();
    const refusing = work(async () => {
      throw invalid("nonsense");
    });
    expect(await run(wrong, refusing)).toEqual({ kind: "done" });
    expect(await resultOf(wrong)).toBe("400 EngineError: nonsense");
  });

  it("is given up after some attempts, also when each of them died", async () => {
    const token = await submit();
    for (let attempt = 1; attempt <= limits.operationAttemptsMax; attempt++) {
      let isDead = false;
      const dead = { ...ports, store: dyingStore(() => isDead) };
      void runOperation(
        dead,
        { tenant, token },
        work(() => new Promise(() => {})),
      );
      await clock.advance(1_000);
      isDead = true;
      await clock.advance(limits.operationLeaseMs + 1);
    }
    expect(await run(token, echo)).toEqual({ kind: "done" });
    expect(await resultOf(token)).toMatch(/^503 .*failed too often/);
  });

  it("has its result although the answer of every put is lost once", async () => {
    const token = await submit();
    store.failNext("put", "unanswered", 2);
    expect(await run(token, echo)).toEqual({ kind: "done" });
    expect(await resultOf(token)).toBe("200 [1]");
  });

  it("is not found under another token, or what is none", async () => {
    const token = await submit();
    for (const other of [token.replace(/./, (digit) => (digit === "0" ? "1" : "0")), "", "../x"]) {
      expect(await read(other)).toBeUndefined();
    }
  });
});

describe("after a day", () => {
  it("an operation is gone, request first, and no message brings it back", async () => {
    const finished = await submit();
    await run(finished, echo);
    const waiting = await submit();
    expect(await clock.run(expireOperations(ports, tenant))).toEqual([]);
    await clock.advance(limits.operationHintMs);
    expect(await clock.run(expireOperations(ports, tenant))).toEqual([{ tenant, token: waiting }]);
    await clock.advance(limits.operationKeepMs);
    expect(await read(finished)).toBeUndefined();
    expect(await clock.run(expireOperations(ports, tenant))).toEqual([]);
    expect((await memory.list("")).objects).toEqual([]);
    expect(await run(waiting, echo)).toEqual({ kind: "done" });
    expect(events).toEqual(["run", "close"]);
  });

  it("a result whose request is gone already goes too, and is hinted at by nobody", async () => {
    const token = await submit();
    await run(token, echo);
    await clock.advance(limits.operationKeepMs);
    const { objects } = await memory.list("");
    const result = operationResultKey({ tenant, token });
    await memory.delete(objects.map(({ key }) => key).filter((key) => key !== result));
    expect(await run(token, echo)).toEqual({ kind: "done" });
    expect(await clock.run(expireOperations(ports, tenant))).toEqual([]);
    expect((await memory.list("")).objects).toEqual([]);
  });
});

/** Fails everything while it is dead. */
function dyingStore(isDead: () => boolean): Ports["store"] {
  return new Proxy(store, {
    get: (target, property) => {
      const member: unknown = Reflect.get(target, property);
      if (typeof member !== "function") return member;
      return async (...of: unknown[]) => {
        if (isDead()) throw unavailable("dead");
        return (await Reflect.apply(member, target, of)) as unknown;
      };
    },
  });
}
