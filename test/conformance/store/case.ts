/**
 * The form of a conformance case: a function that throws if a promise of the store is not kept. It
 * needs no test runner, so the same cases run in Node, inside workerd, and by command on anybody's
 * bucket.
 *
 * A case may report what it measured instead of judging it: what a store does not promise, but its
 * users want to know.
 */

import { isEngineError } from "../../../src/errors.ts";
import type { Digest } from "../../../src/ports.ts";
import type {
  ListOptions,
  ObjectStore,
  PutMode,
  PutOptions,
  PutResult,
} from "../../../src/store/object-store.ts";

export interface StoreCase {
  /** Where it belongs, such as `create`. */
  readonly group: string;
  /** A sentence that begins with the group's name or goes on from it. */
  readonly title: string;
  readonly run: (context: CaseContext) => Promise<Report | undefined> | Promise<void>;
}

export type Report = Readonly<Record<string, number | string | boolean>>;

export interface StoreUnderTest {
  readonly store: ObjectStore;
  readonly digest: Digest;
  /** Bounds of what `uploadedMs` may say about something just stored. */
  readonly nowMs: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  readonly sizes: CaseSizes;
  /** How far that clock and the store's may be apart. */
  readonly skewMs: number;
  /** Between two writes of a key where the bucket takes only so many. */
  readonly rewriteMs: number;
}

export interface CaseSizes {
  /** Puts that race for one key. */
  readonly racers: number;
  /** Keys that are raced for, or written and read back, by each such case. */
  readonly keys: number;
  /** How long to look whether a put that nobody waits for lands after all. */
  readonly lateMs: number;
}

export interface CaseContext extends StoreUnderTest {
  /** A part of the key space that no other case uses; ends with a slash. */
  readonly prefix: string;
}

export const create = { kind: "create" } as const;

export function replace(etag: string) {
  return { kind: "replace", etag } as const;
}

export function text(value: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(new TextEncoder().encode(value));
}

/** The etag of a put that must have succeeded. */
export function stored(result: PutResult): string {
  if (result.kind !== "stored") throw new Error(`a put answered ${result.kind}`);
  return result.etag;
}

/** The put must have lost against what is there. */
export function refused(result: PutResult): void {
  if (result.kind !== "precondition") throw new Error(`a put answered ${result.kind}`);
}

const putAttemptsMax = 8;

/**
 * A put that must succeed, where one key is written several times: a bucket takes about one write
 * of a key a second. An attempt without an answer may have been applied, so a loss after it is a
 * success if the object is ours. Returns the etag.
 */
export async function putInTime(
  { store, sleep, rewriteMs }: CaseContext,
  key: string,
  bytes: Uint8Array,
  mode: PutMode,
  options: PutOptions = {},
): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    try {
      const result = await store.put(key, bytes, mode, options);
      const object = attempt > 1 && result.kind !== "stored" ? await store.get(key) : undefined;
      return object !== undefined && show(object.bytes) === show(bytes)
        ? object.etag
        : stored(result);
    } catch (error) {
      if (!isNoAnswer(error) || attempt === putAttemptsMax) throw error;
      await sleep(rewriteMs);
    }
  }
}

/** The put may have been applied or not. */
export function isNoAnswer(error: unknown): boolean {
  return isEngineError(error, "overloaded") || isEngineError(error, "unavailable");
}

export function check(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

/** Compares by value: bytes, texts, numbers, lists and plain objects of them. */
export function same(actual: unknown, expected: unknown, what: string): void {
  const [is, should] = [show(actual), show(expected)];
  if (is !== should) throw new Error(`${what}: ${shorten(is)} instead of ${shorten(should)}`);
}

function show(value: unknown): string {
  if (value instanceof Uint8Array) return `bytes(${value.join()})`;
  if (Array.isArray(value)) return `[${value.map(show).join()}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "undefined";
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  const sorted = fields.toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${sorted.map(([name, field]) => `${name}:${show(field)}`).join()}}`;
}

const shownCharacters = 200;

function shorten(shown: string): string {
  return shown.length > shownCharacters ? `${shown.slice(0, shownCharacters)}…` : shown;
}

export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("it succeeded, and should not have");
}

/** All keys, page after page. */
export async function keysOf(
  store: ObjectStore,
  prefix: string,
  options: ListOptions = {},
): Promise<string[]> {
  const keys: string[] = [];
  for (let after = options.after; ; after = keys.at(-1)) {
    const page = await store.list(prefix, {
      ...options,
      ...(after === undefined ? {} : { after }),
    });
    keys.push(...page.objects.map(({ key }) => key));
    if (!page.more) return keys;
  }
}

/** A few at a time: a bucket answers a handful of connections at once. */
export async function inTurns<T>(
  items: readonly T[],
  atOnce: number,
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let at = next++; at < items.length; at = next++) await work(items[at] as T, at);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
