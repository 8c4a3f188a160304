/**
 * The record digest from end to end: flushes and merges conserve it, whatever dies in between, and
 * notice a record that is not what it was.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { DocumentId } from "../src/document/id.ts";
import type { Delta } from "../src/format/manifest.ts";
import { documentHash, sumHashes } from "../src/format/record-hash.ts";
import { partSeed, sealBlock } from "../src/format/segment-block.ts";
import { locateBlock } from "../src/format/segment-section.ts";
import { documentBlock } from "../src/index/segment/document-rows.ts";
import { idBlock } from "../src/index/segment/id-lookup.ts";
import { sumLive } from "../src/namespace/conservation.ts";
import type { Job, NamespaceApi } from "../src/namespace/protocol.ts";
import type { Ports } from "../src/ports.ts";
import type { Block } from "../src/store/block.ts";
import { CompactRig } from "./compact-rig.ts";
import { build, home, makeDocuments, makeSchema, merge, Objects } from "./index/segment-lab.ts";

/** Documents {id, n} whose n tells their writes apart, and what the log holds of them. */
class DigestRig extends CompactRig {
  readonly documents = new Map<DocumentId, number>();
  readonly errors: string[] = [];
  #writes = 0;

  override ports(): Ports {
    const error = (event: string): void => void this.errors.push(event);
    return { ...super.ports(), log: { info: () => {}, warn: () => {}, error } };
  }

  override async write(upserts: readonly DocumentId[], deletes: readonly DocumentId[] = []) {
    const n = 1_000 * this.#writes++;
    for (const id of upserts) this.documents.set(id, n);
    for (const id of deletes) this.documents.delete(id);
    return await this.ask(this.owner.commit(await this.request(upserts, deletes, () => n)));
  }

  async digest(): Promise<bigint> {
    const { manifest } = await this.head();
    return sumLive(manifest?.segments ?? []).digest;
  }

  expected(): bigint {
    const vector = new Float32Array(0);
    const hashes = [...this.documents].map(([id, n]) =>
      documentHash("uint", { id, vector, values: [n] }),
    );
    return sumHashes(hashes);
  }
}

const step = fc.record({
  upserts: fc.uniqueArray(fc.nat(30), { maxLength: 12 }),
  deletes: fc.uniqueArray(fc.nat(30), { maxLength: 6 }),
  flushes: fc.boolean(),
  claims: fc.boolean(),
  /** Runs the held job of this number, if there is one. */
  runs: fc.option(fc.nat(2)),
});

test("flushes, merges and what dies meanwhile conserve the digest of the documents", async () => {
  let merges = 0;
  const property = fc.asyncProperty(
    fc.array(step, { minLength: 20, maxLength: 40 }),
    async (steps) => {
      const rig = new DigestRig();
      const held: Job[] = [];
      await rig.write([0]);
      for (const { upserts, deletes, flushes, claims, runs } of steps) {
        const kept = deletes.filter((id) => !upserts.includes(id));
        if (upserts.length + kept.length > 0) await rig.write(upserts, kept);
        if (flushes) await rig.ask(rig.owner.requestFlush(rig.tenant, rig.name));
        const job = claims ? await rig.claim() : undefined;
        if (job !== undefined) held.push(job);
        const due = runs === null ? undefined : held[runs];
        const isFirst = held.every(({ wal }) => (due?.wal?.from ?? 0) <= (wal?.from ?? Infinity));
        if (due !== undefined && isFirst) {
          if ((await rig.run(due)) && due.kind === "merge") merges += 1;
          held.splice(held.indexOf(due), 1);
        }
      }
      for (const job of held.sort((a, b) => (a.wal?.from ?? 0) - (b.wal?.from ?? 0))) {
        await rig.run(job);
      }
      await rig.flushAll();
      expect(rig.errors).toEqual([]);
      expect(await rig.digest()).toBe(rig.expected());
    },
  );
  await fc.assert(property, { numRuns: 15, seed: 4 });
  expect(merges).toBeGreaterThan(0);
}, 20_000);

