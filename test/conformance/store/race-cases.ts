/**
 * Conditional writes and what is seen after them: what the order of the log rests on. Everything
 * here is repeated for a number of keys, at a number of racers each.
 */
import type { ObjectStore, PutMode } from "../../../src/store/object-store.ts";
import {
  type CaseContext,
  check,
  create,
  inTurns,
  isNoAnswer,
  keysOf,
  putInTime,
  type Report,
  refused,
  replace,
  type StoreCase,
  same,
  stored,
  text,
} from "./case.ts";

/** Keys under way at once: each has all its racers. */
const keysAtOnce = 2;
const chainsAtOnce = 6;
const chainLength = 3;
const triesPerCounter = 4;
const abandonedPerKey = 5;
const pollMs = 20;

function keyNames({ prefix, sizes }: CaseContext): string[] {
  return Array.from({ length: sizes.keys }, (_, i) => `${prefix}${i}`);
}

/**
 * Exactly one wins, all others are told that they lost, and the winner's bytes are the object. A
 * racer without an answer (a bucket may tell so many at once to slow down) may have won instead.
 */
async function race(store: ObjectStore, key: string, racers: number, mode: PutMode) {
  const results = await Promise.all(
    Array.from({ length: racers }, (_, i) =>
      store.put(key, text(`racer ${i}`), mode).catch((error: unknown) => {
        if (!isNoAnswer(error)) throw error;
        return { kind: "unanswered" as const };
      }),
    ),
  );
  const of = (wanted: string): number[] =>
    results.flatMap(({ kind }, i) => (kind === wanted ? [i] : []));
  const [winners, unanswered] = [of("stored"), of("unanswered")];
  const bytes = (await store.get(key))?.bytes;
  const won = Number(/^racer (\d+)$/.exec(new TextDecoder().decode(bytes))?.[1] ?? Number.NaN);
  if (unanswered.length === 0) same(winners.length, 1, `winners of ${racers} on ${key}`);
  check(winners.length <= 1, `${winners.length} of ${racers} won ${key}`);
  check((winners.length === 1 ? winners : unanswered).includes(won), `${key} is of racer ${won}`);
  return unanswered.length;
}

/** Many races, and how many racers were left without an answer. */
async function raceAll(
  context: CaseContext,
  modeOf: (key: string) => Promise<PutMode>,
): Promise<Report> {
  const { store, sizes } = context;
  let unanswered = 0;
  await inTurns(keyNames(context), keysAtOnce, async (key) => {
    unanswered += await race(store, key, sizes.racers, await modeOf(key));
  });
  return { races: sizes.keys, racers: sizes.racers, unanswered };
}

const creating: readonly StoreCase[] = [
  {
    group: "create",
    title: "succeeds once and leaves the first bytes",
    run: async ({ store, prefix }) => {
      stored(await store.put(`${prefix}a`, text("first"), create));
      refused(await store.put(`${prefix}a`, text("second"), create));
      refused(await store.put(`${prefix}a`, text("first"), create));
      same((await store.get(`${prefix}a`))?.bytes, text("first"), "bytes");
    },
  },
  {
    group: "create",
    title: "has exactly one winner among many racers, whose bytes are the object",
    run: (context) => raceAll(context, async () => create),
  },
  {
    group: "create",
    title: "succeeds again after a delete, however often",
    run: async (context) => {
      const { store, prefix } = context;
      for (let round = 0; round < 3; round++) {
        await putInTime(context, `${prefix}a`, text(`round ${round}`), create);
        refused(await store.put(`${prefix}a`, text("late"), create));
        same((await store.get(`${prefix}a`))?.bytes, text(`round ${round}`), "bytes");
        await store.delete([`${prefix}a`]);
        same(await store.head(`${prefix}a`), undefined, "after the delete");
      }
    },
  },
];

const replacing: readonly StoreCase[] = [
  {
    group: "replace",
    title: "succeeds only against the etag that is there",
    run: async (context) => {
      const { store, prefix } = context;
      const first = await putInTime(context, `${prefix}a`, text("1"), create);
      const second = await putInTime(context, `${prefix}a`, text("2"), replace(first));
      refused(await store.put(`${prefix}a`, text("3"), replace(first)));
      const object = await store.get(`${prefix}a`);
      same([object?.bytes, object?.etag], [text("2"), second], "bytes and etag");
    },
  },
  {
    group: "replace",
    title: "fails where there is no object, never was or no longer is",
    run: async ({ store, prefix }) => {
      const etag = stored(await store.put(`${prefix}a`, text("1"), create));
      refused(await store.put(`${prefix}b`, text("2"), replace(etag)));
      same(await store.head(`${prefix}b`), undefined, "the object");
      await store.delete([`${prefix}a`]);
      refused(await store.put(`${prefix}a`, text("2"), replace(etag)));
      same(await store.head(`${prefix}a`), undefined, "the deleted object");
    },
  },
  {
    group: "replace",
    title: "has exactly one winner among many racers, whose bytes are the object",
    run: (context) =>
      raceAll(context, async (key) =>
        replace(await putInTime(context, key, text("start"), create)),
      ),
  },
  {
    group: "replace",
    title: "counts right when many count up one object, each after a fresh read",
    run: countUp,
  },
  {
    group: "replace",
    title: "replaces metadata with the bytes",
    run: async (context) => {
      const { store, prefix } = context;
      const metadata = { a: "1", b: "2" };
      const etag = await putInTime(context, `${prefix}a`, text("1"), create, { metadata });
      await putInTime(context, `${prefix}a`, text("2"), replace(etag), { metadata: { b: "3" } });
      same((await store.head(`${prefix}a`))?.metadata, { b: "3" }, "metadata");
    },
  },
  {
    group: "replace",
    title: "can be undone by equal bytes, so equal bytes must never be written twice",
    run: async (context) => {
      const key = `${context.prefix}a`;
      const first = await putInTime(context, key, text("1"), create);
      const second = await putInTime(context, key, text("2"), replace(first));
      const third = await putInTime(context, key, text("1"), replace(second));
      same(third, first, "etag of equal bytes");
    },
  },
];

