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
  keysOf,
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
const chainLength = 5;
const abandonedPerKey = 5;
const pollMs = 20;

function keyNames({ prefix, sizes }: CaseContext): string[] {
  return Array.from({ length: sizes.keys }, (_, i) => `${prefix}${i}`);
}

/** Exactly one wins, all others are told that they lost, and the winner's bytes are the object. */
async function race(store: ObjectStore, key: string, racers: number, mode: PutMode): Promise<void> {
  const results = await Promise.all(
    Array.from({ length: racers }, (_, i) => store.put(key, text(`racer ${i}`), mode)),
  );
  const winners = results.flatMap(({ kind }, i) => (kind === "stored" ? [i] : []));
  same(winners.length, 1, `winners of ${racers} on ${key}`);
  same((await store.get(key))?.bytes, text(`racer ${winners[0]}`), `bytes of ${key}`);
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
    run: async (context) => {
      await inTurns(keyNames(context), keysAtOnce, (key) =>
        race(context.store, key, context.sizes.racers, create),
      );
    },
  },
  {
    group: "create",
    title: "succeeds again after a delete, however often",
    run: async ({ store, prefix }) => {
      for (let round = 0; round < 3; round++) {
        stored(await store.put(`${prefix}a`, text(`round ${round}`), create));
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
    run: async ({ store, prefix }) => {
      const first = stored(await store.put(`${prefix}a`, text("1"), create));
      const second = stored(await store.put(`${prefix}a`, text("2"), replace(first)));
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
    run: async (context) => {
      const { store, sizes } = context;
      await inTurns(keyNames(context), keysAtOnce, async (key) => {
        const etag = stored(await store.put(key, text("start"), create));
        await race(store, key, sizes.racers, replace(etag));
      });
    },
  },
  {
    group: "replace",
    title: "counts right when many count up one object, each after a fresh read",
    run: async ({ store, prefix, sizes }) => {
      const key = `${prefix}counter`;
      stored(await store.put(key, text("0"), create));
      let counted = 0;
      const count = async (): Promise<void> => {
        for (let tries = 0; tries < 4; tries++) {
          const before = await store.get(key);
          const next = Number(new TextDecoder().decode(before?.bytes)) + 1;
          const put = await store.put(key, text(`${next}`), replace(before?.etag ?? ""));
          if (put.kind === "stored") counted += 1;
        }
      };
      await Promise.all(Array.from({ length: Math.ceil(sizes.racers / 4) }, count));
      check(counted > 0, "nobody ever won");
      same((await store.get(key))?.bytes, text(`${counted}`), "the counter");
    },
  },
  {
    group: "replace",
    title: "replaces metadata with the bytes",
    run: async ({ store, prefix }) => {
      const put = await store.put(`${prefix}a`, text("1"), create, {
        metadata: { a: "1", b: "2" },
      });
      stored(
        await store.put(`${prefix}a`, text("2"), replace(stored(put)), { metadata: { b: "3" } }),
      );
      same((await store.head(`${prefix}a`))?.metadata, { b: "3" }, "metadata");
    },
  },
  {
    group: "replace",
    title: "can be undone by equal bytes, so equal bytes must never be written twice",
    run: async ({ store, prefix }) => {
      const first = stored(await store.put(`${prefix}a`, text("1"), create));
      const second = stored(await store.put(`${prefix}a`, text("2"), replace(first)));
      const third = stored(await store.put(`${prefix}a`, text("1"), replace(second)));
      same(third, first, "etag of equal bytes");
    },
  },
];

const visible: readonly StoreCase[] = [
  {
    group: "visibility",
    title: "is immediate: get, head and list see every put and every delete before them",
    run: async (context) => {
      const { store } = context;
      await inTurns(keyNames(context), chainsAtOnce, async (key) => {
        let etag = stored(await store.put(key, text("0"), create));
        for (let step = 1; step <= chainLength; step++) {
          same((await store.get(key))?.bytes, text(`${step - 1}`), `get of ${key}`);
          same((await store.head(key))?.etag, etag, `head of ${key}`);
          const listed = (await store.list(key)).objects.find((object) => object.key === key);
          same(listed?.etag, etag, `${key} in a list`);
          etag = stored(await store.put(key, text(`${step}`), replace(etag)));
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

/** Puts are sent and not waited for; each key is then asked for until it is there, or time is up. */
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
  check(failed.size > 0 || missing.size === 0, `${missing.size} puts succeeded and are not there`);
  return { puts: keys.length, failed: failed.size, missing: missing.size, late_ms_max: lateMs };
}

export const raceCases = [...creating, ...replacing, ...visible];
