/** The Worker's half of a write against a real owner on a memory store. */
import { beforeEach, describe, expect, it } from "vitest";
import type { Batch } from "../src/document/batch.ts";
import { emptySchema, type Schema, type SchemaAddition } from "../src/document/schema.ts";
import { EngineError, invalid } from "../src/errors.ts";
import { decodeBatch } from "../src/format/batch.ts";
import { openWalEntry } from "../src/format/wal.ts";
import type { NamespaceDescription } from "../src/namespace/protocol.ts";
import { attachmentPrefix, generationRoot, walKey } from "../src/store/keys.ts";
import type { WriteTarget } from "../src/submission.ts";
import { changeSchema, write } from "../src/write.ts";
import { OwnerRig } from "./owner-rig.ts";
import { syncDigest } from "./sync-digest.ts";

const options = { disableBackpressure: false };
let rig: OwnerRig;
let target: WriteTarget;
let remembered: Map<string, NamespaceDescription>;
let builtUnder: number[];

beforeEach(() => {
  rig = new OwnerRig();
  remembered = new Map();
  builtUnder = [];
  target = {
    tenant: rig.tenant,
    name: rig.name,
    owner: rig.owner,
    memory: {
      recall: (name) => remembered.get(name),
      remember: (name, description) => remembered.set(name, description),
    },
  };
});

function batchOf(ids: readonly number[], attribute = "n", dims = 0): Batch {
  return {
    idKind: "uint",
    upserts: ids.length,
    deletes: 0,
    ids,
    dims,
    vectors: new Float32Array(dims * ids.length).fill(0.5),
    attributes: [{ name: attribute, values: ids }],
  };
}

/** What the namespace learns from documents with this one attribute. */
function additionOf(schema: Schema, attribute: string, dims = 0): SchemaAddition | undefined {
  if (schema.attributes.has(attribute)) return undefined;
  const attributes: SchemaAddition["attributes"] = new Map([
    [attribute, { type: "int", filterable: true }],
    ...(dims === 0
      ? []
      : ([["vector", { type: `[${dims}]f32`, filterable: false, ann: true }]] as const)),
  ]);
  return schema.version > 0
    ? { attributes }
    : { idKind: "uint", ...(dims === 0 ? {} : { metric: "cosine_distance" }), attributes };
}

function put(ids: readonly number[], attribute = "n", dims = 0) {
  const work = write(
    rig.ports(),
    target,
    (schema) => {
      builtUnder.push(schema.version);
      return {
        batch: batchOf(ids, attribute, dims),
        addition: additionOf(schema, attribute, dims),
      };
    },
    options,
  );
  return rig.clock.run(work);
}

async function entryAt(sequence: number) {
  const { generation } = await rig.head();
  const stored = await rig.memory.get(walKey(generationRoot(rig.tenant, generation), sequence));
  return openWalEntry(stored?.bytes ?? new Uint8Array(), { generation, sequence }, syncDigest);
}

