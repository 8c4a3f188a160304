/**
 * Build step, at n/<generation>/step/<name>: what a merge has found out by the end of a step, so
 * that another attempt goes on from there. Created once, under a name of the attempt's own; the
 * job names it. Nobody else reads it, and it is an orphan when the job is done.
 *
 *   envelope  magic "SHOALSTP", format version 1; number = number of the step; epoch 0; nonce and
 *             previous zero
 *   head      {s, v}
 *             s: the segment in the making   v: a tree of maps, arrays, text, numbers, booleans,
 *             null and integers; an array of numbers of one type is {"#": type, o: offset among
 *             the blocks, n: how many}, see `elements`; what is undefined is left out
 *   blocks    the arrays, little-endian
 *
 * Golden: test/golden/v1/build-step.hex.
 */
import { bytesOf } from "../bytes/typed-view.ts";
import { assert, corrupt } from "../errors.ts";
import type { Digest } from "../ports.ts";
import {
  digestBytes,
  type EnvelopeFormat,
  openEnvelope,
  type SealedObject,
  sealEnvelope,
} from "./envelope.ts";

const format: EnvelopeFormat = { magic: "SHOALSTP", version: 1 };

export interface BuildStep {
  readonly generation: string;
  readonly segment: string;
  readonly number: number;
  /** Plain data and typed arrays. */
  readonly state: unknown;
}

const elements = {
  u8: Uint8Array,
  i8: Int8Array,
  u32: Uint32Array,
  f32: Float32Array,
  u64: BigUint64Array,
} as const;

type ElementName = keyof typeof elements;
type Elements = InstanceType<(typeof elements)[ElementName]>;

export function sealBuildStep(step: BuildStep, digest: Digest): Promise<SealedObject> {
  const arrays = new Arrays();
  const head = { s: step.segment, v: arrays.plant(step.state) };
  const { generation, number } = step;
  const nonce = new Uint8Array(16);
  const previous = new Uint8Array(digestBytes);
  const { blocks } = arrays;
  const envelope = { generation, number, epoch: 0, nonce, previous, head, blocks };
  return sealEnvelope(format, envelope, digest);
}

/** The state, or `corrupt` if it is not of this step of this segment. Arrays are copies. */
export async function openBuildStep(
  bytes: Uint8Array,
  expected: Omit<BuildStep, "state">,
  digest: Digest,
): Promise<unknown> {
  const what = `step ${expected.number} of segment ${expected.segment}`;
  const opened = await openEnvelope(format, bytes, what, digest);
  const { s, v } = (opened.head ?? {}) as Readonly<Record<string, unknown>>;
  const { generation, number } = opened;
  if (s !== expected.segment || number !== expected.number || generation !== expected.generation) {
    throw corrupt(`${what}: says it is step ${number} of ${String(s)} of ${generation}`);
  }
  return harvest(v, opened.blocks, what);
}

/** Takes typed arrays out of a tree and lines them up. */
class Arrays {
  readonly blocks: Uint8Array[] = [];
  #end = 0;

  plant(value: unknown): unknown {
    const name = elementOf(value);
    if (name !== undefined) {
      const array = value as Elements;
      const bytes = bytesOf(array);
      const leaf = { "#": name, o: this.#end, n: array.length };
      this.blocks.push(bytes);
      // As the envelope aligns them.
      this.#end += (bytes.length + 7) & ~7;
      return leaf;
    }
    if (Array.isArray(value)) {
      return value.map((item) => this.plant(item));
    }
    if (typeof value === "object" && value !== null) {
      const members = Object.entries(value).filter(([, member]) => member !== undefined);
      return Object.fromEntries(members.map(([key, member]) => [key, this.plant(member)]));
    }
    assert(typeof value !== "function", "a step is plain data");
    return value;
  }
}

function elementOf(value: unknown): ElementName | undefined {
  const names = Object.keys(elements) as ElementName[];
  return names.find((name) => value instanceof elements[name]);
}

function harvest(value: unknown, blocks: Uint8Array, what: string): unknown {
  if (Array.isArray(value)) {
    return value.map((item) => harvest(item, blocks, what));
  }
  if (typeof value !== "object" || value === null) {
    return value;
  }
  const leaf = value as { "#"?: unknown; o?: unknown; n?: unknown };
  if (leaf["#"] === undefined) {
    const members = Object.entries(value);
    return Object.fromEntries(members.map(([key, member]) => [key, harvest(member, blocks, what)]));
  }
  const constructor = elements[leaf["#"] as ElementName];
  const { o, n } = leaf;
  if (constructor === undefined || !Number.isSafeInteger(o) || !Number.isSafeInteger(n)) {
    throw corrupt(`${what}: an array of an unknown kind`);
  }
  const from = o as number;
  const bytes = (n as number) * constructor.BYTES_PER_ELEMENT;
  if (from < 0 || bytes < 0 || from + bytes > blocks.length) {
    throw corrupt(`${what}: an array lies outside of the blocks`);
  }
  return new constructor(blocks.slice(from, from + bytes).buffer);
}
