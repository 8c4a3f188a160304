/**
 * Bytes that a server has ever put into its bucket, by kind of object, from what lies there.
 *
 * Every object but `current` and registry entries is written once and deleted an hour after it is
 * dead at the earliest (limits.collectGraceMs), so within an hour what lies there is what was
 * written, but for those few small objects. A longer run shows less than it wrote.
 */
import type { ObjectStore } from "../../src/store/object-store.ts";
import { openBucket } from "../bucket.ts";

export interface StoredBytes {
  /** WAL entries and attachments of large batches: what a write puts before it is answered. */
  readonly log: number;
  readonly segments: number;
  readonly other: number;
}

/** `state`: folder of a server that has stopped. */
export async function countStoredBytes(state: string): Promise<StoredBytes> {
  const bucket = await openBucket({ state, remote: false });
  try {
    return await sumByKind(bucket.store);
  } finally {
    await bucket.close();
  }
}

export async function sumByKind(store: ObjectStore): Promise<StoredBytes> {
  const sums = { log: 0, segments: 0, other: 0 };
  for (let after: string | undefined; ; ) {
    const page = await store.list("", after === undefined ? {} : { after });
    for (const { key, size } of page.objects) sums[kindOf(key)] += size;
    after = page.objects.at(-1)?.key;
    if (!page.more) return sums;
  }
}

function kindOf(key: string): keyof StoredBytes {
  if (/^t\/[^/]+\/n\/[^/]+\/(wal|part)\//.test(key)) return "log";
  return /^t\/[^/]+\/n\/[^/]+\/segment\//.test(key) ? "segments" : "other";
}
