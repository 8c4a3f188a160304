/**
 * Whatever lands in the store, handed to those it concerns: entries to the history of the name that
 * the generation belongs to, manifests to their check. A branch is born when the registry names its
 * generation: its history goes on at the point of its parent that its refs say.
 */
import { ancestorsOf } from "../../src/format/homes.ts";
import type { Manifest } from "../../src/format/manifest.ts";
import { openManifest } from "../../src/format/manifest-codec.ts";
import { openRef } from "../../src/format/ref.ts";
import { openRegistryEntry } from "../../src/format/registry.ts";
import { type OpenedWalEntry, openWalEntry } from "../../src/format/wal.ts";
import {
  attachmentKey,
  generationRoot,
  manifestKey,
  manifestPrefix,
  refKey,
  sequenceOfWalKey,
  versionOfManifestKey,
} from "../../src/store/keys.ts";
import { syncDigest } from "../sync-digest.ts";
import type { Point } from "./history.ts";
import { namedBy, namedParts } from "./leftovers.ts";
import { ManifestCheck } from "./manifest-check.ts";
import type { SimName } from "./sim-name.ts";
import type { World } from "./world.ts";

interface Origin {
  readonly generation: string;
  readonly next: number;
}

export class Landings {
  readonly #world: World;
  readonly manifests: ManifestCheck;
  /** Of each generation that was ever registered. */
  readonly #names = new Map<string, SimName>();
  /** What each branch, born or not, began as. */
  readonly #origins = new Map<string, Origin>();
  readonly #copies = new Set<string>();
  /** When each that is there was stored, by key. */
  readonly #refs = new Map<string, number>();
  /** Registered branches whose first manifest is not in its place: by when their refs count. */
  readonly #begun = new Map<string, number>();
  /** Keys of the attachments of each entry that has any. */
  readonly #parts = new Map<string, readonly string[]>();

  constructor(world: World) {
    this.#world = world;
    this.manifests = new ManifestCheck(world);
  }

