/**
 * What only the binding of a bucket shows, below the store interface: etags, versions, both forms
 * of conditions, encryption with a key of the caller's own, bodies that break off, and how fast one
 * key may be written. The binding is described here as far as it is used, so that the cases need
 * the types of no platform.
 */
import { encodeHex } from "../../../src/bytes/hex.ts";
import { isEngineError } from "../../../src/errors.ts";
import {
  type CaseContext,
  check,
  failureOf,
  inTurns,
  type Report,
  replace,
  type StoreCase,
  same,
  stored,
  text,
} from "./case.ts";

export interface BindingUnderTest {
  head(key: string): Promise<BucketObject | null>;
  get(key: string, options?: { ssecKey?: ArrayBuffer | string }): Promise<BucketBody | null>;
  put(
    key: string,
    value: Uint8Array<ArrayBuffer> | ReadableStream,
    options?: {
      onlyIf?: Headers | { etagMatches?: string; etagDoesNotMatch?: string };
      ssecKey?: ArrayBuffer | string;
    },
  ): Promise<BucketObject | null>;
}

interface BucketObject {
  readonly etag: string;
  readonly version: string;
  readonly size: number;
}

interface BucketBody extends BucketObject {
  arrayBuffer(): Promise<ArrayBuffer>;
}

export interface BucketUnderTest {
  readonly binding: BindingUnderTest;
  readonly md5: (bytes: Uint8Array<ArrayBuffer>) => Promise<Uint8Array>;
  /**
   * A body of this length that breaks off when half of it is sent. Only inside the Workers runtime
   * can one be made; without it that case is left out.
   */
  readonly brokenBody?: (bytes: number) => ReadableStream;
}

const brokenBytes = 256 << 10;
const pollMs = 50;
const burst = 20;
const rewrites = 3;

export function bucketCases(bucket: BucketUnderTest): readonly StoreCase[] {
  const { binding, brokenBody } = bucket;
  return [
    {
      group: "binding",
      title: "gives the MD5 of its bytes as the etag of an object put at once",
      run: async (context) => {
        await inTurns(keyNames(context), 4, async (key) => {
          const bytes = text(`bytes of ${key}`);
          const put = await binding.put(key, bytes);
          same(put?.etag, encodeHex(await bucket.md5(bytes)), `etag of ${key}`);
        });
      },
    },
    {
      group: "binding",
      title: "gives equal bytes equal etags, and every put a version of its own",
      run: async (context) => {
        const key = `${context.prefix}a`;
        const puts = await Promise.all(
          Array.from({ length: context.sizes.keys }, (_, i) =>
            binding.put(`${key}${i}`, text("x")),
          ),
        );
        for (let i = 0; i < rewrites; i++) {
          puts.push(await binding.put(key, text("x")));
          await context.sleep(context.rewriteMs);
        }
        same(new Set(puts.map((put) => put?.etag)).size, 1, "different etags");
        same(new Set(puts.map((put) => put?.version)).size, puts.length, "different versions");
      },
    },
    ...conditions(bucket),
    {
      group: "binding",
      title: "gives back what was encrypted with the caller's key; to whom else, is reported",
      run: (context) => encrypt(binding, context),
    },
    ...(brokenBody === undefined
      ? []
      : [
          {
            group: "binding",
            title: "never shows an object whose body broke off while it was sent",
            run: (context: CaseContext) => breakOff(binding, brokenBody, context),
          },
        ]),
    {
      group: "binding",
      title: "takes so many writes of one key a second: reported",
      run: reportBurst,
    },
  ];
}

function keyNames({ prefix, sizes }: CaseContext): string[] {
  return Array.from({ length: sizes.keys }, (_, i) => `${prefix}${i}`);
}

/** The forms a condition may take: as of HTTP, and as the binding's own. */
function conditions({ binding }: BucketUnderTest): readonly StoreCase[] {
  const absent = [
    ["as headers", () => new Headers({ "if-none-match": "*" })],
    ["as an option", () => ({ etagDoesNotMatch: "*" })],
  ] as const;
  const matching = [
    ["as headers", (etag: string) => new Headers({ "if-match": `"${etag}"` })],
    ["as an option", (etag: string) => ({ etagMatches: etag })],
  ] as const;
  return [
    ...absent.map(([form, onlyIf]) => ({
      group: "binding",
      title: `lets one of many racers create a key with the condition given ${form}`,
      run: async (context: CaseContext) => {
        await inTurns(keyNames(context), 2, async (key) => {
          await race(binding, key, context.sizes.racers, onlyIf);
          await context.sleep(context.rewriteMs);
          const late = await binding.put(key, text("late"), { onlyIf: onlyIf() });
          same(late, null, "a create of what exists");
        });
      },
    })),
    ...matching.map(([form, onlyIf]) => ({
      group: "binding",
      title: `lets one of many racers replace an etag with the condition given ${form}`,
      run: async (context: CaseContext) => {
        await inTurns(keyNames(context), 2, async (key) => {
          const { etag } = present(await binding.put(key, text("start")));
          await context.sleep(context.rewriteMs);
          await race(binding, key, context.sizes.racers, () => onlyIf(etag));
          await context.sleep(context.rewriteMs);
          const late = await binding.put(key, text("late"), { onlyIf: onlyIf(etag) });
          same(late, null, "a replace of an etag that is gone");
        });
      },
    })),
  ];
}

