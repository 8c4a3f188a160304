/** The list of namespaces, on registry entries as the owner writes them. */
import { describe, expect, it } from "vitest";
import { listNamespaces } from "../src/list.ts";
import { CountingStore } from "../src/store/counting-store.ts";
import { registryKey } from "../src/store/keys.ts";
import { MemoryStore } from "../src/store/memory-store.ts";
import { FakeClock } from "./fake-clock.ts";
import { syncDigest } from "./sync-digest.ts";

async function registry(names: readonly string[], deleted: readonly string[] = []) {
  const memory = new MemoryStore({ clock: new FakeClock(), digest: syncDigest });
  for (const name of [...names, ...deleted]) {
    const state = deleted.includes(name) ? "deleted" : "live";
    const options = { metadata: { state, generation: "0".repeat(32) } };
    await memory.put(registryKey("default", name), new Uint8Array(8), { kind: "create" }, options);
  }
  return new CountingStore(memory);
}

const all = { prefix: "", after: undefined, pageSize: 100 };

describe("a list of namespaces", () => {
  it("is empty for a tenant without any", async () => {
    const store = await registry([]);
    expect(await listNamespaces(store, "default", all)).toEqual({ names: [], after: undefined });
  });

  it("is in bytewise order and leaves out what was deleted", async () => {
    const store = await registry(["b", "a.1", "a-1", "B", "a_1"], ["a0"]);
    const { names } = await listNamespaces(store, "default", all);
    expect(names).toEqual(["B", "a-1", "a.1", "a_1", "b"]);
  });

  it("selects by prefix and shows no other tenant", async () => {
    const store = await registry(["fish", "fishes", "fowl"]);
    await store.put(registryKey("other", "fish2"), new Uint8Array(1), { kind: "create" });
    const { names } = await listNamespaces(store, "default", { ...all, prefix: "fish" });
    expect(names).toEqual(["fish", "fishes"]);
  });

  it("has a cursor after every full page, and an empty page after the last full one", async () => {
    const store = await registry(["a", "b", "c", "d"]);
    const first = await listNamespaces(store, "default", { ...all, pageSize: 2 });
    expect(first).toEqual({ names: ["a", "b"], after: "b" });
    const second = await listNamespaces(store, "default", { ...all, ...first, pageSize: 2 });
    expect(second).toEqual({ names: ["c", "d"], after: "d" });
    const third = await listNamespaces(store, "default", { ...all, ...second, pageSize: 2 });
    expect(third).toEqual({ names: [], after: undefined });
  });

  it("goes on behind a name that exists no more, within the prefix", async () => {
    const store = await registry(["fa", "fc", "g"]);
    const page = await listNamespaces(store, "default", { ...all, prefix: "f", after: "fb" });
    expect(page.names).toEqual(["fc"]);
  });

  it("takes one request for a page, and ends early in a desert of deleted names", async () => {
    const names = Array.from({ length: 11_500 }, (_, i) => `n${String(i).padStart(5, "0")}`);
    const store = await registry(names.slice(-1), names.slice(0, -1));
    const first = await listNamespaces(store, "default", all);
    expect(first).toEqual({ names: [], after: "n09999" });
    expect(store.requests - names.length).toBeLessThanOrEqual(10);
    const second = await listNamespaces(store, "default", { ...all, after: first.after });
    expect(second).toEqual({ names: names.slice(-1), after: undefined });
  });
});
