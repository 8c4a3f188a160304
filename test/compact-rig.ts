/** An owner with its consumer: claims jobs and runs them, and compares segments with a model. */
import { expect } from "vitest";
import { compact } from "../src/compact.ts";
import { JobReader } from "../src/compact-read.ts";
import type { DocumentId } from "../src/document/id.ts";
import { idBlock, idBlockCount, openIdBlock } from "../src/index/segment/id-lookup.ts";
import { scalarKernels } from "../src/kernels/scalar.ts";
import type { Job, NamespaceApi } from "../src/namespace/protocol.ts";
import { OwnerRig } from "./owner-rig.ts";

export class CompactRig extends OwnerRig {
  readonly model = new Set<DocumentId>();

  async put(ids: readonly DocumentId[], deletes: readonly DocumentId[] = []): Promise<void> {
    await this.write(ids, deletes);
    for (const id of ids) this.model.add(id);
    for (const id of deletes) this.model.delete(id);
  }

  claim(): Promise<Job | undefined> {
    return this.ask(this.owner.claim(this.tenant, this.name));
  }

  run(job: Job): Promise<boolean> {
    return this.clock.run(this.start(job));
  }

  start(job: Job, api: NamespaceApi = this.owner): Promise<boolean> {
    const ports = { ...this.ports(), kernels: scalarKernels };
    return compact({ ports, api, identity: this.identity, job });
  }

  async flushAll(): Promise<void> {
    await this.ask(this.owner.requestFlush(this.tenant, this.name));
    for (let job = await this.claim(); job !== undefined; job = await this.claim()) {
      expect(job.kind === "flush" || job.kind === "merge").toBe(true);
      expect(await this.run(job)).toBe(true);
    }
  }

  /** Ids live in segments; fails if one is live twice. */
  async segmentIds(): Promise<Set<DocumentId>> {
    const head = await this.ask(
      this.owner.head({ protocol: 1, tenant: this.tenant, name: this.name }),
    );
    const reader = new JobReader(this.ports(), this.tenant);
    const live = new Set<DocumentId>();
    for (const info of head.manifest?.segments ?? []) {
      const segment = await reader.segment(info);
      const dead = await reader.deadRows(info);
      const blocks = Array.from({ length: idBlockCount(segment) }, (_, i) => idBlock(segment, i));
      for (const [i, bytes] of (await reader.readBlocks(blocks)).entries()) {
        const rows = openIdBlock(segment, i, bytes);
        for (let row = 0; row < rows.ids.length; row++) {
          if (!dead.has(rows.ordinals[row] as number)) {
            const id = rows.ids.at(row);
            expect(live.has(id), `id ${id} is live twice`).toBe(false);
            live.add(id);
          }
        }
      }
    }
    return live;
  }
}