type Condition = NonNullable<NonNullable<Parameters<BindingUnderTest["put"]>[2]>["onlyIf"]>;

/** As in race-cases.ts. */
async function race(
  binding: BindingUnderTest,
  key: string,
  racers: number,
  onlyIf: () => Condition,
): Promise<void> {
  const puts = await Promise.all(
    Array.from({ length: racers }, (_, i) =>
      binding.put(key, text(`racer ${i}`), { onlyIf: onlyIf() }).catch(() => undefined),
    ),
  );
  const unanswered = puts.flatMap((put, i) => (put === undefined ? [i] : []));
  const winners = puts.flatMap((put, i) => (put === null || put === undefined ? [] : [i]));
  if (unanswered.length === 0) same(winners.length, 1, `winners of ${racers} on ${key}`);
  check(winners.length <= 1, `${winners.length} of ${racers} won ${key}`);
  const bytes = new TextDecoder().decode(await bytesOf(await binding.get(key)));
  const won = (winners.length === 1 ? winners : unanswered).map((i) => `racer ${i}`);
  check(won.includes(bytes), `${key} holds "${bytes}"`);
}

function present<T>(value: T | null): T {
  if (value === null) throw new Error("the bucket answered null");
  return value;
}

async function bytesOf(body: BucketBody | null): Promise<Uint8Array> {
  return new Uint8Array(await present(body).arrayBuffer());
}

/** R2 refuses who has another key or none; its local twin does not. Nothing here relies on it. */
async function encrypt(binding: BindingUnderTest, { prefix }: CaseContext): Promise<Report> {
  const key = `${prefix}secret`;
  const keyOf = (fill: number): ArrayBuffer => new Uint8Array(32).fill(fill).buffer;
  present(await binding.put(key, text("hidden"), { ssecKey: keyOf(1) }));
  same(await bytesOf(await binding.get(key, { ssecKey: keyOf(1) })), text("hidden"), "bytes");
  const isRefused = (get: Promise<BucketBody | null>): Promise<boolean> =>
    get.then(bytesOf).then(
      () => false,
      () => true,
    );
  return {
    wrong_key_refused: await isRefused(binding.get(key, { ssecKey: keyOf(2) })),
    no_key_refused: await isRefused(binding.get(key)),
  };
}

/** A put whose sender vanishes is refused, and nothing of it may ever appear. */
async function breakOff(
  binding: BindingUnderTest,
  brokenBody: (bytes: number) => ReadableStream,
  context: CaseContext,
): Promise<Report> {
  const { sizes, nowMs, sleep } = context;
  const keys = keyNames(context);
  await inTurns(keys, 2, async (key) => {
    await failureOf(binding.put(key, brokenBody(brokenBytes)));
  });
  const endMs = nowMs() + sizes.lateMs;
  do {
    for (const key of keys) {
      const size = (await binding.head(key))?.size;
      check(size === undefined, `${size} bytes of ${key} appeared`);
    }
    await sleep(Math.min(pollMs, sizes.lateMs));
  } while (nowMs() < endMs);
  return { puts: keys.length, watched_ms: sizes.lateMs };
}

/** The platform says one a second; who is told to slow down, and when, is worth knowing. */
async function reportBurst({ store, prefix, nowMs }: CaseContext): Promise<Report> {
  const key = `${prefix}a`;
  let etag = stored(await store.put(key, text("start"), { kind: "create" }));
  const startedMs = nowMs();
  let overloaded = 0;
  for (let i = 0; i < burst; i++) {
    try {
      etag = stored(await store.put(key, text(`${i}`), replace(etag)));
    } catch (error) {
      if (!isEngineError(error, "overloaded")) throw error;
      overloaded += 1;
      const present = await store.head(key);
      etag = present?.etag ?? etag;
    }
  }
  return { puts: burst, overloaded, ms: nowMs() - startedMs };
}