describe("a write", () => {
  it("is committed once it resolves, and the next one asks the owner nothing first", async () => {
    await put([1, 2]);
    await put([3]);
    expect(builtUnder).toEqual([0, 1]);
    expect((await rig.head()).unindexedRows).toBe(3);
    expect(remembered.get(rig.name)?.schema.version).toBe(1);
  });

  it("is built again under the newer schema when another writer changed it", async () => {
    await put([1]);
    const stale = remembered.get(rig.name) as NamespaceDescription;
    await put([2], "m");
    remembered.set(rig.name, stale);
    await put([3], "k");
    expect(builtUnder).toEqual([0, 1, 1, 2]);
    const { schema } = await rig.head();
    expect([...schema.attributes.keys()]).toEqual(["n", "m", "k"]);
  });

  it("goes into the new life of a name that was deleted meanwhile", async () => {
    await put([1]);
    await rig.ask(rig.owner.remove(rig.tenant, rig.name));
    await put([2]);
    expect(builtUnder).toEqual([0, 1, 0]);
    expect((await rig.head()).unindexedRows).toBe(1);
  });

  it("is refused under the current schema only", async () => {
    await put([1]);
    const stale = remembered.get(rig.name) as NamespaceDescription;
    await put([2], "m");
    remembered.set(rig.name, stale);
    const build = (schema: Schema) => {
      if (!schema.attributes.has("m")) throw invalid("no m here");
      return { batch: batchOf([3], "m"), addition: undefined };
    };
    await rig.clock.run(write(rig.ports(), target, build, options));
    expect((await rig.head()).unindexedRows).toBe(3);
    const refuse = (): never => {
      throw invalid("never");
    };
    const refused = rig.clock.run(write(rig.ports(), target, refuse, options));
    await expect(refused).rejects.toThrow("never");
    expect((await rig.head()).unindexedRows).toBe(3);
  });

  it("without rows and additions is no commit", async () => {
    await put([1]);
    const before = rig.store.counts().put;
    const nothing = { batch: { ...batchOf([]), attributes: [] }, addition: undefined };
    await rig.clock.run(write(rig.ports(), target, () => nothing, options));
    expect(rig.store.counts().put).toBe(before);
  });

  it("travels inside the commit up to 1 MiB, as attachments above", async () => {
    await put([1, 2, 3], "n", 1_000);
    const small = await entryAt(0);
    expect(small.members).toMatchObject([{ chunks: [{ kind: "inline", rows: 3 }] }]);

    const ids = Array.from({ length: 2_300 }, (_, i) => i);
    await put(ids, "n", 1_000);
    const large = await entryAt(1);
    const [member] = large.members;
    const chunks = member?.kind === "batch" ? member.chunks : [];
    expect(chunks.map((chunk) => chunk.kind)).toEqual(["part", "part"]);
    expect(chunks.reduce((rows, chunk) => rows + chunk.rows, 0)).toBe(2_300);

    const root = generationRoot(rig.tenant, large.generation);
    const { objects } = await rig.memory.list(attachmentPrefix(root));
    expect(objects).toHaveLength(2);
    const stored = await Promise.all(objects.map(({ key }) => rig.memory.get(key)));
    const rows = stored.map((object) => decodeBatch(object?.bytes ?? new Uint8Array()).upserts);
    expect(rows.reduce((sum, count) => sum + count, 0)).toBe(2_300);
  });

  it("stores attachments in the generation the owner names now, not in a remembered one", async () => {
    await put([1], "n", 1_000);
    const { generation: old } = await rig.head();
    await rig.ask(rig.owner.remove(rig.tenant, rig.name));
    await put(
      Array.from({ length: 400 }, (_, i) => i),
      "n",
      1_000,
    );
    const attached = async (generation: string) => {
      const prefix = attachmentPrefix(generationRoot(rig.tenant, generation));
      return (await rig.memory.list(prefix)).objects.length;
    };
    expect(await attached(old)).toBe(0);
    expect(await attached((await rig.head()).generation)).toBe(1);
  });
});

describe("a change of the schema", () => {
  const optional = (schema: Schema): SchemaAddition =>
    additionOf(schema, "m") ?? { attributes: new Map() };

  it("is a commit of its own, and none if nothing changes", async () => {
    await put([1]);
    const schema = await rig.clock.run(changeSchema(target, optional));
    expect(schema.version).toBe(2);
    const again = await rig.clock.run(changeSchema(target, optional));
    expect(again.version).toBe(2);
    expect((await rig.head()).next).toBe(2);
    expect((await rig.head()).schema).toEqual(schema);
  });

  it("does not create a namespace", async () => {
    const change = rig.clock.run(changeSchema(target, () => ({ attributes: new Map() })));
    await expect(change).rejects.toThrow(EngineError);
    await expect(change).rejects.toMatchObject({ kind: "notFound" });
    expect(remembered.get(rig.name)?.schema).toEqual(emptySchema);
  });
});
