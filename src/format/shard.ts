/**
 * Which shard an id belongs to. Segments are stored by it, so it never changes.
 *
 *   eight bytes of the id (id-hash.ts) as two words, low and high
 *   shard = mix(low ^ mix(high)) mod shards; mix: the finalizer of MurmurHash3
 */
import type { DocumentId, IdKind } from "../document/id.ts";
import type { Settings } from "../document/settings.ts";
import { hashIds, hashWords } from "./id-hash.ts";

/** A namespace that asked for none has one. */
export function shardCount({ shards }: Pick<Settings, "shards">): number {
  return Math.max(1, shards);
}

/** In the order of the ids. */
export function shardsOf(kind: IdKind, ids: readonly DocumentId[], shards: number): Uint16Array {
  const found = new Uint16Array(ids.length);
  if (shards > 1) {
    const words = hashIds(kind, ids);
    for (let i = 0; i < ids.length; i++) {
      const [low, high] = [words[hashWords * i] as number, words[hashWords * i + 1] as number];
      found[i] = mix(low ^ mix(high)) % shards;
    }
  }
  return found;
}

/** The ids of each shard that has some, in the order given; all of them if there is one shard. */
export function splitIds(
  kind: IdKind | undefined,
  ids: readonly DocumentId[],
  shards: number,
): ReadonlyMap<number | undefined, readonly DocumentId[]> {
  if (shards === 1 || kind === undefined) {
    return new Map(ids.length === 0 ? [] : [[undefined, ids]]);
  }
  const split = new Map<number, DocumentId[]>();
  const places = shardsOf(kind, ids, shards);
  for (const [i, id] of ids.entries()) {
    const shard = places[i] as number;
    const others = split.get(shard);
    if (others === undefined) split.set(shard, [id]);
    else others.push(id);
  }
  return split;
}

function mix(word: number): number {
  let mixed = word;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85eb_ca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
