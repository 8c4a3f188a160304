/** Bytes of the segments in the state of a stopped server, by kind of section, from their roots. */
import { openManifest } from "../../../src/format/manifest-codec.ts";
import { rootSections } from "../../../src/format/segment-root-codec.ts";
import { locateBlock, type Section } from "../../../src/format/segment-section.ts";
import { openSegment, rootBlock } from "../../../src/index/segment/segment.ts";
import { generationRoot, manifestPrefix, versionOfManifestKey } from "../../../src/store/keys.ts";
import { sha256 } from "../../../workers/platform/digest.ts";
import { openBucket } from "../../bucket.ts";

/** By the first word of a section's name: documents, ids, postings, terms, lengths, … */
export async function countSectionBytes(state: string): Promise<ReadonlyMap<string, number>> {
  const bucket = await openBucket({ state, remote: false });
  try {
    const { store } = bucket;
    const { objects } = await store.list("t/");
    const key = objects.map((object) => object.key).find((each) => each.endsWith("/current"));
    const [, tenant = "", generation = ""] = /^t\/([^/]+)\/n\/([^/]+)\//.exec(key ?? "") ?? [];
    const manifests = await store.list(manifestPrefix(generationRoot(tenant, generation)));
    const newest = manifests.objects.at(-1)?.key ?? "";
    const version = versionOfManifestKey(newest) ?? 0;
    const stored = await store.get(newest);
    const bytes = stored?.bytes ?? new Uint8Array(0);
    const { segments } = await openManifest(bytes, { generation, version }, sha256);
    const sums = new Map<string, number>();
    for (const info of segments) {
      const block = rootBlock(tenant, info);
      const root = await store.get(block.key, { offset: block.offset, length: block.length });
      const segment = openSegment(tenant, info, root?.bytes ?? new Uint8Array(0));
      for (const [name, section] of rootSections(segment.root)) {
        const kind = name.split(" ")[0] as string;
        sums.set(kind, (sums.get(kind) ?? 0) + bytesOf(section));
      }
      sums.set("root", (sums.get("root") ?? 0) + block.length);
    }
    return sums;
  } finally {
    await bucket.close();
  }
}

function bytesOf(section: Section): number {
  let bytes = 0;
  for (let index = 0; index < section.count; index++) bytes += locateBlock(section, index).length;
  return bytes;
}
