/**
 * Imports as consumers run them, in Node: a real owner on a memory store, objects to import beside
 * its own, and consumers that die before or after any of their effects.
 */

import { openWalEntry } from "../src/format/wal.ts";
import { openImport } from "../src/import-run.ts";
import { type ImportPlace, readImport, rejectedRows, submitImport } from "../src/imports.ts";
import type { NamespaceApi } from "../src/namespace/protocol.ts";
import { type RunOutcome, runOperation } from "../src/operations.ts";
import type { Ports } from "../src/ports.ts";
import { generationRoot, importSourceKey, sequenceOfWalKey, walPrefix } from "../src/store/keys.ts";
import { encodeJson, type JsonEncodable, parseJson } from "../workers/api/json.ts";
import { BucketReader } from "../workers/imports/import-reader.ts";
import { parseImportRequest, type StoredImport } from "../workers/imports/import-request.ts";
import type { ImportSource } from "../workers/imports/object-bytes.ts";
import { HookedStore } from "./hooked-store.ts";
import { OwnerRig } from "./owner-rig.ts";
import { syncDigest } from "./sync-digest.ts";

/** A consumer dies at its effect of this number, from 0: before it takes effect, or after. */
export interface Death {
  readonly effect: number;
  readonly when: "before" | "after";
}

export class ImportRig extends OwnerRig {
  /** Of all consumers. */
  readonly effects: string[] = [];
  readonly #sources: ImportSource[] = [];

  async object(name: string, content: string | Uint8Array): Promise<void> {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    const key = importSourceKey(this.tenant, name);
    await this.memory.put(key, bytes, { kind: "create" });
    const stored = await this.memory.head(key);
    if (stored === undefined) throw new Error(`${key} is not there`);
    this.#sources.push({ key, name, size: stored.size, etag: stored.etag });
  }

  async submit(asked: object = {}): Promise<ImportPlace> {
    const whole = { asked: { source: "rows", ...asked }, sources: this.#sources };
    const body = encodeJson(whole as unknown as JsonEncodable);
    return await this.clock.run(submitImport(this.ports(), this.tenant, this.name, body));
  }

  async run(place: ImportPlace, death?: Death): Promise<RunOutcome> {
    return await this.clock.run(this.start(place, death));
  }

  start(place: ImportPlace, death?: Death): Promise<RunOutcome> {
    let effects = 0;
    let isDead = false;
    const dead = () => new Error("this consumer is dead");
    const hook = async <T>(what: string, apply: () => Promise<T>): Promise<T> => {
      if (isDead) throw dead();
      const isLast = effects === death?.effect;
      effects += 1;
      this.effects.push(what);
      if (isLast && death?.when === "before") isDead = true;
      if (isDead) throw dead();
      const result = await apply();
      if (isLast) isDead = true;
      if (isDead) throw dead();
      return result;
    };
    const ports = { ...this.ports(), store: new HookedStore(this.store, hook) };
    return runOperation(ports, place, {
      open: async ({ body }, attempt) => {
        const { asked, sources } = parseJson(body) as unknown as StoredImport;
        const reader = new BucketReader(ports.store, parseImportRequest(asked), sources);
        const target = { tenant: this.tenant, name: this.name, owner: this.#caller(hook) };
        return await openImport(ports, { place, target, reader, attempt });
      },
      refuse: async (error) => {
        const body = encodeJson({ status: "error", error: (error as Error).message });
        return { status: 400, body };
      },
    });
  }

  #caller(hook: <T>(what: string, apply: () => Promise<T>) => Promise<T>): NamespaceApi {
    const call = (name: keyof NamespaceApi) => {
      const ask = this.owner[name].bind(this.owner) as (...args: unknown[]) => Promise<unknown>;
      return (...args: unknown[]) => hook(`owner ${name}`, () => ask(...args));
    };
    const names = ["describe", "commit"] as const;
    return Object.fromEntries(names.map((name) => [name, call(name)])) as unknown as NamespaceApi;
  }

  /** Messages come again until it has ended. */
  async finish(place: ImportPlace): Promise<void> {
    for (let attempt = 0; attempt < 100; attempt++) {
      const outcome = await this.run(place);
      if (outcome.kind === "done") return;
      await this.clock.advance(outcome.afterMs);
    }
    throw new Error("the import does not end");
  }

  async state(place: ImportPlace) {
    const state = await this.clock.run(readImport(this.ports(), place));
    if (state === undefined) throw new Error("there is no such import");
    const { operation, step } = state;
    const { rowsRead, rowsWritten, rowsRejected } = step;
    const end = operation.kind === "finished" ? parseJson(operation.result.body) : undefined;
    return { end, rowsRead, rowsWritten, rowsRejected, steps: step.number };
  }

  async rejected(place: ImportPlace): Promise<readonly { row: number; reason: string }[]> {
    const state = await this.clock.run(readImport(this.ports(), place));
    if (state === undefined) return [];
    let text = "";
    const lines = rejectedRows(this.ports(), place, state.step);
    for await (const part of lines) text += new TextDecoder().decode(part);
    return text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as { row: number; reason: string });
  }

  /** Upserts in the log: one for each document, if nothing was written twice. */
  async upserts(): Promise<number> {
    const { generation } = await this.head();
    const root = generationRoot(this.tenant, generation);
    const page = await this.memory.list(walPrefix(root));
    let upserts = 0;
    for (const { key } of page.objects) {
      const sequence = sequenceOfWalKey(key);
      const stored = await this.memory.get(key);
      if (sequence === undefined || stored === undefined) continue;
      const entry = await openWalEntry(stored.bytes, { generation, sequence }, syncDigest);
      for (const member of entry.members) upserts += member.kind === "batch" ? member.upserts : 0;
    }
    return upserts;
  }
}

export type { Ports };