  async stored(key: string, bytes: Uint8Array): Promise<void> {
    const [, generation = "", kind, last = ""] =
      /\/n\/([^/]+)\/(wal|manifest|refs|skips)\/([^/]+)$/.exec(key) ?? [];
    if (kind === "wal") {
      const name = this.#names.get(generation);
      const sequence = sequenceOfWalKey(key) ?? 0;
      const entry = await openWalEntry(bytes, { generation, sequence }, syncDigest);
      const before = name?.history.last;
      await name?.history.entry(generation, sequence, entry);
      const { last } = name?.history ?? {};
      if (last !== undefined && last !== before) {
        this.#world.imports.entered(generation, last.writes);
      }
      this.#noteParts(key, entry);
      if (name === undefined) this.#world.violate("unregistered", `${key} is written`);
    } else if (kind === "manifest") {
      await this.manifests.check(key, bytes);
      if (this.#begun.has(generation)) this.begins(generation);
    } else if (kind === "skips") {
      await this.#names.get(generation)?.history.skip(key, bytes);
    } else if (kind === "refs") {
      const { parent } = await openRef(bytes, { generation, child: last }, syncDigest);
      this.#origins.set(last, parent);
      this.#refs.set(key, this.#world.scheduler.nowMs);
      if (this.#begun.has(last)) this.#world.faults.saw("branch: entered before its refs");
    } else if (key.includes("/names/")) {
      await this.#registered(bytes);
    } else if (key.includes("/imports/")) {
      await this.#world.imports.stored(key, bytes);
    }
  }

  /** These keys are about to be deleted: nobody who lives, reads or pins may need them. */
  async deleting(keys: readonly string[]): Promise<void> {
    for (const key of keys) {
      if (this.#refs.has(key)) await this.#dropping(key);
    }
    if (!keys.some((key) => /\/(segment|wal|part)\//.test(key))) return;
    const needed = this.#needed();
    const wrong = keys.find((key) => needed.has(key));
    if (wrong !== undefined) this.#world.violate("deleted", `${wrong} is needed`);
  }

  /** Keys of all that names that live are made of, and of all that is pinned. */
  #needed(): Set<string> {
    const { everyName, faults, scheduler } = this.#world;
    const needed = new Set<string>();
    const add = (manifest: Manifest | undefined, next: number, isNewest: boolean): void => {
      for (const key of namedBy(manifest, next, isNewest)) {
        needed.add(key);
        for (const part of this.#parts.get(key) ?? []) needed.add(part);
      }
    };
    for (const { history, object, exists } of everyName) {
      const { generation, next } = history.last;
      if (!exists || this.isVoid(generation)) continue;
      add(this.manifests.newestOf(generation), next, true);
      // Where clocks jump, only its owner knows whether a pin has ended.
      const pins = faults.isOn("clock-jump") ? [] : (object.jobs?.pins ?? []);
      for (const pin of pins) {
        const isAlive = pin.generation === generation && pin.untilMs > scheduler.nowMs;
        if (isAlive) add(this.manifests.versionOf(generation, pin.version), pin.next, false);
      }
    }
    return needed;
  }

  async #dropping(key: string): Promise<void> {
    const [, generation = "", child = ""] = /\/n\/([^/]+)\/refs\/([^/]+)$/.exec(key) ?? [];
    this.#refs.delete(key);
    const name = this.#names.get(child);
    this.#world.faults.saw(name === undefined ? "ref: unborn" : "ref: dropped");
    if (name?.exists !== true || name.history.last.generation !== child) return;
    for (const manifest of await this.#storedManifests(child)) {
      if (ancestorsOf(manifest).has(generation)) {
        this.#world.violate("ref", `${key} goes, and manifest ${manifest.version} needs it`);
      }
    }
  }

  #noteParts(key: string, entry: OpenedWalEntry): void {
    const parts = namedParts(entry);
    if (parts.length === 0) return;
    const [root = ""] = /^.*\/n\/[^/]+\//.exec(key) ?? [];
    const keys = parts.map((id) => attachmentKey(root, id));
    this.#parts.set(key, keys);
  }

  async #storedManifests(generation: string): Promise<Manifest[]> {
    const { memory } = this.#world.store;
    const prefix = manifestPrefix(generationRoot("default", generation));
    const { objects } = await memory.list(prefix, { limit: 1_000 });
    const manifests: Manifest[] = [];
    for (const { key } of objects) {
      const stored = await memory.get(key);
      const version = versionOfManifestKey(key) ?? 0;
      if (stored)
        manifests.push(await openManifest(stored.bytes, { generation, version }, syncDigest));
    }
    return manifests;
  }

  /** Everything a branch begins with is there. */
  async #checkComplete(generation: string, next: number): Promise<void> {
    const { store, violate, scheduler } = this.#world;
    const manifest = this.manifests.newestOf(generation);
    if (manifest === undefined) {
      violate("branch", `${generation} is registered before its manifest`);
      return;
    }
    const isLate = scheduler.nowMs > (this.#begun.get(generation) ?? Number.POSITIVE_INFINITY);
    for (const key of isLate ? [] : namedBy(manifest, next)) {
      const stored = await store.memory.head(key);
      if (stored === undefined) violate("branch", `${key} is gone before the branch begins`);
    }
  }

  /** The branch lives, as somebody says who knows: it is held below every ancestor. */
  begins(generation: string): void {
    const key = this.#begun.has(generation) ? this.#unheldKey(generation) : undefined;
    if (key !== undefined) this.#world.violate("branch", `${key} was not there in time`);
    this.#begun.delete(generation);
  }

  /** Of a ref that was not stored in time, if there is one. */
  #unheldKey(generation: string): string | undefined {
    const manifest = this.manifests.newestOf(generation);
    const byMs = this.#begun.get(generation) ?? Number.POSITIVE_INFINITY;
    const ancestors = manifest === undefined ? [] : [...ancestorsOf(manifest)];
    return ancestors
      .map((ancestor) => refKey(generationRoot("default", ancestor), generation))
      .find((key) => (this.#refs.get(key) ?? Number.POSITIVE_INFINITY) > byMs);
  }

  /** It was registered, and can never live any more. */
  isVoid(generation: string): boolean {
    const byMs = this.#begun.get(generation) ?? Number.POSITIVE_INFINITY;
    return this.#world.scheduler.nowMs > byMs && this.#unheldKey(generation) !== undefined;
  }

  async #registered(bytes: Uint8Array): Promise<void> {
    const { name: text, generation, state, start } = await openRegistryEntry(bytes, syncDigest);
    const name = this.#world.named(text);
    const { faults } = this.#world;
    if (state === "deleted") {
      if (this.#begun.delete(generation)) {
        faults.saw("branch: given up");
        name.history.givenUp(generation);
      } else if (name.exists && name.history.last.generation === generation) {
        // Of a log of which no entry is left, and nobody knows where it ends: it gets no tombstone.
        if (!this.#world.rot.isEmpty) name.history.givenUp(generation);
      }
      const orphans = this.#world.everyName.filter(
        ({ exists, history }) => exists && this.descends(history.last.generation, generation),
      );
      if (orphans.length > 0) faults.saw("branch: outlives its parent");
      return;
    }
    if (this.#names.has(generation)) return;
    if (start !== undefined) {
      const { manifest, parent, refsByMs } = start;
      this.#origins.set(generation, parent);
      this.#begun.set(generation, refsByMs);
      await this.manifests.check(manifestKey(generationRoot("default", generation), 1), manifest);
    }
    this.#names.set(generation, name);
    const origin = this.#origins.get(generation);
    if (origin === undefined) return;
    if (this.#origins.has(origin.generation)) faults.saw("branch: of a branch");
    const point = this.pointOf(origin.generation, origin.next);
    if (point === undefined) {
      this.#world.violate("branch", `nothing is known of ${origin.next} of ${origin.generation}`);
    } else {
      const { kind } = this.manifests.newestOf(generation)?.origin ?? {};
      const isCopy = kind === "copy";
      if (isCopy) this.#copies.add(generation);
      if (kind !== "restore") faults.saw(isCopy ? "copy: made" : "branch: made");
      name.history.branched(generation, point, kind);
      await this.#checkComplete(generation, origin.next);
    }
  }

  /** Was it ever registered? */
  isKnown(generation: string): boolean {
    return this.#names.has(generation);
  }

  isBranch(generation: string): boolean {
    return this.#origins.has(generation);
  }

  /** A copy that still reads what another generation wrote. */
  isDependent(generation: string): boolean {
    const manifest = this.manifests.newestOf(generation);
    return this.#copies.has(generation) && manifest !== undefined && ancestorsOf(manifest).size > 0;
  }

  isCopy(generation: string): boolean {
    return this.#copies.has(generation);
  }

  /** Is the generation a branch, directly or not, of the other? */
  descends(generation: string, from: string): boolean {
    const origin = this.#origins.get(generation);
    return (
      origin !== undefined && (origin.generation === from || this.descends(origin.generation, from))
    );
  }

  /** The generation below which an entry of the generation's log is stored. */
  homeOf(generation: string, sequence: number): string {
    const origin = this.#origins.get(generation);
    const isInherited = origin !== undefined && sequence < origin.next;
    return isInherited ? this.homeOf(origin.generation, sequence) : generation;
  }

  /** The point of the generation's log at which `next` entries are below, inherited ones too. */
  pointOf(generation: string, next: number): Point | undefined {
    const own = this.#names.get(generation)?.history.pointAt(generation, next);
    const origin = this.#origins.get(generation);
    const isInherited = own === undefined && origin !== undefined && next <= origin.next;
    return isInherited ? this.pointOf(origin.generation, next) : own;
  }
}
