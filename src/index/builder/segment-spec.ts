/** What a new segment is to be: its name, its place, the schema it is built under. */
import { decodeHex } from "../../bytes/hex.ts";
import { murmur3Bytes, writeMurmur3 } from "../../bytes/murmur3.ts";
import { type DistanceMetric, primaryVector, type Schema } from "../../document/schema.ts";
import { assert } from "../../errors.ts";
import type { SegmentHome } from "../segment/segment.ts";
import type { Seed } from "../vector/prng.ts";

export interface SegmentSpec {
  readonly home: SegmentHome;
  /** Unique for ever: job, attempt and shard. All that is random in a build comes from it. */
  readonly id: string;
  /** In force at the newest row. */
  readonly schema: Schema;
  /** `rotationSeed` of the generation that the namespace began with. */
  readonly rotation: Seed;
  readonly shard?: number;
  readonly level: number;
  readonly createdMs: number;
  /** Of postings, in a run of a text index; missing: `limits.textRunBytes`. */
  readonly textRunBytes?: number;
}

/** The rotation of all vectors of a namespace: the first 8 bytes of its first generation. */
export function rotationSeed(generation: string): Seed {
  return seedAt(decodeHex(generation));
}

/** Makes the same job give the same bytes however often it runs. */
export function buildSeed(spec: SegmentSpec): Seed {
  const hash = new Uint8Array(murmur3Bytes);
  writeMurmur3(new TextEncoder().encode(spec.id), hash, 0);
  return seedAt(hash);
}

function seedAt(bytes: Uint8Array): Seed {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return { low: view.getUint32(0, true), high: view.getUint32(4, true) };
}

/** Attributes of documents in the order in which rows hold them: all but the primary vector. */
export function attributeNames(schema: Schema): string[] {
  const vector = primaryVector(schema)?.name;
  return [...schema.attributes.keys()].filter((name) => name !== vector);
}

export function metricOf(schema: Schema): DistanceMetric {
  assert(schema.metric !== undefined, "a vector column comes with a metric");
  return schema.metric;
}
