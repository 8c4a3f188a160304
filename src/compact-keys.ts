/**
 * A flush takes along the idempotency keys of its range, since they go with the log.
 *
 *   1. fold    the newest keys object into them while it is small: one read
 *   2. put     one object of this attempt, unless there is no key. Crash here: an orphan
 *   3. delta   names it, and the objects that it takes the place of or that nobody needs any more
 */

import type { JobContext } from "./compact-resolve.ts";
import { foldedKeys, keptKeys, keptRefs } from "./compaction/keys.ts";
import { isEngineError } from "./errors.ts";
import type { KeysChange, KeysRef, Manifest, WalRange } from "./format/manifest.ts";
import { forgetMs, type KeyRecord, openWriteKeys, sealWriteKeys } from "./format/write-keys.ts";
import { generationRoot, keysKey } from "./store/keys.ts";
import { putUnique } from "./store/put-unique.ts";

/** `name`: of the object, unique to this attempt. Undefined: nothing changes. */
export async function moveKeys(
  context: JobContext,
  manifest: Manifest,
  range: WalRange,
  keys: readonly KeyRecord[],
  name: string,
): Promise<KeysChange | undefined> {
  const nowMs = context.ports.clock.now();
  const newest = keys.length > 0 ? foldedKeys(manifest.keys) : undefined;
  const older = newest && (await readKeys(context, newest));
  const folded = older === undefined ? undefined : newest;
  const records = keptKeys([...(older ?? []), ...keys], nowMs);
  const others = manifest.keys.filter((ref) => ref !== folded);
  const kept = new Set(keptRefs(others, records.length, nowMs));
  const remove = manifest.keys.filter((ref) => !kept.has(ref)).map((ref) => ref.name);
  if (records.length === 0) {
    return remove.length === 0 ? undefined : { remove, add: [] };
  }
  const from = folded?.from ?? range.from;
  const bytes = await storeKeys(context, manifest, { from, to: range.to, records, name });
  const untilMs = Math.max(...records.map(forgetMs));
  const ref: KeysRef = { name, from, to: range.to, keys: records.length, bytes, untilMs };
  if (folded !== undefined) {
    context.ports.log.info("keys folded", { job: context.job.id, keys: records.length });
  }
  return { remove, add: [ref] };
}

/** Undefined if they cannot be read: then they stay apart, and nothing has to wait for them. */
async function readKeys(
  { ports, identity, job }: JobContext,
  { name, from, to }: KeysRef,
): Promise<readonly KeyRecord[] | undefined> {
  const { generation } = job;
  const key = keysKey(generationRoot(identity.tenant, generation), name);
  const stored = await ports.store.get(key);
  try {
    const place = { generation, from, to };
    return stored && (await openWriteKeys(stored.bytes, place, ports.digest)).records;
  } catch (error) {
    if (!isEngineError(error, "corrupt")) {
      throw error;
    }
    ports.log.warn("keys cannot be read", { key, error: error.message });
    return undefined;
  }
}

async function storeKeys(
  { ports, identity, job }: JobContext,
  { epoch }: Manifest,
  { name, ...keys }: WalRange & { readonly records: readonly KeyRecord[]; readonly name: string },
): Promise<number> {
  const { generation } = job;
  const writer = { epoch, nonce: ports.random.bytes(16) };
  const { bytes } = await sealWriteKeys({ generation, ...keys }, writer, ports.digest);
  await putUnique(ports, keysKey(generationRoot(identity.tenant, generation), name), bytes);
  return bytes.length;
}
