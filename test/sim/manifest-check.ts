/**
 * Holds every manifest that lands against the log: in all its segments together exactly those ids
 * live, each once, that live at its floor.
 */
import { JobReader } from "../../src/compact-read.ts";
import type { Manifest, SegmentInfo } from "../../src/format/manifest.ts";
import { openManifest } from "../../src/format/manifest-codec.ts";
import { idBlock, idBlockCount, openIdBlock } from "../../src/index/segment/id-lookup.ts";
import { manifestFault } from "../../src/namespace/invariants.ts";
import { versionOfManifestKey } from "../../src/store/keys.ts";
import { syncDigest } from "../sync-digest.ts";
import type { World } from "./world.ts";

export class ManifestCheck {
  readonly #world: World;
  /** Ids of a segment by ordinal. */
  readonly #ids = new Map<string, readonly number[]>();

  /** Of the newest manifest of each generation. */
  readonly floors = new Map<string, number>();

  constructor(world: World) {
    this.#world = world;
  }

  async check(key: string, bytes: Uint8Array): Promise<void> {
    const generation = /\/n\/([^/]+)\//.exec(key)?.[1] ?? "";
    const version = versionOfManifestKey(key) ?? 0;
    const manifest = await openManifest(bytes, { generation, version }, syncDigest);
    const fault = manifestFault(manifest);
    if (fault !== undefined) this.#world.violate("manifest", fault);
    this.floors.set(generation, manifest.floor);
    const live = await this.#liveIds(manifest);
    const point = this.#world.history.pointAt(generation, manifest.floor);
    if (point === undefined) {
      if (manifest.floor > 0) this.#world.violate("manifest", "its floor is beyond the log");
      return;
    }
    // A tombstone may be flushed: below it the documents no longer matter.
    if (!point.exists) return;
    const missing = [...point.documents.keys()].filter((id) => !live.has(id));
    const extra = [...live].filter((id) => !point.documents.has(id));
    if (missing.length + extra.length > 0) {
      const what = `manifest ${version} at floor ${manifest.floor}`;
      const which = `[${missing.join()}] are lost, [${extra.join()}] too many`;
      this.#world.violate("manifest", `${what}: ids ${which}`);
    }
  }

  async #liveIds(manifest: Manifest): Promise<Set<number>> {
    const world = this.#world;
    const clock = { now: () => Math.floor(world.scheduler.nowMs), sleep: () => Promise.resolve() };
    const { random, log } = world;
    const ports = { store: world.store.memory, clock, random, digest: syncDigest, log };
    const reader = new JobReader(ports, "default");
    const live = new Set<number>();
    for (const info of manifest.segments) {
      const ids = await this.#idsOf(reader, info);
      const dead = await reader.deadRows(info);
      ids.forEach((id, ordinal) => {
        if (dead.has(ordinal)) return;
        if (live.has(id)) world.violate("manifest", `id ${id} is live in two segments`);
        live.add(id);
      });
    }
    return live;
  }

  async #idsOf(reader: JobReader, info: SegmentInfo): Promise<readonly number[]> {
    const known = this.#ids.get(info.id);
    if (known !== undefined) return known;
    const segment = await reader.segment(info);
    const blocks = Array.from({ length: idBlockCount(segment) }, (_, i) => idBlock(segment, i));
    const ids: number[] = [];
    for (const [i, bytes] of (await reader.readBlocks(blocks)).entries()) {
      const rows = openIdBlock(segment, i, bytes);
      for (let row = 0; row < rows.ids.length; row++) {
        ids[rows.ordinals[row] as number] = Number(rows.ids.at(row));
      }
    }
    this.#ids.set(info.id, ids);
    return ids;
  }
}
