/**
 * What the simulated bucket takes of a load, so that it can be left out: CPU time of an otherwise
 * empty Worker that puts objects of the same keys, sizes, conditions, checksums and metadata, one
 * after the other, into a bucket of the same simulator.
 *
 * Objects are those that lie there after the load: each was put once, but for `current`, which is
 * put again up to once a second and counts once. Their bytes are zeros, which the simulator writes
 * and hashes as any others. Reads of the bucket, the queue, storage of the object and HTTP are not
 * replayed: they stay ours.
 */
import { createHash } from "node:crypto";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import type { ObjectInfo } from "../../src/store/object-store.ts";
import { openBucket } from "../bucket.ts";
import { cpuMs, descendants } from "../process-cpu.ts";
import { withTemporaryFolder } from "../temporary-folder.ts";

export interface PutReplay {
  readonly puts: number;
  readonly bytes: number;
  readonly cpuSeconds: number;
}

/** `stateDir`: of a stopped server. */
export async function replayPuts(stateDir: string): Promise<PutReplay> {
  const objects = await listObjects(stateDir);
  const bytes = objects.reduce((sum, { size }) => sum + size, 0);
  const cpuSeconds = await withTemporaryFolder("replay", (folder) => replay(folder, objects));
  return { puts: objects.length, bytes, cpuSeconds };
}

async function listObjects(state: string): Promise<readonly ObjectInfo[]> {
  const bucket = await openBucket({ state, remote: false });
  try {
    const objects: ObjectInfo[] = [];
    for (let after = ""; ; ) {
      const options = { metadata: true, ...(after !== "" && { after }) };
      const page = await bucket.store.list("", options);
      objects.push(...page.objects);
      after = page.objects.at(-1)?.key ?? after;
      if (!page.more) return objects;
    }
  } finally {
    await bucket.close();
  }
}

const worker = `
const room = new Uint8Array(32 * 1024 * 1024);
export default {
  async fetch(request, env) {
    for (const { key, size, sha256, customMetadata } of await request.json()) {
      const onlyIf = { etagDoesNotMatch: "*" };
      await env.BUCKET.put(key, room.subarray(0, size), { onlyIf, sha256, customMetadata });
    }
    return new Response("done");
  },
};`;

async function replay(folder: string, objects: readonly ObjectInfo[]): Promise<number> {
  const others = new Set(descendants(process.pid));
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      log: new Log(LogLevel.NONE),
      telemetry: { enabled: false },
      resourcePersistencePath: folder,
      workers: [{ name: "replay", modules: true, script: worker, r2Buckets: ["BUCKET"] }],
    }),
  );
  try {
    await miniflare.ready;
    const runtime = descendants(process.pid).filter((pid) => !others.has(pid));
    const zeros = new Uint8Array(Math.max(0, ...objects.map(({ size }) => size)));
    const puts = objects.map(({ key, size, metadata }) => ({
      key,
      size,
      sha256: createHash("sha256").update(zeros.subarray(0, size)).digest("hex"),
      customMetadata: metadata,
    }));
    const before = cpuMs(runtime);
    const body = JSON.stringify(puts);
    const answer = await miniflare.dispatchFetch("http://replay/", { method: "POST", body });
    if (!answer.ok) throw new Error(`the puts could not be replayed: ${await answer.text()}`);
    return (cpuMs(runtime) - before) / 1000;
  } finally {
    await miniflare.dispose();
  }
}