test("a delta that loses a document is refused, and its job is not tried again at once", async () => {
  const rig = new DigestRig();
  const flush = async (): Promise<void> => {
    await rig.ask(rig.owner.requestFlush(rig.tenant, rig.name));
    expect(await rig.run((await rig.claim()) as Job)).toBe(true);
  };
  for (let i = 0; i < 12; i++) {
    await rig.write([i, i + 1]);
    await flush();
  }
  const { manifestVersion } = await rig.head();
  const merge = (await rig.claim()) as Job;
  expect(merge.kind).toBe("merge");
  expect(await rig.clock.run(rig.start(merge, forging(rig.owner)))).toBe(false);
  expect(rig.errors).toEqual(["a manifest breaks an invariant"]);
  expect((await rig.head()).manifestVersion).toBe(manifestVersion);
  await rig.write([50]);
  await flush();
  await rig.clock.advance(29 * 60_000);
  // Other segments are merged meanwhile.
  expect((await rig.claim())?.inputs).not.toEqual(merge.inputs);
  await rig.clock.advance(60_001);
  expect(await rig.claim()).toMatchObject({ id: merge.id, attempt: 2 });
});

/** The owner, as told by a job that lost a row of what it added. */
function forging(owner: NamespaceApi): NamespaceApi {
  return new Proxy(owner, {
    get: (target, name) => {
      const method: unknown = Reflect.get(target, name, target);
      if (typeof method !== "function") return method;
      return (...sent: unknown[]) => {
        if (name === "commitDelta") {
          const delta = sent[4] as Delta;
          sent[4] = { ...delta, add: delta.add.map((info) => ({ ...info, rows: info.rows - 1 })) };
        }
        return (method as (...args: unknown[]) => unknown)(...sent);
      };
    },
  });
}

test("a merge refuses a record that is not what was flushed, though every checksum is right", async () => {
  const schema = makeSchema("uint", 4, "cosine_distance");
  const documents = makeDocuments({ count: 40, dims: 4, idKind: "uint" });
  const attempt = async (damage: (objects: Objects, pick: Blocks) => void): Promise<unknown> => {
    const objects = new Objects();
    const { segment } = await build(documents, schema, "flush", objects);
    const vectors = segment.root.vector?.vectors;
    if (vectors === undefined) throw new Error("no vectors");
    damage(objects, {
      id: idBlock(segment, 0),
      vector: { ...documentBlock(segment, 0), ...locateBlock(vectors, 0) },
    });
    return await merge([{ segment }], schema, objects);
  };
  await expect(attempt(() => {})).resolves.toBeDefined();
  // The lowest bits of a stored hash, of an ordinal, of a coordinate.
  const content = 4;
  for (const [which, at] of [
    ["id", content],
    ["id", content + 39 * 8],
    ["vector", 0],
    ["vector", 17],
  ] as const) {
    const damage = attempt((objects, blocks) => flip(objects, blocks[which], at));
    await expect(damage, `${which} at ${at}`).rejects.toThrow(/record hash/);
  }
  const ordinals = attempt((objects, { id }) => swapOrdinals(objects, id, content + 40 * 8));
  await expect(ordinals).rejects.toThrow(/record hash/);
});

interface Blocks {
  readonly id: Block;
  readonly vector: Block;
}

function flip(objects: Objects, block: Block, at: number): void {
  change(objects, block, (bytes) => {
    bytes[at] = (bytes[at] as number) ^ 1;
  });
}

/** Two ids point to each other's documents. */
function swapOrdinals(objects: Objects, block: Block, at: number): void {
  change(objects, block, (bytes) => {
    const [first, second] = [bytes.slice(at, at + 4), bytes.slice(at + 4, at + 8)];
    bytes.set(second, at);
    bytes.set(first, at + 4);
  });
}

function change(objects: Objects, block: Block, edit: (bytes: Uint8Array) => void): void {
  const whole = objects.bytes.get(block.key);
  if (whole === undefined) throw new Error("no such object");
  const bytes = whole.subarray(block.offset, block.offset + block.length);
  edit(bytes);
  sealBlock(bytes, partSeed(home.generation, "flush", 0), block.offset);
}