/** An increment without an answer may have counted. */
async function countUp({ store, prefix, sizes }: CaseContext): Promise<Report> {
  const key = `${prefix}counter`;
  stored(await store.put(key, text("0"), create));
  const valueOf = (bytes: Uint8Array | undefined) => Number(new TextDecoder().decode(bytes));
  let counted = 0;
  let unanswered = 0;
  const count = async (counter: number): Promise<void> => {
    for (let tries = 0; tries < triesPerCounter; tries++) {
      const before = await store.get(key);
      // Padded differently by each, so that equal values have different etags.
      const next = text(`${valueOf(before?.bytes) + 1}`.padStart(counter + 4));
      try {
        const put = await store.put(key, next, replace(before?.etag ?? ""));
        if (put.kind === "stored") counted += 1;
      } catch (error) {
        if (!isNoAnswer(error)) throw error;
        unanswered += 1;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.ceil(sizes.racers / 4) }, (_, i) => count(i)));
  const value = valueOf((await store.get(key))?.bytes);
  check(counted + unanswered > 0, "nobody ever won");
  check(value >= counted && value <= counted + unanswered, `${counted} counted, it says ${value}`);
  return { counted, unanswered };
}

const visible: readonly StoreCase[] = [
  {
    group: "visibility",
    title: "is immediate: get, head and list see every put and every delete before them",
    run: async (context) => {
      const { store } = context;
      await inTurns(keyNames(context), chainsAtOnce, async (key) => {
        let etag = await putInTime(context, key, text("0"), create);
        for (let step = 1; step <= chainLength; step++) {
          same((await store.get(key))?.bytes, text(`${step - 1}`), `get of ${key}`);
          same((await store.head(key))?.etag, etag, `head of ${key}`);
          const listed = (await store.list(key)).objects.find((object) => object.key === key);
          same(listed?.etag, etag, `${key} in a list`);
          etag = await putInTime(context, key, text(`${step}`), replace(etag));
        }
        await store.delete([key]);
        same(await store.get(key), undefined, `get of ${key} after its delete`);
        same(await store.head(key), undefined, `head of ${key} after its delete`);
        const left = (await keysOf(store, key)).includes(key);
        check(!left, `${key} is listed after its delete`);
      });
    },
  },
  {
    group: "visibility",
    title: "is all or nothing while an object is being put",
    run: async ({ store, prefix }) => {
      const key = `${prefix}a`;
      const bytes = new Uint8Array(2 << 20).fill(7);
      let done = false;
      const put = store.put(key, bytes, create).finally(() => {
        done = true;
      });
      while (!done) {
        const size = (await store.head(key))?.size;
        check(size === undefined || size === bytes.length, `${size} bytes are visible`);
      }
      stored(await put);
      same((await store.head(key))?.size, bytes.length, "size");
    },
  },
  {
    group: "visibility",
    title: "comes late for puts that nobody waits for: how late is reported",
    run: reportAbandoned,
  },
];

/** Puts are sent and not waited for; each key is asked for until it is there, or time is up. */
async function reportAbandoned(context: CaseContext): Promise<Report> {
  const { store, nowMs, sleep, sizes } = context;
  const keys = keyNames(context).flatMap((key) =>
    Array.from({ length: abandonedPerKey }, (_, i) => `${key}-${i}`),
  );
  const sentMs = nowMs();
  const failed = new Set<string>();
  const puts = keys.map((key) => {
    return store.put(key, new Uint8Array(64 << 10).fill(1), create).catch(() => failed.add(key));
  });
  const missing = new Set(keys);
  let lateMs = 0;
  while (missing.size > 0 && nowMs() - sentMs < sizes.lateMs) {
    for (const key of missing) {
      if ((await store.head(key)) === undefined) continue;
      missing.delete(key);
      lateMs = nowMs() - sentMs;
    }
    if (missing.size > 0) await sleep(pollMs);
  }
  await Promise.all(puts);
  for (const key of missing) {
    const isThere = failed.has(key) || (await store.head(key)) !== undefined;
    check(isThere, `the put of ${key} succeeded, and it is not there`);
  }
  return { puts: keys.length, failed: failed.size, missing: missing.size, late_ms_max: lateMs };
}

export const raceCases = [...creating, ...replacing, ...visible];
